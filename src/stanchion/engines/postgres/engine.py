"""The PostgreSQL engine: reads on connections of their own, each write in a transaction of its own.

In: what `base.Engine` says.   Out: the same.
Called by store/ and records; opened by whichever call comes first, in the process that uses it.

Every write is serializable. What the database gives up for the sake of another transaction runs
again, with longer pauses each time, until its deadline: a job has no effect but through what it
asks, so nobody can tell.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import asyncpg

from ...settings import Settings
from ..base import Ask, Job, Params, Row
from .held import ReplayedSession
from .listen import Listener
from .pools import Group, Pools, ServerAddress
from .reads import read, read_together
from .run import Broken, Stale, backoff, commit, roll_back, run_job, send
from .server import check_server
from .translate import FAILURES, busy, closing, is_lost, problem_of, runs_again

T = TypeVar("T")

_inherited: list[object] = []


class PostgresEngine:
    """One database; see `base.Engine` for what each call promises.

    Connections belong to an event loop and to a process: a child begins with none, and leaves those
    of its parent alone.
    """

    name: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, address: ServerAddress, settings: Settings) -> None:
        self._address = address
        self._settings = settings
        self._pid = os.getpid()
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pools]
        self._pools = weakref.WeakKeyDictionary()
        self._listener = Listener(address)
        self._closed = False

    async def open(self) -> None:
        self._closed = False
        async with self._here().take("writers", self._here().write_s) as connection:
            await check_server(connection, self._address.shown, pooled=self._address.pooled)

    async def close(self) -> None:
        self._closed = True
        if os.getpid() == self._pid:
            await self._listener.close()
            pools = self._pools.pop(asyncio.get_running_loop(), None)
            if pools is not None:
                await pools.close()

    async def find(self, text: str, params: Params) -> list[Row]:
        return await self._read("points", text, params)

    async def fetch(self, text: str, params: Params) -> list[Row]:
        return await self._read("lists", text, params)

    async def fetch_together(self, asks: Sequence[Ask]) -> list[list[Row]]:
        pools = self._here()
        async with pools.take("lists", pools.read_s) as connection:
            try:
                return await read_together(pools, connection, asks)
            except FAILURES as error:
                raise problem_of(error, ";".join(ask.text for ask in asks), "read") from error

    async def _read(self, group: Group, text: str, params: Params) -> list[Row]:
        pools = self._here()
        for again in (True, False):
            async with pools.take(group, pools.read_s) as connection:
                try:
                    return await read(pools, connection, text, params)
                except FAILURES as error:
                    if not (again and is_lost(error)):
                        raise problem_of(error, text, "read") from error
        raise AssertionError("the second try returns or raises")

    async def write(self, job: Job[T]) -> T:
        loop = asyncio.get_running_loop()
        pools = self._here()
        ends = loop.time() + pools.write_s
        pauses = backoff()
        fresh = False
        while True:
            try:
                async with pools.take("writers", ends - loop.time()) as connection:
                    value = await _attempt(connection, pools.begin_write, job, fresh=fresh)
            except Broken as broken:
                error = broken.error
                if isinstance(error, Stale):
                    fresh = True
                    continue
                if not runs_again(error) and not is_lost(error):
                    raise problem_of(error, broken.statement, "write") from error
                if loop.time() >= ends:
                    problem = busy() if runs_again(error) else None
                    raise problem or problem_of(error, broken.statement, "write") from error
            else:
                self._listener.tell()
                return value
            await asyncio.sleep(min(ends - loop.time(), next(pauses)))

    def missing(self) -> str | None:
        return None

    async def mark(self) -> str:
        return await self._listener.mark()

    async def wait_for_commit(self, mark: str, seconds: float) -> None:
        await self._listener.wait(mark, seconds)

    async def begin(self, seconds: float | None = None) -> ReplayedSession:
        if seconds is None:
            seconds = self._settings.transaction_ms / 1000
        session = ReplayedSession(self._here(), seconds, self._listener.tell)
        await session.begin()
        return session

    def describe(self) -> dict[str, object]:
        """What `/ready`, `dev` and a report of a fault want to know of the database."""
        return {"engine": self.name}

    def _here(self) -> Pools:
        """The connections of this process and event loop."""
        if os.getpid() != self._pid:
            self._forget()
        if self._closed:
            raise closing()
        loop = asyncio.get_running_loop()
        pools = self._pools.get(loop)
        if pools is None:
            pools = self._pools[loop] = Pools(self._address, self._settings)
        return pools

    def _forget(self) -> None:
        """In a child: leave the parent's connections alone, and start afresh.

        They are kept, because closing one tells the database that the parent has gone.
        """
        _inherited.append((self._pools, self._listener))
        self._pools = weakref.WeakKeyDictionary()
        self._listener = Listener(self._address)
        self._pid = os.getpid()


async def _attempt(
    connection: asyncpg.Connection[Any], begin: str, job: Job[T], *, fresh: bool
) -> T:
    """The job in a transaction of its own, on disk when this returns."""
    await send(connection, begin)
    try:
        value = await run_job(connection, job, fresh=fresh)
    except BaseException:
        await roll_back(connection)
        raise
    await commit(connection)
    return value
