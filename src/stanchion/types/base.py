"""What every field type knows about itself.

A field type is one frozen value in one file: how a value looks in Python, on the wire, in each
engine, in OpenAPI, in a cursor and to the expression language. Adding a type is adding a file,
naming it in `types/__init__.py`, and teaching it to the few who ask what type a field has: how it
is declared, what a literal of it is, what an example looks like. `tests/api/test_every_type.py`
names each of them as long as one is missing.

Words used here: a *wire value* is what JSON holds; a *value* is its Python form; a *raw value*
is what an engine's driver takes and returns. A decimal is another thing in each of the three:

    >>> from stanchion.types import DecimalType
    >>> price = DecimalType(max_digits=9, places=2)
    >>> value = price.parse("9.5")
    >>> value, price.wire(value), price.sqlite_raw(value), price.postgres_raw(value)
    (Decimal('9.50'), '9.50', 950, Decimal('9.50'))
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

from ..errors import FieldError

Wire = Any  # what json.loads returns: str, int, float, bool, None, list or dict
Raw = Any  # what a driver takes and returns

Kind = Literal[
    "text", "int", "float", "decimal", "bool", "date", "datetime", "uuid", "list", "json"
]


class WireError(ValueError):
    """A wire value that is not one of this type; `code` is stable, the text is for people.

    `at` is a JSON pointer inside the value (`/3` for an item of a list), `others` are further
    mistakes of the same value.
    """

    def __init__(
        self, code: str, detail: str, at: str = "", others: tuple[WireError, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.at = at
        self.others = others

    def told(self, pointer: str) -> list[FieldError]:
        """This mistake and the others, as mistakes of the field at `pointer` of a body."""
        return [FieldError(pointer + e.at, e.code, e.detail) for e in (self, *self.others)]


@dataclass(frozen=True, slots=True)
class FieldType(ABC):
    """The base of the field types. Subclasses are frozen and compare by value."""

    kind: ClassVar[Kind]
    sortable: ClassVar[bool] = True
    sqlite_column: ClassVar[str] = "TEXT"
    postgres_column: ClassVar[str] = 'text collate "C"'
    postgres_cast: ClassVar[str] = "text"
    postgres_plain_type: ClassVar[str] = "text"

    # wire and Python

    @abstractmethod
    def parse(self, wire: Wire) -> Any:
        """The value of a wire value, every check included; raises `WireError`."""

    def wire(self, value: Any) -> Wire:
        """The wire value of a value of this type."""
        return value

    def accept(self, value: Any) -> Any:
        """The canonical value of what Python code handed over; raises `WireError`."""
        return self.parse(self.wire(value))

    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """The OpenAPI 3.1 schema of the wire form."""

    # SQLite

    def sqlite_raw(self, value: Any) -> Raw:
        """What is bound for `value`."""
        return value

    def sqlite_value(self, raw: Raw) -> Any:
        """The value of what SQLite returned for a column of this type."""
        return raw

    def sqlite_texts(self, sql: str) -> tuple[str, ...]:
        """SQL for the texts that are, one after the other, the JSON of the non-null `sql`."""
        return (f"json_quote({sql})",)

    def sqlite_json(self, sql: str) -> str:
        """SQL for the JSON text of the expression `sql`; null where that is null."""
        return "||".join(self.sqlite_texts(sql))

    def sqlite_check(self, sql: str) -> list[tuple[str, str]]:
        """(code, SQL condition) for each check that SQLite can keep itself."""
        return []

    # PostgreSQL

    def postgres_raw(self, value: Any) -> Raw:
        """What is bound for `value`."""
        return value

    def postgres_value(self, raw: Raw) -> Any:
        """The value of what PostgreSQL returned for a column of this type."""
        return raw

    def postgres_json(self, sql: str) -> str:
        """SQL for the JSON text of the non-null expression `sql`."""
        return f"to_json({sql})::text"

    def postgres_check(self, sql: str) -> list[tuple[str, str]]:
        """(code, SQL condition) for each check that PostgreSQL can keep itself."""
        return self.sqlite_check(sql)

    # from one engine to the other: what SQLite's driver takes and returns is the plain form, in
    # which both meet, so that whole tables move without a step of Python for each value

    def postgres_plain(self, sql: str) -> str:
        """SQL for the plain form of the column `sql`."""
        return sql

    def postgres_of_plain(self, sql: str) -> str:
        """SQL for what the column holds, from the plain form, of type `postgres_plain_type`."""
        return (
            sql
            if self.postgres_plain_type == self.postgres_cast
            else f"{sql}::{self.postgres_cast}"
        )

    # plain data

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Self:
        """The type that `describe` described."""
        return cls(**{name: cls._parameter(said) for name, said in described.items()})

    @classmethod
    def _parameter(cls, said: Any) -> Any:
        return tuple(said) if isinstance(said, list) else said

    def describe(self) -> dict[str, Any]:
        """The type as JSON-ready data: its kind and every parameter that is set."""
        described: dict[str, Any] = {"type": type(self).__name__.lower().removesuffix("type")}
        for parameter in fields(self):
            name = parameter.name
            value = getattr(self, name)
            if value is None or value is False:
                continue
            described[name] = value.describe() if isinstance(value, FieldType) else _plain(value)
        return described


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def bound_checks(sql: str, ge: object, gt: object, le: object, lt: object) -> list[tuple[str, str]]:
    """Check conditions for the bounds that are set, named as pydantic names them."""
    bounds = (("ge", ">=", ge), ("gt", ">", gt), ("le", "<=", le), ("lt", "<", lt))
    return [(name, f"{sql} {sign} {bound}") for name, sign, bound in bounds if bound is not None]


def check_bounds(value: Any, ge: Any, gt: Any, le: Any, lt: Any) -> None:
    """Refuse a value outside the bounds that are set."""
    if ge is not None and not value >= ge:
        raise WireError("greater_than_equal", f"Must be {ge} or more.")
    if gt is not None and not value > gt:
        raise WireError("greater_than", f"Must be more than {gt}.")
    if le is not None and not value <= le:
        raise WireError("less_than_equal", f"Must be {le} or less.")
    if lt is not None and not value < lt:
        raise WireError("less_than", f"Must be less than {lt}.")


def bounds_schema(ge: object, gt: object, le: object, lt: object) -> dict[str, Any]:
    """The JSON Schema words for the bounds that are set."""
    words = (
        ("minimum", ge), ("exclusiveMinimum", gt), ("maximum", le), ("exclusiveMaximum", lt)
    )  # fmt: skip
    return {word: bound for word, bound in words if bound is not None}


JSON_NAMES = {
    str: "a string", bool: "a boolean", int: "a number", float: "a number",
    list: "an array", dict: "an object", type(None): "null",
}  # fmt: skip


def expected(what: str, wire: Wire, code: str) -> WireError:
    """The error for a wire value of the wrong JSON type, or a Python object of another class."""
    said = JSON_NAMES.get(type(wire), f"an object of class {type(wire).__name__}")
    return WireError(code, f"Must be {what}, not {said}.")
