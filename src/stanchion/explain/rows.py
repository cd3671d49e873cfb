"""The records that a rule reaches, as they are now.

In: an engine and the schema.   Out: `Loaded`, which stands for the whole database.
They are fetched as the evaluator asks for them (`expr/reach`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..engines import Engine
from ..expr.evaluate import Values
from ..expr.reach import Reached, TooFar
from ..schema import Collection, Schema
from ..sql.dialect import Dialect, quoted

MOST_CHILDREN = 1_000


class Loaded(Reached):
    """The records of a database, and those of a write that was taken back."""

    most_fetches = 200

    def __init__(self, schema: Schema, engine: Engine, dialect: Dialect) -> None:
        super().__init__(schema)
        self._engine = engine
        self._dialect = dialect
        self._written: dict[str, dict[Any, Values]] = {}

    def many(self, collection: str, field: str, key: Any) -> Iterable[Values]:
        stored = super().many(collection, field, key)
        written = self._written.get(collection)
        if not written:
            return stored
        own = self._schema.collection[collection].key[0]
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

    async def record(self, collection: str, key: Any) -> Values | None:
        """The record with this key."""
        return await self.settle(lambda: self.one(collection, key))

    async def _load(self, collection: str, field: str, key: Any) -> list[Values]:
        found = self._schema.collection[collection]
        kind = found.field[field].type
        columns = ",".join(quoted(f.name) for f in found.fields)
        mark = f"{self._dialect.placeholder}1{self._dialect.cast(kind)}"
        rows = await self._engine.fetch(
            f"select {columns} from {quoted(collection)} where {quoted(field)}={mark} "
            f"limit {MOST_CHILDREN + 1}",
            (self._dialect.raw(kind, key),),
        )
        if len(rows) > MOST_CHILDREN:
            raise TooFar(f"a rule reaches more than {MOST_CHILDREN} {collection}")
        raw = [dict(zip((f.name for f in found.fields), row, strict=True)) for row in rows]
        return [self.values(found, row) for row in raw]

    def values(self, collection: Collection, raw: Mapping[str, Any]) -> Values:
        """Raw columns as values."""
        return {f.name: self._dialect.value(f.type, raw[f.name]) for f in collection.fields}
