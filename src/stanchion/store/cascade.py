"""Deleting a record: what refers to it is found first, then changed or deleted, each with its
own change row and version.

The closure of `cascade` references is collected breadth first. What refers to a member of it by
`set null` is set to null, unless it goes too; what refers by `restrict` and stays forbids all of
it. Deletion runs from the leaves to the record that was named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engines import Ask
from ..errors import Conflict, TooLarge
from ..schema import Collection, Field
from ..sql.text import Given
from ..plan.write import WritePlan
from ..sql.write import WriteStatements, select_children, unindex_search
from .changes import Change, append
from .steps import Caller, Steps, ask

Member = tuple[str, str]  # collection, key
MOST = 10_000


def run_delete(
    statements: WriteStatements,
    others: Callable[[str], WriteStatements],
    key: str,
    caller: Caller,
) -> Steps[None]:
    """Delete the record and what hangs on it; raises `Conflict` where a reference forbids it."""
    plan = statements.plan
    members: list[Member] = [(plan.collection.name, key)]
    going = set(members)
    clears: list[tuple[Member, str]] = []
    holds: list[tuple[Member, Collection, Field]] = []
    for collection, member_key in members:
        for child, field in plan.schema.incoming[collection]:
            assert field.reference is not None
            found = yield Ask(select_children(child, field, statements.dialect), [member_key])
            for (raw,) in found:
                member = (child.name, str(raw))
                if member in going:
                    continue
                if field.reference.on_delete == "cascade":
                    members.append(member)
                    going.add(member)
                elif field.reference.on_delete == "set null":
                    clears.append((member, field.name))
                else:
                    holds.append((member, child, field))
            if len(members) > MOST:
                raise TooLarge("delete.too_many", f"More than {MOST} records hang on this one.")
    for member, child, field in holds:
        if member not in going:
            raise _forbidden(plan, child, field)
    for member, field_name in clears:
        if member not in going:
            yield from _clear(others(member[0]), member[1], field_name, caller)
    for collection, member_key in reversed(members):
        yield from _remove(others(collection), member_key, caller)


def _forbidden(plan: WritePlan, child: Collection, field: Field) -> Conflict:
    """Names the collection that refers only to callers who know it is there."""
    if plan.access.refused(child.name, "read"):
        return Conflict("delete.restricted", "Other records refer to this one.")
    return Conflict(
        "delete.restricted",
        f"Records of {child.name} refer to this one by `{field.name}`.",
        hint=f"Delete or change those {child.name} first.",
    )


def _clear(statements: WriteStatements, key: str, field_name: str, caller: Caller) -> Steps[None]:
    collection = statements.plan.collection
    before = yield ask(statements.stored.statement, Given(key=key))
    values: dict[str, Any] = {field_name: None}
    names = [field_name]
    if "updated" in collection.field:
        values["updated"] = collection.field["updated"].type.parse(caller.occasion.time)
        names.append("updated")
    yield ask(statements.update(names), Given(key=key, values=values))
    after = yield ask(statements.stored.statement, Given(key=key))
    change = Change(collection.name, key, "update", after[0][0], before[0][-1], after[0][-1])
    yield append(change, caller.occasion)


def _remove(statements: WriteStatements, key: str, caller: Caller) -> Steps[None]:
    collection = statements.plan.collection
    before = yield ask(statements.stored.statement, Given(key=key))
    if collection.search_fields:
        yield Ask(unindex_search(collection), [key])
    yield ask(statements.delete, Given(key=key))
    version = before[0][0] + 1
    yield append(Change(collection.name, key, "delete", version, before[0][-1], None), caller.occasion)
