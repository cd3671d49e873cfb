"""Bool: true or false."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .base import FieldType, Wire, expected


@dataclass(frozen=True, slots=True)
class BoolType(FieldType):
    """`bool`; 0 or 1 in SQLite."""

    kind = "bool"
    sqlite_column = "INTEGER"
    postgres_column = "boolean"
    postgres_cast = "boolean"
    postgres_plain_type = "int8"

    def parse(self, wire: Wire) -> bool:
        if not isinstance(wire, bool):
            raise expected("true or false", wire, "bool_type")
        return wire

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def sqlite_raw(self, value: Any) -> int:
        return 1 if value else 0

    def sqlite_value(self, raw: Any) -> bool:
        return bool(raw)

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        return (f"case {sql} when 1 then 'true' when 0 then 'false' end",)

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        return [("bool", f"{sql} in (0,1)")]

    def postgres_json(self, sql: str) -> str:
        return f"{sql}::text"

    def postgres_check(self, sql: str) -> list[tuple[str, str]]:
        return []

    def postgres_plain(self, sql: str) -> str:
        return f"{sql}::int4"

    def postgres_of_plain(self, sql: str) -> str:
        return f"{sql}<>0"
