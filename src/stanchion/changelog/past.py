"""The records as they were at a place of the change log, for the evaluator.

In: an engine, and a change.   Out: `Past`: the whole database before its transaction, or after it.
Refuses: a place whose changes were trimmed (`Trimmed`), a record that the types of today cannot
read (`Unreadable`), and rules that reach further than anybody should wait for (`TooFar`).

A record was what the first change after the place found before it; without such a change it is what
it is now. It is fetched as the evaluator asks for it (`expr/reach`); what was does not change
between two fetches.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..engines import Ask, Engine
from ..expr.evaluate import Values
from ..expr.reach import Reached, TooFar
from ..schema import Collection, Schema
from ..sql.dialect import Dialect
from ..types import WireError
from .pages import TRIMMED, LogPlace

Side = Literal["before", "after"]
SelectKept = Callable[[Collection, str], str]
MOST_CHILDREN = 100_000


@dataclass(frozen=True, slots=True)
class _Words:
    """What is asked of the log, on one engine. `before` and `after` find the place on that side of
    a transaction; None where a change itself says it."""

    before: str | None
    after: str | None
    several: str
    one: str
    many: str


_BEFORE = (
    "select coalesce((select seq from _changes where seq<?1 and tx<>?2 order by seq desc limit 1),"
    "(select trimmed from _log where id=1),0)"
)
_AFTER = (
    "select coalesce((select seq-1 from _changes where seq>?1 and tx<>?2 order by seq limit 1),"
    "(select max(seq) from _changes))"
)


def _several(which: str) -> str:
    return (
        "select f.collection,f.key,t.last,f.before from (select min(seq) as first,max(seq) as last "
        f"from _changes where {which} group by collection,key having count(*)>1) t "
        "join _changes f on f.seq=t.first"
    )


_WORDS = {
    "sqlite": _Words(
        _BEFORE,
        _AFTER,
        _several(f"seq>({_BEFORE}) and seq<=({_AFTER})"),
        "select before from _changes where seq>?1 and collection=?2 and key=?3 "
        "order by seq limit 1",
        "select before from (select before,min(seq) from _changes where seq>?1 and collection=?2 "
        f"group by key) where before->>?4=?3 limit {MOST_CHILDREN + 1}",
    ),
    "postgresql": _Words(
        None,
        None,
        _several("xid=?1 and tx=?2"),
        "select before from _changes where xid>?1 and collection=?2 and key=?3 "
        "order by xid,seq limit 1",
        "select before from (select distinct on (key) before from _changes where xid>?1 and "
        "collection=?2 order by key,xid,seq) t where before::json->>?4=?3 "
        f"limit {MOST_CHILDREN + 1}",
    ),
}


class Trimmed(Exception):
    """What is asked of the past was trimmed meanwhile."""


class Unreadable(Exception):
    """A row of the log does not fit the types of today, so no rule can be judged on it."""


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


async def find_several(engine: Engine, at: LogPlace, tx: str) -> dict[tuple[str, str], Whole]:
    """What the transaction of a change changed several times, by collection and key."""
    several = Ask(_WORDS[engine.name].several, (at.order, tx))
    trimmed, rows = await engine.fetch_together([TRIMMED, several])
    if trimmed and trimmed[0][0] >= at.order:
        raise Trimmed
    return {
        (collection, key): Whole(last, None if before is None else json.loads(before))
        for collection, key, last, before in rows
    }


class Past(Reached):
    """The records before or after the transaction of the change at this place.

    `select` makes the statement of the records of today by one field of a collection, see
    `sql.write.select_kept`.
    """

    most_fetches = 10_000

    def __init__(
        self, schema: Schema, engine: Engine, dialect: Dialect, select: SelectKept,
        at: LogPlace, tx: str, side: Side,
    ) -> None:  # fmt: skip
        super().__init__(schema)
        self._engine = engine
        self._dialect = dialect
        self._select = select
        self._at = at
        self._tx = tx
        self._words = _WORDS[engine.name]
        self._side = side
        self._place: int | None = None

    async def _load(self, collection: str, field: str, key: Any) -> list[Values]:
        found = self._schema.collection[collection]
        kind = found.field[field].type
        place, one = await self._find_place(), field == found.key[0]
        wanted = (place, collection, kind.wire(key))
        then = Ask(self._words.one, wanted) if one else Ask(self._words.many, (*wanted, field))
        since = () if one else (place, collection)
        now = Ask(self._select(found, field), (self._dialect.raw(kind, key), *since))
        trimmed, rows, others = await self._engine.fetch_together([TRIMMED, then, now])
        if trimmed and trimmed[0][0] > place:
            raise Trimmed
        if not (one and rows):
            rows = [*rows, *others]
        if len(rows) > MOST_CHILDREN:
            raise TooFar(f"a rule reaches more than {MOST_CHILDREN} {collection}")
        return [values_of(found, json.loads(row[0])) for row in rows if row[0] is not None]

    async def _find_place(self) -> int:
        """The last change of the world that is asked for; its neighbours must be there still."""
        if self._place is None:
            text = self._words.before if self._side == "before" else self._words.after
            asks = [TRIMMED] + ([] if text is None else [Ask(text, (self._at.order, self._tx))])
            trimmed, *found = await self._engine.fetch_together(asks)
            if trimmed and trimmed[0][0] >= self._at.order:
                raise Trimmed
            whole = self._at.order - (self._side == "before")
            self._place = found[0][0][0] if found else whole
        return self._place
