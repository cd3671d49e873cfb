"""Positions in a log that was copied into another database.

In: the places of a log in order, on the engine it comes from, and the positions of its readers.
Out: where the same changes stand in the new log, and the positions there.
Called by `copying`.

The new log numbers its changes from one on. SQLite sorts by these numbers. PostgreSQL sorts by
transaction: those that came from elsewhere have numbers far below zero, so that each of its own
comes after them. A position becomes that of the first change which its reader may not have done:
what it has done behind that one, in a transaction that ended early, comes to it again. Who was not
there before a part of the log was trimmed is told a gap in the new log, as in the old one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from .pages import LogPlace, Position, Snapshot, Window

EngineName = Literal["sqlite", "postgresql"]

MOVED = -(2**62)
"""On PostgreSQL, what comes before the first transaction from elsewhere."""
FIRST = 1
"""On SQLite, the number before that of the first change: who had a gap stays below it."""


@dataclass(frozen=True, slots=True)
class OldPosition:
    """How far a reader of the old log has come."""

    engine: EngineName
    text: str

    @property
    def open(self) -> tuple[int, ...]:
        """On PostgreSQL, transactions of which none may be trimmed, or there is a gap."""
        return () if self.engine == "sqlite" or "|" in self.text else self._parts()[0].open

    def lost(self, floor: int) -> bool:
        """Whether of the changes until `floor`, which are trimmed, it has not done all."""
        if self.engine == "sqlite":
            return int(self.text) < floor
        seen, window = self._parts()
        return seen.top <= floor if window is None else window.next.order <= floor

    def has_done(self, place: LogPlace) -> bool:
        """Whether it has done the change at this place."""
        if self.engine == "sqlite":
            return place.seq <= int(self.text)
        seen, window = self._parts()
        if seen.sees(place.order):
            return True
        return window is not None and window.newer.sees(place.order) and place < window.next

    def _parts(self) -> tuple[Snapshot, Window | None]:
        seen, *middle = self.text.split("|")
        if not middle:
            return Snapshot.parse(seen), None
        newer, order, seq = middle
        return Snapshot.parse(seen), Window(Snapshot.parse(newer), LogPlace(int(order), int(seq)))


class MovedLog:
    """Numbers the changes of a log, one after the other, and finds the places of its readers.

    `gaps` are the readers that missed something which is trimmed.
    """

    def __init__(
        self, new: EngineName, readers: Mapping[str, OldPosition], gaps: Collection[str]
    ) -> None:
        self._new = new
        self._readers = readers
        self._found = dict.fromkeys(gaps, self._gap())
        self.last = LogPlace(self.floor, 0 if new == "postgresql" else FIRST)
        self._tx = ""

    @property
    def floor(self) -> int:
        """What counts as trimmed in the new log."""
        return MOVED if self._new == "postgresql" else FIRST

    def place(self, old: LogPlace, tx: str) -> LogPlace:
        """Where the next change of the old log, which is of this transaction, stands in the new."""
        seq = order = self.last.seq + 1
        if self._new == "postgresql":
            order = self.last.order if tx == self._tx else MOVED + seq
        self._tx = tx
        self.last = LogPlace(order, seq)
        for name, position in self._readers.items():
            if name not in self._found and not position.has_done(old):
                self._found[name] = self._before(self.last)
        return self.last

    def positions(self) -> dict[str, Position]:
        """Where each reader goes on, when every change was placed."""
        return {name: self._found.get(name) or self._end() for name in self._readers}

    def _before(self, place: LogPlace) -> Position:
        if self._new == "sqlite":
            return Position(str(place.seq - 1))
        none = Snapshot.of_all_until(MOVED).text
        return Position(f"{none}|{_ALL_MOVED.text}|{place.order}|{place.seq}")

    def _end(self) -> Position:
        return Position(str(self.last.seq) if self._new == "sqlite" else _ALL_MOVED.text)

    def _gap(self) -> Position:
        if self._new == "sqlite":
            return Position(str(FIRST - 1))
        return Position(Snapshot.of_all_until(MOVED - 1).text)


_ALL_MOVED = Snapshot(0, ())
