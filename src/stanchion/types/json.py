"""Json: any JSON value, kept as canonical text written by us (key order as it came)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .base import FieldType, Wire, WireError, expected
from .text import check_text

DEPTH = 64
MOST = 10**400
"""The limits of a body on the wire; what Python code hands over keeps them too."""


@dataclass(frozen=True, slots=True)
class JsonType(FieldType):
    """Any JSON value, or any object with `object`; a JSON `null` is the null of the field.

    Neither sorted nor compared. Its numbers are those of JSON: of any size, as they came.
    """

    object: bool = False

    kind = "json"
    sortable = False
    postgres_column = "json"
    postgres_cast = "json"

    def parse(self, wire: Wire) -> Any:
        if self.object and not isinstance(wire, dict):
            raise expected("a JSON object", wire, "object_type")
        _check(wire)
        return wire

    def json_schema(self) -> dict[str, Any]:
        return {"type": "object"} if self.object else {}

    def sqlite_raw(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def sqlite_value(self, raw: Any) -> Any:
        return json.loads(raw)

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        return (sql,)

    def postgres_raw(self, value: Any) -> str:
        return self.sqlite_raw(value)

    def postgres_value(self, raw: Any) -> Any:
        return json.loads(raw)

    def postgres_json(self, sql: str) -> str:
        return f"{sql}::text"

    def postgres_plain(self, sql: str) -> str:
        return f"{sql}::text"


def _check(value: Any, depth: int = 0, around: tuple[int, ...] = ()) -> None:
    """Refuse what is no JSON; `around` are the containers that it stands in, to see circles."""
    if isinstance(value, str):
        check_text(value, None, None, None)
    elif isinstance(value, (dict, list)):
        if depth == DEPTH or id(value) in around:
            raise WireError("json_type", f"Must not nest deeper than {DEPTH} levels.")
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise WireError("json_type", "Must be JSON: keys are strings.")
                check_text(key, None, None, None)
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1, (*around, id(value)))
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise WireError("finite_number", "Must hold finite numbers only.")
    elif isinstance(value, int):
        if not -MOST < value < MOST:
            raise WireError("json_type", "Must hold numbers of 400 digits at most.")
    elif value is not None:
        raise WireError("json_type", "Must be JSON: null, text, numbers, lists and dicts.")
