"""Putting SQL together: conditions that fold, parameters that number themselves.

A condition is SQL text, or True / False where it is known; only "true" counts, so NULL and false
are the same. Parameters stand in the text as marks and are numbered at the end, in the order in
which they survived.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .. import clock
from ..expr.literals import Literal
from .dialect import Dialect

Condition = str | bool


def all_of(conditions: Iterable[Condition]) -> Condition:
    """Every condition holds.

    >>> all_of(["a=1", True, "b=2", "a=1"]), all_of(["a=1", False]), all_of([])
    ('(a=1 and b=2)', False, True)
    """
    kept: list[str] = []
    for condition in conditions:
        if condition is False:
            return False
        if condition is not True and condition not in kept:
            kept.append(condition)
    if not kept:
        return True
    return kept[0] if len(kept) == 1 else "(" + " and ".join(kept) + ")"


def any_of(conditions: Iterable[Condition]) -> Condition:
    """At least one condition holds."""
    kept: list[str] = []
    for condition in conditions:
        if condition is True:
            return True
        if condition is not False and condition not in kept:
            kept.append(condition)
    if not kept:
        return False
    return kept[0] if len(kept) == 1 else "(" + " or ".join(kept) + ")"


def boolean(condition: Condition) -> str:
    """A condition as SQL text, where a known one has to be written out."""
    if condition is True:
        return "1=1"
    return "1=0" if condition is False else condition


@dataclass(slots=True)
class Given:
    """The values of one request that a cached statement is bound with.

    `literals` were lifted out of the caller's filters, `params` are Python's `$names`, `auth` the
    caller's record, `old` the stored row of a rule on update, `values` the columns of a write.
    """

    literals: Sequence[Literal] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    auth: Mapping[str, Any] | None = None
    now: datetime | None = None
    key: Any = None
    limit: int = 0
    after: Sequence[Any] = ()
    q: str = ""
    old: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def moment(self) -> datetime:
        """The one `now` of this request."""
        if self.now is None:
            self.now = clock.now()
        return self.now


Binder = Callable[[Given], Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """A finished statement and how its parameters are taken from what is given."""

    text: str
    binders: tuple[Binder, ...]

    @property
    def size(self) -> int:
        """The characters of the text."""
        return len(self.text)

    def bind(self, given: Given) -> list[Any]:
        """The raw parameters, in order."""
        return [binder(given) for binder in self.binders]


_MARK = re.compile("\x02([0-9]+)\x03")


class Parameters:
    """Collects the parameters of one statement. Its text decides which are bound, and in which
    order.

    >>> from stanchion.sql.dialect import POSTGRES
    >>> parameters = Parameters(POSTGRES)
    >>> key, limit, q = (parameters.add(each, None) for each in ("key", "limit", "q"))
    >>> parameters.finish(f"x={q} or y={key} or z={q}").text
    'x=$1 or y=$2 or z=$1'
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._binders: list[Binder] = []
        self._known: dict[object, str] = {}

    def add(self, identity: object, binder: Binder, cast: str = "") -> str:
        """The mark of a parameter; equal identities share one."""
        if identity not in self._known:
            self._known[identity] = f"\x02{len(self._binders)}\x03{cast}"
            self._binders.append(binder)
        return self._known[identity]

    def finish(self, text: str) -> Statement:
        """Number the parameters that are left in `text`."""
        numbers: dict[int, int] = {}

        def number(mark: re.Match[str]) -> str:
            position = numbers.setdefault(int(mark[1]), len(numbers) + 1)
            return f"{self.dialect.placeholder}{position}"

        numbered = _MARK.sub(number, text)
        return Statement(numbered, tuple(self._binders[index] for index in numbers))


class Aliases:
    """Short row names that never repeat within a statement."""

    def __init__(self) -> None:
        self._count = 0

    def next(self) -> str:
        """`t1`, `t2`, …"""
        self._count += 1
        return f"t{self._count}"
