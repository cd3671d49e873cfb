"""The untyped syntax tree: what was written, before anybody knows the schema.

Made by `parse`, read by `check`. `start` and `end` are positions in the text. A literal carries
its `slot`: its number among the literals of the text, the same that `lift` gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .literals import Literal as LiteralToken

PrefixSign = Literal["!", "not", "-"]
InfixSign = Literal["==", "!=", "<", "<=", ">", ">=", "in", "+", "-"]


@dataclass(frozen=True, slots=True)
class Written:
    """A number or a text."""

    literal: LiteralToken
    slot: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Constant:
    """`true`, `false` or `null`."""

    value: bool | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name that nothing is selected from: a variable, or a field."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Param:
    """`$name`."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Select:
    """`source.name`; the name itself begins at `name_start`."""

    source: Syntax
    name: str
    name_start: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """`name(…)`, or `source.name(…)`: functions, methods and macros look alike here."""

    source: Syntax | None
    name: str
    arguments: tuple[Syntax, ...]
    name_start: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Listed:
    """`[a, b, c]`."""

    items: tuple[Syntax, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """A sign before an operand; `not` and `!` mean the same and bind differently."""

    sign: PrefixSign
    operand: Syntax
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Infix:
    """A comparison, `in`, or arithmetic; the sign itself begins at `sign_start`."""

    sign: InfixSign
    left: Syntax
    right: Syntax
    sign_start: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Junction:
    """All parts (`&&`), or any part (`||`); a chain of one sign is one node."""

    every: bool
    parts: tuple[Syntax, ...]
    start: int
    end: int


Syntax = Written | Constant | Name | Param | Select | Call | Listed | Prefix | Infix | Junction


def children(node: Syntax) -> tuple[Syntax, ...]:
    """The nodes directly below."""
    match node:
        case Select(source=source):
            return (source,)
        case Call(source=source, arguments=arguments):
            return arguments if source is None else (source, *arguments)
        case Listed(items=items):
            return items
        case Prefix(operand=operand):
            return (operand,)
        case Infix(left=left, right=right):
            return (left, right)
        case Junction(parts=parts):
            return parts
        case _:
            return ()
