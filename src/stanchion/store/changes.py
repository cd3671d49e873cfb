"""The change log: one row for each change, in the transaction of the change itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import clock
from ..engines import Ask
from ..events import Audited
from ..query import Operation

_APPEND = (
    "insert into _changes (tx,collection,key,operation,version,actor,request,time,before,after) "
    "values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
)

_LAST_VERSION = (
    "select max(v) from (select coalesce(max(version),0) as v from _changes "
    "where collection=?1 and key=?2 and operation='delete' "
    "union all select version from _versions where collection=?1) t"
)
_FORGET = (
    # NOTE: `||''` keeps SQLite from the index of deletes, which it would read from end to end
    "insert into _versions (collection,version) select collection,max(version) "
    "from _changes where {0}>?1 and {0}<=?2 and operation||''='delete' group by collection "
    "on conflict (collection) do update set version=excluded.version "
    "where excluded.version>_versions.version"
)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the changes of one transaction share: who, in which request, when.

    `time` is the wire form of a moment; every record written then is created or updated at it.
    `audited` gathers what to tell the log of once all of it is committed.
    """

    tx: str
    actor: str
    request: str
    time: str
    audited: list[Audited] = field(default_factory=list, compare=False)

    @classmethod
    def now(cls, actor: str, request: str) -> Occasion:
        """An occasion at this moment."""
        return cls(clock.uuid7(), actor, request, clock.now_text())


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one record; `before` and `after` are JSON texts without secret fields."""

    collection: str
    key: str
    operation: Operation
    version: int
    before: str | None
    after: str | None


def append(change: Change, occasion: Occasion) -> Ask:
    """The statement that writes a change down."""
    return Ask(
        _APPEND,
        (
            occasion.tx, change.collection, change.key, change.operation, change.version,
            occasion.actor, occasion.request, occasion.time, change.before, change.after,
        ),
    )  # fmt: skip


def last_version(collection: str, key: str) -> Ask:
    """The statement that finds the version after which a record of this key starts: that of its
    last delete, or the greatest of its collection's deletes that the log holds no more."""
    return Ask(_LAST_VERSION, (collection, key))


def forget(order: str, after: int, until: int) -> Ask:
    """The statement to run before a stretch of the log is trimmed, for `last_version`; `order` is
    the column that says what the stretch is."""
    return Ask(_FORGET.format(order), (after, until))
