"""Read the body of a create or an update: wire values in, stored values and every mistake out.

In: a decoded JSON object.   Out: values by field name, and all `FieldError`s at once.
Refuses nothing by itself; the write door tells the mistakes when it is their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import clock
from ..errors import FieldError, did_you_mean
from ..schema import NO_DEFAULT, Collection, Field
from ..types import Wire, WireError

Factories = Mapping[str, Callable[[], Any]]
SERVER_FIELDS = ("created", "updated", "version")


def read_create(
    collection: Collection,
    settable: frozenset[str],
    visible: frozenset[str],
    factories: Factories,
    wire: Mapping[str, Wire],
    at: str = "",
) -> tuple[dict[str, Any], list[FieldError]]:
    """The values of a new record, defaults included. `at` is the pointer of the record."""
    values: dict[str, Any] = {}
    errors = _refused_names(collection, settable, visible, wire, at)
    for field in collection.fields:
        if field.name in wire and field.name in settable:
            values[field.name] = _value(field, wire[field.name], at, errors)
        elif field.name == "id":
            values["id"] = clock.uuid7()
        elif field.system:
            values[field.name] = _system_value(field, factories)
        elif field.name in factories:
            values[field.name] = field.type.accept(factories[field.name]())
        elif field.default is not NO_DEFAULT:
            values[field.name] = None if field.default is None else field.type.parse(field.default)
        elif field.name not in settable:
            detail = f"`{field.name}` has no default, and this caller may not set it."
            errors.append(FieldError(f"{at}/{field.name}", "missing", detail))
        else:
            detail = f"`{field.name}` is required."
            errors.append(FieldError(f"{at}/{field.name}", "missing", detail))
    return values, errors


def read_update(
    collection: Collection,
    settable: frozenset[str],
    visible: frozenset[str],
    key: str,
    wire: Mapping[str, Wire],
) -> tuple[dict[str, Any], list[FieldError]]:
    """The values of a merge patch. An `id` that equals the path changes nothing."""
    wire = dict(wire)
    errors: list[FieldError] = []
    if "id" in wire and wire.pop("id") != key:
        errors.append(FieldError("/id", "frozen", "`id` must equal the one in the path."))
    errors += _refused_names(collection, settable, visible, wire, "")
    values = {
        name: _value(collection.field[name], wire[name], "", errors)
        for name in wire
        if name in settable
    }
    return values, errors


def _value(field: Field, wire: Wire, at: str, errors: list[FieldError]) -> Any:
    if wire is None:
        if not field.nullable:
            errors.append(FieldError(f"{at}/{field.name}", "null", "Must not be null."))
        return None
    try:
        return field.type.parse(wire)
    except WireError as error:
        errors.append(FieldError(f"{at}/{field.name}", error.code, error.detail))
        return None


def _system_value(field: Field, factories: Factories) -> Any:
    """`created` and its like are set by the write door at the moment of the transaction."""
    if field.name in SERVER_FIELDS:
        return 1 if field.name == "version" else None
    return factories[field.name]()


def _refused_names(
    collection: Collection,
    settable: frozenset[str],
    visible: frozenset[str],
    wire: Mapping[str, Wire],
    at: str,
) -> list[FieldError]:
    """Names that are no field, or that this caller may not set."""
    errors = []
    for name in wire:
        if name in settable:
            continue
        field = collection.field.get(name)
        pointer = f"{at}/{_escaped(name)}"
        if field is None or (name not in visible and field.name not in settable):
            hint = did_you_mean(name, settable) or ""
            detail = f"{collection.name} has no field `{name[:60]}`. {hint}".rstrip()
            errors.append(FieldError(pointer, "unknown_field", detail))
        elif field.system:
            errors.append(FieldError(pointer, "system_field", f"`{name}` is set by the server."))
        elif field.frozen:
            errors.append(FieldError(pointer, "frozen", f"`{name}` is set at create only."))
        else:
            detail = f"`{name}` is set by the server; this caller may not."
            errors.append(FieldError(pointer, "not_writable", detail))
    return errors


def _escaped(name: str) -> str:
    """A name as one part of a JSON pointer (RFC 6901)."""
    return name[:60].replace("~", "~0").replace("/", "~1")
