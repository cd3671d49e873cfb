"""Read a record class's annotations: which field type, nullable or not, which relation."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from ..errors import DeclarationError, Origin
from ..types import (
    BoolType, DateType, DatetimeType, DecimalType, EnumType, FieldType, FloatType, IntType,
    JsonType, ListType, TextType, UuidType,
)  # fmt: skip
from .fields import Ref, RefTo

CHECKS = (
    "ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "max_digits", "decimal_places",
)  # fmt: skip
HINT = (
    "a field is one of str, int, float, Decimal, bool, date, datetime, UUID, Literal[...], an Enum "
    "of strings, Ref[...], list[...] of one of these, or JSON (dict[str, Any], Any); each may be "
    "`| None`"
)


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Read:
    """What an annotation says. `to_python` turns a stored value into what the record shows."""

    type: FieldType
    nullable: bool
    target: Any = None  # of a Ref: the class, its name, or Self
    to_python: Callable[[Any], Any] = _same
    plain: bool = True  # False: pydantic validators of the app hang on it


def read_annotation(
    annotation: Any, metadata: Iterable[Any], *, big: bool, where: str, origin: Origin | None
) -> Read:
    """What `annotation` and pydantic's `metadata` say; raises `DeclarationError`."""
    annotation, nullable = _without_none(annotation)
    checks, target, plain = _checks(metadata)
    if get_origin(annotation) is Annotated:
        base, *more = get_args(annotation)
        inner, target2, plain2 = _checks(more)
        checks, target, plain = {**inner, **checks}, target or target2, plain and plain2
        annotation, none_inside = _without_none(base)
        nullable = nullable or none_inside
    if annotation is Ref:
        return Read(UuidType(), nullable, target, Ref)
    field_type, to_python = _field_type(annotation, checks, big, where, origin)
    return Read(field_type, nullable, None, to_python, plain)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) in (Union, types.UnionType):
        members = [a for a in get_args(annotation) if a is not type(None)]
        if len(members) < len(get_args(annotation)) and len(members) == 1:
            return members[0], True
    return annotation, False


def _checks(metadata: Iterable[Any]) -> tuple[dict[str, Any], Any, bool]:
    found: dict[str, Any] = {}
    target = None
    plain = True
    for item in metadata:
        if isinstance(item, RefTo):
            target = item.target
            continue
        known = {n: getattr(item, n) for n in CHECKS if getattr(item, n, None) is not None}
        found.update(known)
        if not known and type(item).__module__.startswith("pydantic.functional"):
            plain = False
    return found, target, plain


def _field_type(
    annotation: Any, checks: dict[str, Any], big: bool, where: str, origin: Origin | None
) -> tuple[FieldType, Callable[[Any], Any]]:
    bounds = {name: checks[name] for name in ("ge", "gt", "le", "lt") if name in checks}
    lengths = {name: checks[name] for name in ("min_length", "max_length") if name in checks}
    if annotation is str:
        return TextType(**lengths, pattern=checks.get("pattern")), _same
    if annotation is bool:
        return BoolType(), _same
    if annotation is int:
        return IntType(**bounds, big=big), _same
    if annotation is float:
        return FloatType(**bounds), _same
    if annotation is Decimal:
        return _decimal(checks, bounds, where, origin), _same
    if annotation is datetime:
        return DatetimeType(), _same
    if annotation is date:
        return DateType(), _same
    if annotation is UUID:
        return UuidType(), UUID
    if get_origin(annotation) is Literal:
        return EnumType(_texts(get_args(annotation), where, origin)), _same
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return EnumType(_texts([m.value for m in annotation], where, origin)), annotation
    if get_origin(annotation) is list:
        return _list(annotation, lengths, big, where, origin)
    if annotation in (Any, dict) or get_origin(annotation) is dict:
        return JsonType(), _same
    raise DeclarationError(
        "field.type",
        f"{where} has a type that cannot be stored: {typing._type_repr(annotation)}",  # type: ignore[attr-defined]  # the standard library's own way to name a type
        origin=origin,
        hint=HINT,
    )


def _decimal(
    checks: dict[str, Any], bounds: dict[str, Any], where: str, origin: Origin | None
) -> DecimalType:
    digits, places = checks.get("max_digits", 18), checks.get("decimal_places", 2)
    if not 1 <= digits <= 18 or not 0 <= places <= digits:
        raise DeclarationError(
            "field.decimal",
            f"{where}: a decimal has 1 to 18 digits, and no more places than digits",
            origin=origin,
            hint="Field(max_digits=12, decimal_places=2)",
        )
    exact = {name: Decimal(str(bound)) for name, bound in bounds.items()}
    return DecimalType(digits, places, **exact)


def _texts(values: Iterable[Any], where: str, origin: Origin | None) -> tuple[str, ...]:
    listed = tuple(values)
    if not listed or not all(isinstance(value, str) for value in listed):
        raise DeclarationError(
            "field.choices",
            f"{where}: choices are one or more strings",
            origin=origin,
            hint='Literal["small", "large"], or an Enum with string values',
        )
    return tuple(str.__str__(value) for value in listed)


def _list(
    annotation: Any, lengths: dict[str, Any], big: bool, where: str, origin: Origin | None
) -> tuple[FieldType, Callable[[Any], Any]]:
    item = read_annotation(get_args(annotation)[0], (), big=big, where=where, origin=origin)
    if item.nullable or not item.type.sortable or item.target is not None:
        raise DeclarationError(
            "field.type",
            f"{where}: a list holds plain values without nulls, not records, lists or JSON",
            origin=origin,
            hint="records that belong together are a relation: Ref on one side, back() on the other",
        )
    if item.to_python is _same:
        return ListType(item.type, **lengths), _same
    convert = item.to_python
    return ListType(item.type, **lengths), lambda values: [convert(v) for v in values]
