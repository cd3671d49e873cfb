"""Nested IN, for a path or a macro that ends at an identity: it starts from the few rows there.

At the root of a list, `record.order.customer == auth.id` is
`r.order in (select id from orders t where t.customer=?)`: 0.1 ms where EXISTS took 20. Anywhere
else, where a row is already chosen, EXISTS is the quicker one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...expr.tree import (
    And,
    Compare,
    Lit,
    Macro,
    Many,
    Node,
    Operand,
    Param,
    Path,
    Type,
    Var,
    walk,
)
from ..dialect import quoted
from ..text import Condition, all_of, boolean
from .paths import compile_path, visible, visible_child, visible_link
from .rows import Compiling, Rows


def compile_chain(c: Compiling, node: Node, rows: Rows) -> Condition | None:
    """Where `node` is certainly true, as a nested IN; None where that is no gain."""
    if not _selective(node):
        return None
    match node:
        case Compare():
            return _chain_to_value(c, node, rows)
        case Macro(source=Many() as many) if many.source.root != "auth" and not _reaches_out(node):
            return _chain_to_child(c, node, many, rows)
        case _:
            return None


def _chain_to_value(c: Compiling, node: Compare, rows: Rows) -> Condition | None:
    sides = (node.left, node.right)
    paths = [s for s in sides if isinstance(s, Path) and s.root != "auth" and s.hops]
    if len(paths) != 1:
        return None
    path = paths[0]
    other = node.right if node.left is path else node.left
    leaf = replace(path, root="record", collection=path.last, hops=())
    end = Compare("==", leaf, other)
    return _descend(
        c, path, rows.roots[path.root], lambda alias: c.true(end, Rows.of(record=alias))
    )


def _chain_to_child(c: Compiling, node: Macro, many: Many, rows: Rows) -> Condition:
    child = c.aliases.next()
    body = c.true(node.body, Rows.only(node.variable, child), wide=True)
    found = all_of((visible_child(c, many, child), body))
    if found is False:
        return False
    column = c.schema.collection[many.collection].key[0] if many.link else many.field
    source = f"{quoted(many.collection)} {child} where {boolean(found)}"
    keys = f"select {child}.{quoted(column)} from {source}"
    if many.link:
        keys = _links(c, many, keys)
    start = rows.roots[many.source.root]
    return _descend(c, many.source, start, lambda alias: f"{alias}.{quoted(many.key)} in ({keys})")


def _links(c: Compiling, many: Many, keys: str) -> str:
    """The owners that links join to these records."""
    link = c.aliases.next()
    reached = f"{link}.{quoted(many.reach)} in ({keys})"
    found = boolean(all_of((visible_link(c, many, link), reached)))
    return f"select {link}.{quoted(many.field)} from {quoted(many.link)} {link} where {found}"


def _descend(c: Compiling, path: Path, alias: str, end: Callable[[str], Condition]) -> Condition:
    """`r.order in (select id from orders t where t.customer in (select … where <end>))`."""
    if not path.hops:
        return end(alias)
    hop = path.hops[0]
    inner = c.aliases.next()
    sees = visible(c, hop.target, inner) if path.caller else True
    condition = all_of((sees, _descend(c, replace(path, hops=path.hops[1:]), inner, end)))
    if condition is False:
        return False
    start = Path("record", hop.collection, (), hop.field, Type("uuid"), True, masked=path.caller)
    key = quoted(c.schema.collection[hop.target].key[0])
    return (
        f"{compile_path(c, start, Rows.of(record=alias)).sql} in "
        f"(select {inner}.{key} from {quoted(hop.target)} {inner} where {boolean(condition)})"
    )


# where it is a gain


def _selective(node: Node) -> bool:
    """Whether few rows can meet `node`: it compares a key or a reference with an identity."""
    match node:
        case Compare(op="==", left=left, right=right):
            return (_is_key(left) and _is_identity(right)) or (
                _is_key(right) and _is_identity(left)
            )
        case And(parts=parts):
            return any(_selective(part) for part in parts)
        case Macro(kind="exists", source=Many(), body=body):
            return _selective(body)
        case _:
            return False


def _is_identity(operand: Operand) -> bool:
    if isinstance(operand, Path):
        return operand.root == "auth" and not operand.hops
    return isinstance(operand, (Lit, Param))


def _is_key(operand: Operand) -> bool:
    return isinstance(operand, Path) and operand.root != "auth" and operand.type.kind == "uuid"


def _reaches_out(node: Macro) -> bool:
    """Whether the body names rows or variables outside the macro."""
    inner = {part.variable for part in walk(node) if isinstance(part, Macro)}
    return any(
        (isinstance(part, Path) and part.root not in inner and part.root != "auth")
        or (isinstance(part, Var) and part.name not in inner)
        for part in walk(node.body)
    )
