"""Turn a ReadQuery or an AggregateQuery into a plan.

In: a query and the caller's profile.   Out: `ReadPlan` / `AggregatePlan`, frozen, no I/O.
Refuses: unknown fields, too-deep expansion, rules that this caller can never meet.
Called by records; `sql/` is the only reader of what we return.

A plan depends on the shape of a query and never on its values: literals, cursors, limits and the
caller's identity are bound later, so equal shapes share one plan.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BadRequest
from ..expr.tree import TRUE, And, Node
from ..query import AggregateQuery, ReadQuery, digest
from ..schema import BackReference, Collection, Field, Schema
from .policy import Profile
from .resolve import Names, Tree, refuse_closed

MANY_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A field of a body; left out where `when` is not certainly true."""

    field: Field
    when: Node


@dataclass(frozen=True, slots=True)
class ShownOne:
    """An expanded reference: the record, or the bare key where `rule` hides it."""

    field: Field
    when: Node
    rule: Node
    body: Body


@dataclass(frozen=True, slots=True)
class ShownMany:
    """An expanded to-many relation: at most 100 records for which `rule` holds."""

    relation: BackReference
    rule: Node
    body: Body


@dataclass(frozen=True, slots=True)
class Body:
    """What one record's JSON holds, in order."""

    collection: Collection
    shown: tuple[Shown | ShownOne | ShownMany, ...]

    @property
    def plain(self) -> bool:
        """Whether the version alone says when this body changes."""
        return all(isinstance(s, Shown) and s.when == TRUE for s in self.shown)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order; a row for which `mask` is not certainly true sorts as null."""

    field: Field
    descending: bool
    mask: Node

    @property
    def nullable(self) -> bool:
        """Whether the key can be null."""
        return self.field.nullable or self.mask != TRUE


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """A list, or one record with `by_key`. `where` joins the row rule and the filters."""

    schema: Schema
    access: Profile
    collection: Collection
    where: Node
    search: tuple[Field, ...]
    sort: tuple[SortKey, ...]
    body: Body
    by_key: bool
    total: bool
    shape: str


@dataclass(frozen=True, slots=True)
class GroupKey:
    """One field that groups; masked values form the group of null."""

    field: Field
    mask: Node


@dataclass(frozen=True, slots=True)
class AggregatePlan:
    """Groups of the records for which `where` holds."""

    schema: Schema
    access: Profile
    collection: Collection
    where: Node
    search: tuple[Field, ...]
    group: tuple[GroupKey, ...]
    count: bool
    sums: tuple[GroupKey, ...]


def plan_read(ask: ReadQuery, schema: Schema, profile: Profile) -> ReadPlan:
    """The plan of a list or of one record."""
    collection = schema.collection[ask.collection]
    refuse_closed(profile, collection, "read")
    names = Names(schema, profile)
    expand = names.tree(ask.expand, "expand") if ask.expand else {}
    fields = names.tree(ask.fields, "fields") if ask.fields else {}
    body = _body(names, collection, expand, fields)
    return ReadPlan(
        schema=schema,
        access=profile,
        collection=collection,
        where=_where(names, collection, ask.filters),
        search=_search(names, collection) if ask.q else (),
        sort=() if ask.key is not None else _sort(names, collection, ask.sort),
        body=body,
        by_key=ask.key is not None,
        total=ask.total,
        shape=_shape_mark(body),
    )


def plan_body(schema: Schema, profile: Profile, collection: Collection) -> Body:
    """The body of a record as this caller sees it, nothing expanded."""
    return _body(Names(schema, profile), collection, {}, {})


def plan_aggregate(ask: AggregateQuery, schema: Schema, profile: Profile) -> AggregatePlan:
    """The plan of groups and sums."""
    collection = schema.collection[ask.collection]
    refuse_closed(profile, collection, "read")
    names = Names(schema, profile)
    if not (ask.count or ask.sum):
        raise BadRequest(
            "query.aggregate",
            "Say what to compute.",
            hint="count=true, sum=quantity, or both; group=category makes groups.",
        )
    return AggregatePlan(
        schema=schema,
        access=profile,
        collection=collection,
        where=_where(names, collection, ask.filters),
        search=_search(names, collection) if ask.q else (),
        group=_keys(names, collection, ask.group, "group"),
        count=ask.count,
        sums=_keys(names, collection, ask.sum, "sum"),
    )


def _where(names: Names, collection: Collection, filters: tuple[str, ...]) -> Node:
    parts = [names.profile.row(collection.name)]
    parts += [names.profile.folded(names.filter(collection, text)) for text in filters]
    kept = tuple(part for part in parts if part != TRUE)
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else And(kept)


def _search(names: Names, collection: Collection) -> tuple[Field, ...]:
    seen = tuple(f for f in names.visible(collection) if f.search)
    if not seen:
        raise BadRequest(
            "query.q",
            f"{collection.name} has no field to search in.",
            hint="Use `filter`, or declare a text field with search=True.",
        )
    return seen


def _sort(names: Names, collection: Collection, text: str) -> tuple[SortKey, ...]:
    keys: list[SortKey] = []
    for item in text.split(",") if text else ():
        word = item.strip()
        descending = word.startswith("-")
        word = word.lstrip("+-") if word[:1] in "+-" else word
        found = names.field(collection, word, "sort")
        if not found.type.sortable:
            raise BadRequest("query.sort", f"`{word}` is {found.type.kind}, which has no order.")
        if any(key.field is found for key in keys):
            raise BadRequest("query.sort", f"`sort` names `{word}` twice.")
        keys.append(SortKey(found, descending, names.profile.mask(collection.name, word)))
    named = {key.field.name for key in keys}
    last = keys[-1].descending if keys else False
    for name in collection.key:
        if name not in named:
            keys.append(SortKey(collection.field[name], last, TRUE))
    return tuple(keys)


def _keys(names: Names, collection: Collection, text: str, parameter: str) -> tuple[GroupKey, ...]:
    keys: list[GroupKey] = []
    for item in text.split(",") if text else ():
        word = item.strip()
        found = names.field(collection, word, parameter)
        if parameter == "sum" and found.type.kind not in ("int", "decimal", "float"):
            raise BadRequest("query.sum", f"`{word}` is {found.type.kind}; numbers have a sum.")
        if parameter == "group" and not found.type.sortable:
            raise BadRequest("query.group", f"`{word}` is {found.type.kind} and forms no groups.")
        if any(key.field is found for key in keys):
            raise BadRequest(f"query.{parameter}", f"`{parameter}` names `{word}` twice.")
        keys.append(GroupKey(found, names.profile.mask(collection.name, word)))
    return tuple(keys)


def _body(names: Names, collection: Collection, expand: Tree, fields: Tree) -> Body:
    wanted = _wanted(names, collection, expand, fields)
    shown: list[Shown | ShownOne | ShownMany] = []
    for field in names.visible(collection):
        if field.name in expand:
            shown.append(_one(names, collection, field, expand, fields))
        elif wanted is None or field.name in wanted:
            shown.append(Shown(field, names.profile.mask(collection.name, field.name)))
    for relation in collection.back_references:
        if relation.name in expand:
            shown.append(_many(names, relation, expand, fields))
    return Body(collection, tuple(shown))


def _wanted(
    names: Names, collection: Collection, expand: Tree, fields: Tree
) -> frozenset[str] | None:
    """Which plain fields to show; None for all. Every name is resolved on the way."""
    for word in expand:
        names.relation(collection, word, "expand")
    for word, below in fields.items():
        if word in collection.back_reference:
            names.relation(collection, word, "fields")
        else:
            names.field(collection, word, "fields")
        if (below or word in collection.back_reference) and word not in expand:
            raise BadRequest(
                "query.fields",
                f"`fields` selects from `{word}`, which is not expanded.",
                hint=f"Add expand={word}.",
            )
    return frozenset(fields) if fields else None


def _one(
    names: Names, collection: Collection, field: Field, expand: Tree, fields: Tree
) -> ShownOne:
    target = names.schema.target(field)
    return ShownOne(
        field=field,
        when=names.profile.mask(collection.name, field.name),
        rule=names.profile.row(target.name),
        body=_body(names, target, expand[field.name], fields.get(field.name, {})),
    )


def _many(names: Names, relation: BackReference, expand: Tree, fields: Tree) -> ShownMany:
    child = names.schema.collection[relation.collection]
    link = names.profile.mask(child.name, relation.field)
    rule = names.profile.row(child.name)
    return ShownMany(
        relation=relation,
        rule=rule if link == TRUE else And((rule, link)),
        body=_body(names, child, expand[relation.name], fields.get(relation.name, {})),
    )


def _shape_mark(body: Body) -> str:
    return digest(*(s.field.name if isinstance(s, Shown) else "*" for s in body.shown))[:6]
