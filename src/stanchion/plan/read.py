"""Turn a ReadQuery into a plan.

In: a query and the caller's profile.   Out: `ReadPlan`, frozen, no I/O.
Refuses: unknown fields, too-deep expansion, rules that this caller can never meet.
Called by records; `sql/` is the only reader of what we return.

A plan depends on the shape of a query and never on its values: literals, cursors, limits and the
caller's identity are bound later, so equal shapes share one plan.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ..errors import BadRequest
from ..expr.syntax import Syntax
from ..expr.tree import TRUE, And, Node
from ..query import ReadQuery, digest, join_filters
from ..schema import BackReference, Collection, Field, Schema
from .policy import Profile
from .resolve import Named, Names, Tree, parse_filter, refuse_closed, split_names

MANY_LIMIT = 100
MANY_DEPTH = 2
"""To-many relations on one path of `expand`: each takes up to a hundred times what is above it."""
SORT_KEYS = 8


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
    """An expanded to-many relation: at most 100 records for which `rule` holds; of links, those
    for which `link` holds."""

    relation: BackReference
    rule: Node
    body: Body
    link: Node = TRUE


@dataclass(frozen=True, slots=True)
class Body:
    """What one record's JSON holds, in order. `plain`: the version alone says when it changes."""

    collection: Collection
    shown: tuple[Shown | ShownOne | ShownMany, ...]
    plain: bool = dataclasses.field(init=False, compare=False)

    def __post_init__(self) -> None:
        plain = all(isinstance(s, Shown) and s.when == TRUE for s in self.shown)
        object.__setattr__(self, "plain", plain)  # asked for in each request


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order. Null is smallest."""

    named: Named
    descending: bool

    @property
    def field(self) -> Field:
        """The field whose values are sorted."""
        return self.named.field

    @property
    def nullable(self) -> bool:
        """Whether the key can be null."""
        return self.named.nullable


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """A list or one record. `where` joins the row rule and the filters; `body_mark` stands for the
    names in the body."""

    schema: Schema
    profile: Profile
    collection: Collection
    where: Node
    search: tuple[Field, ...]
    sort: tuple[SortKey, ...]
    body: Body
    body_mark: str


def plan_read(ask: ReadQuery, schema: Schema, profile: Profile) -> ReadPlan:
    """The plan of a list or of one record. Of several mistakes the first stage tells its own."""
    collection = schema.collection[ask.collection]
    syntax = filter_syntax(ask.filters)
    refuse_closed(profile, collection, "read")
    names = Names(schema, profile)
    expand = names.tree(ask.expand, "expand")
    fields = names.tree(ask.fields, "fields")
    body = _body(names, collection, expand, fields)
    _refuse_nested(body)
    where = plan_where(names, collection, syntax, ask.filters)
    search = plan_search(names, collection) if ask.q else ()
    sort = () if ask.key is not None else _sort(names, collection, ask.sort)
    return ReadPlan(schema, profile, collection, where, search, sort, body, _mark_of(body))


def plan_body(schema: Schema, profile: Profile, collection: Collection) -> Body:
    """The body of a record as this caller sees it, nothing expanded."""
    return _body(Names(schema, profile), collection, {}, {})


def filter_syntax(filters: tuple[str, ...]) -> Syntax | None:
    """The syntax of all filters together. Each must be an expression by itself."""
    if not filters:
        return None
    alone = [parse_filter(text) for text in filters]
    return alone[0] if len(alone) == 1 else parse_filter(join_filters(filters))


def plan_where(
    names: Names, collection: Collection, syntax: Syntax | None, filters: tuple[str, ...]
) -> Node:
    parts = [names.profile.row(collection.name)]
    if syntax is not None:
        checked = names.filter(collection, syntax, join_filters(filters))
        parts.append(names.profile.folded(checked))
    return _every(tuple(parts))


def plan_search(names: Names, collection: Collection) -> tuple[Field, ...]:
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
    for item in split_names(text, "sort"):
        descending = item.startswith("-")
        word = item[1:].lstrip() if item[0] in "+-" else item
        _refuse_direction(word)
        keys.append(SortKey(scalar(names, collection, word, "sort"), descending))
    refuse_repeated([key.named for key in keys], "sort")
    if len(keys) > SORT_KEYS:
        raise BadRequest("query.sort", f"`sort` takes at most {SORT_KEYS} names.")
    last = keys[-1].descending if keys else False
    given = {key.named.word for key in keys}
    keys += [
        SortKey(names.named(collection, name, "sort"), last)
        for name in collection.key
        if name not in given
    ]
    return tuple(keys)


def _refuse_direction(word: str) -> None:
    """Refuse `name desc` and `name:desc` with what is written here."""
    name, _, direction = word.replace(":", " ").partition(" ")
    if direction.strip().lower() in ("asc", "desc", "ascending", "descending"):
        sign = "-" if direction.strip().lower().startswith("desc") else ""
        raise BadRequest(
            "query.sort",
            f"`{word[:60]}` says its direction in words.",
            hint=f"sort={sign}{name[:50]}",
        )


def scalar(names: Names, collection: Collection, word: str, parameter: str) -> Named:
    """A name whose values have an order, and so can be told apart in groups."""
    found = names.named(collection, word, parameter)
    if not found.field.type.sortable:
        kind = "a list" if found.field.type.kind == "list" else "JSON"
        lacks = "makes no groups" if parameter == "group" else "has no order"
        raise BadRequest(
            f"query.{parameter}",
            f"`{word}` is {kind}, which {lacks}.",
            hint=names.that_sort(collection) if found.path.hops == () else None,
        )
    return found


def refuse_repeated(keys: list[Named], parameter: str) -> None:
    words = [key.word for key in keys]
    for word in words:
        if words.count(word) > 1:
            raise BadRequest(f"query.{parameter}", f"`{parameter}` names `{word}` twice.")


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
        related = below or word in collection.back_reference
        found = (names.relation if related else names.field)(collection, word, "fields")
        if word not in expand and (below or isinstance(found, BackReference)):
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
    rule, mask = names.profile.row, names.profile.mask
    below = _body(names, child, expand[relation.name], fields.get(relation.name, {}))
    if relation.link is None:
        shown = _every((rule(child.name), mask(child.name, relation.field)))
        return ShownMany(relation, shown, below)
    joins = (mask(relation.link, relation.field), mask(relation.link, relation.reach))
    return ShownMany(relation, rule(child.name), below, _every((rule(relation.link), *joins)))


def _every(parts: tuple[Node, ...]) -> Node:
    """Every part holds; those that always do are left out."""
    kept = tuple(part for part in parts if part != TRUE)
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else And(kept)


def _refuse_nested(body: Body, above: tuple[Collection, ...] = ()) -> None:
    """Raise where to-many relations stand too deep in each other; to-one ones cost little."""
    for shown in body.shown:
        if isinstance(shown, ShownMany):
            if len(above) == MANY_DEPTH:
                raise _nested(shown.relation, body.collection, above[-1])
            _refuse_nested(shown.body, (*above, shown.body.collection))
        elif isinstance(shown, ShownOne):
            _refuse_nested(shown.body, above)


def _nested(relation: BackReference, owner: Collection, last: Collection) -> BadRequest:
    return BadRequest(
        "query.expand",
        f"`{relation.name}` of {owner.name} is more than {MANY_DEPTH} to-many relations deep; each "
        f"holds up to {MANY_LIMIT} records.",
        hint=f"Expand {MANY_DEPTH} at most, and ask for the rest from /api/{last.name}.",
    )


def _mark_of(body: Body) -> str:
    return digest(*(s.field.name if isinstance(s, Shown) else "*" for s in body.shown))[:6]
