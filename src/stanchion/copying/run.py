"""A copy from its beginning to its end.

In: two connections, and whom to tell how far it is.   Out: a `CopyReport`.
Refuses: see `copying`. A copy that ended early is gone on with by another one of the same two.

The order: tables without indexes; rows; our own tables; indexes and words to search for;
references; then every table of the target is read again and compared. Only the last transaction
makes the target a database of ours, so that nobody can serve what is not complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..engines.base import COPYING
from ..engines.bulk import Bulk
from ..migrate.apply import TABLES
from ..schema import Collection, Schema
from ..search import indexed_text
from ..sql import copy, ddl, own
from ..sql.dialect import dialect_of
from .digest import Digest
from .pieces import RowCopy, ahead
from .rest import copy_rest, read_log
from .stored import CopyRefused, read_schema

LOG = "_changes"


@dataclass(frozen=True, slots=True)
class CopyStep:
    """How far a copy is: `done` of `total` rows of a table in this step."""

    doing: str
    table: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What was copied: by name of the table (`_changes` is the log), the digest that the source and
    the target have; `went_on`: an earlier copy had begun it."""

    tables: dict[str, Digest]
    went_on: bool
    readers: tuple[str, ...]
    gaps: tuple[str, ...]
    later: int
    """Changes that the source took meanwhile: they are not in the copy."""


class Copying:
    """See the module."""

    def __init__(self, source: Bulk, target: Bulk, tell: Callable[[CopyStep], None]) -> None:
        self._source = source
        self._target = target
        self._dialect = dialect_of(target.name)
        self._tell = tell

    @staticmethod
    async def check_source(source: Bulk) -> None:
        """Refuse what is no database of ours; the target need not be there yet."""
        await _stored(source)

    async def run(self) -> CopyReport:
        """Copy; raises `CopyRefused`."""
        stored = await _stored(self._source)
        schema = read_schema(stored[0], stored[1])
        went_on = await self._begin(schema, stored[0])
        counts = {c.name: await _count(self._source, c.name) for c in schema.collections}
        counts[LOG] = await _count(self._source, LOG)
        found: dict[str, Digest] = {}
        rows: dict[str, RowCopy] = {}
        for collection in schema.collections:
            name = collection.name
            tell = self._counter("copy", name, counts[name])
            found[name] = await RowCopy(self._source, self._target, collection, tell).run()
            check = self._counter("check", name, found[name].rows)
            rows[name] = RowCopy(self._source, self._target, collection, check)
        log = await copy_rest(self._source, self._target, self._counter("copy", LOG, counts[LOG]))
        found[LOG] = log.digest
        await self._finish(schema)
        await self._compare(found, rows)
        await self._end(stored)
        return CopyReport(found, went_on, log.readers, log.gaps, await self._count_later())

    async def _begin(self, schema: Schema, fingerprint: str) -> bool:
        """Make the tables, or find those of a copy that ended early; whether it is the latter."""
        tables = {row[0] for row in await self._target.fetch(TABLES[self._target.name])}
        if COPYING in tables:
            if await self._target.fetch(copy.BEGUN) != [(fingerprint,)]:
                raise CopyRefused(
                    "copy.other",
                    "the target holds the beginning of another copy: the schema of the source was "
                    "another one then",
                    "empty the target (delete the file, or drop and create the database), then "
                    "run this again",
                )
            await self._unfinish(schema)
            return True
        if tables:
            listed = ", ".join(sorted(tables)[:3]) + (", …" if len(tables) > 3 else "")
            raise CopyRefused(
                "copy.not_empty",
                f"the target is not empty (its tables: {listed}); nothing was changed in it",
                "name a file that is not there yet, or a database that was just created",
            )
        await self._run_all(
            [
                *copy.PROGRESS,
                *(ddl.create_table(c, self._dialect) for c in schema.collections),
            ],
            (copy.BEGIN, (fingerprint,)),
        )
        return False

    async def _unfinish(self, schema: Schema) -> None:
        """Take away what comes after the rows."""
        statements = []
        if self._dialect.references_apart:
            for table, name in await self._target.fetch(copy.REFERENCES):
                statements.append(copy.drop_reference(table, name))
        for collection in schema.collections:
            statements += copy.unfinish(collection, self._dialect)
        await self._run_all(statements)

    async def _finish(self, schema: Schema) -> None:
        """Indexes, words, references."""
        for collection in schema.collections:
            self._tell(CopyStep("index", collection.name, 0, 0))
            await self._run_all(copy.finish(collection, self._dialect))
            if collection.search_fields and not self._dialect.search_in_row:
                await self._index_words(collection)
        if self._dialect.references_apart:
            for collection in schema.collections:
                await self._run_all(ddl.add_references(collection))
        else:
            broken = await self._target.fetch(copy.BROKEN_REFERENCES)
            if broken:
                raise CopyRefused(
                    "copy.references",
                    f"{broken[0][1]} of the references of {broken[0][0]} lead nowhere, as in the "
                    "source",
                    "give them a target or null in the source, then run this again",
                )

    async def _index_words(self, collection: Collection) -> None:
        """Fill the search index of SQLite. It is read from one transaction's cursor while it is
        written by others of the same connection, which SQLite allows: other tables change."""
        insert = copy.insert_words(collection)
        await self._target.begin()
        async with ahead(self._target.stream(copy.select_texts(collection))) as pages:
            async for rows in pages:
                words = [(row[0], *map(indexed_text, row[1:])) for row in rows]
                await self._target.fill(insert, words)
        await self._target.commit()

    async def _compare(self, found: dict[str, Digest], rows: dict[str, RowCopy]) -> None:
        """Read the target again; what differs is forgotten, so that another run copies it anew."""
        different = []
        for name, digest in found.items():
            if name == LOG:
                now = await read_log(self._target, self._counter("check", LOG, digest.rows))
            else:
                now = await rows[name].read_target()
            if now != digest:
                different.append(f"{name} ({now.rows:,} of {digest.rows:,} rows, {now.text})")
                if name in rows:
                    await rows[name].forget()
        if different:
            raise CopyRefused(
                "copy.differs",
                f"what the target holds differs from the source: {'; '.join(different)}",
                "run this again: it copies these anew; if it says so again, the disk or the "
                "server of the target is not to be trusted",
            )

    async def _end(self, stored: tuple[str, str, str]) -> None:
        """From here on the target is a database of ours."""
        schema_table = own.SCHEMA.create(self._dialect)
        await self._run_all([*copy.END, *schema_table], (copy.APPLIED, stored))
        for statement in self._dialect.after_filling:
            await self._target.fetch(statement)

    async def _count_later(self) -> int:
        """Leave the source's snapshot, and look what came after it."""
        mark = (await self._source.fetch(copy.MARK[self._source.name]))[0]
        await self._source.rollback()
        later: int = (await self._source.fetch(copy.SINCE[self._source.name], mark))[0][0]
        return later

    async def _run_all(
        self, statements: Iterable[str], last: tuple[str, tuple[str, ...]] | None = None
    ) -> None:
        """Statements, all or none of them."""
        await self._target.begin()
        for statement in statements:
            await self._target.fetch(statement)
        if last is not None:
            await self._target.fetch(*last)
        await self._target.commit()

    def _counter(self, doing: str, table: str, total: int) -> Callable[[int], None]:
        done = 0

        def count(more: int) -> None:
            nonlocal done
            done += more
            self._tell(CopyStep(doing, table, done, max(done, total)))

        count(0)
        return count


async def _stored(source: Bulk) -> tuple[str, str, str]:
    tables = {row[0] for row in await source.fetch(TABLES[source.name])}
    if COPYING in tables:
        raise CopyRefused(
            "copy.unfinished",
            "the source is itself a copy that is not complete",
            "finish that copy first",
        )
    rows = await source.fetch(copy.SCHEMA) if "_schema" in tables else []
    if not rows:
        raise CopyRefused(
            "copy.not_ours",
            "the source is no database of Stanchion",
            "the first address is the source, the second the target",
        )
    fingerprint, schema, applied = rows[0]
    return fingerprint, schema, applied


async def _count(bulk: Bulk, table: str) -> int:
    number: int = (await bulk.fetch(copy.count_rows(table)))[0][0]
    return number
