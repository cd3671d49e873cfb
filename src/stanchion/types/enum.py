"""Enum: one of a few fixed texts, from `Literal["a", "b"]` or an `Enum` of strings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from .base import FieldType, Wire, WireError, expected


@dataclass(frozen=True, slots=True)
class EnumType(FieldType):
    """A closed set of texts; compares and sorts as text. Its value is the text."""

    values: tuple[str, ...] = ()

    kind = "text"

    def parse(self, wire: Wire) -> str:
        if not isinstance(wire, str):
            raise expected("a string", wire, "string_type")
        if wire not in self.values:
            choices = ", ".join(f'"{value}"' for value in self.values)
            raise WireError("literal_error", f"Must be one of {choices}.")
        return str.__str__(wire)

    def wire(self, value: Any) -> Wire:
        return value.value if isinstance(value, Enum) else value

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        listed = ",".join("'" + value.replace("'", "''") + "'" for value in self.values)
        return [("literal", f"{sql} in ({listed})")]
