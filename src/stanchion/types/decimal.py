"""Decimal: an exact number with fixed places; a string on the wire, a scaled integer in SQLite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from .base import FieldType, Wire, WireError, bound_checks, check_bounds, expected

_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
_WIDE = Context(prec=60)
"""NOTE: Decimal's methods round to the precision of the current context, which is the app's to
set. What is stored never goes through it."""


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
    postgres_plain_type = "int8"

    @property
    def postgres_column(self) -> str:  # type: ignore[override]  # depends on the parameters
        # its digits are a check of ours, so that a value that has too many is told as such
        return f"numeric(1000,{self.places})"

    def parse(self, wire: Wire) -> Decimal:
        if not isinstance(wire, str):
            raise expected('a decimal in a string, such as "9.50"', wire, "decimal_type")
        if _NUMBER.fullmatch(wire) is None:
            detail = 'Must be digits, perhaps with a point and a minus, such as "9.50".'
            raise WireError("decimal_parsing", detail)
        return self._checked(Decimal(wire))

    def accept(self, value: Any) -> Decimal:
        if isinstance(value, str):
            return self.parse(value)
        if type(value) is int:
            if abs(value) >= 10**18:
                raise self._too_many_digits()
            return self._checked(Decimal(value))
        if isinstance(value, Decimal):
            if not value.is_finite():
                raise WireError("finite_number", "Must be a finite number.")
            if value and abs(value.adjusted()) > 40:
                raise self._too_many_digits() if value.adjusted() > 0 else self._too_many_places()
            return self._checked(value)
        raise expected("a Decimal, an int or a string", value, "decimal_type")

    def _checked(self, value: Decimal) -> Decimal:
        numerator, denominator = value.as_integer_ratio()
        scaled, rest = divmod(numerator * 10**self.places, denominator)
        if rest:
            raise self._too_many_places()
        if abs(scaled) >= 10**self.max_digits:
            raise self._too_many_digits()
        check_bounds(value, self.ge, self.gt, self.le, self.lt)
        return self.sqlite_value(scaled)

    def _too_many_places(self) -> WireError:
        detail = f"Must have {self.places} or fewer digits after the point."
        return WireError("decimal_max_places", detail)

    def _too_many_digits(self) -> WireError:
        return WireError("decimal_max_digits", f"Must have {self.max_digits} or fewer digits.")

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
        return int(value.scaleb(self.places, _WIDE))

    def sqlite_raw(self, value: Any) -> int:
        return self.scaled(value)

    def sqlite_value(self, raw: Any) -> Decimal:
        return Decimal(raw).scaleb(-self.places, _WIDE)

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        if not self.places:
            return "'\"'", sql, "'\"'"
        unit = 10**self.places
        sign = f"case when {sql}<0 then '-' else '' end"
        after = f"substr('{'0' * self.places}'||(abs({sql})%{unit}),-{self.places})"
        return "'\"'", sign, f"(abs({sql})/{unit})", "'.'", after, "'\"'"

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        """The bounds, and the digits, which a computed value could exceed."""
        bounds = (self.ge, self.gt, self.le, self.lt)
        ge, gt, le, lt = (
            None if b is None else f"{b.scaleb(self.places, _WIDE):f}" for b in bounds
        )
        most = 10**self.max_digits - 1
        return [
            *bound_checks(sql, ge, gt, le, lt),
            ("max_digits", f"{sql} between -{most} and {most}"),
        ]

    def postgres_json(self, sql: str) -> str:
        return f"'\"'||{sql}::text||'\"'"

    def postgres_plain(self, sql: str) -> str:
        return f"({sql}*1e{self.places})::int8"

    def postgres_of_plain(self, sql: str) -> str:
        return f"{sql}*1e-{self.places}"  # both numeric, so that it is exact

    @classmethod
    def _parameter(cls, said: Any) -> Any:
        return Decimal(said) if isinstance(said, str) else said

    def postgres_check(self, sql: str) -> list[tuple[str, str]]:
        bounds = (self.ge, self.gt, self.le, self.lt)
        ge, gt, le, lt = (None if b is None else f"{b:f}" for b in bounds)
        most = Decimal(10**self.max_digits - 1).scaleb(-self.places, _WIDE)
        return [
            *bound_checks(sql, ge, gt, le, lt),
            ("max_digits", f"{sql} between -{most:f} and {most:f}"),
        ]
