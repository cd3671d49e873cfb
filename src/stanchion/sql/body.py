"""The JSON text of a record, concatenated by the database.

In: a `Body` of a plan and the alias of its row.   Out: SQL for one JSON object as text.
Concatenation was as quick as the engines' own JSON functions and knows no limit on the number of
keys; a key that a field rule hides is simply not concatenated.
"""

from __future__ import annotations

from ..plan.read import MANY_LIMIT, Body, Shown, ShownMany, ShownOne
from ..schema import Field
from .dialect import name
from .expr import ExpressionCompiler, Rows
from .text import Condition, all_of, boolean

GROUP = 40  # pieces in one concatenation: a tree of more than a thousand || is refused


def compile_body(compiler: ExpressionCompiler, body: Body, alias: str) -> str:
    """SQL for the JSON object of the row `alias`."""
    members = [
        (f'"{_name(s)}":', _value(compiler, s, alias), _when(compiler, s, alias))
        for s in body.shown
    ]
    if not members:
        return "'{}'"
    if members[0][2] is True:
        (key, value, _), *others = members
        pieces = [f"'{{{key}'", value, *(_member(*member) for member in others), "'}'"]
        return _concatenated(pieces)
    # each member brings its comma, and the first one is cut off
    return f"'{{'||substr({_concatenated([_member(*m) for m in members])},2)||'}}'"


def _member(key: str, value: str, when: Condition) -> str:
    """A comma and a member; nothing where the caller may not see it."""
    member = f"',{key}'||{value}"
    return member if when is True else f"(case when {boolean(when)} then {member} else '' end)"


def _name(shown: Shown | ShownOne | ShownMany) -> str:
    return shown.relation.name if isinstance(shown, ShownMany) else shown.field.name


def _when(
    compiler: ExpressionCompiler, shown: Shown | ShownOne | ShownMany, alias: str
) -> Condition:
    if isinstance(shown, ShownMany):
        return True
    return compiler.true(shown.when, Rows.of(record=alias))


def _value(compiler: ExpressionCompiler, shown: Shown | ShownOne | ShownMany, alias: str) -> str:
    match shown:
        case Shown(field=field):
            return field_json(compiler, field, f"{alias}.{name(field.name)}")
        case ShownOne():
            return _one(compiler, shown, alias)
        case ShownMany():
            return _many(compiler, shown, alias)


def field_json(compiler: ExpressionCompiler, field: Field, sql: str) -> str:
    """SQL for the JSON text of a stored field, `null` included."""
    text = compiler.dialect.json(field.type, sql)
    return f"coalesce({text},'null')" if field.nullable else text


def _one(compiler: ExpressionCompiler, shown: ShownOne, alias: str) -> str:
    """The expanded record, or the bare key where it is hidden or not there."""
    target = shown.body.collection
    inner = compiler.aliases.next()
    column = f"{alias}.{name(shown.field.name)}"
    rule = compiler.true(shown.rule, Rows.of(record=inner))
    bare = field_json(compiler, shown.field, column)
    if rule is False:
        return bare
    found = f"{inner}.{name(target.key[0])}={column}"
    where = found if rule is True else f"{found} and {rule}"
    body = compile_body(compiler, shown.body, inner)
    return f"coalesce((select {body} from {name(target.name)} {inner} where {where}),{bare})"


def _many(compiler: ExpressionCompiler, shown: ShownMany, alias: str) -> str:
    """`{"items":[…],"more":…}`. Only where all 100 are there is it asked whether there are more."""
    child = shown.body.collection
    inner, outer = compiler.aliases.next(), compiler.aliases.next()
    rule = compiler.true(shown.rule, Rows.of(record=inner))
    found = all_of((_belongs(compiler, shown, alias, inner), rule))
    if found is False:
        return _quoted('{"items":[],"more":false}')
    body = compile_body(compiler, shown.body, inner)
    key = f"{inner}.{name(child.key[0])}"
    rows = f"from {name(child.name)} {inner} where {boolean(found)} order by {key} limit"
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
    owner = f"{alias}.{name(compiler.schema.target(field).key[0])}"
    if relation.link is None:
        return f"{inner}.{name(field.name)}={owner}"
    link = compiler.aliases.next()
    rule = compiler.true(shown.link, Rows.of(record=link))
    found = all_of((f"{link}.{name(field.name)}={owner}", rule))
    if found is False:
        return False
    key = name(shown.body.collection.key[0])
    return (
        f"{inner}.{key} in (select {link}.{name(relation.reach)} from {name(holder.name)} {link} "
        f"where {boolean(found)})"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _concatenated(pieces: list[str]) -> str:
    """`a||b||c`, in groups so that the tree stays flat; constants side by side become one."""
    if len(pieces) > GROUP:
        groups = [pieces[at : at + GROUP] for at in range(0, len(pieces), GROUP)]
        pieces = [f"({_concatenated(group)})" for group in groups]
        return _concatenated(pieces)
    # NOTE: no constant of a body holds a quotation mark: keys are names of the schema
    return "||".join(pieces).replace("'||'", "")
