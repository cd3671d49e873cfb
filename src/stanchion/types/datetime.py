"""Datetime: a moment, RFC 3339 in UTC with six fraction digits and `Z`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .base import FieldType, Wire, WireError, expected

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_EXAMPLE = '"2026-01-31T12:00:00Z"'


@dataclass(frozen=True, slots=True)
class DatetimeType(FieldType):
    """`datetime.datetime` with an offset, to the microsecond, years 0001 to 9999 in UTC."""

    kind = "datetime"
    postgres_column = "timestamptz"
    postgres_cast = "timestamptz"

    def parse(self, wire: Wire) -> datetime:
        if not isinstance(wire, str):
            raise expected(f"a time such as {_EXAMPLE}", wire, "datetime_type")
        return parse_moment(wire)

    def wire(self, value: Any) -> Wire:
        if isinstance(value, datetime):
            return moment_text(value)
        return value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}

    def sqlite_raw(self, value: Any) -> str:
        return moment_text(value)

    def sqlite_value(self, raw: Any) -> datetime:
        return datetime.fromisoformat(raw)

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        return "'\"'", sql, "'\"'"

    def postgres_json(self, sql: str) -> str:
        return f"'\"'||{self.postgres_plain(sql)}||'\"'"

    def postgres_plain(self, sql: str) -> str:
        return f"to_char({sql} at time zone 'UTC','YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


def parse_moment(text: str) -> datetime:
    """The moment of an RFC 3339 text, in UTC; refuses one without an offset."""
    if _MOMENT.fullmatch(text) is None:
        if re.fullmatch(r"[0-9-]{10}[Tt ][0-9:.]+", text):
            raise WireError(
                "datetime_no_offset", f"Must say its offset, as in {_EXAMPLE} or +02:00."
            )
        detail = f"Must be a day and a time of day with an offset, such as {_EXAMPLE}."
        raise WireError("datetime_parsing", detail)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise WireError(
            "datetime_parsing", f"Must be an existing time such as {_EXAMPLE}, in years 1 to 9999."
        ) from None


def moment_text(value: datetime) -> str:
    """The canonical wire form: 27 characters, so that text order is time order."""
    if value.utcoffset() is None:  # also of a tzinfo that does not know
        raise WireError(
            "datetime_no_offset", "Must have a time zone: datetime.now(UTC), not datetime.now()."
        )
    try:
        utc = value.astimezone(UTC)
    except OverflowError:
        raise WireError("datetime_parsing", "Must lie in years 1 to 9999 in UTC.") from None
    return (
        f"{utc.year:04d}-{utc.month:02d}-{utc.day:02d}T{utc.hour:02d}:{utc.minute:02d}"
        f":{utc.second:02d}.{utc.microsecond:06d}Z"
    )
