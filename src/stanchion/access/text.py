"""A matrix, and what changed in one, as lines for people. Pure.

A condition is told under the table of its collection, by a mark: `own` where the record names the
caller, `a`, `b`, … for others. Fields have a line where they differ from their record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from string import ascii_lowercase

from .cells import IF, NO, YES
from .changes import WAYS, AccessChange, AccessWay
from .matrix import AccessMatrix, AccessPlace, AccessRow
from .samples import AccessSample

_OWN = re.compile(r"record\.[\w.]+ == auth\.id|auth\.id == record\.[\w.]+")
EVERYBODY = "everybody"
TITLES: dict[AccessWay, str] = {
    "wider": "Wider: these may do more",
    "other": "Other: these may do more, or less",
    "narrower": "Narrower: these may do less",
}


def render_matrix(matrix: AccessMatrix, only: Sequence[str] = ()) -> str:
    """The matrix as a table for each collection, of all or of some."""
    names = dict.fromkeys(place.collection for place in matrix.rows)
    tables = [_table(matrix, name) for name in names if not only or name in only]
    return "\n\n".join("\n".join(table) for table in tables)


def _table(matrix: AccessMatrix, collection: str) -> Iterator[str]:
    marks = _Marks()
    rows = [[collection, *matrix.callers]]
    for title, cells in _lines(matrix, collection):
        rows.append([title, *(marks.of(cells[caller]) for caller in matrix.callers)])
    yield from _aligned(rows)
    for mark, condition in marks.told.items():
        yield f"    {mark}: {condition}"


def _lines(matrix: AccessMatrix, collection: str) -> Iterator[tuple[str, AccessRow]]:
    """The lines of a table; what goes alike for one field stands on one."""
    places = [p for p in matrix.rows if p.collection == collection and not matrix.as_its_record(p)]
    together: dict[tuple[str, str], list[AccessPlace]] = {}
    for place in places:
        alike = (place.field or place.operation, str(matrix.rows[place]))
        together.setdefault(alike, []).append(place)
    for same in together.values():
        operations = ", ".join(place.operation for place in same)
        field = same[0].field
        yield f"  {operations if field is None else f'.{field} {operations}'}", matrix.rows[same[0]]


class _Marks:
    """Short names for the conditions of one table."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}
        self._by_condition: dict[str, str] = {}
        self._free = (
            letter * times for times in count(1) for letter in ascii_lowercase
        )  # a to z, then aa, bb

    def of(self, cell: str) -> str:
        """What stands in the table for a cell."""
        if cell in (YES, NO):
            return cell if cell == YES else "-"
        condition = cell.removeprefix(IF)
        if condition not in self._by_condition:
            own = _OWN.fullmatch(condition) and "own" not in self.told
            mark = "own" if own else next(self._free)
            self._by_condition[condition] = mark
            self.told[mark] = condition
        return self._by_condition[condition]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


# changes


def render_changes(
    changes: Iterable[AccessChange],
    callers: Sequence[str],
    samples: Mapping[AccessChange, AccessSample] | None = None,
) -> Iterator[str]:
    """What changed, the wider first; callers for whom the same changed share a line."""
    by_way: dict[AccessWay, dict[tuple[AccessPlace, str, str], list[AccessChange]]] = {}
    for change in changes:
        same = by_way.setdefault(change.way, {})
        same.setdefault((change.place, change.before, change.after), []).append(change)
    for way in WAYS:
        if way in by_way:
            yield TITLES[way]
            for (place, before, after), together in by_way[way].items():
                names = [change.caller for change in together]
                who = (
                    EVERYBODY if len(names) > 1 and set(names) >= set(callers) else ", ".join(names)
                )
                yield f"  {place}  {who}"
                yield f"    was  {before}"
                yield f"    is   {after}"
                for change in together:
                    if samples and change in samples:
                        for_whom = f" ({change.caller})" if len(together) > 1 else ""
                        yield f"    e.g. {samples[change]}{for_whom}"
            yield ""


def count_ways(changes: Iterable[AccessChange]) -> dict[AccessWay, int]:
    """How many changes there are of each way."""
    found = [change.way for change in changes]
    return {way: found.count(way) for way in WAYS}
