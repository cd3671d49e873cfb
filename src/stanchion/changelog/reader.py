"""Read the change log: named readers, each with a position that outlives every process.

In: an engine and a reader's name.   Out: changes, each at least once, in order per record.
Refuses: nothing. What was trimmed before a reader came to it is told as a `Gap`.

A position is opaque: it says what was seen, not which row is next, see `pages`. Why so:
docs/decisions/006-the-spine.md, "Reading the log".
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

from .. import clock
from ..engines import Ask, Engine, Row
from ..errors import StanchionError
from ..store.steps import Steps
from .pages import Gap, Logged, LoggedChange, LogPlace, Pages, Position

BATCH = 200
"""Changes that are read at once, and done before a place is stored inside `async with`."""

STORE_S = 1.0
"""Seconds after which a place is stored inside `async with` however few changes were done."""

WAIT_S = 60.0

SeeChange = Callable[[LogPlace, LoggedChange], Awaitable[LoggedChange | None]]
"""What a reader may see of the change at this place; raises `Overtaken`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a reader reads, and what it may see of it."""

    engine: Engine
    pages: Pages
    see: SeeChange


class Overtaken(Exception):
    """What a change has to be judged by was trimmed while it waited: there is a gap here."""


class ReaderMoved(StanchionError):
    """Two readers of one name ran at once, and the other has gone on: this one has to stop."""

    def __init__(self, name: str) -> None:
        super().__init__(f"another reader of the change log named {name!r} has gone on")


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
        self._done = Position("")
        self._stored: Position | None = None
        self._stored_at = 0.0
        self._maybe: list[Position] = []
        self._next: deque[Logged | Gap] = deque()
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
                item = self._next[0]
                try:
                    seen = await _seen(source, item)
                except Overtaken:
                    self._next.clear()
                    break
                if seen is not None:
                    if self._due():
                        await self._store()
                    self._handed = item.position
                    return seen
                self._next.popleft()
                self._done = item.position
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
        places = (self._stored, *self._maybe)
        self._maybe.append(done)
        of = ",".join(f"?{number}" for number in range(4, 4 + len(places)))

        def move() -> Steps[list[Row]]:
            return (
                yield Ask(
                    "update _readers set position=?2,time=?3 where name=?1 "
                    f"and position in ({of}) returning 1",
                    (self.name, done, clock.now_text(), *places),
                )
            )

        if not await self._source.engine.write(move):
            raise ReaderMoved(self.name)
        self._stored, self._stored_at, self._since = done, time.monotonic(), 0
        self._maybe.clear()

    async def _fill(self, source: Source) -> None:
        """Read a batch; wait for one if there is none yet."""
        mark = await source.engine.mark()
        gap, changes = await source.pages.read(source.engine, self._done, BATCH)
        if gap is not None:
            self._next.append(gap)
        self._next += changes
        if not self._next:
            await source.engine.wait_for_commit(mark, WAIT_S)

    async def _join(self) -> Source:
        """Find the source and the place, once."""
        if self._source is None:
            self._source = await self._find_source()
        if self._stored is None:
            place = partial(self._place, self._source.pages)
            self._stored = self._done = await self._source.engine.write(place)
            self._stored_at = time.monotonic()
        return self._source

    def _place(self, pages: Pages) -> Steps[Position]:
        """The stored position; a new name starts where the log ends, or with all that is kept."""
        rows = yield Ask("select position from _readers where name=?1", (self.name,))
        if rows:
            return Position(rows[0][0])
        position = yield from (pages.beginning() if self._from_start else pages.end())
        yield Ask(
            "insert into _readers (name,position,time) values (?1,?2,?3)",
            (self.name, position, clock.now_text()),
        )
        return position


async def _seen(source: Source, item: Logged | Gap) -> LoggedChange | Gap | None:
    """What is handed out of an item, if anything is."""
    return item if isinstance(item, Gap) else await source.see(item.place, item.change)
