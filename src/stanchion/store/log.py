"""Read the change log: named readers, each with a position that outlives every process.

In: an engine and a reader's name.   Out: changes, each at least once, in order per record.
Refuses: nothing. What was trimmed before a reader came to it is told as a `Gap`.

A position is opaque: it says what was seen, not which row is next. On SQLite, whose commits are in
sequence order, it is a sequence; where commits finish out of order it has to be a snapshot.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NewType

from .. import clock
from ..engines import Ask, Engine, Row
from ..errors import StanchionError
from ..query import Operation
from .steps import Steps

Position = NewType("Position", str)
START = Position("0")

BATCH = 200
"""Changes that are read, and forgotten by a crash, at once."""

WAIT_S = 60.0

_PAGE = (
    "select seq,tx,collection,key,operation,version,actor,request,time,before,after "
    "from _changes where seq>?1 order by seq limit ?2"
)
_TRIMMED = "select trimmed from _log where id=1"
_END = "select coalesce(max(seq),0) from sqlite_sequence where name='_changes'"


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


Sight = Callable[[LoggedChange], Awaitable[LoggedChange | None]]


class ReaderMoved(StanchionError):
    """Two readers of one name ran at once, and the other has gone on: this one has to stop."""

    def __init__(self, name: str) -> None:
        super().__init__(f"another reader of the change log named {name!r} has gone on")


async def read_log(
    engine: Engine, after: Position, limit: int
) -> tuple[Gap | None, list[tuple[Position, LoggedChange]]]:
    """The changes after a position, each with the position that it leads to."""
    trimmed, rows = await engine.fetch_together([Ask(_TRIMMED), Ask(_PAGE, (int(after), limit))])
    floor = trimmed[0][0] if trimmed else 0
    gap = Gap(Position(str(floor))) if int(after) < floor else None
    return gap, [(Position(str(row[0])), _change(row)) for row in rows]


def _change(row: Row) -> LoggedChange:
    tx, collection, key, operation, version, actor, request, time, before, after = row[1:]
    return LoggedChange(
        tx, collection, key, operation, version, actor, request, time,
        _decoded(before), _decoded(after),
    )  # fmt: skip


def _decoded(text: str | None) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = None if text is None else json.loads(text)
    return found


class LogReader:
    """An endless iterator over the log for one name; waits where nothing follows.

    A change counts as done when the next one is asked for; after a crash the last ones that were
    done may come again. One at a time may use a name; a second is told `ReaderMoved`.
    """

    def __init__(self, engine: Engine, name: str, see: Sight, *, from_start: bool = False) -> None:
        self.name = name
        self._engine = engine
        self._see = see
        self._from_start = from_start
        self._stored: Position | None = None
        self._done = START
        self._next: deque[tuple[Position, LoggedChange | Gap]] = deque()
        self._handed: Position | None = None

    def __aiter__(self) -> LogReader:
        return self

    async def __anext__(self) -> LoggedChange | Gap:
        if self._handed is not None:
            self._done, self._handed = self._handed, None
        while True:
            while self._next:
                position, item = self._next.popleft()
                seen = item if isinstance(item, Gap) else await self._see(item)
                if seen is not None:
                    self._handed = position
                    return seen
                self._done = position
            await self.commit()
            await self._fill()

    async def commit(self) -> None:
        """Store what is done; also happens by itself before each batch."""
        if self._stored is None or self._stored == self._done:
            return
        stored, done = self._stored, self._done

        def move() -> Steps[list[Row]]:
            return (
                yield Ask(
                    "update _readers set position=?3,time=?4 where name=?1 and position=?2 "
                    "returning 1",
                    (self.name, stored, done, clock.now_text()),
                )
            )

        if not await self._engine.write(move):
            raise ReaderMoved(self.name)
        self._stored = done

    async def _fill(self) -> None:
        """Read a batch; wait for one if there is none yet."""
        if self._stored is None:
            self._stored = self._done = await self._engine.write(self._join)
        mark = await self._engine.mark()
        gap, changes = await read_log(self._engine, self._done, BATCH)
        if gap is not None:
            self._next.append((gap.position, gap))
        self._next += changes
        if not self._next:
            await self._engine.wait_for_commit(mark, WAIT_S)

    def _join(self) -> Steps[Position]:
        """The stored position; a new name starts where the log ends, or with all that is kept."""
        rows = yield Ask("select position from _readers where name=?1", (self.name,))
        if rows:
            return Position(rows[0][0])
        found = yield Ask(_TRIMMED if self._from_start else _END)
        position = Position(str(found[0][0])) if found else START
        yield Ask(
            "insert into _readers (name,position,time) values (?1,?2,?3)",
            (self.name, position, clock.now_text()),
        )
        return position
