"""Deleting a record: what refers to it is found first, then changed or deleted, each with its
own change row and version.

The closure of `cascade` references is collected breadth first. What refers to a member of it by
`set null` is set to null, unless it goes too; what refers by `restrict` and stays forbids all of
it. Deletion runs from the leaves to the record that was named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ..engines import Ask
from ..errors import Conflict, TooLarge
from ..plan.write import WritePlan
from ..schema import Collection, Field
from ..sql.text import Given
from ..sql.write import WriteStatements, select_children, unindex_search
from .changes import Change
from .steps import Caller, Steps, ask_all, ask_each
from .users import write_down

Member = tuple[str, str]  # collection, key
MOST = 10_000


@dataclass(slots=True)
class _Closure:
    """What hangs on a record: `going` goes with it, in the order in which it was found."""

    going: dict[Member, None]
    clears: dict[Member, list[str]] = field(default_factory=dict)
    holds: list[tuple[Member, Collection, Field]] = field(default_factory=list)

    def take(self, child: Collection, by: Field, keys: Iterable[str]) -> list[Member]:
        """Take in the records of `child` that refer to a member by one field; those that go too,
        and were not known to."""
        assert by.reference is not None
        more: list[Member] = []
        for key in keys:
            member = (child.name, key)
            match by.reference.on_delete:
                case "cascade":
                    if member not in self.going:
                        self.going[member] = None
                        more.append(member)
                case "set null":
                    self.clears.setdefault(member, []).append(by.name)
                case "restrict":
                    self.holds.append((member, child, by))
        return more


def run_delete(
    statements: WriteStatements,
    others: Callable[[str], WriteStatements],
    key: str,
    caller: Caller,
) -> Steps[None]:
    """Delete the record and what hangs on it; raises `Conflict` where a reference forbids it."""
    closure = yield from _collect(statements, key)
    for member, child, by in closure.holds:
        if member not in closure.going:
            raise _forbidden(statements.plan, child, by)
    clears = [
        (collection, tuple(names), member_key)
        for (collection, member_key), names in closure.clears.items()
        if (collection, member_key) not in closure.going
    ]
    for (collection, fields), same in groupby(clears, lambda clear: clear[:2]):
        yield from _clear(others(collection), [clear[2] for clear in same], fields, caller)
    for collection, members in groupby(reversed(closure.going), lambda member: member[0]):
        yield from _remove(others(collection), [member[1] for member in members], caller)


def _collect(statements: WriteStatements, key: str) -> Steps[_Closure]:
    """Follow every reference to the record, and to what goes with it."""
    plan = statements.plan
    closure = _Closure({(plan.collection.name, key): None})
    waiting = list(closure.going)
    for collection, member_key in waiting:
        for child, by in plan.schema.incoming[collection]:
            assert by.reference is not None
            asked = select_children(child, by, statements.dialect, MOST + 1)
            found = yield Ask(asked, [member_key])
            if len(found) > MOST and by.reference.on_delete == "restrict":
                raise _forbidden(plan, child, by)  # more than could ever go
            waiting += closure.take(child, by, (str(row[0]) for row in found))
        if len(closure.going) + len(closure.clears) > MOST:
            raise TooLarge(
                "delete.too_many",
                f"More than {MOST} records hang on this one.",
                hint="Delete or change them in parts first.",
            )
    return closure


def _forbidden(plan: WritePlan, child: Collection, by: Field) -> Conflict:
    """Names the collection and field that refer only to callers who know that they are there."""
    profile = plan.profile
    if profile.refused(child.name, "read") or profile.sight(child, by) == "hidden":
        return Conflict("delete.restricted", "Other records refer to this one.")
    return Conflict(
        "delete.restricted",
        f"Records of {child.name} refer to this one by `{by.name}`.",
        hint=f"Delete or change those {child.name} first.",
    )


def _clear(
    statements: WriteStatements, keys: Sequence[str], names: Sequence[str], caller: Caller
) -> Steps[None]:
    """Set these fields of some records to null."""
    collection = statements.plan.collection
    stored = ask_each(statements.stored.statement, [Given(key=key) for key in keys])
    before = yield stored
    values: dict[str, Any] = dict.fromkeys(names)
    if "updated" in collection.field:
        values["updated"] = collection.field["updated"].type.parse(caller.occasion.time)
    update = statements.update(tuple(values))
    yield ask_each(update, [Given(key=key, values=values) for key in keys])
    after = yield stored
    changes = [
        Change(collection.name, key, "update", new[0], old[-1], new[-1])
        for key, old, new in zip(keys, before, after, strict=True)
    ]
    yield ask_all([*write_down(collection, changes, caller.occasion)])


def _remove(statements: WriteStatements, keys: Sequence[str], caller: Caller) -> Steps[None]:
    """Delete some records."""
    collection = statements.plan.collection
    given = [Given(key=key) for key in keys]
    before = yield ask_each(statements.stored.statement, given)
    if collection.search_fields:
        unindexed = [unindex_search(collection, statements.dialect, key) for key in keys]
        yield ask_all([Ask(*each) for each in unindexed if each is not None])
    yield ask_each(statements.delete, given)
    changes = [
        Change(collection.name, key, "delete", old[0] + 1, old[-1], None)
        for key, old in zip(keys, before, strict=True)
    ]
    yield ask_all([*write_down(collection, changes, caller.occasion)])
