"""`exists`, `all` and `exists_one`, over lists and over to-many relations."""

from __future__ import annotations

from ...expr.tree import ListOf, Macro, Many, Type
from ..text import Condition, all_of, any_of, boolean
from .paths import children
from .rows import Compiling, Rows
from .values import item_sql


def compile_macro(c: Compiling, node: Macro, rows: Rows, certainly: bool) -> Condition:
    """Where a macro is certainly true, or certainly false."""
    source, inside, held = _source(c, node, rows)
    match node.kind, certainly:
        case "exists", True:
            outcome = _some(c, source, c.true(node.body, inside))
        case "exists", False:
            outcome = _every(c, source, c.false(node.body, inside))
        case "all", True:
            outcome = _every(c, source, c.true(node.body, inside))
        case "all", False:
            outcome = _some(c, source, c.false(node.body, inside))
        case _:
            true, false = c.true(node.body, inside), c.false(node.body, inside)
            count = f"(select count(*) from {source} and {boolean(true)})"
            one = f"{count}=1" if certainly else f"{count}<>1"
            outcome = all_of((_every(c, source, any_of((true, false))), one))
    return all_of((*held, outcome))


def _source(c: Compiling, node: Macro, rows: Rows) -> tuple[str, Rows, tuple[Condition, ...]]:
    """FROM and WHERE of what a macro runs over, the rows inside it, and its guards."""
    alias = c.aliases.next()
    source = node.source
    if isinstance(source, Many):
        text, held = children(c, source, rows, alias)
        return text, rows.row(node.variable, alias), held
    if isinstance(source, ListOf):
        selects = [f"select {c.value(item, rows).sql} as value" for item in source.items]
        listed = " union all ".join(selects) or "select null as value where 1=0"
        return f"({listed}) {alias} where 1=1", rows.variable(node.variable, f"{alias}.value"), ()
    items = c.value(source, rows)
    item = item_sql(c, items.type.item or Type("text"), alias)
    text = f"{c.dialect.list_items(items.sql, alias)} where 1=1"
    return text, rows.variable(node.variable, item), (*items.guards, f"{items.sql} is not null")


def _some(c: Compiling, source: str, condition: Condition) -> Condition:
    if condition is False:
        return False
    return f"exists(select 1 from {source} and {boolean(condition)}{c.dialect.exists_limit})"


def _every(c: Compiling, source: str, condition: Condition) -> Condition:
    if condition is True:
        return True
    failing = f"({boolean(condition)}) is not true"
    return f"not exists(select 1 from {source} and {failing}{c.dialect.exists_limit})"
