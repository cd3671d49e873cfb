"""Int: a whole number; 64 bits when declared big (then a string on the wire), 53 bits otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .base import FieldType, Wire, WireError, bound_checks, bounds_schema, check_bounds, expected

SAFE = 2**53 - 1
_DIGITS = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_LOOSE = re.compile(r"([+-]?)([0-9]+)")


@dataclass(frozen=True, slots=True)
class IntType(FieldType):
    """`int`. Without `big` the range is that of a JavaScript number: plus or minus 2**53 - 1."""

    ge: int | None = None
    gt: int | None = None
    le: int | None = None
    lt: int | None = None
    big: bool = False

    kind = "int"
    sqlite_column = "INTEGER"
    postgres_column = "int8"
    postgres_cast = "int8"
    postgres_plain_type = "int8"

    def parse(self, wire: Wire) -> int:
        if self.big:
            if not isinstance(wire, str) or _DIGITS.fullmatch(wire) is None or wire == "-0":
                raise _no_digits(wire)
            value = int(wire)
            if not -(2**63) <= value < 2**63:
                raise _beyond()
        else:
            if type(wire) is not int:
                raise _no_integer(wire)
            value = wire
            if not -SAFE <= value <= SAFE:
                raise WireError("int_out_of_range", f"Must be between {-SAFE} and {SAFE}.")
        check_bounds(value, self.ge, self.gt, self.le, self.lt)
        return value

    def wire(self, value: Any) -> Wire:
        return str(value) if self.big and type(value) is int else value

    def json_schema(self) -> dict[str, Any]:
        if self.big:
            return {"type": "string", "pattern": "^-?(0|[1-9][0-9]{0,18})$"}
        bounds = bounds_schema(self.ge, self.gt, self.le, self.lt)
        if "minimum" not in bounds and "exclusiveMinimum" not in bounds:
            bounds["minimum"] = -SAFE
        if "maximum" not in bounds and "exclusiveMaximum" not in bounds:
            bounds["maximum"] = SAFE
        return {"type": "integer", **bounds}

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        return ("'\"'", sql, "'\"'") if self.big else (sql,)

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        """The bounds, and the range of a wire number, which a computed value could leave."""
        checks = bound_checks(sql, self.ge, self.gt, self.le, self.lt)
        if not self.big:
            checks.append(("range", f"{sql} between -{SAFE} and {SAFE}"))
        return checks

    def postgres_json(self, sql: str) -> str:
        return f"'\"'||{sql}::text||'\"'" if self.big else f"{sql}::text"


def _no_digits(wire: Wire) -> WireError:
    """What keeps `wire` from being a big integer; only its one canonical form is taken."""
    if not isinstance(wire, str):
        return expected('a string of digits, such as "42"', wire, "big_int_type")
    found = _LOOSE.fullmatch(wire)
    if found is None:
        detail = 'Must be digits only, perhaps after a minus, such as "42" or "-7".'
        return WireError("big_int_type", detail)
    digits = found[2].lstrip("0") or "0"
    if len(digits) > 19:
        return _beyond()
    minus = "-" if found[1] == "-" and digits != "0" else ""
    return WireError(
        "big_int_type", f'Must not begin with a needless zero or sign: "{minus}{digits}".'
    )


def _beyond() -> WireError:
    return WireError("int_out_of_range", f"Must fit into 64 bits: {-(2**63)} to {2**63 - 1}.")


def _no_integer(wire: Wire) -> WireError:
    """What keeps `wire` from being a whole number; 5.0 and 1e3 are none, as no reader may guess."""
    if type(wire) is not float:
        return expected("a whole number", wire, "int_type")
    sample = int(wire) if wire.is_integer() and abs(wire) <= SAFE else 42
    detail = f"Must be a whole number, written without a point or an exponent, such as {sample}."
    return WireError("int_type", detail)
