"""Whole databases of PostgreSQL, for `copying`: see `engines/bulk`.

In: an address.   Out: a connection with one snapshot to read in, or one that alone copies into it.
It must lead to the database itself: its locks and settings outlive a transaction.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Any, Literal, Self, TypeVar

import asyncpg

from ...errors import DatabaseUnusable
from ..base import Params, Row
from ..bulk import FIRST, PAGE_BYTES, PAGE_ROWS, BulkFailed, next_count, size_of
from .pools import ALWAYS, ServerAddress
from .run import numbered
from .server import check_server, unreachable
from .translate import FAILURES

T = TypeVar("T")

CONNECT_S = 10.0
_NO_LIMITS = {
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "application_name": "stanchion copy",
    # not meant so, see `begin`: by this `check_server` sees that no pooler stands between
    "default_transaction_isolation": "serializable",
}
_ALONE = "select pg_try_advisory_lock(hashtext('stanchion copy'))"


class PostgresBulk:
    """See `engines/bulk.Bulk`."""

    name: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, connection: asyncpg.Connection[Any], shown: str) -> None:
        self._connection = connection
        self._shown = shown
        self._transaction: asyncpg.transaction.Transaction | None = None

    @classmethod
    async def open_source(cls, url: str, shown: str) -> Self:
        """A connection that reads what is there now; raises `DatabaseUnusable`."""
        connection = await _connect(url, shown)
        source = cls(connection, shown)
        source._transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        await source._transaction.start()
        await source.fetch("select pg_current_snapshot()")  # which takes it
        return source

    @classmethod
    async def open_target(cls, url: str, shown: str) -> Self:
        """A connection that nobody else copies by; raises `DatabaseUnusable`."""
        connection = await _connect(url, shown)
        try:
            await check_server(connection, shown)
            if not await connection.fetchval(_ALONE):
                raise DatabaseUnusable(
                    "database.locked", shown, "another `stanchion copy` is filling it",
                    "wait for that one, or end it and run this again, which goes on from there",
                )  # fmt: skip
        except BaseException:  # nobody else could close it
            await connection.close()
            raise
        return cls(connection, shown)

    async def fetch(self, text: str, params: Params = ()) -> list[Row]:
        rows = await self._try(self._connection.fetch(numbered(text), *params))
        return [tuple(row) for row in rows]

    async def fill(self, text: str, rows: Sequence[Row]) -> None:
        columns = list(zip(*rows, strict=True))
        await self._try(self._connection.execute(numbered(text), *columns))

    async def stream(self, text: str, params: Params = ()) -> AsyncGenerator[list[Row], None]:
        cursor = await self._try(self._open_cursor(text, params))
        more, count = True, FIRST
        while more:
            rows: list[Row] = []
            size = 0
            while more and len(rows) < PAGE_ROWS and size < PAGE_BYTES:
                found = [tuple(row) for row in await self._try(cursor.fetch(count))]
                more = len(found) == count
                rows += found
                size += (taken := size_of(found))
                count = next_count(found, taken)
            if rows:
                yield rows

    async def begin(self) -> None:
        self._transaction = self._connection.transaction(isolation="read_committed")
        await self._try(self._transaction.start())

    async def commit(self) -> None:
        transaction, self._transaction = self._transaction, None
        assert transaction is not None
        await self._try(transaction.commit())

    async def rollback(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None and not self._connection.is_closed():
            await self._try(transaction.rollback())

    async def close(self) -> None:
        self._connection.terminate()

    async def _open_cursor(self, text: str, params: Params) -> asyncpg.cursor.Cursor[Any]:
        return await self._connection.cursor(numbered(text), *params)

    async def _try(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except FAILURES as error:
            raise BulkFailed(f"{self._shown}: {error or type(error).__name__}") from error


async def _connect(url: str, shown: str) -> asyncpg.Connection[Any]:
    try:
        connection: asyncpg.Connection[Any] = await asyncpg.connect(
            url, timeout=CONNECT_S, server_settings={**ALWAYS, **_NO_LIMITS}
        )
    except (*FAILURES, ValueError) as error:
        raise unreachable(error, ServerAddress(url, shown)) from error
    return connection
