"""What two matrices differ in, and whether that lets more callers in or fewer.

In: the matrix before and after.   Out: `AccessChange`s. Pure.
Conditions are compared as they are written: their parts, joined by `&&` and `||`, count as facts
that have nothing to do with each other. Where one side then implies the other the change is
`wider` or `narrower`; else it is `other`, which may be either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

from ..expr.error import ExpressionError
from ..expr.parse import parse
from ..expr.syntax import Junction, Syntax
from .callers import OTHER, SIGNED_IN
from .cells import IF, NO, YES
from .matrix import AccessMatrix, AccessPlace

AccessWay = Literal["wider", "narrower", "other"]
WAYS: tuple[AccessWay, ...] = ("wider", "other", "narrower")
MOST_PARTS = 10


@dataclass(frozen=True, slots=True)
class AccessChange:
    """One place where a caller may do more, less or something else."""

    place: AccessPlace
    caller: str
    before: str
    after: str
    way: AccessWay


def compare(before: AccessMatrix, after: AccessMatrix) -> tuple[AccessChange, ...]:
    """Every change. A field that changes only as its record does is not told beside it."""
    return tuple(
        AccessChange(place, caller, *cells, way)
        for caller in _compared(before, after)
        for place in dict.fromkeys((*after.rows, *before.rows))
        if (cells := _cells(place, caller, before, after)) is not None
        and (way := _way(*cells)) is not None
    )


def _compared(before: AccessMatrix, after: AccessMatrix) -> Iterator[str]:
    """Every caller of either; where one side alone tells those who are signed in apart, they are
    compared one by one with all of them."""
    callers = dict.fromkeys((*after.callers, *before.callers))
    told_apart = any("=" in caller for caller in callers)
    for caller in callers:
        in_both = caller in before.callers and caller in after.callers
        if in_both or caller != SIGNED_IN or not told_apart:
            yield caller


def _cells(
    place: AccessPlace, caller: str, before: AccessMatrix, after: AccessMatrix
) -> tuple[str, str] | None:
    cells = _cell(place, caller, before), _cell(place, caller, after)
    if place.field is not None:
        record = place.of_records
        if cells == (_cell(record, caller, before), _cell(record, caller, after)):
            return None
    return cells


def _cell(place: AccessPlace, caller: str, matrix: AccessMatrix) -> str:
    """The cell of a matrix; what is not there nobody reaches."""
    stand_in = _stand_in(caller, matrix)
    if stand_in is None or place not in matrix.rows:
        return NO
    return matrix.rows[place][stand_in]


def _stand_in(caller: str, matrix: AccessMatrix) -> str | None:
    """Who this caller is in a matrix that need not know him: one with a role that no rule names,
    or anybody who is signed in."""
    field, equals, _ = caller.partition("=")
    names = (caller, f"{field}={OTHER}", SIGNED_IN) if equals else (caller,)
    return next((name for name in names if name in matrix.callers), None)


def _way(before: str, after: str) -> AccessWay | None:
    if before == after:
        return None
    grows, shrinks = implies(before, after), implies(after, before)
    if grows and shrinks:
        return None  # the same in other words
    return "wider" if grows else "narrower" if shrinks else "other"


# conditions, by their parts


def implies(one: str, other: str) -> bool:
    """Whether, by their form, whoever `one` lets in is let in by `other`."""
    if one in (NO, other) or other == YES:
        return True
    if one == YES or other == NO:
        return False
    sides = [_parsed(cell.removeprefix(IF)) for cell in (one, other)]
    parts = list(dict.fromkeys(part for side in sides for part in side.parts()))
    if len(parts) > MOST_PARTS:
        return False
    for values in product((False, True), repeat=len(parts)):
        holds = dict(zip(parts, values, strict=True))
        if sides[0].holds(holds) and not sides[1].holds(holds):
            return False
    return True


@dataclass(frozen=True, slots=True)
class _Form:
    """A condition as parts that all, or any, hold; a part has its text."""

    text: str
    every: bool = True
    below: tuple[_Form, ...] = ()

    def parts(self) -> Iterator[str]:
        """The texts of all parts."""
        if not self.below:
            yield self.text
        for form in self.below:
            yield from form.parts()

    def holds(self, known: dict[str, bool]) -> bool:
        """Whether it holds if these parts do."""
        if not self.below:
            return known[self.text]
        return (all if self.every else any)(form.holds(known) for form in self.below)


def _parsed(text: str) -> _Form:
    try:
        return _form(parse(text), text)
    except ExpressionError:
        return _Form(text)  # too long, or of another version


def _form(node: Syntax, text: str) -> _Form:
    if isinstance(node, Junction):
        return _Form("", node.every, tuple(_form(part, text) for part in node.parts))
    return _Form(text[node.start : node.end])
