"""`in`, and the tests of texts."""

from __future__ import annotations

from collections.abc import Callable

from ...expr.tree import Compare, In, ListOf, Lit, Null, Param, Path, TextTest, Type, Value, walk
from ..text import Condition, all_of, any_of
from .comparisons import compile_comparison
from .paths import is_null_auth
from .rows import Compiling, Rows, Term
from .values import aligned, beside, item_sql


def compile_in(c: Compiling, node: In, rows: Rows, certainly: bool) -> Condition:
    """Where a value is certainly in a list, or certainly not."""
    items = node.items
    if not isinstance(items, ListOf):
        return _in_stored(c, node.value, c.value(items, rows), rows, certainly)
    if _is_plain(node.value, items):
        return _in_literals(c, node.value, items, rows, certainly)
    return _in_values(c, node.value, items, rows, certainly)


def _is_plain(value: Value, items: ListOf) -> bool:
    """Whether SQL's own IN means the same: literals only, and no null of `auth` beside them."""
    if not items.items or isinstance(value, (Null, Lit, Param)):
        return False
    if any(isinstance(part, Path) and part.root == "auth" for part in walk(value)):
        return False
    return all(isinstance(item, Lit) for item in items.items)


def _in_literals(
    c: Compiling, value: Value, items: ListOf, rows: Rows, certainly: bool
) -> Condition:
    v = c.value(value, rows)
    marks = [beside(c, i, v, "equal").sql for i in items.items if isinstance(i, Lit)]
    listed = f"({','.join(marks)})"
    if certainly:
        return all_of((*v.guards, f"{v.sql} in {listed}"))
    outside = f"{v.sql} not in {listed}"
    return all_of((*v.guards, f"({outside} or {v.sql} is null)" if v.nullable else outside))


def _in_values(c: Compiling, value: Value, items: ListOf, rows: Rows, certainly: bool) -> Condition:
    """One comparison for each item; an error in any of them is an error of the whole."""
    typed = [part for part in (value, *items.items) if not isinstance(part, (Null, Lit, Param))]
    guards = [guard for part in typed for guard in c.value(part, rows).guards]
    tests = [
        compile_comparison(c, Compare("==", value, item), rows, certainly) for item in items.items
    ]
    return all_of([*guards, any_of(tests) if certainly else all_of(tests)])


def _in_stored(c: Compiling, value: Value, items: Term, rows: Rows, certainly: bool) -> Condition:
    alias = c.aliases.next()
    kind = items.type.item or Type("text")
    v, item = _beside_item(c, value, Term(item_sql(c, kind, alias), kind), rows)
    held = (*items.guards, *v.guards, f"{items.sql} is not null")
    if is_null_auth(c, value):
        return False if certainly else all_of(held)
    source = c.dialect.list_items(items.sql, alias)
    found = f"exists(select 1 from {source} where {item.sql}={v.sql})"
    return all_of((*held, found if certainly else f"not {found}"))


def _beside_item(c: Compiling, value: Value, item: Term, rows: Rows) -> tuple[Term, Term]:
    if isinstance(value, (Lit, Param)):
        return beside(c, value, item, "equal"), item
    return aligned(c, c.value(value, rows), item)


def compile_text_test(c: Compiling, node: TextTest, rows: Rows, certainly: bool) -> Condition:
    """`contains`, `startsWith`, `endsWith`; null on either side is an error."""
    text, part = c.value(node.value, rows), c.value(node.part, rows)
    tests: dict[str, Callable[[str, str], str]] = {
        "contains": c.dialect.contains,
        "startsWith": c.dialect.starts_with,
        "endsWith": c.dialect.ends_with,
    }
    test = tests[node.op](text.sql, part.sql)
    if certainly:
        return all_of((*text.guards, *part.guards, test))
    held = [f"{side.sql} is not null" for side in (text, part) if side.nullable]
    return all_of((*text.guards, *part.guards, *held, f"not ({test})"))
