"""Uuid: lower case with hyphens on the wire and in SQLite; keys and references are of this type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from .base import FieldType, Wire, WireError, expected

_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LOOSE = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class UuidType(FieldType):
    """`uuid.UUID`. Inside the house its value is the canonical text; records show a `UUID`."""

    kind = "uuid"
    postgres_column = "uuid"
    postgres_cast = "uuid"

    def parse(self, wire: Wire) -> str:
        if not isinstance(wire, str):
            raise expected("a UUID in a string", wire, "uuid_type")
        if _CANONICAL.fullmatch(wire) is not None:
            return str.__str__(wire)
        plain = wire.replace("-", "")
        if _LOOSE.fullmatch(plain) is None or wire.count("-") not in (0, 4):
            raise WireError(
                "uuid_parsing", 'Must be a UUID such as "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f".'
            )
        if "-" in wire and [len(part) for part in wire.split("-")] != [8, 4, 4, 4, 12]:
            raise WireError("uuid_parsing", "Must be a UUID with hyphens in the usual places.")
        return str(UUID(plain))

    def wire(self, value: Any) -> Wire:
        return str(value) if isinstance(value, UUID) else value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        return "'\"'", sql, "'\"'"

    def postgres_json(self, sql: str) -> str:
        return f"'\"'||{sql}::text||'\"'"

    def postgres_raw(self, value: Any) -> UUID:
        return UUID(value)

    def postgres_value(self, raw: Any) -> str:
        return str(raw)

    def postgres_plain(self, sql: str) -> str:
        return f"{sql}::text"
