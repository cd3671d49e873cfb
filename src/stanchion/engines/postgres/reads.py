"""Reading statements on a connection of a group: one for itself, or several in one snapshot.

In: connections, text and parameters.   Out: rows.   Called by the engine, and for each replica.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from ..base import Ask, Params, Row
from .outage import NETWORK_S
from .pool import Connection
from .pools import Group, Pools
from .run import numbered, roll_back
from .translate import FAILURES, give_up


@dataclass(frozen=True, slots=True)
class Lent:
    """A connection of a group, for reading on it until a moment of the loop. Each call raises what
    the driver raises, and `TimeoutError` where the database says nothing."""

    pools: Pools
    group: Group
    connection: Connection
    ends: float

    async def read(self, text: str, params: Params) -> list[Row]:
        """The rows of one statement."""
        connection = self.connection
        if self.pools.pooled:
            async with self._within(self.pools.begin_read):
                rows: list[Row] = await connection.fetch(numbered(text), *params)
            return rows
        overdue = self.pools.overdue
        silent = partial(self.pools.hears_nothing, self.group, connection)
        overdue.add(connection, self.ends + NETWORK_S, silent)
        try:
            rows = await connection.fetch(numbered(text), *params)
        except FAILURES as error:
            if not overdue.drop(connection):
                raise TimeoutError from error
            raise
        finally:
            overdue.drop(connection)
        return rows

    async def read_together(self, asks: Sequence[Ask]) -> list[list[Row]]:
        """The rows of several statements in one snapshot."""
        async with self._within(self.pools.begin_reads):
            return [await self.connection.fetch(numbered(ask.text), *ask.params) for ask in asks]

    @asynccontextmanager
    async def _within(self, begin: str) -> AsyncIterator[None]:
        connection = self.connection
        async with self.pools.heard_until(self.group, connection, self.ends):
            try:
                await connection.execute(begin)
                yield
                await connection.execute("commit")
            except FAILURES:
                await roll_back(connection)
                raise
            except BaseException:  # it takes too long, or its caller is gone
                give_up(connection)
                raise
