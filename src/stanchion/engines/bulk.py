"""What an engine offers for whole databases: one connection, no deadlines, rows in pages.

In: SQL text and raw parameters.   Out: pages of rows that fit into memory.
Called by `copying`, which runs alone on its connections; requests never come here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Literal, Protocol

from ..errors import StanchionError
from .base import Params, Row

PAGE_ROWS = 5_000
PAGE_BYTES = 8_000_000
FIRST = 10
AT_ONCE = 100
"""Rows between two looks at how many bytes a page has; fewer where they are large."""


class BulkFailed(StanchionError):
    """A statement failed; in the words of the database, for who runs the command."""


class Bulk(Protocol):
    """A connection to one database. One call at a time; a stream is one call until it ends.

    What the database refuses is `BulkFailed`."""

    name: Literal["sqlite", "postgresql"]

    async def fetch(self, text: str, params: Params = ()) -> list[Row]:
        """Run one statement."""
        ...

    async def fill(self, text: str, rows: Sequence[Row]) -> None:
        """Run an `insert` for many rows. Its parameters are the values of a row on SQLite, on
        PostgreSQL an array for each column."""
        ...

    def stream(self, text: str, params: Params = ()) -> AsyncGenerator[list[Row], None]:
        """The rows of a statement, in pages of bounded size. Inside a transaction."""
        ...

    async def begin(self) -> None:
        """Open a transaction. One that reads only is open from the start, in one snapshot."""
        ...

    async def commit(self) -> None:
        """Return once it is on disk."""
        ...

    async def rollback(self) -> None:
        """Take everything back; also where nothing is open."""
        ...

    async def close(self) -> None:
        """Stop what is running and disconnect."""
        ...


def size_of(rows: Iterable[Row]) -> int:
    """About how many bytes these rows take: those of their texts."""
    return sum(len(v) for row in rows for v in row if v.__class__ is str or v.__class__ is bytes)


def next_count(rows: Sequence[Row], size: int) -> int:
    """How many rows to ask for next, after these of this size: about an eighth of a page."""
    return max(1, min(AT_ONCE, PAGE_BYTES // 8 * len(rows) // max(size, 1)))
