"""Whole SQLite databases, for `copying`: see `engines/bulk`.

In: a path.   Out: a connection with one snapshot to read in, or one that has the file to itself.
Work runs on threads, so that the other database works at the same time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, Self, TypeVar

import apsw

from ...errors import DatabaseUnusable
from ..base import Params, Row
from ..bulk import FIRST, PAGE_BYTES, PAGE_ROWS, BulkFailed, next_count, size_of
from .connection import open_reader, open_writer
from .file import check_file, refused

T = TypeVar("T")

PATIENCE_S = 5.0
CHECKPOINT_PAGES = 4_000
"""16 MB of log before it is put into the file."""


class SQLiteBulk:
    """See `engines/bulk.Bulk`."""

    name: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self._path = path
        self._connection = connection
        self._working = threading.Lock()

    @classmethod
    def open_source(cls, path: Path) -> Self:
        """A connection that reads what is there now; raises `DatabaseUnusable`."""
        if not path.exists():
            raise DatabaseUnusable(
                "database.missing", path, "there is no such file",
                "sqlite:///data/app.db is relative to this folder, sqlite:////srv/app.db is not",
            )  # fmt: skip
        check_file(path)
        try:
            connection = open_reader(path, PATIENCE_S, scans=True)
            connection.execute("begin")
            connection.execute("select 1 from sqlite_schema limit 1").fetchall()
        except apsw.Error as error:
            raise refused(path, error) from error
        return cls(path, connection)

    @classmethod
    def open_target(cls, path: Path) -> Self:
        """A connection that has the file, new or not, to itself; raises `DatabaseUnusable`."""
        connection = open_writer(path, PATIENCE_S)
        try:
            for pragma in (
                "locking_mode=exclusive",
                # rows come before what they refer to; the end of the copy looks at them all
                "foreign_keys=off",
                # indexes are sorted in files, whatever their size
                "temp_store=file",
                f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            ):
                connection.execute(f"pragma {pragma}").fetchall()
            connection.execute("begin immediate")  # from here on nobody else opens it
            connection.execute("commit")
        except apsw.Error as error:
            connection.close(True)
            raise refused(path, error) from error
        return cls(path, connection)

    async def fetch(self, text: str, params: Params = ()) -> list[Row]:
        return await self._run(lambda: self._connection.execute(text, tuple(params)).fetchall())

    async def fill(self, text: str, rows: Sequence[Row]) -> None:
        await self._run(lambda: self._connection.cursor().executemany(text, rows).fetchall())

    async def stream(self, text: str, params: Params = ()) -> AsyncGenerator[list[Row], None]:
        cursor = self._connection.cursor()
        await self._run(lambda: cursor.execute(text, tuple(params)))
        try:
            while rows := await self._run(lambda: _page(cursor)):
                yield rows
        finally:
            with self._working:
                cursor.close(True)

    async def begin(self) -> None:
        await self.fetch("begin immediate")

    async def commit(self) -> None:
        await self.fetch("commit")

    async def rollback(self) -> None:
        with self._working:
            if self._connection.in_transaction:
                self._connection.execute("rollback")

    async def close(self) -> None:
        self._connection.interrupt()
        with self._working:
            self._connection.close(True)

    async def _run(self, work: Callable[[], T]) -> T:
        def run() -> T:
            with self._working:
                return work()

        try:
            return await asyncio.to_thread(run)
        except apsw.Error as error:
            raise BulkFailed(f"{self._path}: {error}") from error


def _page(cursor: apsw.Cursor) -> list[Row]:
    rows: list[Row] = []
    size, count = 0, FIRST
    while len(rows) < PAGE_ROWS and size < PAGE_BYTES:
        more = list(islice(cursor, count))
        if not more:
            break
        rows += more
        size += (taken := size_of(more))
        count = next_count(more, taken)
    return rows
