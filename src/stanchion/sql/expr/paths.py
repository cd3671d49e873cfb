"""Paths: columns, fields of `auth`, and the records that are crossed on the way.

A path across references becomes an EXISTS around the whole atom, joined by key, so a broken path
makes both questions fail. The joins state their order: the database keeps no statistics for us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ...expr.tree import (
    Arith,
    Compare,
    Has,
    In,
    ListOf,
    Lower,
    Macro,
    Many,
    Negate,
    Operand,
    Path,
    Size,
    TextTest,
    Truth,
    Type,
)
from ..dialect import quoted
from ..text import Condition, Given, all_of, boolean
from .rows import Compiling, Rows, Term, Way

MOST_JOINED = 32  # SQLite joins at most 64; more stand in an EXISTS inside


# which records an atom crosses


def crossed(part: Any) -> Iterator[Path]:
    """The paths of an atom that cross references; those in the body of a macro are its own."""
    match part:
        case Path():
            if part.hops:
                yield part
        case Many(source=inner) | Macro(source=inner) | Has(path=inner):
            yield from crossed(inner)
        case Negate(value=inner) | Lower(value=inner) | Size(value=inner) | Truth(value=inner):
            yield from crossed(inner)
        case Compare(left=left, right=right) | Arith(left=left, right=right):
            yield from crossed(left)
            yield from crossed(right)
        case In(value=left, items=right) | TextTest(value=left, part=right):
            yield from crossed(left)
            yield from crossed(right)
        case ListOf(items=items):
            for item in items:
                yield from crossed(item)


def joined(
    c: Compiling, paths: Iterable[Path], rows: Rows, build: Callable[[Rows], Condition]
) -> Condition:
    """`build` inside EXISTS over the records that the paths cross, or bare without any."""
    ways = {
        (path.root, path.hops[:depth]): path
        for path in paths
        for depth in range(1, len(path.hops) + 1)
        if (path.root, path.hops[:depth]) not in rows.joined
    }
    return _exists(c, list(ways.items()), rows, build)


def _exists(
    c: Compiling, ways: list[tuple[Way, Path]], rows: Rows, build: Callable[[Rows], Condition]
) -> Condition:
    if not ways:
        return build(rows)
    sources: list[str] = []
    links: list[Condition] = []
    for way, path in ways[:MOST_JOINED]:
        source, found, rows = _join(c, way, path, rows)
        sources.append(source)
        links += found
    condition = all_of([*links, _exists(c, ways[MOST_JOINED:], rows, build)])
    if condition is False:
        return False
    listed = " cross join ".join(sources)
    return f"exists(select 1 from {listed} where {boolean(condition)}{c.dialect.exists_limit})"


def _join(c: Compiling, way: Way, path: Path, rows: Rows) -> tuple[str, list[Condition], Rows]:
    """One more record: FROM, the conditions that find it, and the rows with it."""
    _, hops = way
    hop = hops[-1]
    before = replace(path, hops=hops[:-1], leaf=hop.field, masked=path.caller)
    start = compile_path(c, before, rows)
    alias = c.aliases.next()
    target = c.schema.collection[hop.target]
    found = [*start.guards, f"{alias}.{quoted(target.key[0])}={start.sql}"]
    if path.caller:
        found.append(visible(c, hop.target, alias))
    return f"{quoted(target.name)} {alias}", found, rows.join(way, alias)


# the value at the end


def compile_path(c: Compiling, path: Path, rows: Rows) -> Term:
    """A field of a row, of a joined record, or of the caller."""
    assert path.leaf is not None, "records themselves are compared with null only"
    if path.root == "auth" and not path.hops:
        return _auth_term(c, path, path.leaf)
    alias = rows.joined[path.root, path.hops] if path.hops else rows.roots[path.root]
    sql = f"{alias}.{quoted(path.leaf)}"
    if path.masked:
        sql = _unmasked(sql, c.true(c.access.mask(path.last, path.leaf), Rows.of(record=alias)))
    return Term(sql, path.type, path.nullable, auth=path.root == "auth")


def _unmasked(sql: str, mask: Condition) -> str:
    """A value, or null where its field rule does not hold."""
    return sql if mask is True else f"(case when {boolean(mask)} then {sql} end)"


def _auth_term(c: Compiling, path: Path, leaf: str) -> Term:
    """A field of the caller's record, which is a parameter; without a record, an error."""
    users = c.schema.users
    assert users is not None
    mark = _auth_mark(c, leaf)
    if path.masked:
        alias = c.aliases.next()
        mask = c.true(c.access.mask(users.name, leaf), Rows.of(record=alias))
        key = users.key[0]
        found = all_of((f"{alias}.{quoted(key)}={_auth_mark(c, key)}", mask))
        held = f"exists(select 1 from {quoted(users.name)} {alias} where {boolean(found)})"
        mark = mark if mask is True else _unmasked(mark, held)
    return Term(mark, path.type, path.nullable, (not is_absent(c),), auth=True)


def _auth_mark(c: Compiling, leaf: str) -> str:
    users = c.schema.users
    assert users is not None
    kind, dialect = users.field[leaf].type, c.dialect

    def bind(given: Given) -> Any:
        return None if given.auth is None else dialect.raw(kind, given.auth.get(leaf))

    return c.parameters.add(("auth", leaf), bind, dialect.cast(kind))


def is_absent(c: Compiling) -> bool:
    """Whether nobody is signed in: a record's key is never null."""
    users = c.schema.users
    return users is None or c.access.auth_is_null(users.key[0])


def is_null_auth(c: Compiling, operand: Operand) -> bool:
    """Whether this is a field of `auth` that is null for this caller: it equals nothing."""
    return (
        isinstance(operand, Path)
        and operand.root == "auth"
        and not operand.hops
        and operand.leaf is not None
        and c.access.auth_is_null(operand.leaf)
    )


# to-many relations


def children(c: Compiling, many: Many, rows: Rows, alias: str) -> tuple[str, tuple[Condition, ...]]:
    """FROM and WHERE of a to-many relation, and what must hold for its owner to be there."""
    owner = compile_path(c, replace(many.source, leaf=many.key, type=Type("uuid")), rows)
    where = boolean(all_of((_belongs(c, many, alias, owner.sql), visible_child(c, many, alias))))
    return f"{quoted(many.collection)} {alias} where {where}", owner.guards


def _belongs(c: Compiling, many: Many, alias: str, owner: str) -> Condition:
    """Whether the row `alias` is one of the owner's. Links are looked up from the owner: they are
    few, and each key is found by its index."""
    if not many.link:
        return f"{alias}.{quoted(many.field)}={owner}"
    link = c.aliases.next()
    found = all_of((f"{link}.{quoted(many.field)}={owner}", visible_link(c, many, link)))
    key = quoted(c.schema.collection[many.collection].key[0])
    return (
        f"{alias}.{key} in (select {link}.{quoted(many.reach)} from {quoted(many.link)} {link} "
        f"where {boolean(found)})"
    )


# what the caller may see


def visible(c: Compiling, collection: str, alias: str) -> Condition:
    """Whether the caller may read the row `alias`."""
    return c.true(c.access.row(collection), Rows.of(record=alias))


def visible_child(c: Compiling, many: Many, alias: str) -> Condition:
    """Whether the caller may see that the row `alias` belongs to its parent."""
    if not many.caller:
        return True
    if many.link:
        return visible(c, many.collection, alias)
    mask = c.true(c.access.mask(many.collection, many.field), Rows.of(record=alias))
    return all_of((visible(c, many.collection, alias), mask))


def visible_link(c: Compiling, many: Many, alias: str) -> Condition:
    """Whether the caller may see the link `alias`, and what it joins."""
    if not many.caller:
        return True
    masks = [c.access.mask(many.link, field) for field in (many.field, many.reach)]
    rows = Rows.of(record=alias)
    return all_of((visible(c, many.link, alias), *(c.true(mask, rows) for mask in masks)))
