"""What one caller may see of a logged change.

In: a change as it was logged, and a caller's profile.   Out: the change in that caller's world.
A record that the caller may not read does not exist: a change that lets it be seen is a create, one
that hides it is a delete, and what happens while it is hidden is left out. Fields follow their read
rules, each on the row as it was logged.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..engines import Engine
from ..plan.policy import Profile
from ..plan.write import WritePlan, plan_sight
from ..query import Actor
from ..schema import Collection, Schema
from ..sql.dialect import Dialect
from ..sql.text import Given
from ..sql.write import Judgement, compile_sight
from .log import LoggedChange

Body = Mapping[str, Any]


class LogSight:
    """Judges changes for one reader; `collections` are those it asked for, none means all."""

    def __init__(
        self,
        schema: Schema,
        profile: Profile,
        actor: Actor,
        engine: Engine,
        dialect: Dialect,
        collections: Names[str],
    ) -> None:
        self._schema = schema
        self._profile = profile
        self._actor = actor
        self._engine = engine
        self._dialect = dialect
        self._collections = frozenset(collections)
        self._judging: dict[str, tuple[WritePlan, Judgement]] = {}

    async def see(self, change: LoggedChange) -> LoggedChange | None:
        """The change as the caller may see it, or None."""
        if self._collections and change.collection not in self._collections:
            return None
        if self._profile.kind == "system":
            return change
        collection = self._schema.collection.get(change.collection)
        if collection is None:
            return None  # it is declared no more, and its rules with it
        before = await self._seen(collection, change.before)
        after = await self._seen(collection, change.after)
        if before is None and after is None:
            return None
        operation = change.operation
        if before is None:
            operation = "create"
        elif after is None:
            operation = "delete"
        return replace(change, operation=operation, before=before, after=after)

    async def _seen(self, collection: Collection, row: Body | None) -> Body | None:
        """The row with the fields that the caller may read, or None if it may not read it."""
        if row is None:
            return None
        plan, judgement = self._judge(collection)
        values = {
            f.name: None if row.get(f.name) is None else f.type.parse(row[f.name])
            for f in collection.fields
        }
        given = Given(auth=self._actor.record, values=values, key=values[collection.key[0]])
        text, params = judgement.statement.text, judgement.statement.bind(given)
        (found,) = await self._engine.fetch(text, params)
        _, readable, *fields = found[judgement.rules]
        if not readable:
            return None
        hidden = {
            rule.field.name for rule, holds in zip(plan.field_rules, fields, strict=True)
            if not holds
        }  # fmt: skip
        return {k: v for k, v in row.items() if k in plan.visible and k not in hidden}

    def _judge(self, collection: Collection) -> tuple[WritePlan, Judgement]:
        found = self._judging.get(collection.name)
        if found is None:
            plan = plan_sight(collection, self._schema, self._profile)
            found = self._judging[collection.name] = (plan, compile_sight(plan, self._dialect))
        return found
