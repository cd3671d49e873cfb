"""Reading statements on a connection of a group: one for itself, or several in one snapshot.

In: connections, text and parameters.   Out: rows.   Called by the engine, and for each replica.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from ..base import Ask, Params, Row
from .pools import Pools
from .run import numbered, roll_back
from .translate import FAILURES, give_up


async def read(
    pools: Pools, connection: asyncpg.Connection[Any], text: str, params: Params
) -> list[Row]:
    """The rows of one statement; raises what the driver raises."""
    if not pools.pooled:
        rows: list[Row] = await connection.fetch(numbered(text), *params)
        return rows
    async with _within(connection, pools.begin_read):
        rows = await connection.fetch(numbered(text), *params)
    return rows


async def read_together(
    pools: Pools, connection: asyncpg.Connection[Any], asks: Sequence[Ask]
) -> list[list[Row]]:
    """The rows of several statements in one snapshot; raises what the driver raises."""
    async with _within(connection, pools.begin_reads):
        return [await connection.fetch(numbered(ask.text), *ask.params) for ask in asks]


@asynccontextmanager
async def _within(connection: asyncpg.Connection[Any], begin: str) -> AsyncIterator[None]:
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
