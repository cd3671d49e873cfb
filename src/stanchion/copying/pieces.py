"""Copy the rows of one collection, piece by piece.

In: a collection, and both connections.   Out: the digest of its rows in the source's snapshot.
Called by `run`.

A piece is what one transaction of the target takes: its rows, and a note of where they end, how
many they are and what they sum up to. Whoever goes on with a copy reads each piece of the source
again, as it is now: one that still sums up to the same is kept, another is copied anew. So the
target ends as the newest snapshot, whatever changed between the two, and whoever changed it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ..engines import Row
from ..engines.bulk import Bulk
from ..schema import Collection
from ..search import indexed_text
from ..sql import copy
from ..sql.dialect import dialect_of
from ..sql.write import lexemes
from .digest import Digest


@dataclass(frozen=True, slots=True)
class _Piece:
    """What the target has noted: rows until this key, from that of the piece before it."""

    until: str
    digest: Digest


class RowCopy:
    """The rows of one collection; `tell` is called with how many more are done."""

    def __init__(
        self, source: Bulk, target: Bulk, collection: Collection, tell: Callable[[int], None]
    ) -> None:
        self._source = source
        self._target = target
        self._collection = collection
        self._tell = tell
        names = [field.name for field in collection.fields]
        self._key = names.index(collection.key[0])
        self._searched = [names.index(field.name) for field in collection.search_fields]
        self._insert = copy.insert_rows(collection, dialect_of(target.name))

    async def run(self) -> Digest:
        """Copy what is not there yet."""
        whole = Digest()
        last: str | None = None
        for piece in await self._pieces():
            whole += await self._check(last, piece)
            last = piece.until
        text, keys = self._between(last, None)
        async with ahead(self._source.stream(text, keys)) as pages:
            async for rows in pages:
                whole += await self._add(rows)
        return whole

    async def read_target(self) -> Digest:
        """What the target holds now."""
        whole = Digest()
        text = copy.select_rows(self._collection, dialect_of(self._target.name))
        await self._target.begin()
        async with ahead(self._target.stream(text)) as pages:
            async for rows in pages:
                whole += await asyncio.to_thread(Digest.of, rows)
                self._tell(len(rows))
        await self._target.commit()
        return whole

    async def forget(self) -> None:
        """Let the next run copy all of it anew."""
        await self._target.begin()
        await self._target.fetch(copy.delete_rows(self._collection, dialect_of(self._target.name)))
        await self._target.fetch(copy.DROP_PIECES, (self._collection.name,))
        await self._target.commit()

    async def _pieces(self) -> list[_Piece]:
        rows = await self._target.fetch(copy.PIECES, (self._collection.name,))
        return [_Piece(until, Digest.parse(number, text)) for until, number, text in sorted(rows)]

    async def _check(self, last: str | None, piece: _Piece) -> Digest:
        """Keep a piece that is as it was; copy what is there now in the place of another."""
        now = Digest()
        text, keys = self._between(last, piece.until)
        async with ahead(self._source.stream(text, keys)) as pages:
            async for rows in pages:
                now += await asyncio.to_thread(Digest.of, rows)
        if now == piece.digest:
            self._tell(now.rows)
            return now
        await self._target.begin()
        dialect = dialect_of(self._target.name)
        between = {"after": last is not None, "until": True}
        await self._target.fetch(copy.delete_rows(self._collection, dialect, **between), keys)
        await self._target.fetch(copy.DROP_PIECE, (self._collection.name, piece.until))
        await self._target.commit()
        whole = Digest()
        async with ahead(self._source.stream(text, keys)) as pages:
            async for rows in pages:
                whole += await self._add(rows)
        return whole

    def _between(self, last: str | None, until: str | None) -> tuple[str, tuple[str, ...]]:
        text = copy.select_rows(
            self._collection, dialect_of(self._source.name), after=last is not None,
            until=until is not None,
        )  # fmt: skip
        return text, tuple(key for key in (last, until) if key is not None)

    async def _add(self, rows: Sequence[Row]) -> Digest:
        """One piece: its rows and the note of them, in one transaction."""
        digest, filled = await asyncio.to_thread(lambda: (Digest.of(rows), self._filled(rows)))
        note = (self._collection.name, rows[-1][self._key], digest.rows, digest.text)
        await self._target.begin()
        await self._target.fill(self._insert, filled)
        await self._target.fetch(copy.ADD_PIECE, note)
        await self._target.commit()
        self._tell(digest.rows)
        return digest

    def _filled(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows as the insert takes them."""
        if not self._searched or not dialect_of(self._target.name).search_in_row:
            return rows
        return [(*row, self._words(row)) for row in rows]

    def _words(self, row: Row) -> str:
        words = [indexed_text(row[at]) for at in self._searched]
        return " ".join(lexemes(self._collection, words))


@asynccontextmanager
async def ahead(
    pages: AsyncGenerator[list[Row], None],
) -> AsyncIterator[AsyncIterator[list[Row]]]:
    """The same pages, the next one being fetched while this one is used."""

    async def fetch() -> list[Row] | None:
        return await anext(pages, None)

    coming = asyncio.create_task(fetch())

    async def each() -> AsyncIterator[list[Row]]:
        nonlocal coming
        while (page := await coming) is not None:
            coming = asyncio.create_task(fetch())
            yield page

    try:
        yield each()
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await pages.aclose()
