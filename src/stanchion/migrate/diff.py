"""Compare the applied schema with the code's.

In: the stored form of the applied schema (as `_schema` keeps it) and the schema of the code.
Out: `Difference`s in the order in which they would run, each safe or not. No I/O.

Safe are a new collection, a new field that is optional or has a default, a new index that no
stored record can break, a dropped index, and a looser check: nothing that is stored can be lost or
refused by them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from ..schema import NO_DEFAULT, Collection, Schema, stored_form

DifferenceKind = Literal[
    "new collection", "new field", "new index", "drop index", "change field", "drop field",
    "drop collection",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which code and database differ. `safe`: no stored value can be lost."""

    kind: DifferenceKind
    collection: str
    detail: str
    safe: bool
    name: str = ""

    def __str__(self) -> str:
        return f"{self.collection}: {self.detail}"


def compare(applied: Mapping[str, Any], schema: Schema) -> list[Difference]:
    """What has to change so that a database with the `applied` schema fits the code."""
    found: list[Difference] = []
    for collection in schema.collections:
        if collection.name not in applied:
            found.append(Difference("new collection", collection.name, "new collection", True))
        else:
            found += _compare_collection(applied[collection.name], collection)
    for name in applied:
        if name not in schema.collection:
            found.append(Difference("drop collection", name, "drop the whole collection", False))
    return found


def _compare_collection(applied: Mapping[str, Any], collection: Collection) -> list[Difference]:
    wanted = stored_form(collection)
    found: list[Difference] = []
    if applied["key"] != wanted["key"]:
        found.append(
            Difference("change field", collection.name, "another key", False, collection.key[0])
        )
    for name, field in wanted["fields"].items():
        before = applied["fields"].get(name)
        if before is None:
            found.append(_new_field(collection, name, field))
        elif before != field:
            found.append(_changed_field(collection.name, name, before, field))
    for name in applied["fields"]:
        if name not in wanted["fields"]:
            found.append(
                Difference("drop field", collection.name, f"drop field `{name}`", False, name)
            )
    for index in wanted["indexes"]:
        if index not in applied["indexes"]:
            safe = not index["unique"] or _cannot_clash(applied, collection, index)
            found.append(_index(collection.name, index, "new index", safe=safe))
    for index in applied["indexes"]:
        if index not in wanted["indexes"]:
            found.append(_index(collection.name, index, "drop index", safe=True))
    return found


def _cannot_clash(
    applied: Mapping[str, Any], collection: Collection, index: Mapping[str, Any]
) -> bool:
    """Whether stored records hold null in a new field of the index, and nulls never clash."""
    return any(
        name not in applied["fields"] and collection.field[name].default in (NO_DEFAULT, None)
        for name in index["fields"]
    )


def _new_field(collection: Collection, name: str, form: Mapping[str, Any]) -> Difference:
    field = collection.field[name]
    filled = field.nullable or field.default is not NO_DEFAULT
    needed = "optional" if field.nullable else "required"
    if field.default is not NO_DEFAULT and field.default is not None:
        needed = f"default {json.dumps(field.default, ensure_ascii=False)}"
    detail = f"+ field `{name}` ({form['type']}, {needed})"
    if not filled:
        detail += ": stored records have no value for it; make it optional or give it a default"
    if field.computed_default and not field.nullable:
        detail += " (a value, not a default_factory)"
    return Difference("new field", collection.name, detail, filled, name)


def _changed_field(
    collection: str, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Difference:
    changed = [k for k in {**before, **after} if before.get(k) != after.get(k)]
    said = ", ".join(f"{k} {before.get(k, 'unset')} -> {after.get(k, 'unset')}" for k in changed)
    safe = all(_looser(k, before.get(k), after.get(k)) for k in changed)
    return Difference("change field", collection, f"field `{name}`: {said}", safe, name)


def _looser(what: str, before: Any, after: Any) -> bool:
    """Whether every value that was allowed still is."""
    match what:
        case "nullable":
            return bool(after)
        case "search":
            return True
        case "max_length" | "max_digits" | "le" | "lt":
            return after is None or (before is not None and _number(after) >= _number(before))
        case "min_length" | "ge" | "gt":
            return after is None or (before is not None and _number(after) <= _number(before))
        case "object":
            return not after
        case "pattern":
            return after is None
        case "values":
            return set(before or ()) <= set(after or ())
        case _:
            return False


def _number(said: Any) -> Decimal:
    return Decimal(str(said))


def _index(
    collection: str, index: Mapping[str, Any], kind: DifferenceKind, *, safe: bool
) -> Difference:
    fields = ", ".join(index["fields"])
    sign = "+" if kind == "new index" else "-"
    unique = "unique index" if index["unique"] else "index"
    detail = f"{sign} {unique} ({fields})"
    if not safe:
        detail += ": stored records may share values; look at them first"
    return Difference(kind, collection, detail, safe, fields)
