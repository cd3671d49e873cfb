"""Call what is due: one timer for everything that waits in one event loop.

In: something that waits, its moment, and whom to call then.   Out: the call, unless it was dropped.
Called by pool for callers that wait, and by reads for answers that do not come. WHY-NOT a timer for
each: making one costs an eighth of a read, and hardly any ever rings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable


class Overdue:
    """What waits, and until when."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Hashable, tuple[float, Callable[[], object]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings = 0.0

    def add(self, who: Hashable, ends: float, call: Callable[[], object]) -> None:
        """Call at a moment of the loop, unless `drop` comes first."""
        self._waiting[who] = ends, call
        if self._timer is None or ends < self._rings:
            self._ring_at(ends)

    def drop(self, who: Hashable) -> bool:
        """Forget it; False where it was called already."""
        return self._waiting.pop(who, None) is not None

    def close(self) -> None:
        """Call nobody any more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _ring_at(self, ends: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings = ends
        self._timer = self._loop.call_at(ends, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time()
        for who, (ends, call) in list(self._waiting.items()):
            if ends <= now:
                del self._waiting[who]
                call()
        if self._waiting and self._timer is None:
            self._ring_at(min(ends for ends, _ in self._waiting.values()))
