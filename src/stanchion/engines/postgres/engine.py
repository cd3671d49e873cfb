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
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, TypeVar

import asyncpg

from ...errors import Unavailable
from ...settings import Settings
from ..base import Ask, Job, Params, Readable, Row
from ..told import busy, closing
from .held import ReplayedSession
from .listen import Listener
from .outage import NETWORK_S
from .pools import Group, Pools, ServerAddress
from .reads import Lent
from .replicas import ReplicaReads
from .run import Broken, Stale, backoff, commit, roll_back, run_job, send
from .server import check_server, unreachable
from .translate import FAILURES, is_lost, problem_of, runs_again

T = TypeVar("T")

_inherited: list[object] = []


class PostgresEngine:
    """One database; see `base.Engine` for what each call promises.

    Connections belong to an event loop and to a process: a child begins with none, and leaves those
    of its parent alone.
    """

    name: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(
        self, address: ServerAddress, settings: Settings, replicas: Sequence[ServerAddress] = ()
    ) -> None:
        self._address = address
        self._settings = settings
        self._pid = os.getpid()
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pools]
        self._pools = weakref.WeakKeyDictionary()
        self._listeners: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Listener]
        self._listeners = weakref.WeakKeyDictionary()
        self._closed = False
        self.room: int | None = None
        """Connections that the server has for everybody; None if a pooler shares them out."""
        self._replicas = ReplicaReads(self, self._here, replicas, settings) if replicas else None

    @property
    def anywhere(self) -> Readable:
        return self._replicas or self

    async def open(self) -> None:
        self._closed = False
        try:
            pools = self._here()
            ends = asyncio.get_running_loop().time() + pools.write_s
            async with (
                pools.take("writers", pools.write_s) as connection,
                pools.heard_until("writers", connection, ends),
            ):
                pooled = self._address.pooled
                room = await check_server(connection, self._address.shown, pooled=pooled)
                self.room = None if pooled else room
        except Unavailable as problem:
            if problem.__cause__ is None:
                raise
            raise unreachable(problem.__cause__, self._address) from None

    async def close(self) -> None:
        self._closed = True
        if os.getpid() == self._pid:
            here = asyncio.get_running_loop()
            for loop in {*self._pools, *self._listeners} - {here}:
                if loop.is_running():  # each loop lets go of its own
                    asyncio.run_coroutine_threadsafe(self._leave(loop), loop)
            await self._leave(here)

    async def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Disconnect what belongs to one event loop."""
        listener, pools = self._listeners.pop(loop, None), self._pools.pop(loop, None)
        if listener is not None:
            await listener.close()
        if pools is not None:
            if self._replicas is not None:
                await self._replicas.close(pools)
            await pools.close()

    async def find(self, text: str, params: Params) -> list[Row]:
        return await self._fetch("points", text, params)

    async def fetch(self, text: str, params: Params) -> list[Row]:
        return await self._fetch("lists", text, params)

    async def fetch_together(self, asks: Sequence[Ask]) -> list[list[Row]]:
        text = ";".join(ask.text for ask in asks)
        return await self._read("lists", text, lambda lent: lent.read_together(asks))

    async def _fetch(self, group: Group, text: str, params: Params) -> list[Row]:
        return await self._read(group, text, lambda lent: lent.read(text, params))

    async def _read(self, group: Group, text: str, ask: Callable[[Lent], Awaitable[T]]) -> T:
        """What `ask` returns, within the deadline; on another connection where the first broke."""
        pools = self._here()
        loop = asyncio.get_running_loop()
        ends = loop.time() + pools.read_s
        for again in (True, False):
            async with pools.take(group, ends - loop.time()) as connection:
                try:
                    return await ask(Lent(pools, group, connection, ends))
                except FAILURES as error:
                    if not (again and is_lost(error)):
                        raise problem_of(error, text, "read") from error
        raise AssertionError("the second try returns or raises")

    async def write(self, job: Job[T]) -> T:
        return await self._write(job, self._here().begin_write)

    async def claim(self, job: Job[T]) -> T:
        return await self._write(job, self._here().begin_claim)

    async def _write(self, job: Job[T], begin: str) -> T:
        loop = asyncio.get_running_loop()
        pools = self._here()
        ends = loop.time() + pools.write_s
        pauses = backoff()
        fresh = False
        while True:
            try:
                async with pools.take("writers", ends - loop.time()) as connection:
                    value = await _attempt(pools, connection, begin, job, ends, fresh=fresh)
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
                self._listener().tell()
                return value
            await asyncio.sleep(min(ends - loop.time(), next(pauses)))

    def missing(self) -> str | None:
        return None

    async def mark(self) -> str:
        return await self._listener().mark()

    async def wait_for_commit(self, mark: str, seconds: float) -> None:
        await self._listener().wait(mark, seconds)

    async def begin(self, seconds: float | None = None) -> ReplayedSession:
        if seconds is None:
            seconds = self._settings.transaction_ms / 1000
        session = ReplayedSession(self._here(), seconds, self._listener().tell)
        await session.begin()
        return session

    def describe(self) -> dict[str, object]:
        """What `/ready`, `dev` and a report of a fault want to know of the database."""
        replicas = {} if self._replicas is None else {"replicas": self._replicas.describe()}
        return {"engine": self.name, **replicas}

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

    def _listener(self) -> Listener:
        """What hears of commits in this process and event loop."""
        self._here()
        loop = asyncio.get_running_loop()
        listener = self._listeners.get(loop)
        if listener is None:
            listener = self._listeners[loop] = Listener(self._address)
        return listener

    def _forget(self) -> None:
        """In a child: leave the parent's connections alone, and start afresh.

        They are kept, because closing one tells the database that the parent has gone.
        """
        _inherited.append((self._pools, self._listeners))
        self._pools = weakref.WeakKeyDictionary()
        self._listeners = weakref.WeakKeyDictionary()
        self._pid = os.getpid()


async def _attempt(
    pools: Pools, connection: asyncpg.Connection[Any], begin: str, job: Job[T], ends: float, *,
    fresh: bool,
) -> T:  # fmt: skip
    """The job in a transaction of its own, on disk when this returns. What is not done when its
    time is over is taken back: a commit that is sent gets an answer, or nobody knows its end."""
    loop = asyncio.get_running_loop()
    try:
        async with pools.heard_until("writers", connection, ends):
            await send(connection, begin)
            value = await run_job(connection, job, fresh=fresh)
        if loop.time() >= ends:
            raise TimeoutError
    except TimeoutError as error:
        await roll_back(connection)
        raise Broken(error, "a write") from error
    except BaseException:  # also of a caller that is cancelled nothing stays open
        await roll_back(connection)
        raise
    await commit(connection, ends - loop.time() + NETWORK_S)
    return value
