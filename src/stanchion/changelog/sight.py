"""What one caller may see of a logged change.

In: a change as it was logged, and a caller.   Out: the change in that caller's world.
A record that the caller may not read does not exist: a change that lets it be seen is a create, one
that hides it is a delete, and what happens while it is hidden is left out.

The caller is as it was handed over; the records, and the clock, are as they were: what a row was
before a change is judged before its transaction, what it became after it. So a reader that comes
late is told what one that was there was told.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from ..engines import Engine
from ..expr.evaluate import Env, Values, evaluate
from ..expr.fold import certainly_false
from ..expr.tree import FALSE, TRUE, Many, Node, Path, walk
from ..plan.policy import Profile
from ..plan.write import logged_body
from ..query import Actor, Operation
from ..schema import Collection, Schema
from ..sql.dialect import Dialect
from ..sql.write import select_kept
from .pages import LoggedChange, LogPlace
from .past import Past, Side, Trimmed, Unreadable, Whole, find_several, values_of
from .reader import Overtaken


@dataclass(frozen=True, slots=True)
class _Judged:
    """The rules of a collection for one caller; fields that it never sees are not among them."""

    collection: Collection
    read: Node
    fields: Mapping[str, Node]


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
        self._judging: dict[str, _Judged] = {}
        self._selects: dict[tuple[str, str], str] = {}
        self._tx = ""
        self._worlds: dict[Side, Past] = {}
        self._several: dict[tuple[str, str], Whole] = {}

    async def see(self, at: LogPlace, change: LoggedChange) -> LoggedChange | None:
        """The change as the caller may see it, or None; raises `Overtaken`."""
        if self._collections and change.collection not in self._collections:
            return None
        if self._profile.kind == "system":
            return change
        collection = self._schema.collection.get(change.collection)
        if collection is None:
            return None  # it is declared no more, and its rules with it
        judged = self._judge(collection)
        if judged.read == FALSE:
            return None
        try:
            await self._enter(at, change.tx)
            whole = self._several.get((change.collection, change.key), Whole(at.seq, change.before))
            if whole.last != at.seq:
                return None  # nobody could read what it was between the steps
            before = await self._seen(judged, whole.before, at, change, "before")
            after = await self._seen(judged, change.after, at, change, "after")
        except Trimmed:
            raise Overtaken from None
        except Unreadable:
            return None
        if before is None and after is None:
            return None
        operation: Operation = "update"
        if before is None:
            operation = "create"
        elif after is None:
            operation = "delete"
        return replace(change, operation=operation, before=before, after=after)

    async def _seen(
        self, judged: _Judged, row: Values | None, at: LogPlace, change: LoggedChange, side: Side
    ) -> Values | None:
        """The row with the fields that the caller may read, or None if it may not read it."""
        if row is None:
            return None
        past = self._past(at, change.tx, side)
        env = Env(
            record=values_of(judged.collection, row),
            auth=self._actor.record,
            now=datetime.fromisoformat(change.time),
            world=past,
        )
        holds = partial(evaluate, env=env)
        if await past.settle(partial(holds, judged.read)) is not True:
            return None
        return {
            name: row[name]
            for name, rule in judged.fields.items()
            if name in row and await past.settle(partial(holds, rule)) is True
        }

    async def _enter(self, at: LogPlace, tx: str) -> None:
        """Come to a transaction: its worlds, and what it did several times, hold for all of it."""
        if tx != self._tx:
            self._several = await find_several(self._engine, at, tx)
            self._tx, self._worlds = tx, {}

    def _past(self, at: LogPlace, tx: str, side: Side) -> Past:
        """The world on one side of the transaction."""
        if side not in self._worlds:
            self._worlds[side] = Past(
                self._schema, self._engine, self._dialect, self._select, at, tx, side
            )
        return self._worlds[side]

    def _judge(self, collection: Collection) -> _Judged:
        found = self._judging.get(collection.name)
        if found is None:
            rules = {
                f.name: self._known(self._profile.mask(collection.name, f.name))
                for f in collection.fields
            }
            found = self._judging[collection.name] = _Judged(
                collection,
                self._known(self._profile.row(collection.name)),
                {name: rule for name, rule in rules.items() if not certainly_false(rule)},
            )
        return found

    def _known(self, rule: Node) -> Node:
        """The rule; never true if it asks a secret field, which the log does not hold."""
        return FALSE if any(self._is_secret(*each) for each in _asked(rule)) else rule

    def _is_secret(self, collection: str, field: str) -> bool:
        rule = self._profile.policy.field_read.get((collection, field), TRUE)
        return certainly_false(rule)

    def _select(self, collection: Collection, field: str) -> str:
        identity = (collection.name, field)
        if identity not in self._selects:
            body = logged_body(self._profile, collection)
            self._selects[identity] = select_kept(
                body, field, self._schema, self._profile, self._dialect
            )
        return self._selects[identity]


def _asked(rule: Node) -> Iterator[tuple[str, str]]:
    """The stored fields that a rule asks for; those of the caller's own record are not."""
    for part in walk(rule):
        match part:
            case Path(root="auth", hops=()):
                continue
            case Path(root=root, hops=hops, leaf=leaf):
                yield from ((h.collection, h.field) for h in hops[1 if root == "auth" else 0 :])
                if leaf is not None:
                    yield part.last, leaf
            case Many(link="", collection=collection, field=field):
                yield collection, field
            case Many(link=link, field=field, reach=reach):
                yield from ((link, field), (link, reach))
