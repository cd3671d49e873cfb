"""Who waits for the writer, in the order in which they came.

In: jobs and wishes to hold the writer, from any event loop.   Out: the first of them, on the
writer's thread; the futures of those who were served, settled.
Refuses: more than `most` of them, and everybody once it is closed. Who has waited too long is told.

Any thread may put in and close, under the lock. The writer's thread alone takes out: what is first
stays first until it does, so a single `popleft` of its needs no lock.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from time import perf_counter
from typing import Any

from ...errors import Unavailable
from ..base import Job
from ..told import closing, overdue
from .session import Call, Hold
from .turns import Turns

CLOSING_PATIENCE = 1.0
"""Seconds that a stopping writer still waits for a lock another process holds."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A place in the queue: a job, or a wish to hold the writer."""

    future: asyncio.Future[Any]
    expires: float
    job: Job[Any] | None = None
    hold: Hold | None = None
    value: Any = None
    error: BaseException | None = None


class WriteQueue:
    """See the module. Its thread rests in `wait`."""

    def __init__(self, most: int, turns: Turns) -> None:
        self._most = most
        self._turns = turns
        self._waiting: deque[Waiting] = deque()
        self._ready = threading.Condition(threading.Lock())
        self._closed = False
        self.closing_until = inf

    def __len__(self) -> int:
        return len(self._waiting)

    # Called by any thread

    def put(self, waiting: Waiting) -> None:
        """Queue up; raises `Unavailable` where that is not possible."""
        with self._ready:
            if self._closed:
                raise closing()
            if len(self._waiting) >= self._most:
                raise Unavailable("server.overloaded", "Too many writes are waiting already.")
            self._waiting.append(waiting)
            self._ready.notify()

    def close(self) -> None:
        """Take no more; the thread finishes those that wait."""
        with self._ready:
            if not self._closed:
                self._closed = True
                self.closing_until = perf_counter() + CLOSING_PATIENCE
            self._ready.notify()

    # Called by the writer's thread

    def wait(self) -> Waiting | None:
        """The first in the queue, still in it; None when there will be no more."""
        with self._ready:
            while True:
                first = self._first()
                if first is not None:
                    return first
                if self._closed:
                    return None
                self._turns.rest()
                self._ready.wait()
                self._turns.work_on()

    def leave(self) -> None:
        """Take the first out: `wait` returned it."""
        self._waiting.popleft()

    def move_job(self, batch: list[Waiting]) -> Waiting | None:
        """Move the first into `batch`, if it is a job: at no moment is it in neither."""
        with self._ready:
            first = self._first()
            if first is None or first.hold is not None:
                return None
            batch.append(first)
            self._waiting.popleft()
            return first

    def give_up(self, everybody: bool) -> list[Waiting]:
        """Take out those at the front who wait no longer for the lock, or all of them."""
        told: list[Waiting] = []
        while self._waiting and (
            everybody
            or self._waiting[0].expires <= perf_counter()
            or self.closing_until <= perf_counter()
        ):
            told.append(self._waiting.popleft())
        return told

    def break_off(self) -> list[Waiting]:
        """Close, and take out everybody."""
        with self._ready:
            self._closed = True
            left = list(self._waiting)
            self._waiting.clear()
            return left

    def _first(self) -> Waiting | None:
        """The first in the queue who still wants an answer; those who waited too long are told."""
        while self._waiting:
            first = self._waiting[0]
            if not first.future.cancelled():
                if perf_counter() < first.expires:
                    return first
                first.error = overdue("write")
                answer([first])
            self._waiting.popleft()
        return None


def answer(done: Iterable[Waiting | Call]) -> None:
    """Settle the futures, with one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Waiting | Call]] = {}
    for each in done:
        if each.future is not None:
            by_loop.setdefault(each.future.get_loop(), []).append(each)
    for loop, each_of in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, each_of)
        except RuntimeError:  # the loop was closed, nobody waits any more
            _abandon(each_of)


def _settle(done: list[Waiting | Call]) -> None:
    for each in done:
        assert each.future is not None
        if each.future.done():
            _abandon([each])
        elif each.error is not None:
            each.future.set_exception(each.error)
        else:
            each.future.set_result(each.value)


def _abandon(done: list[Waiting | Call]) -> None:
    """Give the writer back for holders who went away before they knew that they hold it."""
    for each in done:
        if isinstance(each, Waiting) and each.hold is not None:
            each.hold.leave()
