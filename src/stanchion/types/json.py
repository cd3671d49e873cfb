"""Json: any JSON value, kept as canonical text written by us (key order as it came)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .base import FieldType, Wire, WireError
from .text import check_text


@dataclass(frozen=True, slots=True)
class JsonType(FieldType):
    """Any JSON value; a JSON `null` is the null of the field. Neither sorted nor compared."""

    kind = "json"
    sortable = False
    postgres_column = "json"
    postgres_cast = "json"

    def parse(self, wire: Wire) -> Any:
        _check(wire)
        return wire

    def json_schema(self) -> dict[str, Any]:
        return {}

    def sqlite_raw(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    def sqlite_value(self, raw: Any) -> Any:
        return json.loads(raw)

    def sqlite_json(self, sql: str) -> str:
        return sql

    def postgres_raw(self, value: Any) -> str:
        return self.sqlite_raw(value)

    def postgres_value(self, raw: Any) -> Any:
        return json.loads(raw)

    def postgres_json(self, sql: str) -> str:
        return f"{sql}::text"


def _check(wire: Wire) -> None:
    waiting = [wire]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            check_text(value, None, None, None)
        elif isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    raise WireError("json_type", "Must be JSON: keys are strings.")
                check_text(key, None, None, None)
                waiting.append(item)
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, float):
            if value != value or value in (float("inf"), float("-inf")):
                raise WireError("finite_number", "Must hold finite numbers only.")
        elif value is not None and not isinstance(value, (int, bool)):
            raise WireError("json_type", "Must be JSON: null, text, numbers, lists and dicts.")
