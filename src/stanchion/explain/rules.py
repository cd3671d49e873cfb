"""The rules that a request asks, of rows and of fields, and what they come to.

In: what is `Asked`, a `Judge`, the rows that a rehearsal left.   Out: `RuleSaid`, `FieldSaid`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from ..expr.evaluate import Env
from ..expr.fold import certainly_false
from ..expr.tree import TRUE
from ..plan.policy import Profile, RowOperation, decide_old_is_null
from ..schema import ALWAYS, Collection, rule_text
from .asked import Asked
from .rehearsal import Became, Rehearsal
from .said import FieldSaid, RuleSaid
from .verdicts import Judge
from .wording import say

# of rows


async def rules_of(step: Asked, judge: Judge, rehearsal: Rehearsal) -> AsyncIterator[RuleSaid]:
    """Every rule that the step asks, on every row that it is asked of."""
    stored, found = None, "the stored record"
    looked = [b for b in rehearsal.became if b.collection == step.collection.name]
    if step.key is not None:
        stored = await judge.rows.record(step.collection.name, step.key)
    if stored is None and step.operation in ("update", "delete"):
        earlier = [b for b in looked if b.created and _key_of(step.collection, b) == step.key]
        if earlier:
            stored = judge.rows.values(step.collection, earlier[0].raw)
            found = "the record that an earlier step makes"
    if step.operation == "read" or (step.key is not None and not _makes(step, stored)):
        yield await _rule(step, "read", judge, found, stored)
    if step.operation == "delete":
        yield await _rule(step, "delete", judge, found, stored)
    if step.operation == "update" or (step.operation == "replace" and stored is not None):
        yield await _rule(step, "update", judge, found, stored, stored)
    if _makes(step, stored):
        made: list[Mapping[str, Any] | None]
        made = [judge.rows.values(step.collection, b.raw) for b in looked if b.created]
        for row in made or [None]:
            async for said in _twice(step, "create", judge, "the new record", row, made):
                yield said
    for became in looked:
        if not became.created and _key_of(step.collection, became) == step.key:
            row = judge.rows.values(step.collection, became.raw)
            on = "the record as it would be"
            async for said in _twice(step, "update", judge, on, row, [row], stored):
                yield said


def _makes(step: Asked, stored: object) -> bool:
    return step.operation == "create" or (step.operation == "replace" and stored is None)


def _key_of(collection: Collection, became: Became) -> str:
    return str(collection.key_field.type.sqlite_value(became.raw[collection.key[0]]))


async def _twice(
    step: Asked,
    operation: RowOperation,
    judge: Judge,
    on: str,
    row: Mapping[str, Any] | None,
    written: Sequence[Mapping[str, Any] | None],
    old: Mapping[str, Any] | None = None,
) -> AsyncIterator[RuleSaid]:
    """A rule of a record that is written: asked of the records that are there, and where it holds
    and comes to something else with what is written among them, of these too."""
    said = await _rule(step, operation, judge, on, row, old)
    yield said
    if row is None or said.outcome != "holds":
        return
    with judge.rows.with_written(step.collection, [one for one in written if one is not None]):
        again = await _rule(step, operation, judge, f"{on}, as one of the others", row, old)
    if again.outcome != said.outcome:
        yield again


async def _rule(
    step: Asked,
    operation: RowOperation,
    judge: Judge,
    on: str,
    row: Mapping[str, Any] | None,
    old: Mapping[str, Any] | None = None,
) -> RuleSaid:
    collection = step.collection
    written = getattr(collection.rules, operation)
    node = judge.profile.policy.rows[collection.name, operation]
    decide = decide_old_is_null if operation == "create" else None
    env = None
    if row is not None:
        env = Env(record=row, old=old, auth=judge.env.auth, now=judge.env.now, world=judge.rows)
    part = await judge.part(node, env, decide)
    return RuleSaid(
        name=f"{collection.name}.{operation}",
        text=rule_text(written),
        place=getattr(written, "origin", None) or collection.origin,
        on=on if row is not None else "",
        outcome=None if judge.profile.past_rules else part.outcome,
        part=part,
    )


# of fields


def fields_of(step: Asked, profile: Profile) -> Iterator[FieldSaid]:
    """Fields that the caller does not simply see; and those of the body that it may not set."""
    collection = step.collection
    bodies = step.body if isinstance(step.body, list) else [step.body]
    named = {word for body in bodies if isinstance(body, dict) for word in body}
    for stored in collection.fields:
        sight = profile.sight(collection, stored)
        if sight != "open":
            effect = (
                "does not exist for this caller"
                if sight == "hidden"
                else "is left out where its rule does not hold for the record"
            )
            yield FieldSaid(collection.name, stored.name, "read", effect, rule_text(stored.read))
        rule = profile.write_rule(collection.name, stored.name)
        if stored.name in named and stored.write != ALWAYS and rule != TRUE:
            effect = (
                "may not be set by this caller"
                if certainly_false(rule)
                else f"may be set where {say(rule)}"
            )
            yield FieldSaid(collection.name, stored.name, "write", effect, rule_text(stored.write))
