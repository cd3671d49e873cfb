"""Parameters of expressions: what an engine is handed for a literal, a `$name`, `auth` or `now`.

A number that is finer than the column it is compared with (`price < 9.999` on two places, or
`quantity < 2.5`) is rounded here, towards the side that keeps the comparison exact, so that the
column itself stays bare and its index usable.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from ..errors import BadRequest
from ..expr.literals import literal_value
from ..expr.tree import Lit, Operator, Param, Type
from ..types import WireError
from ..types.datetime import moment_text
from .dialect import Dialect
from .text import Binder, Given

Rounding = Literal["exact", "floor", "ceiling", "equal"]
NEVER_EQUAL = "no such number"  # SQLite: a text never equals a number, and <> it certainly

# `column < x` needs x rounded up to the column's places, `column <= x` rounded down, and so on
ROUNDINGS: dict[Operator, Rounding] = {
    "==": "equal", "!=": "equal", "<": "ceiling", ">=": "ceiling", "<=": "floor", ">": "floor",
}  # fmt: skip


def literal_binder(
    literal: Lit, kind: Type, rounding: Rounding, dialect: Dialect, *, micro: bool = False
) -> Binder:
    """Binds a literal as a value of `kind`; `micro` makes a datetime a count of microseconds."""
    if literal.slot is None:
        fixed = raw_value(literal.value, kind, rounding, dialect, micro=micro)
        return lambda given: fixed
    slot, wanted, negative = literal.slot, literal.type, literal.negative

    def bind(given: Given) -> Any:
        value = literal_value(given.literals[slot], wanted, negative)
        return raw_value(value, kind, rounding, dialect, micro=micro)

    return bind


def param_binder(
    param: Param, kind: Type, rounding: Rounding, dialect: Dialect, *, micro: bool = False
) -> Binder:
    """Binds the value that Python code gave for `$name`."""
    name = param.name

    def bind(given: Given) -> Any:
        if name not in given.params:
            raise BadRequest("query.param", f"${name} has no value.", hint=f"Pass {name}=…")
        value = param_value(given.params[name], kind, name)
        return raw_value(value, kind, rounding, dialect, micro=micro)

    return bind


def param_value(given: Any, kind: Type, name: str) -> Any:
    """The value of a Python argument as an expression of `kind`; raises `BadRequest`."""
    value = given.value if isinstance(given, Enum) else given
    fits = {
        "text": isinstance(value, str),
        "uuid": isinstance(value, (str, UUID)),
        "int": type(value) in (int, Decimal),
        "float": type(value) in (int, float),
        "decimal": type(value) in (int, Decimal),
        "bool": isinstance(value, bool),
        "date": type(value) is date,
        "datetime": isinstance(value, datetime) and value.tzinfo is not None,
        "duration": isinstance(value, timedelta),
        "list": isinstance(value, (list, tuple, set, frozenset)),
    }.get(kind.kind, False)
    if not fits:
        raise BadRequest(
            "query.param", f"${name} must be a value of type {kind}, not {type(given).__name__}."
        )
    if kind.kind == "uuid":
        return str(value).lower()
    if kind.kind == "decimal":
        return Decimal(value)
    if kind.kind == "float":
        return float(value)
    return value


def raw_value(
    value: Any, kind: Type, rounding: Rounding, dialect: Dialect, *, micro: bool = False
) -> Any:
    """What the engine is handed for `value` beside an expression of `kind`."""
    if value is None:
        return None
    match kind.kind:
        case "int" | "decimal":
            return _number(Decimal(value), kind.places, rounding, dialect)
        case "datetime":
            if micro:
                return microseconds(value)
            return moment_text(value) if dialect.name == "sqlite" else value
        case "duration":
            return value // timedelta(microseconds=1)
        case "date":
            return value.isoformat() if dialect.name == "sqlite" else value
        case "bool":
            return int(value) if dialect.name == "sqlite" else value
        case _:
            return value


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970; exact."""
    from datetime import UTC

    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _number(value: Decimal, places: int, rounding: Rounding, dialect: Dialect) -> Any:
    scaled = value.scaleb(places)
    whole = scaled.to_integral_value(ROUND_CEILING if rounding == "ceiling" else ROUND_FLOOR)
    if whole != scaled and rounding in ("exact", "equal"):
        if rounding == "equal":
            return NEVER_EQUAL if dialect.name == "sqlite" else value
        raise BadRequest(
            "filter.literal", f"{value} has more than {places} digits after the point here."
        )
    number = int(whole)
    if not -(2**63) <= number < 2**63:
        raise BadRequest("filter.literal", f"{value} is out of range.")
    if dialect.name == "sqlite":
        return number
    return number if places == 0 else Decimal(number).scaleb(-places)


def check_wire(parse: Any, wire: Any, detail: str) -> Any:
    """`parse(wire)`, a `WireError` becoming a `BadRequest` about a cursor."""
    try:
        return parse(wire)
    except WireError:
        raise BadRequest("query.cursor", detail) from None
