"""Where a reader is in the change log, and what follows there: once for each engine.

In: an engine, a position.   Out: the next changes, each with the position that it leads to.
Called by reader.

On SQLite commits end in the order of `seq`, so a position is a number. On PostgreSQL they end in
any order, and a reader that remembered a number would miss what was committed late. There a
position is the snapshot of what was seen: what follows is what a newer snapshot sees and this one
did not, in the order of transactions, which for one record is the order of its changes, because
each write is serializable. Nobody waits for a transaction that stays open, in whatever database.

Whether a position lost something to trimming is decided by what was trimmed, not by what was open:
a snapshot names the open transactions of every database of the server, and few of them are ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, NewType, Protocol

from ..engines import Ask, Engine, Row
from ..query import Operation
from ..store.steps import Steps

Position = NewType("Position", str)


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """One change of one record, as its reader may see it.

    `before` is null in a create, `after` in a delete. Secret fields stand in neither.
    """

    tx: str
    collection: str
    key: str
    operation: Operation
    version: int
    actor: str
    request: str
    time: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes were trimmed before the reader came to them: what it built from the log has to be
    built anew from the records. The changes that follow are those still kept from `position` on."""

    position: Position


class LogPlace(NamedTuple):
    """Where a change stands: `order` is what the log is sorted and trimmed by, the same for all of
    a transaction on PostgreSQL; `seq` is its own."""

    order: int
    seq: int


class Logged(NamedTuple):
    """A change, where it stands, and the position of who has done it."""

    position: Position
    place: LogPlace
    change: LoggedChange


LEAST = -(2**63)
"""Before every place: those of changes that were copied are below zero, see `moved`."""

LogPage = tuple[Gap | None, list[Logged]]


class Pages(Protocol):
    """The log of one engine."""

    async def read(self, engine: Engine, after: Position, limit: int) -> LogPage:
        """The changes after a position."""
        ...

    def end(self) -> Steps[Position]:
        """The position of who has seen everything."""
        ...

    def beginning(self) -> Steps[Position]:
        """The position of who has seen nothing that is still kept."""
        ...


_COLUMNS = "tx,collection,key,operation,version,actor,request,time,before,after"
TRIMMED = Ask("select trimmed from _log where id=1")


def lost_one_of(transactions: Sequence[int]) -> Ask:
    """On PostgreSQL: whether one of these transactions is trimmed."""
    return Ask("select 1 from _trimmed where xids && ?1::int8[] limit 1", (transactions,))


class BySequence:
    """SQLite: a position is the number of the last change that was seen."""

    _page = f"select seq,seq,{_COLUMNS} from _changes where seq>?1 order by seq limit ?2"
    _end = Ask("select coalesce(max(seq),0) from sqlite_sequence where name='_changes'")

    async def read(self, engine: Engine, after: Position, limit: int) -> LogPage:
        asks = [TRIMMED, Ask(self._page, (int(after), limit))]
        trimmed, rows = await engine.fetch_together(asks)
        floor = trimmed[0][0] if trimmed else 0
        gap = Gap(Position(str(floor))) if int(after) < floor else None
        return gap, [Logged(Position(str(row[1])), *_change(row)) for row in rows]

    def end(self) -> Steps[Position]:
        return Position(str((yield self._end)[0][0]))

    def beginning(self) -> Steps[Position]:
        rows = yield TRIMMED
        return Position(str(rows[0][0] if rows else 0))


class Snapshot(NamedTuple):
    """What PostgreSQL calls a `pg_snapshot`: transactions below `top` had ended, but for `open`."""

    top: int
    open: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """`least:top:open,open`, as the database writes it."""
        _, top, still = text.split(":")
        return cls(int(top), tuple(int(one) for one in still.split(",") if one))

    @classmethod
    def of_all_until(cls, order: int) -> Snapshot:
        """What has seen this transaction and all before it, and nothing after."""
        return cls(order + 1, ())

    @property
    def text(self) -> str:
        """As the database writes it."""
        least = min(self.open, default=self.top)
        return f"{least}:{self.top}:{','.join(map(str, self.open))}"

    def sees(self, order: int) -> bool:
        """Whether it has seen this transaction."""
        return order < self.top and order not in self.open


class Window(NamedTuple):
    """What a newer snapshot sees and the one of a position did not, from the change `next` on."""

    newer: Snapshot
    next: LogPlace


class BySnapshot:
    """PostgreSQL: a position is `seen`, or `seen|newer|order|seq`: in the middle of what the newer
    snapshot sees and the seen one did not, before the change at (order, seq)."""

    _now = Ask("select pg_current_snapshot()::text")
    _new = (
        "xid<?4 and xid<>all(?5::int8[]) and (xid,seq)>=(?6::int8,?7::int8) order by xid,seq "
        "limit ?3::int8"
    )
    # WHY-NOT one condition with `or`: it would sort all that follows for each page
    _page = (
        f"select xid,seq,{_COLUMNS} from ("
        f"(select * from _changes where xid=any(?2::int8[]) and {_new}) union all "
        f"(select * from _changes where xid>=?1::int8 and {_new})) t order by xid,seq "
        "limit ?3::int8"
    )

    async def read(self, engine: Engine, after: Position, limit: int) -> LogPage:
        seen_text, *middle = after.split("|")
        seen = Snapshot.parse(seen_text)
        if middle:
            window = Window(Snapshot.parse(middle[0]), LogPlace(int(middle[1]), int(middle[2])))
        else:
            now = (await engine.fetch_together([self._now]))[0][0][0]
            window = Window(Snapshot.parse(now), LogPlace(LEAST, 0))
        newer = window.newer
        # one row more than asked for: the next one, which the last position names
        params = (seen.top, seen.open, limit + 1, newer.top, newer.open, *window.next)
        asks = [TRIMMED, lost_one_of(seen.open), Ask(self._page, params)]
        trimmed, lost, rows = await engine.fetch_together(asks)
        floor = trimmed[0][0] if trimmed else 0
        # what was trimmed last is a change: a snapshot that ends before it did not see it
        missed = window.next.order <= floor if middle else bool(lost) or seen.top <= floor
        gap = Gap(Position(Snapshot.of_all_until(floor).text)) if missed else None
        found = [_change(row) for row in rows]
        logged = []
        for (place, change), (following, _) in pairwise(found):
            position = f"{seen.text}|{newer.text}|{following.order}|{following.seq}"
            logged.append(Logged(Position(position), place, change))
        if 0 < len(found) <= limit:
            logged.append(Logged(Position(newer.text), *found[-1]))
        return gap, logged

    def end(self) -> Steps[Position]:
        return Position((yield self._now)[0][0])

    def beginning(self) -> Steps[Position]:
        rows = yield TRIMMED
        return Position(Snapshot.of_all_until(rows[0][0] if rows else 0).text)


def pages_of(engine: Engine) -> Pages:
    """The log of an engine."""
    return BySequence() if engine.name == "sqlite" else BySnapshot()


def _change(row: Row) -> tuple[LogPlace, LoggedChange]:
    order, seq, tx, collection, key, operation, version, actor, request, time, before, after = row
    change = LoggedChange(
        tx, collection, key, operation, version, actor, request, time,
        _decoded(before), _decoded(after),
    )  # fmt: skip
    return LogPlace(order, seq), change


def _decoded(text: str | None) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = None if text is None else json.loads(text)
    return found
