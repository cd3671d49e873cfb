"""`Binding`: carries the records of one collection between Python objects and plain values.

In: instances, keyword changes, JSON of the database.   Out: values by field name, instances.
Refuses nothing by itself: what is wrong is handed back, and told by the write door in its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pydantic

from ..errors import FieldError, did_you_mean, pointer_to
from ..schema import Collection, Field
from ..types import WireError
from .annotations import Read
from .fields import Many, Ref
from .record import Record


@dataclass(frozen=True, eq=False)
class Binding:
    """Carries records of one collection between Python objects and plain values by field name."""

    record: type[Record]
    collection: Collection
    attributes: Mapping[str, str]  # wire name -> attribute
    reads: Mapping[str, Read]  # wire name -> how a value looks in Python
    targets: Mapping[str, str]  # reference field -> collection
    factories: Mapping[str, Callable[[], Any]]
    validated: bool  # the app added pydantic validators
    others: Mapping[str, Binding] = field(repr=False)

    def values_of(self, record: Record) -> tuple[dict[str, Any], list[FieldError]]:
        """The stored values of an instance by field name, and what is wrong with them."""
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        for stored in self.collection.fields:
            given = getattr(record, stored.attribute, None)
            self._accept(stored, given, values, errors)
        return values, errors

    def given_of(self, record: Record) -> dict[str, Any]:
        """What was given to the constructor or set afterwards, by field name, unchecked."""
        given = record.model_fields_set
        return {
            name: getattr(record, attribute, None)
            for name, attribute in self.attributes.items()
            if attribute in given
        }

    def changes_of(self, changes: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
        """The values of keyword changes by attribute or field name, and what is wrong."""
        values: dict[str, Any] = {}
        named, errors = self.names_of(changes)
        for name, given in named.items():
            self._accept(self.collection.field[name], given, values, errors)
        return values, errors

    def names_of(self, changes: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
        """The same changes by field name, without those that name no field."""
        named: dict[str, Any] = {}
        errors: list[FieldError] = []
        for key, given in changes.items():
            name = self._names.get(key, key)
            if name in self.collection.field:
                named[name] = given
            else:
                hint = did_you_mean(key, self._names) or ""
                detail = f"{self.collection.name} has no field `{key}`. {hint}".rstrip()
                errors.append(FieldError(pointer_to(key), "unknown_field", detail))
        return named, errors

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Wire names by attribute."""
        return {attribute: name for name, attribute in self.attributes.items()}

    def _accept(
        self, stored: Field, given: Any, values: dict[str, Any], errors: list[FieldError]
    ) -> None:
        if given is None:
            values[stored.name] = None
            if not stored.nullable:
                errors.append(FieldError(f"/{stored.name}", "null", "Must not be null."))
            return
        try:
            values[stored.name] = stored.type.accept(given)
        except WireError as error:
            errors += error.told(f"/{stored.name}")

    def build(self, values: Mapping[str, Any]) -> Record:
        """An instance of plain values; nothing is checked again."""
        shown: dict[str, Any] = {}
        for name, value in values.items():
            attribute = self.attributes[name]
            shown[attribute] = None if value is None else self.reads[name].to_python(value)
        return self._constructed(shown)

    def load(self, wire: Mapping[str, Any]) -> Record:
        """An instance of a record's JSON, expanded records and relations included."""
        shown: dict[str, Any] = {}
        for name, value in wire.items():
            if name in self.attributes:
                shown[self.attributes[name]] = self._load_field(name, value)
            else:
                relation = self.collection.back_reference[name]
                other = self.others[relation.collection]
                items = [other.load(item) for item in value["items"]]
                shown[relation.attribute] = Many(items, value["more"])
        return self._constructed(shown)

    def _load_field(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, dict) and name in self.targets:
            target = self.others[self.targets[name]]
            reference: Ref[Any] = Ref(value[target.collection.key[0]])
            reference._record = target.load(value)
            return reference
        return self.reads[name].to_python(self.collection.field[name].type.parse(value))

    def _constructed(self, shown: dict[str, Any]) -> Record:
        """What pydantic's `model_construct` does, without asking each default for its signature:
        that cost more than reading the record did."""
        for relation in self.collection.back_references:
            shown.setdefault(relation.attribute, Many())
        record = self.record.__new__(self.record)
        object.__setattr__(record, "__dict__", shown)
        object.__setattr__(record, "__pydantic_fields_set__", set(shown))
        object.__setattr__(record, "__pydantic_extra__", None)
        object.__setattr__(record, "__pydantic_private__", None)
        if self.record.__pydantic_post_init__:
            record.model_post_init(None)
        return record

    def validate(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
        """Run the app's own pydantic validators; the values they leave, and what they refuse.

        They see system fields and may not change them.
        """
        if not self.validated:
            return dict(values), []
        shown = {
            self.attributes[name]: None if value is None else self.reads[name].to_python(value)
            for name, value in values.items()
            if value is not None or not self.collection.field[name].system
        }
        try:
            record = self.record.model_validate(shown)
        except pydantic.ValidationError as error:
            return dict(values), [self._field_error(e) for e in error.errors()]
        left, errors = self.values_of(record)
        errors = [e for e in errors if not self._is_system((e.pointer or "/")[1:])]
        kept = {n: v if self._is_system(n) else left.get(n, v) for n, v in values.items()}
        return kept, errors

    def _is_system(self, name: str) -> bool:
        return name in self.collection.field and (
            self.collection.field[name].system or name in self.collection.key
        )

    def _field_error(self, error: Any) -> FieldError:
        place = pointer_to(*(self._names.get(part, part) for part in error["loc"]))
        said: str = error["msg"]
        for prefix in ("Value error, ", "Assertion failed, "):
            said = said.removeprefix(prefix)
        return FieldError(place or None, error["type"], said)
