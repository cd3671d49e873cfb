"""To-many relations, once every collection has been read: which references make them.

In: collections, and the many-to-many relations as they were written.   Out: complete collections.
Refuses: relations that lead nowhere, or that could be read in two ways, as `DeclarationError`.
Called by model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import DeclarationError, did_you_mean
from ..schema import BackReference, Collection, Schema
from .fields import Through


def complete_links(
    collection: Collection, written: Mapping[str, Through], known: Mapping[str, Collection]
) -> Collection:
    """The collection with the references of each many-to-many relation filled in."""
    if not written:
        return collection
    relations = tuple(
        _complete(collection, relation, written[relation.attribute], known)
        if relation.attribute in written
        else relation
        for relation in collection.back_references
    )
    return replace(collection, back_references=relations)


def _complete(
    owner: Collection,
    relation: BackReference,
    written: Through,
    known: Mapping[str, Collection],
) -> BackReference:
    where = f"{owner.title}.{relation.name}"
    link = known.get(written.link)
    if link is None:
        raise DeclarationError(
            "relation.unknown_link",
            f"{where} goes through `{written.link}`, which is no collection",
            origin=written.origin,
            hint=did_you_mean(written.link, known)
            or 'name the collection, not the class: through("pizza_toppings")',
        )
    target = known[relation.collection]
    by = written.by or _only(where, link, owner, written, taken=written.to)
    reach = written.to or _only(where, link, target, written, taken=by)
    for field, side in ((by, owner), (reach, target)):
        _refuse_other(where, link, field, side, written)
    if by == reach:
        raise DeclarationError(
            "relation.ambiguous",
            f"{where}: `by` and `to` are both `{by}`; a link has one reference to either side",
            origin=written.origin,
        )
    return replace(relation, field=by, reach=reach)


def _only(where: str, link: Collection, side: Collection, written: Through, taken: str) -> str:
    """The one reference of a link that leads to this side."""
    found = _references(link, side)
    free = [name for name in found if name != taken]
    if len(free) == 1 and (len(found) == 1 or taken):
        return free[0]
    if not free:
        raise DeclarationError(
            "relation.unknown_field",
            f"{where} goes through {link.name}, which has no reference to {side.name}",
            origin=written.origin,
            hint=f'a link refers to either side: {side.name}: Ref["{side.title}"]',
        )
    sample = f'by="{free[0]}", to="{free[-1]}"'
    raise DeclarationError(
        "relation.ambiguous",
        f"{where} goes through {link.name}, where {' and '.join(free)} all lead to {side.name}",
        origin=written.origin,
        hint=f'say which leads here and which there: through("{link.name}", {sample})',
    )


def _references(link: Collection, side: Collection) -> list[str]:
    return [
        f.name
        for f in link.fields
        if f.reference is not None and f.reference.collection == side.name
    ]


def _refuse_other(
    where: str, link: Collection, name: str, side: Collection, written: Through
) -> None:
    if name in _references(link, side):
        return
    field = link.field.get(name)
    if field is None or field.reference is None:
        raise DeclarationError(
            "relation.unknown_field",
            f"{where}: `{name}` is no reference of {link.title}",
            origin=written.origin,
            hint=did_you_mean(name, [f.name for f in link.fields if f.reference]),
        )
    raise DeclarationError(
        "relation.other_target",
        f"{where}: {link.title}.{name} refers to {field.reference.collection}, not to {side.name}",
        origin=written.origin,
    )


def check_back_references(schema: Schema) -> None:
    """Refuse back references that no reference makes; raises `DeclarationError`."""
    for collection in schema.collections:
        for relation in collection.back_references:
            if relation.link is None:
                _check_back_reference(schema, collection, relation)


def _check_back_reference(schema: Schema, collection: Collection, relation: BackReference) -> None:
    other = schema.collection[relation.collection]
    field = other.field.get(relation.field)
    if field is None or field.reference is None:
        raise DeclarationError(
            "relation.unknown_field",
            f"{collection.title}.{relation.name}: `{relation.field}` is no reference of "
            f"{other.title}",
            origin=collection.origin,
            hint=did_you_mean(relation.field, [f.name for f in other.fields if f.reference]),
        )
    if field.reference.collection != collection.name:
        raise DeclarationError(
            "relation.other_target",
            f"{collection.title}.{relation.name}: {other.title}.{relation.field} refers to "
            f"{field.reference.collection}, not to {collection.name}",
            origin=collection.origin,
        )
