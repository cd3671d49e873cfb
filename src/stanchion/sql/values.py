"""Parameters of expressions: what an engine is handed for a literal, a `$name`, `auth` or `now`.

A number that is finer than the column it is compared with (`price < 9.999` on two places, or
`quantity < 2.5`) is rounded here, towards the side that keeps the comparison exact, so that the
column itself stays bare and its index usable. One that no column can hold becomes an infinity,
which compares as it should and makes an error of every sum.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from ..errors import BadRequest
from ..expr.literals import value_of_lit
from ..expr.tree import INT64, Lit, Operator, Param, Type
from ..types import DateType, FieldType, FloatType, TextType, UuidType, WireError
from ..types.datetime import moment_text
from .dialect import Dialect
from .text import Binder, Given

Rounding = Literal["exact", "floor", "ceiling", "equal"]
NEVER_EQUAL = "no such number"  # SQLite: a text never equals a number, and <> it certainly

# `column < x` needs x rounded up to the column's places, `column <= x` rounded down, and so on
ROUNDINGS: dict[Operator, Rounding] = {
    "==": "equal", "!=": "equal", "<": "ceiling", ">=": "ceiling", "<=": "floor", ">": "floor",
}  # fmt: skip
_EXACT = Context(prec=1000)  # a literal has at most 400 digits
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# binders


def literal_binder(
    literal: Lit, kind: Type, rounding: Rounding, dialect: Dialect, *, micro: bool = False
) -> Binder:
    """Binds a literal as a value of `kind`; `micro` makes a datetime a count of microseconds."""
    if literal.slot is None:
        fixed = raw_value(literal.value, kind, rounding, dialect, micro=micro)
        return lambda given: fixed

    def bind(given: Given) -> Any:
        value = value_of_lit(literal, given.literals)
        return raw_value(value, kind, rounding, dialect, micro=micro)

    return bind


def param_binder(
    param: Param, kind: Type, rounding: Rounding, dialect: Dialect, *, micro: bool = False
) -> Binder:
    """Binds the value that Python code gave for `$name`."""
    name = param.name

    def bind(given: Given) -> Any:
        if name not in given.params:
            hint = f"In a URL, write the value in its place; in Python, pass {name}=…"
            raise BadRequest("query.param", f"`${name}` has no value.", hint=hint)
        value = param_value(given.params[name], kind, name)
        return raw_value(value, kind, rounding, dialect, micro=micro)

    return bind


# params


def param_value(given: Any, kind: Type, name: str) -> Any:
    """The value of a Python argument as an expression of `kind`; raises `BadRequest`."""
    value = given.value if isinstance(given, Enum) else given
    if not _fits(value, kind):
        raise BadRequest(
            "query.param", f"${name} must be a value of type {kind}, not {type(given).__name__}."
        )
    if kind.kind == "list":
        assert kind.item is not None
        return [param_value(item, kind.item, name) for item in value]
    if kind.kind in ("int", "decimal"):
        return Decimal(value)
    return _canonical(value, kind, name)


def _fits(value: Any, kind: Type) -> bool:
    match kind.kind:
        case "text":
            return isinstance(value, str)
        case "uuid":
            return isinstance(value, (str, UUID))
        case "int" | "decimal":
            return type(value) is int or (isinstance(value, Decimal) and value.is_finite())
        case "float":
            return type(value) in (int, float)
        case "bool":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, date) and not isinstance(value, datetime)
        case "datetime":
            return isinstance(value, datetime) and value.tzinfo is not None
        case "duration":
            return isinstance(value, timedelta) and _in_64_bits(_microseconds(value))
        case "list":
            return isinstance(value, (list, tuple, set, frozenset))
        case _:
            return False


_CHECKED: dict[str, FieldType] = {
    "text": TextType(), "uuid": UuidType(), "float": FloatType(), "date": DateType(),
}  # fmt: skip


def _canonical(value: Any, kind: Type, name: str) -> Any:
    """The value in its one form; refuses what no field could hold, such as half a surrogate."""
    field_type = _CHECKED.get(kind.kind)
    if field_type is None:
        return value
    try:
        return field_type.accept(value)
    except WireError as error:
        raise BadRequest("query.param", f"${name}: {error.detail}") from None


# raw values


def raw_value(
    value: Any, kind: Type, rounding: Rounding, dialect: Dialect, *, micro: bool = False
) -> Any:
    """What the engine is handed for `value` beside an expression of `kind`."""
    if value is None:
        return None
    match kind.kind:
        case "int" if type(value) is int and _in_64_bits(value):
            return value  # as _number would, in a third of its time
        case "int" | "decimal":
            return _number(Decimal(value), kind, rounding, dialect)
        case "datetime":
            if micro:
                return _microseconds(value - _EPOCH)
            return moment_text(value) if dialect.plain_values else value
        case "duration":
            return _microseconds(value)
        case "date":
            return value.isoformat() if dialect.plain_values else value
        case "bool":
            return int(value) if dialect.plain_values else value
        case "list":
            assert kind.item is not None
            return _list_text(value, kind.item)
        case _:
            return value


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _in_64_bits(number: int) -> bool:
    return INT64[0] <= number <= INT64[1]


def _number(value: Decimal, kind: Type, rounding: Rounding, dialect: Dialect) -> Any:
    scaled = value.scaleb(kind.places, _EXACT)
    whole = scaled.to_integral_value(ROUND_CEILING if rounding == "ceiling" else ROUND_FLOOR)
    if whole != scaled and rounding == "exact":
        raise BadRequest(
            "query.param", f"{value} has more than {kind.places} digits after the point here."
        )
    if dialect.scaled_decimals:
        if whole != scaled and rounding == "equal":
            return NEVER_EQUAL
        number = int(whole)
        if _in_64_bits(number):
            return number
        return math.inf if number > 0 else -math.inf
    if rounding == "equal":
        return value
    if kind.kind == "int" and rounding == "exact" and not _in_64_bits(int(whole)):
        raise BadRequest("query.param", f"{value} does not fit into 64 bits.")
    return int(whole) if kind.kind == "int" else whole.scaleb(-kind.places, _EXACT)


def _list_text(values: Iterable[Any], item: Type) -> str:
    """A list as the JSON text that a list column would hold; a number that no item of the column
    could be equals none of them and is left out."""
    return json.dumps(list(_wire_items(values, item)), ensure_ascii=False)


def _wire_items(values: Iterable[Any], item: Type) -> Iterator[Any]:
    for value in values:
        if item.kind in ("int", "decimal"):
            scaled = Decimal(value).scaleb(item.places, _EXACT)
            if scaled == scaled.to_integral_value() and _in_64_bits(int(scaled)):
                yield int(value) if item.kind == "int" else f"{value:.{item.places}f}"
        elif item.kind == "datetime":
            yield moment_text(value)
        else:
            yield value.isoformat() if item.kind == "date" else value
