"""Read the body of a create or an update: wire values in, stored values and every mistake out.

In: a decoded JSON object, and which fields it may hold.   Out: values by field name, and all
`FieldError`s at once.
Refuses nothing by itself; the write door tells the mistakes when it is their turn.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .. import clock
from ..errors import DeclarationError, FieldError, did_you_mean, pointer_to
from ..schema import NEVER, BackReference, Collection, Field
from ..types import Wire, WireError

Factories = Mapping[str, Callable[[], Any]]
SERVER_FIELDS = ("created", "updated", "version")
MOST_MISTAKES = 100
"""Of one record. A body of a megabyte could make a hundred thousand."""


class Fillable(Protocol):
    """Which fields of a collection a body may hold, and which exist for who sends it: what a
    `WritePlan` says."""

    @property
    def collection(self) -> Collection: ...
    @property
    def settable(self) -> frozenset[str]: ...
    @property
    def visible(self) -> frozenset[str]: ...
    def many(self, name: str) -> BackReference | None: ...


def read_create(
    plan: Fillable, factories: Factories, wire: Mapping[str, Wire], at: str = ""
) -> tuple[dict[str, Any], list[FieldError]]:
    """The values of a new record, defaults included. `at` is the pointer of the record."""
    values: dict[str, Any] = {}
    errors = _refused_names(plan, wire, at)
    for field in plan.collection.fields:
        if field.name in wire and field.name in plan.settable:
            values[field.name] = _value(field, wire[field.name], at, errors)
        elif field.name == "id":
            values["id"] = clock.uuid7()
        elif field.required:
            # told to whoever may create, also where a rule hides the field: without it nobody could
            detail = f"`{field.name}` is required."
            if field.name not in plan.settable:
                detail = f"`{field.name}` has no default, and this caller may not set it."
            errors.append(FieldError(f"{at}/{field.name}", "missing", detail))
        else:
            values[field.name] = _default(field, factories)
    return values, errors[:MOST_MISTAKES]


def read_update(
    plan: Fillable, key: str, wire: Mapping[str, Wire]
) -> tuple[dict[str, Any], list[FieldError]]:
    """The values of a merge patch. An `id` that equals the path changes nothing."""
    errors: list[FieldError] = []
    named = dict(wire)
    if "id" in named and _as_key(plan.collection, named.pop("id")) != key:
        errors.append(FieldError("/id", "frozen", "`id` must equal the one in the path."))
    errors += _refused_names(plan, named, "")
    values = {
        name: _value(plan.collection.field[name], named[name], "", errors)
        for name in named
        if name in plan.settable
    }
    return values, errors[:MOST_MISTAKES]


@dataclass(frozen=True, slots=True)
class Replacement:
    """The body of a record that replaces a stored one.

    `given` are the values that were sent. Of the fields that were left out, `defaults` are the
    values of the optional ones and `missing` the names of the others: what they mean shows with
    the stored row. `fixed` were sent and must be what is stored.
    """

    given: Mapping[str, Any]
    defaults: Mapping[str, Any]
    missing: Sequence[str]
    fixed: Mapping[str, Any]
    errors: Sequence[FieldError]


def read_replacement(
    plan: Fillable,
    factories: Factories,
    key: str,
    wire: Mapping[str, Wire],
    comparable: frozenset[str],
) -> Replacement:
    """A replacement. `comparable` are the fields that are set at create only, and may be sent
    again as they are."""
    errors: list[FieldError] = []
    named = dict(wire)
    if "id" in named and _as_key(plan.collection, named.pop("id")) != key:
        errors.append(FieldError("/id", "frozen", "`id` must equal the one in the path."))
    fixed = {
        name: _value(plan.collection.field[name], named.pop(name), "", errors)
        for name in [n for n in named if n in comparable]
    }
    errors += _refused_names(plan, named, "")
    given: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    missing: list[str] = []
    for field in plan.collection.fields:
        if field.name not in plan.settable or field.name in plan.collection.key:
            continue
        if field.name in named:
            given[field.name] = _value(field, named[field.name], "", errors)
        elif field.system:
            continue  # what the server sets stays, also where the system puts
        elif field.required:
            missing.append(field.name)
        else:
            defaults[field.name] = _default(field, factories)
    return Replacement(given, defaults, missing, fixed, errors[:MOST_MISTAKES])


def _as_key(collection: Collection, wire: Wire) -> Any:
    try:
        return collection.key_field.type.parse(wire)
    except WireError:
        return None


def _value(field: Field, wire: Wire, at: str, errors: list[FieldError]) -> Any:
    if wire is None:
        if not field.nullable:
            errors.append(FieldError(f"{at}/{field.name}", "null", "Must not be null."))
        return None
    try:
        return field.type.parse(wire)
    except WireError as error:
        errors += error.told(f"{at}/{field.name}")
        return None


def _default(field: Field, factories: Factories) -> Any:
    """The value of a field that was left out. `created` and its like are set by the write door,
    at the moment of the transaction."""
    if field.name in SERVER_FIELDS:
        return 1 if field.name == "version" else None
    if field.name not in factories:
        default = field.default
        if isinstance(default, (list, dict)):
            default = copy.deepcopy(default)  # its own for each record
        return None if default is None else field.type.parse(default)
    made = factories[field.name]()
    if made is None and field.nullable:
        return None
    try:
        return field.type.accept(made)
    except WireError as error:
        raise DeclarationError(
            "field.default", f"the default_factory of `{field.name}` made {made!r}: {error.detail}"
        ) from None


def _refused_names(plan: Fillable, wire: Mapping[str, Wire], at: str) -> list[FieldError]:
    """Names that are no field, or that this caller may not set."""
    errors: list[FieldError] = []
    for name in wire:
        if name not in plan.settable:
            errors.append(_refused_name(plan, name, at + pointer_to(name[:60])))
            if len(errors) == MOST_MISTAKES:
                break
    return errors


def _refused_name(plan: Fillable, name: str, pointer: str) -> FieldError:
    collection = plan.collection
    field = collection.field.get(name)
    if field is None and (many := plan.many(name)) is not None:
        return FieldError(pointer, "unknown_field", _not_held(collection, many))
    if field is None or name not in plan.visible:
        hint = did_you_mean(name[:60], _suggested(plan)) or ""
        detail = f"{collection.name} has no field `{name[:60]}`. {hint}".rstrip()
        return FieldError(pointer, "unknown_field", detail)
    if field.system:
        return FieldError(pointer, "system_field", f"`{name}` is set by the server.")
    if field.frozen:
        return FieldError(pointer, "frozen", f"`{name}` is set at create only.")
    return FieldError(
        pointer, "not_writable", f"`{name}` is set by the server; this caller may not."
    )


def _not_held(collection: Collection, many: BackReference) -> str:
    """Where the records of a to-many relation are told apart from a field of this one."""
    if many.link is None:
        return (
            f"`{many.name}` is no field of {collection.name} to be set: it is the records of "
            f"{many.collection} whose `{many.field}` refers here. Set `{many.field}` there."
        )
    return (
        f"`{many.name}` is no field of {collection.name} to be set: links to {many.collection} are "
        f"records of {many.link}. Create one there, with `{many.field}` and `{many.reach}`, "
        "or delete it."
    )


def _suggested(plan: Fillable) -> list[str]:
    """What a hint may name: fields to be set that exist for this caller, and those that are
    declared to be read by nobody, such as a password. That another caller may read a field is
    not told."""
    return [
        field.name
        for field in plan.collection.fields
        if field.name in plan.settable and (field.name in plan.visible or field.read == NEVER)
    ]
