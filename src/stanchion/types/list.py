"""List: an ordered list of scalars, kept as canonical JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .base import FieldType, Wire, WireError, expected
from .text import TextType

MOST_MISTAKES = 20


@dataclass(frozen=True, slots=True)
class ListType(FieldType):
    """`list[X]` of a scalar type X, without nulls inside; neither sorted nor compared whole."""

    item: FieldType = field(default_factory=TextType)
    min_length: int | None = None
    max_length: int | None = None

    kind = "list"
    sortable = False
    postgres_column = "json"
    postgres_cast = "json"

    def parse(self, wire: Wire) -> list[Any]:
        if not isinstance(wire, list):
            raise expected("an array", wire, "list_type")
        if self.min_length is not None and len(wire) < self.min_length:
            raise WireError("too_short", f"Must have {self.min_length} or more items.")
        if self.max_length is not None and len(wire) > self.max_length:
            raise WireError("too_long", f"Must have {self.max_length} or fewer items.")
        values, mistakes = [], []
        for position, item in enumerate(wire):
            try:
                values.append(self.item.parse(item))
            except WireError as error:
                mistakes.append(WireError(error.code, error.detail, f"/{position}"))
                if len(mistakes) == MOST_MISTAKES:
                    break
        if mistakes:
            first, *others = mistakes
            raise WireError(first.code, first.detail, first.at, tuple(others))
        return values

    def accept(self, value: Any) -> list[Any]:
        """Each item as its own type accepts it."""
        if not isinstance(value, (list, tuple)):
            return self.parse(value)
        items = []
        for position, item in enumerate(value):
            try:
                items.append(self.item.wire(self.item.accept(item)))
            except WireError as error:
                raise WireError(error.code, error.detail, f"/{position}") from None
        return self.parse(items)

    def wire(self, value: Any) -> Wire:
        if isinstance(value, (list, tuple)):
            return [self.item.wire(item) for item in value]
        return value

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "array", "items": self.item.json_schema()}
        if self.min_length is not None:
            schema["minItems"] = self.min_length
        if self.max_length is not None:
            schema["maxItems"] = self.max_length
        return schema

    def sqlite_raw(self, value: Any) -> str:
        return json.dumps(self.wire(value), ensure_ascii=False, separators=(",", ":"))

    def sqlite_value(self, raw: Any) -> list[Any]:
        return self.parse(json.loads(raw))

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        return (sql,)

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        return self._length_checks(f"json_array_length({sql})")

    def postgres_raw(self, value: Any) -> str:
        return self.sqlite_raw(value)

    def postgres_value(self, raw: Any) -> list[Any]:
        return self.sqlite_value(raw)

    def postgres_json(self, sql: str) -> str:
        return f"{sql}::text"

    def postgres_plain(self, sql: str) -> str:
        return f"{sql}::text"

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Self:
        from . import type_from

        return cls(**{**described, "item": type_from(described["item"])})

    def postgres_check(self, sql: str) -> list[tuple[str, str]]:
        return self._length_checks(f"json_array_length({sql})")

    def _length_checks(self, length: str) -> list[tuple[str, str]]:
        checks = []
        if self.min_length:
            checks.append(("min_length", f"{length} >= {self.min_length}"))
        if self.max_length is not None:
            checks.append(("max_length", f"{length} <= {self.max_length}"))
        return checks
