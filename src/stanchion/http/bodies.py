"""`Create[X]` and `Update[X]` in FastAPI routes: their values are read with the same code as
those of the data API. The JSON around them is decoded by FastAPI, which takes the last of
duplicate keys and any encoding that JSON may have.

Refuses, when the app is loaded, a route whose body is a bare record: callers could set what only
the server sets.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, NewType, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typing_inspection.typing_objects import is_typealiastype

from ..declare import Bodies, NewRecord, Record, Update, bind_bodies, body_error
from ..errors import DeclarationError, FieldError, Origin, not_an_object
from ..expr.fold import certainly_false
from ..expr.tree import TRUE
from ..plan.body import read_create, read_update
from ..runtime import Runtime
from ..schema import BackReference, Collection
from .routes import walk_routes


@dataclass(frozen=True, slots=True)
class Form:
    """Which fields a body of an app route may hold: all but those that only the server sets."""

    collection: Collection
    settable: frozenset[str]

    @property
    def visible(self) -> frozenset[str]:
        """Every field: the route's author decides who may call it."""
        return frozenset(self.collection.field)

    def many(self, name: str) -> BackReference | None:
        return self.collection.back_reference.get(name)


class RecordBodies(Bodies):
    """Reads the bodies of one app's records. Every settable field may be sent; who may set it is
    judged by the transaction that stores it."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @classmethod
    def bind(cls, runtime: Runtime) -> None:
        """Answer for every record class of the app."""
        bodies = cls(runtime)
        for binding in runtime.model.bindings.values():
            bind_bodies(binding.record, bodies)

    def create(self, record: type[Record], wire: Any) -> Record:
        binding = self.runtime.model.of(record)
        if not isinstance(wire, Mapping):
            raise body_error(record.__name__, [not_an_object(None)], wire)
        form = self._form(binding.collection, frozen=True)
        values, errors = read_create(form, binding.factories, wire)
        if not errors:
            values, errors = binding.validate(values)
        if errors:
            raise body_error(record.__name__, errors, wire)
        known = {n: v for n, v in values.items() if not binding.collection.field[n].system}
        built = binding.build(known)
        for stored in binding.collection.fields:
            if stored.system and stored.name in binding.factories:
                built.__dict__[stored.attribute] = binding.factories[stored.name]()
        built.__pydantic_fields_set__.intersection_update(binding.attributes[n] for n in wire)
        return built

    def update(self, record: type[Record], wire: Any) -> Update[Any]:
        binding = self.runtime.model.of(record)
        if not isinstance(wire, Mapping):
            raise body_error(record.__name__, [not_an_object(None)], wire)
        form = self._form(binding.collection, frozen=False)
        values, errors = read_update(form, "", {k: v for k, v in wire.items() if k != "id"})
        if "id" in wire:
            errors.append(FieldError("/id", "frozen", "The body of a change holds no `id`."))
        if errors:
            raise body_error(record.__name__, errors, wire)
        return Update(record, values)

    def _form(self, collection: Collection, *, frozen: bool) -> Form:
        rules = self.runtime.policy.field_write
        settable = frozenset(
            f.name
            for f in collection.fields
            if not f.system
            and (frozen or not f.frozen)
            and not certainly_false(rules.get((collection.name, f.name), TRUE))
        )
        return Form(collection, settable)


def refuse_bare_records(routes: Iterable[Any]) -> None:
    """Raise `DeclarationError` for a route that takes a record as its body."""
    for _, _, route, _ in walk_routes(routes):
        for annotation, metadata in _bodies_of(getattr(route, "dependant", None)):
            record = None if _marked(metadata) else _bare_record(annotation)
            if record is not None:
                endpoint = inspect.unwrap(route.endpoint)
                code = endpoint.__code__
                raise DeclarationError(
                    "route.body",
                    f"{endpoint.__name__} takes a bare {record.__name__} as its body, so callers "
                    "could set what only the server sets",
                    origin=Origin(code.co_filename, code.co_firstlineno),
                    hint=f"Create[{record.__name__}] or Update[{record.__name__}]",
                )


def _bodies_of(dependant: Any) -> Iterator[tuple[Any, Sequence[Any]]]:
    """The annotation and metadata of every body parameter of a route and what it depends on."""
    if dependant is None:
        return
    for parameter in dependant.body_params:
        yield parameter.field_info.annotation, parameter.field_info.metadata
    for other in dependant.dependencies:
        yield from _bodies_of(other)


def _marked(metadata: Sequence[Any]) -> bool:
    return any(isinstance(item, NewRecord) for item in metadata)


def _bare_record(annotation: Any, within: frozenset[Any] = frozenset()) -> type[Record] | None:
    """The record class inside an annotation that is no `Create`; `within` are the classes and
    aliases that it stands in."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation
    if get_origin(annotation) is Annotated and _marked(get_args(annotation)[1:]):
        return None
    if isinstance(annotation, type) or is_typealiastype(annotation):
        if annotation in within:
            return None
        within |= {annotation}
    parts = _parts_of(annotation)
    return next(filter(None, (_bare_record(part, within) for part in parts)), None)


def _parts_of(annotation: Any) -> list[Any]:
    """What a value of this type is made of, as far as callers choose it."""
    if is_typealiastype(annotation):
        return [annotation.__value__]
    if isinstance(annotation, NewType):
        return [annotation.__supertype__]
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            fields = annotation.model_fields.values()
            return [field.annotation for field in fields if not _marked(field.metadata)]
        keyed = hasattr(annotation, "__required_keys__")  # a TypedDict, of whichever module
        if is_dataclass(annotation) or keyed or hasattr(annotation, "_fields"):
            return list(get_type_hints(annotation, include_extras=True).values())
    origin = get_origin(annotation)
    return list(get_args(annotation)) + ([] if origin is None else [origin])
