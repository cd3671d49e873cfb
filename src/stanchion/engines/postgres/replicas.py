"""Reads on replicas that are as new as reads on the primary, whoever asks and on whichever host.

In: a reading statement.   Out: its rows, from a replica or from the primary.

The primary is asked first how far its log is on disk; every write that anybody was answered is
before that. A replica that has replayed as far says what the primary would say. One that has not,
fails, hangs, was promoted or belongs to another cluster is left out, until a look each second
finds it well; its reads are the primary's. See
docs/decisions/010-replicas.md, "The position".
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg

from ... import events
from ...errors import StanchionError
from ...settings import Settings
from ..base import Ask, Params, Readable, Row
from .logend import LogEnd
from .pools import Group, Pools, ServerAddress
from .reads import Lent
from .translate import FAILURES, is_lost, problem_of

T = TypeVar("T")
Doing = Callable[[Lent], Awaitable[T]]

LOOK_S = 1.0
TAKE_S = 0.1
"""Seconds that a read waits for a connection to a replica before it goes to the primary."""
ANSWER_S = 0.5
"""Seconds after which a server that says nothing to a short question counts as gone."""
CATCH_UP_S = 0.02
"""Seconds that a read waits for a replica to replay what it lacks."""

_REPLAYED = "select pg_is_in_recovery() and pg_last_wal_replay_lsn()>=$1::text::pg_lsn"
_WHICH = "select (select system_identifier from pg_control_system())||'/'||current_database()"


class ReplicaReads:
    """What `PostgresEngine.anywhere` is where there are replicas; `here` gives the connections to
    the primary of the running process and event loop, to which those to the replicas belong."""

    def __init__(
        self, primary: Readable, here: Callable[[], Pools], addresses: Sequence[ServerAddress],
        settings: Settings,
    ) -> None:  # fmt: skip
        self._primary = primary
        self._here = here
        self._addresses = addresses
        self._settings = settings
        self._followers: weakref.WeakKeyDictionary[Pools, Followers] = weakref.WeakKeyDictionary()

    async def find(self, text: str, params: Params) -> list[Row]:
        found = await self._try("points", text, lambda lent: lent.read(text, params))
        return await self._primary.find(text, params) if found is None else found

    async def fetch(self, text: str, params: Params) -> list[Row]:
        found = await self._try("lists", text, lambda lent: lent.read(text, params))
        return await self._primary.fetch(text, params) if found is None else found

    async def fetch_together(self, asks: Sequence[Ask]) -> list[list[Row]]:
        texts = ";".join(ask.text for ask in asks)
        found = await self._try("lists", texts, lambda lent: lent.read_together(asks))
        return await self._primary.fetch_together(asks) if found is None else found

    async def close(self, pools: Pools) -> None:
        """Disconnect from the replicas, as `pools` from the primary."""
        followers = self._followers.pop(pools, None)
        if followers is not None:
            await followers.close()

    def describe(self) -> dict[str, bool]:
        """Each replica, and whether it is read from at this moment."""
        followers = self._followers.get(self._here())
        known = followers.replicas if followers else ()
        return {replica.address.shown: replica.well for replica in known}

    async def _try(self, group: Group, text: str, doing: Doing[T]) -> T | None:
        pools = self._here()
        followers = self._followers.get(pools)
        if followers is None:
            followers = Followers(pools, self._addresses, self._settings)
            self._followers[pools] = followers
        return await followers.attempt(group, text, doing)


class Followers:
    """The replicas, as one event loop knows them."""

    def __init__(
        self, primary: Pools, addresses: Sequence[ServerAddress], settings: Settings
    ) -> None:
        self.replicas = tuple(Replica(address, settings) for address in addresses)
        self._end = LogEnd(primary, ANSWER_S)
        self._primary = primary
        self._turn = 0
        self._looking = [asyncio.create_task(self._watch(replica)) for replica in self.replicas]

    async def attempt(self, group: Group, text: str, doing: Doing[T]) -> T | None:
        """Do it on a replica that is as far as the primary; None where the primary has to do it.
        Raises what a read past its deadline raises."""
        replica = self._choose()
        if replica is None:
            return None
        try:
            position = await self._end.now()
        except (*FAILURES, StanchionError):
            return None
        try:
            async with replica.pools.take(group, TAKE_S) as connection:
                if not await _has_replayed(connection, position):
                    replica.leave_out("it is behind the primary")
                    return None
                return await _done(replica, group, connection, text, doing)
        except (*FAILURES, StanchionError) as error:
            if getattr(error, "code", "") == "server.deadline":
                raise
            if is_lost(error) or isinstance(error, TimeoutError):
                replica.leave_out(f"{type(error).__name__}: {error}")
            return None

    async def close(self) -> None:
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)
        await asyncio.gather(*(replica.pools.close() for replica in self.replicas))

    def _choose(self) -> Replica | None:
        """One that is well, each in its turn."""
        well = [replica for replica in self.replicas if replica.well]
        if not well:
            return None
        self._turn += 1
        return well[self._turn % len(well)]

    async def _watch(self, replica: Replica) -> None:
        """Look again and again whether a replica may be read from."""
        while True:
            try:
                await self._look(replica)
            except (*FAILURES, StanchionError) as error:
                replica.leave_out(f"{type(error).__name__}: {error}")
            await asyncio.sleep(LOOK_S)

    async def _look(self, replica: Replica) -> None:
        async with self._primary.take("points", ANSWER_S) as connection:
            cluster = await connection.fetchval(_WHICH, timeout=ANSWER_S)
        position = await self._end.now()
        async with replica.pools.take("points", ANSWER_S) as connection:
            if await connection.fetchval(_WHICH, timeout=ANSWER_S) != cluster:
                replica.leave_out("it holds another database")
            elif await _has_replayed(connection, position):
                replica.take_in()
            else:
                replica.leave_out("it is behind the primary, or no replica any more")


class Replica:
    """One replica; not `well` until it was looked at."""

    def __init__(self, address: ServerAddress, settings: Settings) -> None:
        self.address = address
        self.pools = Pools(address, settings, quiet=True)
        self.well = False
        self._reason = ""

    def take_in(self) -> None:
        if not self.well:
            self.well, self._reason = True, ""
            events.emit(events.ReplicaBack(self.address.shown))

    def leave_out(self, reason: str) -> None:
        if self.well or not self._reason:
            events.emit(events.ReplicaLeftOut(self.address.shown, reason))
        self.well, self._reason = False, reason


async def _done(
    replica: Replica, group: Group, connection: asyncpg.Connection[Any], text: str, doing: Doing[T]
) -> T:
    pools = replica.pools
    ends = asyncio.get_running_loop().time() + pools.read_s
    try:
        return await doing(Lent(pools, group, connection, ends))
    except (asyncpg.QueryCanceledError, TimeoutError) as error:
        if isinstance(error, TimeoutError):
            replica.leave_out("it does not answer")
        raise problem_of(error, text, "read") from error


async def _has_replayed(connection: asyncpg.Connection[Any], position: str) -> bool:
    """Whether a replica is as far as the primary was, a moment later at most."""
    loop = asyncio.get_running_loop()
    until, pause = loop.time() + CATCH_UP_S, 0.0005
    while not await connection.fetchval(_REPLAYED, position, timeout=ANSWER_S):
        if loop.time() >= until:
            return False
        await asyncio.sleep(pause)
        pause *= 2
    return True
