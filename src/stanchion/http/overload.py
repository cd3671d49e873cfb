"""Turn new requests away while the event loop is far behind, so that the others are answered.

In: a glance for each request.   Out: whether to refuse it.
Called by front. The measure is time, not a number of requests: how late the loop runs a timer is
how long a request waits before anybody looks at it. The timer alone looks too seldom: the server
hands requests over in heaps, and a heap is one round of the loop, at whose end the timer runs.
"""

from __future__ import annotations

import asyncio

from ..errors import Unavailable
from .problem import render

EVERY_S = 0.02
STALL_NS = 10_000_000
"""What one request may count for: who waits behind a single slow one is not turned away."""
CROWD = 16
"""Fewer requests than this in two late rounds did not make them late: the machine did, or a route,
and a page that asks for its parts is not left without some of them."""


class Overload:
    """Watches the running event loop while requests come; `late_s` is what one may have to wait.

    It takes two late timers in a row with a crowd before them, or a round of requests that together
    took that long already: one late timer alone is a route that blocked the loop for a moment, and
    who comes after it is not turned away for that.
    """

    def __init__(self, late_s: float) -> None:
        self.refusing = False
        self._late_s = late_s
        # a round of a loop that is on time ends with the timer, after EVERY_S
        self._late_ns = int((EVERY_S + late_s) * 1_000_000_000)
        self._last_ns = 0
        self._round_ns = 0
        self._late_before = False
        self._came = 0
        self._came_before = 0
        self._due = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def refuses(self, now_ns: int) -> bool:
        """Whether a request that is looked at now, by `time.perf_counter_ns`, is turned away."""
        self._round_ns += min(now_ns - self._last_ns, STALL_NS)
        self._last_ns = now_ns
        self._came += 1
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._wait(self._loop)
        return self.refusing or self._round_ns > self._late_ns

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + EVERY_S
        loop.call_at(self._due, self._beat, loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - self._due > self._late_s
        self.refusing = late and self._late_before and self._came + self._came_before >= CROWD
        self._late_before = late
        self._came_before, self._came = self._came, 0
        self._round_ns = 0
        if self._came_before:
            self._wait(loop)
        else:  # nobody came since: an idle server sleeps
            self._loop = None


OVERLOADED = render(
    Unavailable(
        "server.overloaded",
        "More requests arrive than this server can answer.",
        hint="Try again after the seconds of `Retry-After`, and wait longer each time.",
    )
)
"""The answer to a request that is turned away, made once."""
