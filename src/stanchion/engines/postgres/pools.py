"""Connections: three groups with settings of their own, made as they are needed, kept for reuse.

In: the address and the settings.   Out: a connection, for a while.
Refuses: more than `write_queue` callers that wait for one, and whoever waits past a deadline.

`points` keep the plans of statements that find one record, `lists` plan for the values at hand (a
list after a cursor takes 3 ms so, 63 ms with a plan for any values), `writers` may write. Each
belongs to one event loop and one process.

Behind a pooler in transaction mode a connection has another backend in each transaction, which is
told its settings when it begins, in the message that begins it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Literal

import asyncpg

from ...errors import DatabaseUnusable, Unavailable
from ...settings import Settings
from .outage import NETWORK_S, Outage
from .overdue import Overdue
from .pool import Connection, Pool
from .run import roll_back
from .translate import FAILURES, all_taken, give_up
from .turns import LOCK, TakingTurns

Group = Literal["points", "lists", "writers"]
STATEMENTS = 1_000
"""Prepared statements kept for each connection."""
LONGEST_STATEMENT = 65_536
"""Bytes of a statement that is kept prepared; the full form of a list has 2,400."""

ALWAYS = {"timezone": "UTC", "jit": "off", "application_name": "stanchion",
          "tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3",
          "tcp_user_timeout": "30000"}  # fmt: skip
"""The last ones let the server end the connections of a process that nobody reaches any more."""

TRACKED = ("timezone", "application_name")
"""What a pooler lets a connection say for itself, and tells each backend that it gets."""
BY_GROUP: dict[Group, dict[str, str]] = {
    "points": {"default_transaction_read_only": "on"},
    "lists": {"default_transaction_read_only": "on", "plan_cache_mode": "force_custom_plan"},
    # a table that is read from end to end is watched as a whole: whatever is written there meets us
    "writers": {"default_transaction_isolation": "serializable", "enable_seqscan": "off"},
}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the database is. `pooled`: a pooler in transaction mode stands between, so that no
    setting and no prepared statement outlives a transaction."""

    url: str
    shown: str
    """The address without its password, for people."""
    direct_url: str = ""

    @property
    def pooled(self) -> bool:
        return bool(self.direct_url)


class Pools:
    """The connections of one event loop to one server. `quiet`: that there is none is no event,
    and raises what the driver raises."""

    def __init__(self, address: ServerAddress, settings: Settings, *, quiet: bool = False) -> None:
        self._address = address
        self._settings = settings
        self._quiet = quiet
        self._pools: dict[Group, Pool] = {}
        self._waiting = 0
        self.overdue = Overdue()
        self.turns = TakingTurns()
        self._outage = Outage()
        self.read_s = settings.read_deadline_ms / 1000
        self.write_s = settings.write_deadline_ms / 1000
        self.pooled = address.pooled
        """Whether each statement needs a transaction around it that says its settings."""
        reads, writes = self._told(self.read_s), self._told(self.write_s)
        self.begin_write = f"begin isolation level serializable{writes};savepoint job"
        # WHY-NOT serializable: two that take the first of what waits read the same part of an
        # index, and would be a conflict, though `skip locked` gives them different rows
        self.begin_claim = f"begin isolation level read committed{writes};savepoint job"
        self.begin_alone = f"begin isolation level serializable{writes};{LOCK};savepoint job"
        self.begin_read = f"begin read only{reads}"
        self.begin_reads = f"begin isolation level repeatable read read only{reads}"

    def take(self, group: Group, seconds: float) -> Taken:
        """A connection of a group, inside `async with`; waits `seconds` for one at most."""
        pool = self._pools.get(group)
        if pool is None:
            make = partial(self._connect, group)
            most = self._settings.database_connections
            pool = self._pools[group] = Pool(make, most, self.overdue)
        return Taken(self, pool, seconds)

    async def wait(self, pool: Pool, seconds: float) -> Connection:
        """A connection that is not at hand. Raises what a caller is told who gets none."""
        if self._waiting >= self._settings.write_queue:
            raise Unavailable("server.overloaded", "Too many calls wait for the database already.")
        self._waiting += 1
        try:
            return await pool.wait(seconds)
        except FAILURES as error:
            if isinstance(error, TimeoutError) and (seconds < NETWORK_S or pool.used_up):
                raise all_taken() from None
            if not self.pooled and "startup parameter" in str(error):
                raise unnamed_pooler(self._address.shown) from error
            if self._quiet:
                raise
            raise self._outage.begins(error) from error
        finally:
            self._waiting -= 1

    @asynccontextmanager
    async def heard_until(
        self, group: Group, connection: Connection, ends: float
    ) -> AsyncIterator[None]:
        """What runs on a connection until a moment of the loop. The database itself ends what takes
        longer; where it does not say so, nobody is there."""
        try:
            async with asyncio.timeout_at(ends + NETWORK_S):
                yield
        except TimeoutError:
            self.hears_nothing(group, connection)
            raise

    def hears_nothing(self, group: Group, connection: Connection) -> None:
        """Give up a connection that says nothing, and the others, which are as dead."""
        give_up(connection)
        if group in self._pools:
            self._pools[group].expire()

    async def close(self) -> None:
        """Disconnect, after the calls under way."""
        pools, self._pools = list(self._pools.values()), {}
        await asyncio.gather(*(pool.close(self.write_s) for pool in pools))
        self.overdue.close()

    async def _connect(self, group: Group) -> Connection:
        deadline = self.write_s if group == "writers" else self.read_s
        connection: Connection = await asyncpg.connect(
            self._address.url,
            timeout=self.write_s,
            statement_cache_size=0 if self.pooled else STATEMENTS,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=LONGEST_STATEMENT,
            server_settings=self._wanted(group, deadline),
        )
        try:
            await _teach(connection)
        except BaseException:  # nobody else could close it, also if the caller is cancelled
            give_up(connection)
            raise
        self._outage.ends()
        return connection

    def _wanted(self, group: Group, deadline: float) -> dict[str, str]:
        if self.pooled:
            return {name: ALWAYS[name] for name in TRACKED}
        return {**ALWAYS, **BY_GROUP[group], **self._limits(deadline)}

    def _limits(self, deadline: float) -> dict[str, str]:
        hold = self._settings.transaction_ms
        return {
            "statement_timeout": str(int(deadline * 1000)),
            "idle_in_transaction_session_timeout": str(hold + int(NETWORK_S * 1000)),
        }

    def _told(self, deadline: float) -> str:
        """What follows `begin` where settings do not outlive a transaction. Plans need none: where
        statements are not kept, each is planned for its values."""
        if not self.pooled:
            return ""
        settings = {"timezone": "UTC", "jit": "off", **self._limits(deadline)}
        return "".join(f";set local {name}='{value}'" for name, value in settings.items())


class Taken:
    """A connection for a while; it goes back as it came, or not at all."""

    __slots__ = ("_connection", "_pool", "_pools", "_seconds")

    def __init__(self, pools: Pools, pool: Pool, seconds: float) -> None:
        self._pools = pools
        self._pool = pool
        self._seconds = seconds
        self._connection: Connection | None = None

    async def __aenter__(self) -> Connection:
        self._connection = self._pool.at_hand()
        if self._connection is None:
            self._connection = await self._pools.wait(self._pool, self._seconds)
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        connection, self._connection = self._connection, None
        assert connection is not None
        try:
            if connection.is_closed():
                return
            left = kind is not None and issubclass(kind, asyncio.CancelledError | TimeoutError)
            if kind is GeneratorExit:  # the loop ends, and nobody waits for anything
                give_up(connection)
            elif left or connection.is_in_transaction():  # the database may be at it still
                await roll_back(connection)
        finally:
            self._pool.give_back(connection)


def unnamed_pooler(shown: str) -> DatabaseUnusable:
    """Why an address is not used behind which settings do not reach the database."""
    return DatabaseUnusable(
        "database.pooler", shown,
        "it is a pooler that does not pass on what a connection asks for",
        "STANCHION_DATABASE_DIRECT_URL=postgresql://user:password@host/name names the database "
        "itself, and that this address is a pooler",
    )  # fmt: skip


async def _teach(connection: Connection) -> None:
    """Days and moments pass as texts: the driver takes the first and the last of each for minus
    and plus infinity."""
    for name, write, read in (
        ("date", date.isoformat, date.fromisoformat),
        ("timestamptz", datetime.isoformat, datetime.fromisoformat),
    ):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=write, decoder=read, format="text"
        )
