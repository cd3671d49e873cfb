"""The JSON Schema of one field: its wire form, whether it may be null, an example.

In: schema.Field.   Out: JSON Schema (draft 2020-12) as plain data.
Called by `records`; nothing here knows of collections.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ...plan.aggregate import MORE_PLACES
from ...schema import NO_DEFAULT, Field
from ...types import (
    BoolType,
    DatetimeType,
    DateType,
    DecimalType,
    EnumType,
    FieldType,
    FloatType,
    IntType,
    JsonType,
    ListType,
    TextType,
    UuidType,
    Wire,
    WireError,
)
from ...types.int import SAFE

JSONSchema = dict[str, Any]
EXAMPLE_ID = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"
NOT_NULL = ["object", "array", "string", "number", "boolean"]

# what Python's regular expressions have and those of JSON Schema (ECMA 262) do not
_PYTHON_ONLY = re.compile(r"\\[AZ]|\(\?(P|[aiLmsux]|#|\()|[*+?}]\+")


def value_schema(field: Field) -> JSONSchema:
    """The schema of a field's value, as it is sent and answered."""
    return described(nullable(wire_schema(field.type), field.nullable), field.doc)


def wire_schema(kind: FieldType) -> JSONSchema:
    """The schema of a type's wire form, null left out."""
    found = kind.json_schema()
    if isinstance(kind, JsonType) and "type" not in found:
        return {"type": list(NOT_NULL)}
    if isinstance(kind, TextType) and kind.pattern and _PYTHON_ONLY.search(kind.pattern):
        del found["pattern"]
        return described(found, f"Matches {kind.pattern} (a regular expression of Python's).")
    if isinstance(kind, IntType) and kind.big:
        return described(found, f"64 bits. {_bounds(kind)}".strip())
    return found


def _bounds(kind: IntType) -> str:
    bounds = (("≥", kind.ge), (">", kind.gt), ("≤", kind.le), ("<", kind.lt))
    return ", ".join(f"{sign} {bound}" for sign, bound in bounds if bound is not None)


def nullable(schema: JSONSchema, allowed: bool) -> JSONSchema:
    """`schema`, or null too."""
    if not allowed:
        return schema
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    wider = {**schema, "type": [*kinds, "null"]}
    if "enum" in schema:
        wider["enum"] = [*schema["enum"], None]
    return wider


def described(schema: JSONSchema, text: str) -> JSONSchema:
    """`schema` with `text` before what its description says already."""
    said = " ".join(part for part in (text, schema.get("description", "")) if part)
    return {**schema, "description": said} if said else schema


def sum_schema(kind: FieldType) -> JSONSchema:
    """The schema of a sum over a field: its wire form, without the limits of one value."""
    match kind:
        case DecimalType(places=places):
            point = f"\\.[0-9]{{{places}}}" if places else ""
            found: JSONSchema = {"type": "string", "pattern": f"^-?[0-9]+{point}$"}
        case IntType(big=True):
            found = {"type": "string", "pattern": "^-?[0-9]+$"}
        case IntType():
            found = {"type": "integer", "minimum": -SAFE, "maximum": SAFE}
        case _:
            found = {"type": "number"}
    return nullable(found, True)


def average_schema(kind: FieldType) -> JSONSchema:
    """The schema of an average: exact with six places more than the field has; of a float, one."""
    if kind.kind == "float":
        return nullable({"type": "number"}, True)
    places = (kind.places if isinstance(kind, DecimalType) else 0) + MORE_PLACES
    pattern = f"^-?[0-9]+\\.[0-9]{{{places}}}$"
    return nullable({"type": "string", "format": "decimal", "pattern": pattern}, True)


# examples


def example_of(field: Field) -> Wire:
    """A wire value that the field takes, or None where none could be made up."""
    if field.default is not NO_DEFAULT and field.default is not None:
        return field.default
    words = field.name.replace("_", " ").capitalize()
    return next((v for v in _candidates(field.type, words) if _fits(field.type, v)), None)


def _fits(kind: FieldType, wire: Wire) -> bool:
    try:
        kind.parse(wire)
    except WireError:
        return False
    return True


def _candidates(kind: FieldType, words: str) -> Iterator[Wire]:
    match kind:
        case TextType(min_length=least, max_length=most):
            yield words[:most].ljust(least or 0, "x")
        case EnumType(values=values):
            yield values[0]
        case IntType():
            yield from (kind.wire(number) for number in _whole_numbers(kind))
        case DecimalType():
            yield from (kind.wire(number) for number in _decimals(kind))
        case FloatType(ge=ge, le=le):
            yield from (1.5, 0.5, ge, le, *_between(kind))
        case BoolType():
            yield True
        case DateType():
            yield "2026-01-31"
        case DatetimeType():
            yield "2026-01-31T12:00:00.000000Z"
        case UuidType():
            yield EXAMPLE_ID
        case ListType(item=item, min_length=least):
            for inner in _candidates(item, words):
                yield [inner] * max(1, least or 0)
        case JsonType():
            yield {"key": "value"}
        case _:
            return


def _whole_numbers(kind: IntType) -> Iterator[int]:
    yield 1
    yield from (bound for bound in (kind.ge, kind.le) if bound is not None)
    if kind.gt is not None:
        yield kind.gt + 1
    if kind.lt is not None:
        yield kind.lt - 1


def _decimals(kind: DecimalType) -> Iterator[Decimal]:
    step = Decimal(1).scaleb(-kind.places)
    yield from (Decimal("9.5"), Decimal(1), step)
    yield from (bound for bound in (kind.ge, kind.le) if bound is not None)
    if kind.gt is not None:
        yield kind.gt + step
    if kind.lt is not None:
        yield kind.lt - step


def _between(kind: FloatType) -> Iterator[float]:
    low = kind.gt if kind.ge is None else kind.ge
    high = kind.lt if kind.le is None else kind.le
    if low is not None:
        yield low + (1.0 if high is None else (high - low) / 2)
    elif high is not None:
        yield high - 1.0
