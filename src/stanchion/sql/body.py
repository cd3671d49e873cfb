"""The JSON text of a record, concatenated by the database.

In: a `Body` of a plan and the alias of its row.   Out: SQL for one JSON object as text.
Concatenation is quicker than the engines' own JSON functions and knows no limit on the number of
keys; a key that a field rule hides is simply not concatenated.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..plan.read import MANY_LIMIT, Body, Shown, ShownMany, ShownOne
from ..schema import Field
from .dialect import Dialect, quoted
from .expr import ExpressionCompiler, Rows
from .text import Condition, all_of, boolean

GROUP = 100  # texts in one concatenation: SQLite's functions take 127 arguments at least
Texts = tuple[str, ...]


def compile_body(compiler: ExpressionCompiler, body: Body, alias: str) -> str:
    """SQL for the JSON object of the row `alias`."""
    members = [
        (f'"{_name(s)}":', _value(compiler, s, alias), _when(compiler, s, alias))
        for s in body.shown
    ]
    if not members:
        return "'{}'"
    dialect = compiler.dialect
    if members[0][2] is True:
        (key, value, _), *others = members
        texts = [text for member in others for text in _member(dialect, *member)]
        return _concatenated(dialect, [f"'{{{key}'", *value, *texts, "'}'"])
    # each member brings its comma, and the first one is cut off
    texts = [text for member in members for text in _member(dialect, *member)]
    return f"'{{'||substr({_concatenated(dialect, texts)},2)||'}}'"


def _member(dialect: Dialect, key: str, value: Texts, when: Condition) -> Texts:
    """A comma and a member; nothing where the caller may not see it."""
    member = (f"',{key}'", *value)
    if when is True:
        return member
    return (f"(case when {boolean(when)} then {_concatenated(dialect, member)} else '' end)",)


def _name(shown: Shown | ShownOne | ShownMany) -> str:
    return shown.relation.name if isinstance(shown, ShownMany) else shown.field.name


def _when(
    compiler: ExpressionCompiler, shown: Shown | ShownOne | ShownMany, alias: str
) -> Condition:
    if isinstance(shown, ShownMany):
        return True
    return compiler.true(shown.when, Rows.of(record=alias))


def _value(compiler: ExpressionCompiler, shown: Shown | ShownOne | ShownMany, alias: str) -> Texts:
    match shown:
        case Shown(field=field):
            column = f"{alias}.{quoted(field.name)}"
            if field.nullable:
                return (field_json(compiler, field, column),)
            return compiler.dialect.json_texts(field.type, column)
        case ShownOne():
            return (_one(compiler, shown, alias),)
        case ShownMany():
            return (_many(compiler, shown, alias),)


def field_json(compiler: ExpressionCompiler, field: Field, sql: str) -> str:
    """SQL for the JSON text of a stored field, `null` included."""
    text = compiler.dialect.json(field.type, sql)
    return f"coalesce({text},'null')" if field.nullable else text


def _one(compiler: ExpressionCompiler, shown: ShownOne, alias: str) -> str:
    """The expanded record, or the bare key where it is hidden or not there."""
    target = shown.body.collection
    inner = compiler.aliases.next()
    column = f"{alias}.{quoted(shown.field.name)}"
    rule = compiler.true(shown.rule, Rows.of(record=inner))
    bare = field_json(compiler, shown.field, column)
    if rule is False:
        return bare
    found = f"{inner}.{quoted(target.key[0])}={column}"
    where = found if rule is True else f"{found} and {rule}"
    body = compile_body(compiler, shown.body, inner)
    return f"coalesce((select {body} from {quoted(target.name)} {inner} where {where}),{bare})"


def _many(compiler: ExpressionCompiler, shown: ShownMany, alias: str) -> str:
    """`{"items":[…],"more":…}`. Only where all 100 are there is it asked whether there are more."""
    child = shown.body.collection
    inner, outer = compiler.aliases.next(), compiler.aliases.next()
    rule = compiler.true(shown.rule, Rows.of(record=inner))
    found = all_of((_belongs(compiler, shown, alias, inner), rule))
    if found is False:
        return _sql_text('{"items":[],"more":false}')
    body = compile_body(compiler, shown.body, inner)
    key = f"{inner}.{quoted(child.key[0])}"
    rows = f"from {quoted(child.name)} {inner} where {boolean(found)} order by {key} limit"
    items = f"{compiler.dialect.aggregate_text}({outer}.body,',' order by {outer}.key)"
    another = f"count(*)={MANY_LIMIT} and exists(select 1 {rows} 1 offset {MANY_LIMIT})"
    return (
        f"(select '{{\"items\":['||coalesce({items},'')||'],\"more\":'"
        f"||case when {another} then 'true' else 'false' end||'}}' "
        f"from (select {body} as body,{key} as key {rows} {MANY_LIMIT}) {outer})"
    )


def _belongs(compiler: ExpressionCompiler, shown: ShownMany, alias: str, inner: str) -> Condition:
    """Whether the row `inner` is one of those that belong to `alias`."""
    relation = shown.relation
    holder = compiler.schema.collection[relation.holder]
    field = holder.field[relation.field]
    owner = f"{alias}.{quoted(compiler.schema.target(field).key[0])}"
    if relation.link is None:
        return f"{inner}.{quoted(field.name)}={owner}"
    link = compiler.aliases.next()
    rule = compiler.true(shown.link, Rows.of(record=link))
    found = all_of((f"{link}.{quoted(field.name)}={owner}", rule))
    if found is False:
        return False
    key = quoted(shown.body.collection.key[0])
    return (
        f"{inner}.{key} in (select {link}.{quoted(relation.reach)} "
        f"from {quoted(holder.name)} {link} where {boolean(found)})"
    )


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _concatenated(dialect: Dialect, texts: Sequence[str]) -> str:
    """The texts as one, in groups; constants side by side become one."""
    merged: list[str] = []
    for text in texts:
        if merged and _is_constant(text) and _is_constant(merged[-1]):
            merged[-1] = merged[-1][:-1] + text[1:]
        else:
            merged.append(text)
    if len(merged) <= GROUP:
        return dialect.concat(merged)
    groups = [merged[at : at + GROUP] for at in range(0, len(merged), GROUP)]
    return _concatenated(dialect, [f"({dialect.concat(group)})" for group in groups])


def _is_constant(sql: str) -> bool:
    return sql[0] == sql[-1] == "'" and "'" not in sql[1:-1]
