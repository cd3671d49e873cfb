"""The records as they were at a place of the change log, for the evaluator.

In: an engine, and a change.   Out: `Past`: the whole database before its transaction, or after it.
Refuses: a place whose changes were trimmed (`Trimmed`), a record that the types of today cannot
read (`Unreadable`), and rules that reach further than anybody should wait for.

A record was what the first change after the place found before it; without such a change it is what
it is now. The evaluator does no I/O: where it needs records that are not here yet it is stopped,
they are fetched, and it starts again. What was does not change between two fetches.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ..engines import Ask, Engine
from ..errors import StanchionError
from ..expr.evaluate import Values
from ..schema import Collection, Schema
from ..sql.dialect import Dialect
from ..types import WireError

T = TypeVar("T")
Side = Literal["before", "after"]
SelectKept = Callable[[Collection, str], str]
MOST_FETCHES = 10_000
MOST_CHILDREN = 100_000

_TRIMMED = "select trimmed from _log where id=1"
_BEFORE_TX = (
    "select coalesce((select seq from _changes where seq<?1 and tx<>?2 order by seq desc limit 1),"
    "(select trimmed from _log where id=1),0)"
)
_AFTER_TX = (
    "select coalesce((select seq-1 from _changes where seq>?1 and tx<>?2 order by seq limit 1),"
    "(select max(seq) from _changes))"
)
_SEVERAL = (
    "select f.collection,f.key,t.last,f.before from (select min(seq) as first,max(seq) as last "
    f"from _changes where seq>({_BEFORE_TX}) and seq<=({_AFTER_TX}) "
    "group by collection,key having count(*)>1) t join _changes f on f.seq=t.first"
)
_ONE = "select before from _changes where seq>?1 and collection=?2 and key=?3 order by seq limit 1"
_MANY = (
    "select before from (select before,min(seq) from _changes where seq>?1 and collection=?2 "
    f"group by key) where before->>?4=?3 limit {MOST_CHILDREN + 1}"
)


class Trimmed(Exception):
    """What is asked of the past was trimmed meanwhile."""


class Unreadable(Exception):
    """A row of the log does not fit the types of today, so no rule can be judged on it."""


class _Missing(Exception):
    """The evaluator needs these records: those of `collection` whose `field` holds `key`."""

    def __init__(self, collection: str, field: str, key: Any) -> None:
        super().__init__(collection, field)
        self.what = (collection, field, key)


def values_of(collection: Collection, row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a logged row; raises `Unreadable`."""
    try:
        return {
            f.name: None if row.get(f.name) is None else f.type.parse(row[f.name])
            for f in collection.fields
        }
    except WireError as error:
        raise Unreadable(collection.name) from error


@dataclass(frozen=True, slots=True)
class Whole:
    """What a transaction that changed a record several times did to it: where it did so last, and
    what the record was before it."""

    last: int
    before: Mapping[str, Any] | None


async def find_several(engine: Engine, seq: int, tx: str) -> dict[tuple[str, str], Whole]:
    """What the transaction of a change changed several times, by collection and key."""
    trimmed, rows = await engine.fetch_together([Ask(_TRIMMED), Ask(_SEVERAL, (seq, tx))])
    if trimmed and trimmed[0][0] >= seq:
        raise Trimmed
    return {
        (collection, key): Whole(last, None if before is None else json.loads(before))
        for collection, key, last, before in rows
    }


class Past:
    """`evaluate.World` before or after the transaction of the change with this sequence number.

    Rules see everything, so every record is readable. `select` makes the statement of the
    records of today by one field of a collection, see `sql.write.select_kept`.
    """

    def __init__(
        self, schema: Schema, engine: Engine, dialect: Dialect, select: SelectKept,
        seq: int, tx: str, side: Side,
    ) -> None:  # fmt: skip
        self._schema = schema
        self._engine = engine
        self._dialect = dialect
        self._select = select
        self._change = (seq, tx)
        self._side = side
        self._place: int | None = None
        self._found: dict[tuple[str, str, Any], list[Values]] = {}

    def one(self, collection: str, key: Any) -> Values | None:
        rows = self._held(collection, self._schema.collection[collection].key[0], key)
        return rows[0] if rows else None

    def many(self, collection: str, field: str, key: Any) -> Iterable[Values]:
        return self._held(collection, field, key)

    def readable(self, collection: str, row: Values) -> bool:
        return True

    def field_readable(self, collection: str, field: str, row: Values) -> bool:
        return True

    def _held(self, *what: Any) -> list[Values]:
        if what not in self._found:
            raise _Missing(*what)
        return self._found[what]

    async def settle(self, work: Callable[[], T]) -> T:
        """What `work` comes to, with every record that it asks for."""
        for _ in range(MOST_FETCHES):
            try:
                return work()
            except _Missing as missing:
                await self._load(*missing.what)
        raise StanchionError(f"a read rule reaches more than {MOST_FETCHES} records of the past")

    async def _load(self, collection: str, field: str, key: Any) -> None:
        found = self._schema.collection[collection]
        kind = found.field[field].type
        place, one = await self._find_place(), field == found.key[0]
        wanted = (place, collection, kind.wire(key))
        then = Ask(_ONE, wanted) if one else Ask(_MANY, (*wanted, field))
        since = () if one else (place, collection)
        now = Ask(self._select(found, field), (self._dialect.raw(kind, key), *since))
        trimmed, rows, others = await self._engine.fetch_together([Ask(_TRIMMED), then, now])
        if trimmed and trimmed[0][0] > place:
            raise Trimmed
        if not (one and rows):
            rows = [*rows, *others]
        if len(rows) > MOST_CHILDREN:
            raise StanchionError(f"a read rule reaches more than {MOST_CHILDREN} {collection}")
        self._found[collection, field, key] = [
            values_of(found, json.loads(row[0])) for row in rows if row[0] is not None
        ]

    async def _find_place(self) -> int:
        """The last change of the world that is asked for; its neighbours must be there still."""
        if self._place is None:
            text = _BEFORE_TX if self._side == "before" else _AFTER_TX
            asks = [Ask(_TRIMMED), Ask(text, self._change)]
            trimmed, found = await self._engine.fetch_together(asks)
            if trimmed and trimmed[0][0] >= self._change[0]:
                raise Trimmed
            self._place = found[0][0]
        return self._place
