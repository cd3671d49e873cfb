"""Values as SQL: literals, sums, sizes; and two values brought into one representation.

Decimals are counts of their last place in SQLite, moments become microseconds when they are
added to. A sum that leaves 64 bits is a double in SQLite, which its guard refuses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from ...expr.tree import (
    INT,
    Arith,
    ListOf,
    Lit,
    Lower,
    Many,
    Negate,
    Now,
    Null,
    Param,
    Path,
    Size,
    Type,
    Value,
    Var,
)
from ..text import Condition
from ..values import Rounding, literal_binder, param_binder, raw_value
from .paths import children, compile_path
from .rows import Compiling, Rows, Term

DATETIME = Type("datetime")
YEAR_1, YEAR_9999 = -62135596800000000, 253402300799999999  # first and last microsecond


def compile_value(c: Compiling, value: Value, rows: Rows) -> Term:
    """A value as SQL. Records that its paths cross must have been joined."""
    match value:
        case Path():
            return compile_path(c, value, rows)
        case Var(name=variable, type=kind, nullable=nullable):
            return Term(rows.variables[variable], kind, nullable)
        case Lit() | Param():
            return compile_parameter(c, value, value.type)
        case Null():
            return Term("null", Type("null"), nullable=True)
        case Now():
            return _now(c)
        case Arith():
            return _sum(c, value, rows)
        case Negate():
            return _negated(c, value, rows)
        case Lower(value=inner):
            text = c.value(inner, rows)
            return Term(c.dialect.lower_ascii(text.sql), value.type, guards=_not_null(text))
        case Size():
            return _size(c, value, rows)
        case ListOf():
            raise AssertionError("a written-out list stands beside `in` or before a macro")
        case _:
            assert_never(value)


def _not_null(v: Term) -> tuple[Condition, ...]:
    """The guards of what is made of `v`: null is an error there."""
    return (*v.guards, f"{v.sql} is not null") if v.nullable else v.guards


# parameters


def _now(c: Compiling) -> Term:
    dialect = c.dialect
    mark = c.parameters.add(
        "now",
        lambda given: raw_value(given.moment(), DATETIME, "exact", dialect),
        dialect.expression_cast(DATETIME),
    )
    return Term(mark, DATETIME)


def compile_parameter(
    c: Compiling,
    operand: Lit | Param,
    kind: Type,
    rounding: Rounding = "exact",
    micro: bool = False,
) -> Term:
    """A literal or a `$name`, bound as a value of `kind`."""
    if isinstance(operand, Lit):
        binder = literal_binder(operand, kind, rounding, c.dialect, micro=micro)
    else:
        binder = param_binder(operand, kind, rounding, c.dialect, micro=micro)
    identity = (_identity(operand), kind, rounding, micro)
    whole = isinstance(operand, Lit) and operand.whole
    mark = c.parameters.add(identity, binder, _cast(c, kind, rounding, micro, whole=whole))
    return Term(mark, kind, micro=micro)


def _identity(operand: Lit | Param) -> object:
    """What two marks must share to be one parameter."""
    if isinstance(operand, Param):
        return ("param", operand.name)
    if operand.slot is None:
        return ("value", repr(operand.value))
    return ("literal", operand.slot, operand.type, operand.negative, operand.exact, operand.whole)


def _cast(c: Compiling, kind: Type, rounding: Rounding, micro: bool, *, whole: bool) -> str:
    """The cast of a parameter, wider than an int column where the number may be too.

    NOTE: PostgreSQL walks no index of an int column for a numeric parameter.
    """
    if micro or (rounding != "exact" and kind.kind == "int" and not whole):
        kind = Type("decimal")
    return c.dialect.expression_cast(kind)


# sums


def _sum(c: Compiling, node: Arith, rows: Rows) -> Term:
    a, b = _addend(c, node.left, rows), _addend(c, node.right, rows)
    if node.type.kind in ("datetime", "duration"):
        return _moved(c, node, in_micros(c, a), in_micros(c, b))
    places = node.type.places
    a, b = scaled(c, a, places), scaled(c, b, places)
    sql = f"({c.dialect.widen(a.sql)}{node.op}{c.dialect.widen(b.sql)})"
    counted = sql
    if places and not c.dialect.scaled_decimals:
        counted = f"{sql}*{10**places}"
    return Term(sql, node.type, guards=(*a.guards, *b.guards, c.dialect.fits_int64(counted)))


def _addend(c: Compiling, value: Value, rows: Rows) -> Term:
    """One side of a sum; a moment written out becomes microseconds at once."""
    if isinstance(value, (Lit, Param)):
        return compile_parameter(c, value, value.type, micro=value.type.kind == "datetime")
    return c.value(value, rows)


def _moved(c: Compiling, node: Arith, a: Term, b: Term) -> Term:
    """A moment or a duration, in microseconds."""
    sql = f"({a.sql}{node.op}{b.sql})"
    moment = node.type.kind == "datetime"
    fits = f"{sql} between {YEAR_1} and {YEAR_9999}" if moment else c.dialect.fits_int64(sql)
    return Term(sql, node.type, guards=(*a.guards, *b.guards, fits), micro=moment)


def _negated(c: Compiling, node: Negate, rows: Rows) -> Term:
    v = c.value(node.value, rows)
    sql = f"(-{c.dialect.widen(v.sql)})"
    return Term(sql, node.type, guards=(*v.guards, c.dialect.fits_int64(sql)))


# sizes and items


def _size(c: Compiling, node: Size, rows: Rows) -> Term:
    if isinstance(node.value, Many):
        source, guards = children(c, node.value, rows, c.aliases.next())
        return Term(f"(select count(*) from {source})", INT, guards=guards)
    v = c.value(node.value, rows)
    size = c.dialect.list_size if v.type.kind == "list" else c.dialect.text_size
    return Term(size(v.sql), INT, guards=_not_null(v))


def item_sql(c: Compiling, kind: Type, alias: str) -> str:
    """An item of a list column that a FROM item runs over."""
    sql = c.dialect.item(kind, alias)
    # NOTE: big ints are strings in JSON; both engines know this cast
    return f"cast({sql} as bigint)" if kind.kind == "int" else sql


# one representation


def beside(c: Compiling, operand: Lit | Param, other: Term, rounding: Rounding) -> Term:
    """A literal or parameter in the representation of its neighbour."""
    kind = other.type if other.type.kind in ("int", "decimal") else operand.type
    return compile_parameter(c, operand, kind, rounding, other.micro)


def aligned(c: Compiling, a: Term, b: Term) -> tuple[Term, Term]:
    """Both values with as many places, and moments alike."""
    if a.micro != b.micro:
        return in_micros(c, a), in_micros(c, b)
    numbers = ("int", "decimal")
    if a.type.kind in numbers and b.type.kind in numbers:
        places = max(a.type.places, b.type.places)
        return scaled(c, a, places), scaled(c, b, places)
    return a, b


def scaled(c: Compiling, v: Term, places: int) -> Term:
    """A number as a count of its `places`th place (SQLite); PostgreSQL's need no scaling.

    A product that leaves 64 bits becomes a double in SQLite, larger than any decimal, so the
    comparison stays right.
    """
    if v.type.places == places or not c.dialect.scaled_decimals:
        return v
    factor = 10 ** (places - v.type.places)
    return replace(v, sql=f"({v.sql}*{factor})", type=Type("decimal", places=places))


def in_micros(c: Compiling, v: Term) -> Term:
    """A moment as a count of microseconds; anything else as it is."""
    if v.micro or v.type.kind != "datetime":
        return v
    return replace(v, sql=c.dialect.microseconds(v.sql), micro=True)
