"""Read the change log: named readers, each with a position that outlives every process.

In: an engine and a reader's name.   Out: changes, each at least once, in order per record.
Refuses: nothing. What was trimmed before a reader came to it is told as a `Gap`.

A position is opaque: it says what was seen, not which row is next. On SQLite, whose commits are in
sequence order, it is a sequence; where commits finish out of order it has to be a snapshot. Why so:
docs/decisions/006-the-spine.md, "Reading the log".
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NewType, Self

from .. import clock
from ..engines import Ask, Engine, Row
from ..errors import StanchionError
from ..query import Operation
from ..store.steps import Steps

Position = NewType("Position", str)
START = Position("0")

BATCH = 200
"""Changes that are read at once, and done before a place is stored inside `async with`."""

STORE_S = 1.0
"""Seconds after which a place is stored inside `async with` however few changes were done."""

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


SeeChange = Callable[[int, LoggedChange], Awaitable[LoggedChange | None]]
"""What a reader may see of the change with this sequence number; raises `Overtaken`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a reader reads, and what it may see of it."""

    engine: Engine
    see: SeeChange


class Overtaken(Exception):
    """What a change has to be judged by was trimmed while it waited: there is a gap here."""


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

    A change is done when the next one is asked for, or when `done` says so; one that is at hand
    when the loop is left comes again. What is done is stored before the next change is handed out,
    so that a crash repeats one change at most. Inside `async with` it is stored when the block is
    left, before the reader waits, and each 200 changes or second: many times quicker, and a crash
    repeats what was done since. One at a time may use a name; a second is told `ReaderMoved`.
    """

    def __init__(
        self, name: str, source: Callable[[], Awaitable[Source]], *, from_start: bool = False
    ) -> None:
        self.name = name
        self._find_source = source
        self._source: Source | None = None
        self._from_start = from_start
        self._in_block = False
        self._done = START
        self._stored: Position | None = None
        self._stored_at = 0.0
        self._maybe: list[Position] = []
        self._next: deque[tuple[Position, LoggedChange | Gap]] = deque()
        self._handed: Position | None = None
        self._since = 0

    async def __aenter__(self) -> Self:
        await self._join()
        self._in_block = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._in_block = False
        await self.aclose()

    def __aiter__(self) -> Self:
        self._handed = None  # a loop that was left did not finish the change at hand
        return self

    async def __anext__(self) -> LoggedChange | Gap:
        self._finish()
        source = await self._join()
        while True:
            while self._next:
                position, item = self._next[0]
                try:
                    seen = item if isinstance(item, Gap) else await source.see(int(position), item)
                except Overtaken:
                    self._next.clear()
                    break
                if seen is not None:
                    if self._due():
                        await self._store()
                    self._handed = position
                    return seen
                self._next.popleft()
                self._done = position
            await self._store()
            await self._fill(source)

    async def done(self) -> None:
        """The change at hand is done: it is stored that this one, and all before it, need not come
        again. For a loop that is left after a change."""
        self._finish()
        await self._store()

    async def aclose(self) -> None:
        """Store what is done; the change at hand is not."""
        await self._store()

    def _finish(self) -> None:
        if self._handed is not None:
            self._done, self._handed = self._handed, None
            self._next.popleft()
            self._since += 1

    def _due(self) -> bool:
        """Whether what is done has to be stored before another change is handed out."""
        if not self._since:
            return False
        late = time.monotonic() - self._stored_at >= STORE_S
        return not self._in_block or late or self._since >= BATCH

    async def _store(self) -> None:
        """Move the stored place to what is done.

        NOTE: a wait that is cancelled, or fails, may have moved it all the same. So the places
        where it may be are kept until one move is known to have come through.
        """
        if self._source is None or self._stored is None or self._stored == self._done:
            return
        done = self._done
        places = json.dumps([self._stored, *self._maybe])
        self._maybe.append(done)

        def move() -> Steps[list[Row]]:
            return (
                yield Ask(
                    "update _readers set position=?3,time=?4 where name=?1 and position in "
                    "(select value from json_each(?2)) returning 1",
                    (self.name, places, done, clock.now_text()),
                )
            )

        if not await self._source.engine.write(move):
            raise ReaderMoved(self.name)
        self._stored, self._stored_at, self._since = done, time.monotonic(), 0
        self._maybe.clear()

    async def _fill(self, source: Source) -> None:
        """Read a batch; wait for one if there is none yet."""
        mark = await source.engine.mark()
        gap, changes = await read_log(source.engine, self._done, BATCH)
        if gap is not None:
            self._next.append((gap.position, gap))
        self._next += changes
        if not self._next:
            await source.engine.wait_for_commit(mark, WAIT_S)

    async def _join(self) -> Source:
        """Find the source and the place, once."""
        if self._source is None:
            self._source = await self._find_source()
        if self._stored is None:
            self._stored = self._done = await self._source.engine.write(self._place)
            self._stored_at = time.monotonic()
        return self._source

    def _place(self) -> Steps[Position]:
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
