"""Float: a finite IEEE double."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .base import FieldType, Wire, WireError, bound_checks, bounds_schema, check_bounds, expected


@dataclass(frozen=True, slots=True)
class FloatType(FieldType):
    """`float`. Finite; -0.0 becomes 0.0, because SQLite keeps no negative zero."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    kind = "float"
    sqlite_column = "REAL"
    postgres_column = "float8"
    postgres_cast = "float8"
    postgres_plain_type = "float8"

    def parse(self, wire: Wire) -> float:
        if type(wire) is not float and type(wire) is not int:
            raise expected("a number", wire, "float_type")
        try:
            value = float(wire)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise WireError("finite_number", "Must be a finite number.")
        check_bounds(value, self.ge, self.gt, self.le, self.lt)
        return value + 0.0

    def json_schema(self) -> dict[str, Any]:
        return {"type": "number", **bounds_schema(self.ge, self.gt, self.le, self.lt)}

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        return bound_checks(sql, self.ge, self.gt, self.le, self.lt)

    def postgres_plain(self, sql: str) -> str:
        return f"{sql}+0.0"  # a computed -0.0 is 0.0 in SQLite
