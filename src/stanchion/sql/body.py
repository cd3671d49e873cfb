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
from .text import Condition, boolean

GROUP = 40  # pieces in one concatenation: a tree of more than a thousand || is refused


def compile_body(compiler: ExpressionCompiler, body: Body, alias: str) -> str:
    """SQL for the JSON object of the row `alias`."""
    members = [(_name(s), _value(compiler, s, alias), _when(compiler, s, alias)) for s in body.shown]
    first_is_certain = bool(members) and members[0][2] is True
    pieces: list[str] = []
    text = "{"
    for position, (key, value, when) in enumerate(members):
        comma = "," if position or not first_is_certain else ""
        if when is True:
            pieces += [_quoted(f'{text}{comma}"{key}":'), value]
        else:
            pieces.append(_quoted(text))
            member = _quoted(',"' + key + '":') + "||" + value
            pieces.append(f"(case when {boolean(when)} then {member} else '' end)")
        text = ""
    if first_is_certain:
        return _concatenated([*pieces, _quoted(text + "}")])
    # each member brings its comma; the first one is cut off with the brace before it
    members_only = _concatenated([*pieces, "''"])
    return f"('{{'||substr({members_only},3)||'}}')"


def _name(shown: Shown | ShownOne | ShownMany) -> str:
    return shown.relation.name if isinstance(shown, ShownMany) else shown.field.name


def _when(
    compiler: ExpressionCompiler, shown: Shown | ShownOne | ShownMany, alias: str
) -> Condition:
    if isinstance(shown, ShownMany):
        return True
    return compiler.true(shown.when, Rows.of(record=alias))


def _value(
    compiler: ExpressionCompiler, shown: Shown | ShownOne | ShownMany, alias: str
) -> str:
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
    """`{"items":[…],"more":…}`: one record more than is shown tells whether there are more."""
    child = shown.body.collection
    inner, outer = compiler.aliases.next(), compiler.aliases.next()
    rule = compiler.true(shown.rule, Rows.of(record=inner))
    if rule is False:
        return _quoted('{"items":[],"more":false}')
    parent_key = name("id")
    where = f"{inner}.{name(shown.relation.field)}={alias}.{parent_key}"
    if rule is not True:
        where += f" and {rule}"
    body = compile_body(compiler, shown.body, inner)
    key = f"{inner}.{name(child.key[0])}"
    page = (
        f"select {body} as body,row_number() over (order by {key}) as n "
        f"from {name(child.name)} {inner} where {where} order by {key} limit {MANY_LIMIT + 1}"
    )
    items = (
        f"{compiler.dialect.aggregate_text}({outer}.body,',' order by {outer}.n) "
        f"filter (where {outer}.n<={MANY_LIMIT})"
    )
    more = f"case when count(*)>{MANY_LIMIT} then 'true' else 'false' end"
    return (
        f"(select '{{\"items\":['||coalesce({items},'')||'],\"more\":'||{more}||'}}' "
        f"from ({page}) {outer})"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _concatenated(pieces: list[str]) -> str:
    """`a||b||c`, in groups so that the tree stays flat."""
    if len(pieces) <= GROUP:
        return "||".join(pieces)
    groups = [pieces[at : at + GROUP] for at in range(0, len(pieces), GROUP)]
    return _concatenated([f"({'||'.join(group)})" for group in groups])
