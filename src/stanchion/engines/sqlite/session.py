"""A held transaction, seen from both sides.

`Session` is the caller's side, on an event loop. `Hold` is what it shares with the writer thread:
a queue of calls in, and, once it is over, the reason why.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar

from ...errors import Problem, StanchionError
from ..base import Job
from ..told import TransactionEnded

T = TypeVar("T")
Ending = Callable[[], StanchionError]


@dataclass(slots=True, eq=False)
class Call:
    """One thing the caller asks of the writer thread; `leave` wants no answer."""

    kind: Literal["run", "commit", "rollback", "leave"]
    future: asyncio.Future[Any] | None = None
    job: Job[Any] | None = None
    value: Any = None
    error: BaseException | None = None

    @property
    def is_cancelled(self) -> bool:
        return self.future is not None and self.future.cancelled()


class Hold:
    """The writer, held for one caller: calls go in until `end` says why no more are taken."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self._lock = threading.Lock()
        self._over: Ending | None = None

    def put(self, call: Call) -> None:
        """Hand a call to the writer thread; raises the reason when the hold is over."""
        with self._lock:
            if self._over is not None:
                raise self._over()
            self._calls.put(call)

    def leave(self) -> None:
        """Have everything taken back, without waiting; safe from a destructor."""
        self._calls.put(Call("leave"))

    def next(self, seconds: float) -> Call | None:
        """The next call, or None if none came in time; `inf` waits for it."""
        try:
            return self._calls.get(timeout=None if seconds == inf else max(seconds, 0.0))
        except Empty:
            return None

    def end(self, why: Ending) -> list[Call]:
        """Take no more calls from now on; the result is those that came too late."""
        with self._lock:
            self._over = why
            late = []
            while (call := self.next(0)) is not None:
                late.append(call)
            return late

    @property
    def is_over(self) -> bool:
        return self._over is not None


class HeldSession:
    """What `SQLiteEngine.begin` gives out. Dropped without an end, it is rolled back.

    A caller that is cancelled inside a call loses the transaction: nobody can tell how much of
    that call was done.
    """

    def __init__(self, hold: Hold) -> None:
        self._hold = hold

    async def run(self, job: Job[T]) -> T:
        result: T = await self._ask("run", job)
        return result

    async def commit(self) -> None:
        await self._ask("commit", None)

    async def rollback(self) -> None:
        """Take everything back; silent when that has happened already."""
        if self._hold.is_over:
            return
        try:
            await self._ask("rollback", None)
        except (Problem, TransactionEnded):
            return

    async def _ask(self, kind: Literal["run", "commit", "rollback"], job: Job[Any] | None) -> Any:
        future = asyncio.get_running_loop().create_future()
        self._hold.put(Call(kind, future, job))
        try:
            return await future
        except asyncio.CancelledError:
            self._hold.leave()
            raise

    def __del__(self) -> None:
        if not self._hold.is_over:
            self._hold.leave()
