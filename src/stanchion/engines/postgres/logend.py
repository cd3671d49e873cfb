"""How far the primary's log is on disk, asked once for all who want to know.

In: the connections to the primary.   Out: a position that every write is before which was
answered when the question came. Called by `replicas`, for each read.
"""

from __future__ import annotations

import asyncio

from .pools import Pools

_POSITION = "select pg_current_wal_flush_lsn()::text"


class LogEnd:
    """One question is under way at most. Who comes meanwhile waits for the next one, because what
    was committed since may be behind the answer to this one."""

    def __init__(self, primary: Pools, seconds: float) -> None:
        self._primary = primary
        self._seconds = seconds
        self._asked: asyncio.Task[str] | None = None
        self._next: asyncio.Task[str] | None = None

    async def now(self) -> str:
        """The position at this moment or later; raises what the driver raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._ask(self._asked))
            self._next.add_done_callback(_retrieve)
        return await asyncio.shield(self._next)

    async def _ask(self, before: asyncio.Task[str] | None) -> str:
        if before is not None:
            await asyncio.wait([before])
        self._asked, self._next = self._next, None  # who comes from now on is too late for this one
        async with self._primary.take("points", self._seconds) as connection:
            told = await connection.fetchval(_POSITION, timeout=self._seconds)
        return str(told)


def _retrieve(task: asyncio.Task[str]) -> None:
    """Nobody may wait any more: that its error was not looked at is no fault."""
    if not task.cancelled():
        task.exception()
