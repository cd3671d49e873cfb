"""Decimal: an exact number with fixed places; a string on the wire, a scaled integer in SQLite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .base import FieldType, Wire, WireError, check_bounds, expected

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


@dataclass(frozen=True, slots=True)
class DecimalType(FieldType):
    """`Decimal`, at most 18 digits of which `places` stand after the point."""

    max_digits: int = 18
    places: int = 2
    ge: Decimal | None = None
    gt: Decimal | None = None
    le: Decimal | None = None
    lt: Decimal | None = None

    kind = "decimal"
    sqlite_column = "INTEGER"
    postgres_cast = "numeric"

    @property
    def postgres_column(self) -> str:  # type: ignore[override]  # depends on the parameters
        return f"numeric({self.max_digits},{self.places})"

    def parse(self, wire: Wire) -> Decimal:
        if not isinstance(wire, str):
            raise expected('a decimal in a string, such as "9.50"', wire, "decimal_type")
        if _NUMBER.fullmatch(wire) is None:
            raise WireError("decimal_parsing", 'Must be a decimal such as "9.50".')
        return self._checked(Decimal(wire))

    def accept(self, value: Any) -> Decimal:
        if isinstance(value, str):
            return self.parse(value)
        if type(value) is int or isinstance(value, Decimal):
            exact = Decimal(value)
            if not exact.is_finite() or abs(exact.adjusted()) > 40:
                raise WireError("finite_number", "Must be a finite number.")
            return self._checked(exact)
        raise WireError("decimal_type", "Must be a Decimal, an int or a string, never a float.")

    def _checked(self, value: Decimal) -> Decimal:
        scaled = value.scaleb(self.places)
        if scaled != scaled.to_integral_value():
            raise WireError(
                "decimal_max_places", f"Must have {self.places} or fewer digits after the point."
            )
        if abs(scaled) >= 10**self.max_digits:
            raise WireError("decimal_max_digits", f"Must have {self.max_digits} or fewer digits.")
        check_bounds(value, self.ge, self.gt, self.le, self.lt)
        return Decimal(int(scaled)).scaleb(-self.places)

    def wire(self, value: Any) -> Wire:
        if isinstance(value, Decimal) and value.is_finite():
            return f"{value:.{self.places}f}"
        return value

    def json_schema(self) -> dict[str, Any]:
        whole = self.max_digits - self.places
        digits = f"[0-9]{{1,{max(whole, 1)}}}"
        places = f"(\\.[0-9]{{1,{self.places}}})?" if self.places else ""
        schema = {"type": "string", "format": "decimal", "pattern": f"^-?{digits}{places}$"}
        bounds = (("≥", self.ge), (">", self.gt), ("≤", self.le), ("<", self.lt))
        said = ", ".join(f"{sign} {bound}" for sign, bound in bounds if bound is not None)
        return {**schema, "description": said} if said else schema

    def scaled(self, value: Decimal) -> int:
        """The value as a count of its last place."""
        return int(value.scaleb(self.places))

    def sqlite_raw(self, value: Any) -> int:
        return self.scaled(value)

    def sqlite_value(self, raw: Any) -> Decimal:
        return Decimal(raw).scaleb(-self.places)

    def sqlite_json(self, sql: str) -> str:
        if not self.places:
            return f"'\"'||{sql}||'\"'"
        unit = 10**self.places
        return (
            f"'\"'||case when {sql}<0 then '-' else '' end||(abs({sql})/{unit})||'.'"
            f"||substr('{'0' * self.places}'||(abs({sql})%{unit}),-{self.places})||'\"'"
        )

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        bounds = (("ge", ">=", self.ge), ("gt", ">", self.gt), ("le", "<=", self.le), ("lt", "<", self.lt))
        return [
            (name, f"{sql} {sign} {bound.scaleb(self.places):f}")
            for name, sign, bound in bounds
            if bound is not None
        ]

    def postgres_json(self, sql: str) -> str:
        return f"'\"'||{sql}::text||'\"'"

    def postgres_check(self, sql: str) -> list[tuple[str, str]]:
        bounds = (("ge", ">=", self.ge), ("gt", ">", self.gt), ("le", "<=", self.le), ("lt", "<", self.lt))
        return [(n, f"{sql} {sign} {bound:f}") for n, sign, bound in bounds if bound is not None]
