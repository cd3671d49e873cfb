"""The schemas of a collection: a record as it is read, created and changed; pages and groups.

In: schema.Collection.   Out: component schemas, under names that collide with nothing.
Called by `document` for the components, and by `operations` for what to refer to.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

from ...schema import ALWAYS, NEVER, BackReference, Collection, Field, Schema
from .values import (
    JSONSchema,
    average_schema,
    described,
    example_of,
    nullable,
    sum_schema,
    value_schema,
    wire_schema,
)

SYSTEM_DOCS = {
    "created": "When the record was created.",
    "updated": "When the record was changed last.",
    "version": "Grows by one with every change.",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What the schemas of one collection are called."""

    record: str
    create: str
    update: str
    key: str
    page: str
    items: str
    groups: str

    @classmethod
    def of(cls, base: str) -> Names:
        """`Pizza`, `PizzaCreate`, …"""
        return cls(
            base, *(base + s for s in ("Create", "Update", "Key", "Page", "Items", "Groups"))
        )

    @property
    def all(self) -> tuple[str, ...]:
        """Every name."""
        return tuple(getattr(self, name) for name in self.__slots__)


def choose_names(schema: Schema, taken: Iterable[str]) -> dict[str, Names]:
    """Names for each collection; where one is taken, all of that collection's change together."""
    used = set(taken)
    records = {collection.title for collection in schema.collections}
    chosen = {}
    for collection in schema.collections:
        names = _free(collection.title, used, records - {collection.title})
        used.update(names.all)
        chosen[collection.name] = names
    return chosen


def _free(title: str, used: Container[str], others: Container[str]) -> Names:
    number = 1
    names = Names.of(title)
    while any(name in used or name in others for name in names.all):
        names = Names.of(f"{title}Record{number if number > 1 else ''}")
        number += 1
    return names


def ref(name: str) -> JSONSchema:
    """A reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


# which fields stand where


def readable(collection: Collection) -> tuple[Field, ...]:
    """The fields that somebody may read."""
    return tuple(f for f in collection.fields if f.read != NEVER)


def settable(collection: Collection, *, create: bool) -> tuple[Field, ...]:
    """The fields that a caller may send."""
    return tuple(
        f
        for f in collection.fields
        if not f.system
        and f.write != NEVER
        and (create or not (f.frozen or f.name in collection.key))
    )


def expandable(schema: Schema, collection: Collection) -> list[str]:
    """The relations that `expand` takes."""
    names = [f.name for f in readable(collection) if f.reference is not None]
    return names + [r.name for r in _relations(schema, collection)]


def _relations(schema: Schema, collection: Collection) -> list[BackReference]:
    return [
        relation
        for relation in collection.back_references
        if all(
            schema.collection[relation.holder].field[name].read != NEVER
            for name in (relation.field, relation.reach)
            if name
        )
    ]


# the schemas


def collection_schemas(
    schema: Schema, collection: Collection, all_names: dict[str, Names]
) -> dict[str, JSONSchema]:
    """Every component schema of a collection, by name."""
    names = all_names[collection.name]
    stored = one_of(written(collection, names))
    page = {
        "items": {"type": "array", "items": ref(names.record)},
        "next": {
            "type": ["string", "null"],
            "description": "The cursor of the page after this one, for `after`; null at the end.",
        },
        "total": {
            "type": "integer",
            "description": "How many records there are in all; only with total=true.",
        },
    }
    key = {
        **_object({name: _key_schema(collection, name) for name in collection.key}),
        "description": "What is answered where the caller may not read the record.",
    }
    return {
        names.record: _record(schema, collection, all_names),
        names.create: _create(schema, collection),
        names.update: _update(schema, collection),
        **({names.key: key} if collection.rules.read != ALWAYS else {}),
        names.page: _object(page, required=("items", "next")),
        names.items: _object({"items": {"type": "array", "items": stored}}),
        names.groups: _groups(collection),
    }


def written(collection: Collection, names: Names) -> list[JSONSchema]:
    """What a write answers: the record, or its key alone where a rule may hide it."""
    record = ref(names.record)
    return [record] if collection.rules.read == ALWAYS else [record, ref(names.key)]


def one_of(schemas: list[JSONSchema]) -> JSONSchema:
    """Any of these."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _object(properties: dict[str, Any], required: Iterable[str] | None = None) -> JSONSchema:
    needed = list(properties) if required is None else list(required)
    found: JSONSchema = {"type": "object", "properties": properties}
    return {**found, "required": needed} if needed else found


def _key_schema(collection: Collection, name: str) -> JSONSchema:
    return wire_schema(collection.field[name].type)


def _record(schema: Schema, collection: Collection, names: dict[str, Names]) -> JSONSchema:
    fields = readable(collection)
    properties = {f.name: _read_property(schema, f, names) for f in fields}
    for relation in _relations(schema, collection):
        properties[relation.name] = _many(relation, names[relation.collection])
    found = _object(properties, (f.name for f in fields if f.read == ALWAYS))
    return described(found, collection.doc)


def _read_property(schema: Schema, field: Field, names: dict[str, Names]) -> JSONSchema:
    if field.reference is not None:
        return _one(schema, field, names)
    found = _with_example(described(value_schema(field), _system_doc(field)), field)
    return {**found, "readOnly": True} if field.system or field.write == NEVER else found


def _system_doc(field: Field) -> str:
    return SYSTEM_DOCS.get(field.name, "") if field.system else ""


def _with_example(found: JSONSchema, field: Field) -> JSONSchema:
    example = example_of(field)
    return found if example is None else {**found, "examples": [example]}


def _one(schema: Schema, field: Field, names: dict[str, Names]) -> JSONSchema:
    target = schema.target(field)
    key = nullable(wire_schema(field.type), field.nullable)
    found = {"anyOf": [_with_example(key, field), ref(names[target.name].record)]}
    way = f"The key of one of {target.name}; the record itself with expand={field.name}."
    return {**found, "description": f"{field.doc} {way}".strip()}


def _many(relation: BackReference, names: Names) -> JSONSchema:
    found = _object(
        {
            "items": {"type": "array", "items": ref(names.record), "maxItems": 100},
            "more": {"type": "boolean", "description": "Whether there are more than these."},
        }
    )
    which = f"that {relation.link} joins to this one" if relation.link else "that refer here"
    way = f"Those of {relation.collection} {which}; only with expand={relation.name}."
    return {**found, "description": f"{relation.doc} {way}".strip()}


def _create(schema: Schema, collection: Collection) -> JSONSchema:
    fields = settable(collection, create=True)
    properties = {f.name: _sent(schema, f, collection) for f in fields}
    found = _object(properties, (f.name for f in fields if f.required))
    wanted = [f for f in fields if f.name not in collection.key and not f.computed_default]
    return _strict(found, {f.name: example_of(f) for f in wanted if f.required or _shown(f)})


def _update(schema: Schema, collection: Collection) -> JSONSchema:
    fields = settable(collection, create=False)
    properties = {f.name: _sent(schema, f, collection, default=False) for f in fields}
    plain = [f for f in fields if f.reference is None]
    return _strict(_object(properties, ()), {f.name: example_of(f) for f in plain[:1]})


def _strict(found: JSONSchema, example: dict[str, Any]) -> JSONSchema:
    found = {**found, "additionalProperties": False}
    return {**found, "examples": [example]} if None not in example.values() else found


def _shown(field: Field) -> bool:
    """Whether an optional field stands in the example of a create: when it has a real default."""
    return field.default is not None and example_of(field) is not None


def _sent(
    schema: Schema, field: Field, collection: Collection, *, default: bool = True
) -> JSONSchema:
    found = value_schema(field)
    if field.reference is not None:
        found = described(found, f"The key of one of {schema.target(field).name}.")
    if field.name in collection.key and field.computed_default:
        found = described(found, "Made by the server where it is left out.")
    if default and field.default is not None and not field.required and not field.computed_default:
        found = {**found, "default": field.default}
    elif default and field.default is None:
        found = {**found, "default": None}
    found = _with_example(found, field)
    return {**found, "writeOnly": True} if field.read == NEVER else found


def _groups(collection: Collection) -> JSONSchema:
    """The answer of an aggregate. A value is null also where a rule hides it."""
    grouped = {
        f.name: nullable(wire_schema(f.type), f.nullable or f.read != ALWAYS)
        for f in readable(collection)
        if f.type.sortable
    }
    summed = {f.name: sum_schema(f.type) for f in summable(collection)}
    averaged = {f.name: average_schema(f.type) for f in summable(collection)}
    extreme = {
        f.name: nullable(wire_schema(f.type), True) for f in readable(collection) if f.type.sortable
    }
    item = _object(
        {
            "group": {
                **_object(grouped, ()),
                "description": "The fields of `group` with the values that these records share.",
            },
            "count": {"type": "integer", "description": "How many records; with count=true."},
            "sum": {
                **_object(summed, ()),
                "description": "The fields of `sum` added up; null where there is nothing to add.",
            },
            "avg": {
                **_object(averaged, ()),
                "description": "The averages of the fields of `avg`: exact, with six places more "
                "than the field has; null where there is no value.",
            },
            "min": {
                **_object(extreme, ()),
                "description": "The least values of the fields of `min`; null where there is none.",
            },
            "max": {
                **_object(extreme, ()),
                "description": "The greatest values of the fields of `max`; null where there is "
                "none.",
            },
        },
        ("group",),
    )
    return _object({"items": {"type": "array", "items": item}})


def summable(collection: Collection) -> tuple[Field, ...]:
    """The fields that have a sum."""
    kinds = ("int", "decimal", "float")
    return tuple(f for f in readable(collection) if f.type.kind in kinds)
