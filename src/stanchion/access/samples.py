"""A record that shows a change: reached by somebody before and not after, or the other way round.

In: changes, the matrices that they are of, an open database.   Out: an `AccessSample` for each
change that has one. Reads only, and not without end: so many records, users and looks.
The rules are run by the evaluator, which a property test holds to the SQL of both engines. What
they were before is known as text, and is checked against the schema of today; where it does not
fit, or nothing was found, there is no sample.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .. import clock
from ..explain.rows import Loaded
from ..expr.evaluate import Env, Values, evaluate
from ..expr.reach import TooFar
from ..expr.tree import Node
from ..records import Records
from ..schema import Collection
from ..sql.dialect import quoted
from .callers import AccessCaller, find_callers, is_one
from .cells import condition_of
from .changes import AccessChange
from .matrix import AccessMatrix, AccessPlace

MOST_RECORDS = 300
MOST_USERS = 10
MOST_CHANGES = 100
MOST_SHOWN = 3
LONGEST = 40


@dataclass(frozen=True, slots=True)
class AccessSample:
    """A record, by its key; `user` is who reaches it, by id, where somebody is signed in. `shown`
    are values that the caller could read before and after: of what was or is hidden there is only
    the key."""

    key: str
    user: str | None
    gained: bool
    shown: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        user = f" for user {self.user}" if self.user else ""
        values = "".join(f", {name} {value}" for name, value in self.shown)
        return f"{'now' if self.gained else 'no longer'} {self.key}{values}{user}"


async def find_samples(
    changes: Sequence[AccessChange], before: AccessMatrix, after: AccessMatrix, records: Records
) -> dict[AccessChange, AccessSample]:
    """Samples of the first changes."""
    looking = _Looking(records, before, after)
    found = {}
    for change in changes[:MOST_CHANGES]:
        sample = await looking.sample_of(change)
        if sample is not None:
            found[change] = sample
    return found


class _Looking:
    def __init__(self, records: Records, before: AccessMatrix, after: AccessMatrix) -> None:
        self._records = records
        self._schema = records.schema
        self._matrices = (before, after)
        self._callers = {caller.name: caller for caller in find_callers(records.policy)}
        self._rows = Loaded(records.schema, records.engine, records.dialect)
        self._newest: dict[str, list[Values]] = {}

    async def sample_of(self, change: AccessChange) -> AccessSample | None:
        collection = self._schema.collection.get(change.place.collection)
        caller = self._callers.get(change.caller)
        if collection is None or caller is None or change.place.operation == "create":
            return None
        conditions = [
            condition_of(cell, self._schema, collection, change.place.operation)
            for cell in (change.before, change.after)
        ]
        if None in conditions:
            return None
        users = await self._users(caller)
        for row in await self._newest_of(collection):
            for user in users:
                was, now = [await self._holds(each, row, user) for each in conditions]
                if was != now:
                    return self._sample(change, collection, row, user, now)
        return None

    async def _holds(self, condition: Node | None, row: Values, user: Values | None) -> bool:
        env = Env(record=row, old=row, auth=user, now=clock.now(), world=self._rows)
        try:
            assert condition is not None
            return await self._rows.settle(lambda: evaluate(condition, env)) is True
        except TooFar:
            return False

    async def _users(self, caller: AccessCaller) -> Sequence[Values | None]:
        """Somebody of this kind; nobody where nobody is signed in."""
        users = self._schema.users
        if caller.kind != "user" or users is None:
            return (None,)
        fitting = [
            row
            for row in await self._newest_of(users)
            if is_one(row, caller, self._callers.values())
        ]
        return fitting[:MOST_USERS]

    async def _newest_of(self, collection: Collection) -> list[Values]:
        if collection.name not in self._newest:
            columns = ",".join(quoted(field.name) for field in collection.fields)
            key = ",".join(f"{quoted(name)} desc" for name in collection.key)
            table = quoted(collection.name)
            found = await self._records.engine.fetch(
                f"select {columns} from {table} order by {key} limit {MOST_RECORDS}", ()
            )
            names = [field.name for field in collection.fields]
            self._newest[collection.name] = [
                self._rows.values(collection, dict(zip(names, row, strict=True))) for row in found
            ]
        return self._newest[collection.name]

    def _sample(
        self,
        change: AccessChange,
        collection: Collection,
        row: Values,
        user: Values | None,
        gained: bool,
    ) -> AccessSample:
        key = ",".join(str(row[name]) for name in collection.key)
        shown = [] if change.place.field is not None else self._shown(change, collection, row)
        return AccessSample(key, None if user is None else str(user["id"]), gained, tuple(shown))

    def _shown(
        self, change: AccessChange, collection: Collection, row: Values
    ) -> list[tuple[str, str]]:
        """A few values that a reader of the record reads, by the rules of before and of now."""
        found = []
        for field in collection.fields:
            place = AccessPlace(collection.name, field.name, "read")
            if field.name in (*collection.key, "created", "updated", "version"):
                continue
            if all(place in m.rows and m.as_its_record(place) for m in self._matrices):
                value = row[field.name]
                wire = None if value is None else field.type.wire(value)
                text = json.dumps(wire, ensure_ascii=False)
                found.append(
                    (field.name, text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")
                )
        return found[:MOST_SHOWN]
