"""`tx.update_where`: what its condition and its computed changes become.

In: texts in the expression language, and who asks.   Out: statements, compiled once for each form.
Refuses: what the caller may not name, and what a row alone does not tell.
Called by `typed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import BadRequest
from ..expr.check import Scope, check, check_value
from ..expr.error import ExpressionError
from ..expr.kinds import kind_of
from ..expr.parse import parse
from ..expr.tree import TRUE, Node, Path, Value, walk
from ..plan.resolve import filter_problem
from ..query import Actor
from ..records import Records
from ..schema import Field
from ..sql.text import Statement
from ..sql.write import Assignment, WriteStatements, select_matching

MOST_UPDATED = 1_000


@dataclass(frozen=True, slots=True)
class Calc:
    """A value that the database computes from the stored record; see `calc`."""

    text: str


def calc(text: str) -> Calc:
    """A value in the expression language for `tx.update_where`: `{"stock": calc("stock - $n")}`."""
    return Calc(text)


def compile_conditional(
    records: Records,
    actor: Actor,
    statements: WriteStatements,
    condition: str,
    computed: Mapping[str, str],
    plain: tuple[str, ...],
) -> tuple[Statement, Assignment]:
    """The statements of a conditional update, compiled once for each form."""
    plan = statements.plan
    shape = (
        "where", plan.collection.name, condition, tuple(computed.items()), plain, plan.profile
    )  # fmt: skip

    def compiled() -> tuple[Statement, Assignment]:
        profile = records.policy.profile(actor)
        scope = Scope(
            schema=records.schema,
            collection=plan.collection,
            bare=True,
            auth=records.schema.users,
            caller=True,
            see=profile.sight,
        )
        where = profile.folded(_condition(condition, scope))
        fields = plan.collection.field
        assigned = {n: _computed(fields[n], text, scope) for n, text in computed.items()}
        keys = select_matching(plan, where, statements.dialect, MOST_UPDATED + 1)
        return keys, statements.assign(assigned, plain, where)

    return records.plans.kept(shape, compiled)


def _condition(text: str, scope: Scope) -> Node:
    if not text:
        return TRUE
    try:
        return check(parse(text), scope)
    except ExpressionError as error:
        raise filter_problem(error, text) from None


def _computed(field: Field, text: str, scope: Scope) -> Value:
    kind = field.type
    if kind.kind == "datetime":
        raise BadRequest("filter.type", "calc() does not compute datetimes; pass a value.")
    try:
        value = check_value(parse(text), scope, kind_of(kind))
    except ExpressionError as error:
        raise filter_problem(error, text) from None
    if any(isinstance(part, Path) and part.hops for part in walk(value)):
        raise BadRequest(
            "filter.type", f"calc() of `{field.name}` ({kind.kind}) crosses a reference."
        )
    return value
