"""The records that a rule reaches, for the evaluator: loaded as it asks for them.

In: an engine and the schema.   Out: `Loaded`, which stands for the whole database.
The evaluator does no I/O. Where it needs a record that is not here yet it is stopped, the record
is fetched, and it starts again; the fetches of one rule are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from ..engines import Engine
from ..expr.evaluate import Values
from ..schema import Collection, Schema
from ..sql.dialect import POSTGRES, SQLITE, quoted

T = TypeVar("T")
MOST_FETCHES = 200
MOST_CHILDREN = 1_000


class _Missing(Exception):
    """The evaluator needs these records: those of `collection` whose `field` holds `key`."""

    def __init__(self, collection: str, field: str, key: Any) -> None:
        super().__init__(collection, field)
        self.what = (collection, field, key)


class TooMany(Exception):
    """A rule reaches more records than an explanation looks at."""


class Loaded:
    """`evaluate.World` over a database. Rules see everything, so every record is readable."""

    def __init__(self, schema: Schema, engine: Engine) -> None:
        self.schema = schema
        self.engine = engine
        self.dialect = SQLITE if engine.name == "sqlite" else POSTGRES
        self._found: dict[tuple[str, str, Any], list[Values]] = {}
        self._written: dict[str, dict[Any, Values]] = {}

    def one(self, collection: str, key: Any) -> Values | None:
        rows = list(self.many(collection, self.schema.collection[collection].key[0], key))
        return rows[0] if rows else None

    def many(self, collection: str, field: str, key: Any) -> Iterable[Values]:
        stored = self._held(collection, field, key)
        written = self._written.get(collection)
        if not written:
            return stored
        own = self.schema.collection[collection].key[0]
        left = [row for row in stored if row[own] not in written]
        return [*left, *(row for row in written.values() if row[field] == key)]

    @contextmanager
    def with_written(self, collection: Collection, rows: Iterable[Values]) -> Iterator[None]:
        """Inside the block these rows of a write, which was taken back, are there as well."""
        self._written[collection.name] = {row[collection.key[0]]: row for row in rows}
        try:
            yield
        finally:
            del self._written[collection.name]

    def readable(self, collection: str, row: Values) -> bool:
        return True

    def field_readable(self, collection: str, field: str, row: Values) -> bool:
        return True

    def _held(self, *what: Any) -> list[Values]:
        if what not in self._found:
            raise _Missing(*what)
        return self._found[what]

    async def record(self, collection: str, key: Any) -> Values | None:
        """The record with this key."""
        return await self.settle(lambda: self.one(collection, key))

    async def settle(self, work: Callable[[], T]) -> T:
        """What `work` comes to, with every record that it asks for; raises `TooMany`."""
        for _ in range(MOST_FETCHES):
            try:
                return work()
            except _Missing as missing:
                await self._load(*missing.what)
        raise TooMany

    async def _load(self, collection: str, field: str, key: Any) -> None:
        found = self.schema.collection[collection]
        kind = found.field[field].type
        columns = ",".join(quoted(f.name) for f in found.fields)
        mark = f"{self.dialect.placeholder}1{self.dialect.cast(kind)}"
        rows = await self.engine.fetch(
            f"select {columns} from {quoted(collection)} where {quoted(field)}={mark} "
            f"limit {MOST_CHILDREN + 1}",
            (self.dialect.raw(kind, key),),
        )
        if len(rows) > MOST_CHILDREN:
            raise TooMany
        raw = [dict(zip((f.name for f in found.fields), row, strict=True)) for row in rows]
        self._found[collection, field, key] = [self.values(found, row) for row in raw]

    def values(self, collection: Collection, raw: Mapping[str, Any]) -> Values:
        """Raw columns as values."""
        return {f.name: self.dialect.value(f.type, raw[f.name]) for f in collection.fields}
