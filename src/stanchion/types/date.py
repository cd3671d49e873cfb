"""Date: a calendar day, `2026-01-31`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from .base import FieldType, Wire, WireError, expected

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class DateType(FieldType):
    """`datetime.date`, years 0001 to 9999."""

    kind = "date"
    postgres_column = "date"
    postgres_cast = "date"

    def parse(self, wire: Wire) -> date:
        if not isinstance(wire, str):
            raise expected('a date such as "2026-01-31"', wire, "date_type")
        if _DAY.fullmatch(wire) is not None:
            try:
                return date.fromisoformat(wire)
            except ValueError:
                detail = (
                    'Must be a day of the calendar, such as "2026-01-31": there is no such day.'
                )
                raise WireError("date_parsing", detail) from None
        raise WireError("date_parsing", 'Must be a date as year-month-day, such as "2026-01-31".')

    def wire(self, value: Any) -> Wire:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}

    def sqlite_raw(self, value: Any) -> str:
        return str(value.isoformat())

    def sqlite_value(self, raw: Any) -> date:
        return date.fromisoformat(raw)

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        return "'\"'", sql, "'\"'"

    def postgres_json(self, sql: str) -> str:
        return f"'\"'||{self.postgres_plain(sql)}||'\"'"

    def postgres_plain(self, sql: str) -> str:
        return f"to_char({sql},'YYYY-MM-DD')"
