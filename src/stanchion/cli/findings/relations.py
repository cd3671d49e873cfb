"""Rules that read all related records of a record, where an index would lead to the ones asked for.

A reference has its index always, so no rule reads a whole collection. But a macro over a to-many
relation (`record.members.exists(m, m.user == auth.id)`) reads every member of the record, once for
each record of a list, unless an index holds what it compares beside the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .finding import Finding, place_of
from .lists import some_caller

if TYPE_CHECKING:
    from ...app import App
    from ...engines.sqlite.scratch import Scratch
    from ...explain.cost import Advice
    from ...expr.tree import Node
    from ...plan.policy import Profile
    from ...schema import Collection, Rule


class Asked(NamedTuple):
    """A rule of a collection or of one of its fields, and the records that one request asks it
    of."""

    operation: str
    whose: str
    written: Rule
    rule: Node
    of: str


LISTED = "each listed record"
WRITTEN = "the record"


def find_wide_rules(app: App, collection: Collection, scratch: Scratch) -> Iterator[Finding]:
    """One note for each rule that an index would narrow, whatever it is the rule of."""
    from ...schema import rule_text

    profile = app.runtime.policy.profile(some_caller(app.runtime.model.schema))
    found: dict[tuple[str, Rule, str], list[str]] = {}  # `write=` makes three equal rules
    advices: dict[tuple[str, Rule, str], Advice] = {}
    for asked in _asked(collection, profile):
        advice = _advice(asked.rule, collection, profile, scratch)
        if advice is not None:
            same = asked.whose, asked.written, asked.of
            found.setdefault(same, []).append(asked.operation)
            advices[same] = advice
    for (whose, written, of), operations in found.items():
        advice = advices[whose, written, of]
        yield Finding(
            "note",
            "rule.wide",
            f"to judge {', '.join(operations)} of `{whose}`, all `{advice.collection}` of {of} are "
            f"read: {rule_text(written)}",
            *place_of(written, collection),
            f"an index that SQLite would use; in {advice.collection}: {advice.declaration}",
        )


def _asked(collection: Collection, profile: Profile) -> Iterator[Asked]:
    """Every rule that has a macro in it, as it is for the caller."""
    from ...expr.tree import Macro, walk
    from ...plan.policy import ROW_OPERATIONS, decide_old_is_null

    rules = []
    for operation in ROW_OPERATIONS:
        rule = profile.rule(collection.name, operation)
        if operation == "create":
            rule = profile.folded(rule, decide_old_is_null)
        written = getattr(collection.rules, operation)
        of = LISTED if operation == "read" else WRITTEN
        rules.append(Asked(operation, collection.name, written, rule, of))
    for stored in collection.fields:
        whose = f"{collection.name}.{stored.name}"
        mask = profile.mask(collection.name, stored.name)
        rules.append(Asked("read", whose, stored.read, mask, LISTED))
        rule = profile.write_rule(collection.name, stored.name)
        rules.append(Asked("write", whose, stored.write, rule, WRITTEN))
    for asked in rules:
        if any(isinstance(node, Macro) for node in walk(asked.rule)):
            yield asked


def _advice(
    rule: Node, collection: Collection, profile: Profile, scratch: Scratch
) -> Advice | None:
    """The index that would narrow what a rule reads, judged on one stored record."""
    from ...explain.cost import advise
    from ...expr.tree import TRUE
    from ...plan.read import Body, Shown
    from ...plan.write import WritePlan
    from ...sql.dialect import SQLITE
    from ...sql.write import compile_write

    schema = profile.policy.schema
    key = Body(collection, (Shown(collection.key_field, TRUE),))
    nothing: frozenset[str] = frozenset()
    plan = WritePlan(
        schema=schema, profile=profile, collection=collection, operation="update", rule=rule,
        read=TRUE, settable=nothing, visible=nothing, unseen=nothing, field_rules=(),
        references=(), keys=(), answer=key, logged=key,
    )  # fmt: skip
    statement = compile_write(plan, SQLITE).stored.statement
    params = [None] * len(statement.binders)
    return advise(statement.text, params, schema, scratch, narrower=True)
