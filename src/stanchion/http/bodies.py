"""`Create[X]` and `Update[X]` in FastAPI routes: read with the same code as the data API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..declare import Bodies, Record, Update, bind_bodies, body_error
from ..errors import FieldError
from ..plan.body import read_create, read_update
from ..runtime import Runtime


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
        settable = self._settable(record, frozen=True)
        if not isinstance(wire, Mapping):
            raise body_error(record.__name__, [_no_object()], wire)
        values, errors = read_create(
            binding.collection, settable, settable, binding.factories, wire
        )
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
        settable = self._settable(record, frozen=False)
        if not isinstance(wire, Mapping):
            raise body_error(record.__name__, [_no_object()], wire)
        values, errors = read_update(binding.collection, settable, settable, "", wire)
        if errors:
            raise body_error(record.__name__, errors, wire)
        return Update(record, values)

    def _settable(self, record: type[Record], *, frozen: bool) -> frozenset[str]:
        collection = self.runtime.model.of(record).collection
        closed = self.runtime.policy.field_write
        return frozenset(
            f.name
            for f in collection.fields
            if not f.system
            and (frozen or not f.frozen)
            and str(getattr(closed.get((collection.name, f.name)), "value", True)) != "False"
        )


def _no_object() -> FieldError:
    return FieldError(None, "object_type", "Must be a JSON object.")
