"""`Field`, `Ref`, `Many`, `back`, `through`: what an app writes inside a record class.

A `Field` is pydantic's, with our options kept in its metadata; `record.py` reads them back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    TypedDict,
    TypeVar,
    Unpack,
    get_args,
    overload,
)

import pydantic
from pydantic_core import PydanticCustomError, core_schema

from ..errors import DeclarationError, Origin, did_you_mean
from ..schema import ALWAYS, NEVER, OnDelete, Rule
from ..types import UuidType, WireError
from .rules import RuleLike, as_rule, caller_origin

T = TypeVar("T")
R = TypeVar("R", covariant=True)


class FieldOptions(TypedDict, total=False):
    """What `Field` takes beside a default."""

    name: str
    description: str
    unique: bool
    index: bool
    search: bool
    frozen: bool
    big: bool
    on_delete: OnDelete
    read: RuleLike
    write: RuleLike
    ge: Any
    gt: Any
    le: Any
    lt: Any
    min_length: int
    max_length: int
    pattern: str
    max_digits: int
    decimal_places: int


@dataclass(frozen=True, slots=True)
class Options:
    """Our own options of a field, kept in pydantic's `FieldInfo.metadata`."""

    name: str | None = None
    unique: bool = False
    index: bool = False
    search: bool = False
    frozen: bool = False
    big: bool = False
    on_delete: OnDelete | None = None
    read: Rule = ALWAYS
    write: Rule = ALWAYS
    system: bool = False
    origin: Origin | None = None


OURS = ("name", "unique", "index", "search", "frozen", "big", "on_delete")


@overload
def Field(**options: Unpack[FieldOptions]) -> Any: ...
@overload
def Field(*, default: T, **options: Unpack[FieldOptions]) -> T: ...
@overload
def Field(*, default_factory: Callable[[], T], **options: Unpack[FieldOptions]) -> T: ...
def Field(  # noqa: N802  # a class in all but name, as in pydantic
    *,
    default: Any = ...,
    default_factory: Callable[[], Any] | None = None,
    **options: Unpack[FieldOptions],
) -> Any:
    """Describe a stored field.

    Args:
        default: the value when a create leaves the field out; without one it is required.
        default_factory: makes that value, called for each record.
        name: its name on the wire and on disk, where Python cannot use it (`schema`, `json`).
        description: becomes the documentation.
        unique: no two records share a value (nulls are never shared).
        index: kept sorted by the database, for filters and sorting. A text that is unique or in an
            index has 2,400 bytes at most.
        search: `q` looks into this text.
        frozen: set when the record is created, never changed.
        big: an int of 64 bits, a string on the wire.
        on_delete: for a reference: "restrict" (the default), "cascade" or "set null".
        read: who may read it: True, False or a rule. False keeps it out of every answer.
        write: who may set it: True, False or a rule. False leaves it to server code.
        ge, gt, le, lt, min_length, max_length, pattern, max_digits, decimal_places: checks, as
            in pydantic.
    """
    origin = caller_origin()
    _check_options(options, default, default_factory, origin)
    ours = {key: options[key] for key in OURS if key in options}  # type: ignore[literal-required]  # keys of FieldOptions
    marker = Options(
        **ours,
        read=as_rule(options.get("read", True), origin),
        write=as_rule(options.get("write", True), origin),
        origin=origin,
    )
    checks = {k: v for k, v in options.items() if k not in (*OURS, "read", "write")}
    if "name" in options:
        checks["serialization_alias"] = options["name"]
    if marker.read == NEVER:
        checks.update(exclude=True, repr=False)
    if default_factory is not None:
        info = pydantic.Field(default_factory=default_factory, **checks)  # type: ignore[call-overload]  # checks are pydantic's own
    else:
        info = pydantic.Field(default, **checks)  # type: ignore[call-overload]  # as above
    info.metadata.append(marker)
    return info


def _check_options(
    options: FieldOptions, default: Any, factory: Any, origin: Origin | None
) -> None:
    known = FieldOptions.__annotations__
    hint: str | None
    for option in options:
        if option not in known:
            hint = did_you_mean(option, known) or f"options: {', '.join(known)}"
            raise DeclarationError(
                "field.option", f"Field has no option `{option}`", origin=origin, hint=hint
            )
    if factory is not None and default is not ...:
        raise DeclarationError(
            "field.option",
            "Field takes a default or a default_factory, not both",
            origin=origin,
            hint="a default_factory is called for each new record",
        )
    for bound in ("ge", "gt", "le", "lt"):
        value = options.get(bound, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            raise DeclarationError(
                "field.option", f"{bound} takes a number, not {value!r}", origin=origin
            )
    if "pattern" in options:
        _check_pattern(options["pattern"], origin)
    if options.get("on_delete", "restrict") not in get_args(OnDelete):
        raise DeclarationError(
            "field.option",
            f"on_delete is {options['on_delete']!r}",
            origin=origin,
            hint='"restrict" (the default), "cascade" or "set null"',
        )


def _check_pattern(pattern: str, origin: Origin | None) -> None:
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        raise DeclarationError(
            "field.pattern",
            f"the pattern {pattern!r} is no regular expression: {error}",
            origin=origin,
            hint='a raw string keeps backslashes: pattern=r"[0-9]+"',
        ) from None


def system(*, default_factory: Callable[[], Any], init: Literal[False] = False) -> Any:
    """A field that the server sets."""
    info = pydantic.Field(default_factory=default_factory)
    info.metadata.append(Options(system=True))
    return info


class NotExpanded(AttributeError):
    """A related record was used that the query did not expand."""


@dataclass(frozen=True, slots=True)
class RefTo:
    """The target of a `Ref`: a record class, its name, or `Self`."""

    target: Any


@dataclass(frozen=True, slots=True)
class ManyOf:
    """The target of a `Many`: a record class or its name."""

    target: Any


_key = UuidType()


class Ref(str, Generic[R]):
    """The id of a record of another collection: a string, and after `expand` the record too.

    `line.pizza` is the id; `line.pizza.record` is the pizza where the query expanded it. A plain
    string becomes a reference with `Ref(text)`.
    """

    _record: Any = None

    @property
    def record(self) -> R:
        """The expanded record; raises `NotExpanded` where it was not asked for or not visible."""
        if self._record is None:
            raise NotExpanded(
                f"the record of {str.__repr__(self)} is not here: ask with expand=…, and the "
                "caller must be allowed to read it"
            )
        return self._record  # type: ignore[no-any-return]  # set by the loader to an R

    if not TYPE_CHECKING:

        def __class_getitem__(cls, target: Any) -> Any:
            return target if isinstance(target, TypeVar) else Annotated[Ref, RefTo(target)]

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            def validate(value: Any) -> Ref[Any]:
                if isinstance(value, Ref):
                    return value
                if isinstance(value, pydantic.BaseModel):
                    detail = "Must be an id, not a record; pass its `id`."
                    raise PydanticCustomError("uuid_type", "{detail}", {"detail": detail})
                try:
                    return Ref(_key.accept(value))
                except WireError as error:
                    raise PydanticCustomError(
                        error.code, "{detail}", {"detail": error.detail}
                    ) from None

            return core_schema.no_info_plain_validator_function(
                validate,
                serialization=core_schema.plain_serializer_function_ser_schema(str.__str__),
            )

        @classmethod
        def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
            return {"type": "string", "format": "uuid"}


class Many(Sequence[R]):
    """The records on the other side of a relation, where the query expanded them: at most 100.

    `more` says that there are more than these. Without `expand`, using it raises `NotExpanded`.
    """

    def __init__(self, items: Iterable[Any] | None = None, more: bool = False) -> None:
        self._items = None if items is None else tuple(items)
        self.more = more

    def _loaded(self) -> tuple[R, ...]:
        if self._items is None:
            raise NotExpanded("these records are not here: ask with expand=…")
        return self._items

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[R]: ...
    def __getitem__(self, index: int | slice) -> R | Sequence[R]:
        return self._loaded()[index]

    def __len__(self) -> int:
        return len(self._loaded())

    def __iter__(self) -> Iterator[R]:
        return iter(self._loaded())

    def __eq__(self, other: object) -> bool:
        """What was not asked for equals anything, as a `Ref` is its id with or without the record:
        so a record equals another copy of it, whatever came along with either."""
        if not isinstance(other, Many):
            return NotImplemented
        found = (self._items, other._items)
        return None in found or found[0] == found[1]

    def __repr__(self) -> str:
        return "Many(not expanded)" if self._items is None else f"Many({list(self._items)!r})"

    if not TYPE_CHECKING:

        def __class_getitem__(cls, target: Any) -> Any:
            return target if isinstance(target, TypeVar) else Annotated[Many, ManyOf(target)]

        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            return core_schema.is_instance_schema(Many)

        @classmethod
        def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
            return {"type": "array"}


@dataclass(frozen=True, slots=True)
class Through:
    """Marks a many-to-many relation: the collection of links, and which of their references lead
    here and there, where that is not plain."""

    link: str
    by: str
    to: str
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class Back:
    """Marks a back reference and names the field on the other side."""

    field: str


def back(field: str, *, init: Literal[False] = False) -> Any:
    """The other side of a reference: `sizes: Many["Size"] = back("pizza")`."""
    info: Any = pydantic.Field(default_factory=Many, exclude=True, repr=False)
    info.metadata.append(Back(field))
    return info


def through(link: str, *, by: str = "", to: str = "", init: Literal[False] = False) -> Any:
    """The other side of many-to-many: `toppings: Many["Topping"] = through("pizza_toppings")`.

    Args:
        link: the collection whose records are the pairs; it has a reference to either side.
        by: the reference of a link that leads here, where more than one does.
        to: the reference of a link that leads to the other side, where more than one does.
    """
    info: Any = pydantic.Field(default_factory=Many, exclude=True, repr=False)
    info.metadata.append(Through(link, by, to, caller_origin()))
    return info
