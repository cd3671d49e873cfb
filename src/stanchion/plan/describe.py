"""What one kind of caller may see of the model: `GET /api/_schema`.

In: the schema and the caller's profile.   Out: JSON-ready data.
Refuses nothing: what is closed or hidden is not there, and nothing that is there names it.
Called by records.
"""

from __future__ import annotations

from typing import Any, Literal

from ..expr.fold import certainly_false
from ..schema import NO_DEFAULT, BackReference, Collection, Field, Schema
from .policy import ROW_OPERATIONS, Profile, RowOperation
from .read import MANY_DEPTH, MANY_LIMIT, SORT_KEYS
from .resolve import EXPAND_COUNT, PATH_DEPTH, Names

Verdict = Literal["never", "maybe"]
LIMITS = {
    "sort_keys": SORT_KEYS,
    "path_depth": PATH_DEPTH,
    "expand_count": EXPAND_COUNT,
    "expand_many": MANY_LIMIT,
    "expand_many_depth": MANY_DEPTH,
}
"""What a query may ask for at most, as far as plans judge it."""
FLAGS = ("unique", "search", "frozen", "system")


def describe_visible(schema: Schema, profile: Profile) -> dict[str, Any]:
    """The collections that are not closed to this caller, with what it may read of them."""
    view = _View(Names(schema, profile))
    return {
        "title": schema.title,
        "collections": {c.name: view.collection(c) for c in schema.collections if view.open(c)},
    }


class _View:
    """The schema through the eyes of one kind of caller."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.profile = names.profile

    def open(self, collection: Collection) -> bool:
        """Whether the caller may do anything with it."""
        return any(self.may(collection, one) == "maybe" for one in ROW_OPERATIONS)

    def may(self, collection: Collection, operation: RowOperation) -> Verdict:
        """A record that nobody like this caller may read is changed and deleted by none of them."""
        refused = self.profile.refused(collection.name, operation)
        if operation in ("update", "delete"):
            refused |= self.profile.refused(collection.name, "read")
        return "never" if refused else "maybe"

    def collection(self, collection: Collection) -> dict[str, Any]:
        """One collection. Where the caller may read no record, no field is named."""
        fields = self.names.visible(collection) if self.names.listed(collection) else ()
        relations = collection.back_references if fields else ()
        return {
            "doc": collection.doc,
            "key": [f.name for f in fields if f.name in collection.key],
            "operations": {one: self.may(collection, one) for one in ROW_OPERATIONS},
            "fields": {f.name: self.field(collection, f) for f in fields},
            "relations": {r.name: self.relation(r) for r in relations if self.sees(collection, r)},
        }

    def field(self, collection: Collection, field: Field) -> dict[str, Any]:
        found: dict[str, Any] = {**field.type.describe(), "nullable": field.nullable}
        if field.reference is not None:
            found["type"] = "ref"
            target = self.names.schema.target(field)
            if self.open(target):
                found["collection"] = target.name
        found |= {flag: True for flag in FLAGS if getattr(field, flag)}
        found["required"] = field.required
        if field.default is not NO_DEFAULT and not field.system:
            found["default"] = field.default
        masked = self.profile.sight(collection, field) == "masked"
        found["read"] = "sometimes" if masked else "always"
        found["create"] = self.may_set(collection, field, "create")
        found["update"] = self.may_set(collection, field, "update")
        if field.doc:
            found["doc"] = field.doc
        return found

    def may_set(
        self, collection: Collection, field: Field, operation: Literal["create", "update"]
    ) -> Verdict:
        fixed = operation == "update" and (field.frozen or field.name in collection.key)
        ours = field.system and self.profile.kind != "system"
        closed = certainly_false(self.profile.write_rule(collection.name, field.name))
        return "never" if fixed or ours or closed else self.may(collection, operation)

    def sees(self, collection: Collection, relation: BackReference) -> bool:
        """Whether the relation, what makes it and what it leads to may all be read."""
        there = self.names.many(collection, relation.name) is not None
        return there and self.names.open_ends(relation)

    def relation(self, relation: BackReference) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "many", "collection": relation.collection}
        if relation.link is None:
            found["field"] = relation.field
        else:
            found |= {"through": relation.link, "by": relation.field, "to": relation.reach}
        if relation.doc:
            found["doc"] = relation.doc
        return found
