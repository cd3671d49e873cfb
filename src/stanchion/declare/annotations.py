"""Read a record class's annotations: which field type, nullable or not, which relation."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin
from uuid import UUID

from pydantic.fields import FieldInfo
from typing_inspection.typing_objects import is_typealiastype

from ..errors import DeclarationError, Origin
from ..types import (
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
)  # fmt: skip
from .fields import Back, Many, ManyOf, Options, Ref, RefTo, Through

BOUNDS = ("ge", "gt", "le", "lt")
LENGTHS = ("min_length", "max_length")
CHECKS = (*BOUNDS, *LENGTHS, "pattern", "max_digits", "decimal_places")
CHECKS_OF: Mapping[type[FieldType], tuple[str, ...]] = {
    TextType: (*LENGTHS, "pattern"),
    IntType: BOUNDS,
    FloatType: BOUNDS,
    DecimalType: (*BOUNDS, "max_digits", "decimal_places"),
    ListType: LENGTHS,
}
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
    plain: bool = True  # False: something hangs on it that only pydantic can check


@dataclass(frozen=True, slots=True)
class Place:
    """Where an annotation stands, for errors, and what its Field says of its numbers."""

    where: str
    origin: Origin | None
    big: bool = False

    def error(self, kind: str, detail: str, hint: str | None) -> DeclarationError:
        """A mistake here."""
        return DeclarationError(kind, f"{self.where}{detail}", origin=self.origin, hint=hint)


@dataclass(slots=True)
class _Metadata:
    """What stands beside a type: checks that we know, the target of a Ref, and the rest."""

    checks: dict[str, Any] = field(default_factory=dict)
    target: Any = None
    plain: bool = True

    def add(self, items: Iterable[Any]) -> None:
        """Take in `items`; the first to name a check wins."""
        for item in items:
            if isinstance(item, RefTo):
                self.target = self.target or item.target
            elif isinstance(item, FieldInfo):
                self.add(item.metadata)
            elif not isinstance(item, (Options, Back, Through, ManyOf)):
                self._add_check(item)

    def _add_check(self, item: Any) -> None:
        known = {n: getattr(item, n) for n in CHECKS if getattr(item, n, None) is not None}
        said = {k for k, v in getattr(item, "__dict__", {}).items() if v is not None}
        self.checks = {**known, **self.checks}
        if not known or said - set(known):
            self.plain = False


def read_annotation(annotation: Any, metadata: Iterable[Any], place: Place) -> Read:
    """What `annotation` and pydantic's `metadata` say; raises `DeclarationError`."""
    beside = _Metadata()
    beside.add(metadata)
    annotation, nullable = _unwrapped(annotation, beside)
    if annotation is Ref:
        if beside.target is None:
            raise place.error("field.type", " is a Ref to nothing", 'Ref["Pizza"]')
        return Read(UuidType(), nullable, beside.target, Ref)
    read = _read_type(annotation, beside.checks, place)
    nullable = nullable or read.nullable
    return Read(read.type, nullable, None, read.to_python, read.plain and beside.plain)


def _unwrapped(annotation: Any, beside: _Metadata) -> tuple[Any, bool]:
    """The bare type inside `| None`, Annotated, NewType and aliases; whether null is allowed."""
    nullable = False
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            beside.add(more)
        elif is_typealiastype(annotation):
            annotation = annotation.__value__
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif get_origin(annotation) in (Union, types.UnionType):
            members = [a for a in get_args(annotation) if a is not type(None)]
            if len(members) != 1 or len(get_args(annotation)) != 2:
                return annotation, nullable
            annotation, nullable = members[0], True
        else:
            return annotation, nullable


def _read_type(annotation: Any, checks: Mapping[str, Any], place: Place) -> Read:
    found = _simple(annotation, checks, place) or _structured(annotation, checks, place)
    if found is None:
        said = typing._type_repr(annotation)
        hint = HINT
        if annotation is Many:
            hint = 'the other side: Many["Size"] = back("pizza"), or through("pizza_sizes")'
        raise place.error("field.type", f" has a type that cannot be stored: {said}", hint)
    _refuse_checks(found.type, checks, place)
    return found


def _simple(annotation: Any, checks: Mapping[str, Any], place: Place) -> Read | None:
    bounds: dict[str, Any] = {name: checks[name] for name in BOUNDS if name in checks}
    if annotation is str:
        lengths: dict[str, Any] = {name: checks[name] for name in LENGTHS if name in checks}
        return Read(TextType(**lengths, pattern=checks.get("pattern")), False)
    if annotation is int:
        _refuse_bounds(bounds, (int,), place)
        return Read(IntType(**bounds, big=place.big), False)
    if annotation is float:
        _refuse_bounds(bounds, (int, float), place)
        return Read(FloatType(**bounds), False)
    if annotation is Decimal:
        return Read(_decimal(checks, bounds, place), False)
    if annotation is UUID:
        return Read(UuidType(), False, None, UUID)
    plain: dict[Any, FieldType] = {bool: BoolType(), datetime: DatetimeType(), date: DateType()}
    for kind, found in plain.items():
        if annotation is kind:
            return Read(found, False)
    return None


def _structured(annotation: Any, checks: Mapping[str, Any], place: Place) -> Read | None:
    if get_origin(annotation) is Literal:
        return Read(_choices(get_args(annotation), place), False)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Read(_choices([m.value for m in annotation], place), False, None, annotation)
    if get_origin(annotation) is list:
        return _list(annotation, checks, place)
    if annotation is Any:
        return Read(JsonType(), True)  # None is anything, too
    if annotation is dict or get_origin(annotation) is dict:
        if get_args(annotation) not in ((), (str, Any)):
            raise place.error("field.type", ": a JSON object is dict[str, Any]", HINT)
        return Read(JsonType(object=True), False)
    return None


def _refuse_checks(found: FieldType, checks: Mapping[str, Any], place: Place) -> None:
    allowed = CHECKS_OF.get(type(found), ())
    for name in checks:
        if name not in allowed:
            hint = f"checks here: {', '.join(allowed)}" if allowed else None
            if isinstance(found, ListType):
                hint = f"for the items: list[Annotated[int, Field({name}=…)]]"
            detail = f": {name} is no check of {found.describe()['type']} fields"
            raise place.error("field.option", detail, hint)


def _refuse_bounds(bounds: Mapping[str, Any], kinds: tuple[type, ...], place: Place) -> None:
    for name, bound in bounds.items():
        if type(bound) not in kinds or bound != bound or abs(bound) == float("inf"):
            said = " or ".join(kind.__name__ for kind in kinds)
            raise place.error("field.option", f": {name} takes a finite {said}", None)


def _decimal(checks: Mapping[str, Any], bounds: Mapping[str, Any], place: Place) -> DecimalType:
    digits, places = checks.get("max_digits", 18), checks.get("decimal_places", 2)
    if not 1 <= digits <= 18 or not 0 <= places <= digits:
        raise place.error(
            "field.decimal",
            ": a decimal has 1 to 18 digits, and no more places than digits",
            "Field(max_digits=12, decimal_places=2)",
        )
    exact: dict[str, Any] = {}
    for name, bound in bounds.items():
        try:
            exact[name] = Decimal(str(bound))
        except InvalidOperation:
            exact[name] = Decimal("NaN")
        if not exact[name].is_finite():
            raise place.error("field.option", f": {name} takes a finite number", None)
    return DecimalType(digits, places, **exact)


def _choices(values: Iterable[Any], place: Place) -> EnumType:
    listed = tuple(values)
    try:
        if not listed or not all(isinstance(value, str) for value in listed):
            raise ValueError("choices are one or more strings")
        return EnumType(tuple(TextType().parse(str.__str__(value)) for value in listed))
    except ValueError as error:
        detail = f": {error}"
        hint = 'Literal["small", "large"], or an Enum with string values'
        raise place.error("field.choices", detail, hint) from None


def _list(annotation: Any, checks: Mapping[str, Any], place: Place) -> Read:
    item = read_annotation(get_args(annotation)[0], (), place)
    if item.nullable or not item.type.sortable or item.target is not None:
        raise place.error(
            "field.type",
            ": a list holds plain values without nulls, not records, lists or JSON",
            "records that belong together are a relation (Ref on one side, back() on the other); "
            "a list of anything is JSON: Any",
        )
    lengths: dict[str, Any] = {name: checks[name] for name in LENGTHS if name in checks}
    convert = item.to_python
    shown = _same if convert is _same else lambda values: [convert(v) for v in values]
    return Read(ListType(item.type, **lengths), False, None, shown, item.plain)
