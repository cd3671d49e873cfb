"""Lists that read or sort every record, as SQLite was seen to run them.

Nothing is guessed: the list of each collection is compiled as a signed-in caller would get it, and
an index is named only where SQLite was seen to use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .finding import Finding, listed, place_of

if TYPE_CHECKING:
    from ...app import App
    from ...engines.sqlite.scratch import Scratch
    from ...plan.policy import Profile
    from ...plan.read import ReadPlan
    from ...query import Actor
    from ...schema import Collection, Field, Schema

NOBODYS_ID = "00000000-0000-7000-8000-000000000000"
SELDOM_SORTED = ("bool", "uuid")
"""Kinds whose order says little, as that of a choice between words does."""
LONGEST_SORTED = 255
"""Characters of a text that people sort by; what may be longer is prose."""


def find_slow_lists(app: App, collection: Collection, scratch: Scratch) -> Iterator[Finding]:
    """A read rule without its index, and fields that can be sorted by and have none."""
    from ...errors import Problem
    from ...plan.read import plan_read
    from ...query import ReadQuery

    schema = app.runtime.model.schema
    caller = some_caller(schema)
    profile = app.runtime.policy.profile(caller)
    try:
        plan = plan_read(ReadQuery(collection.name), schema, profile)
    except Problem:
        return  # closed to such a caller
    yield from _slow(plan, caller, scratch)
    yield from _unsorted(collection, caller, profile, scratch)


def some_caller(schema: Schema) -> Actor:
    """Somebody signed in. Every field holds something: a null would fold away what other callers
    are asked."""
    from ...query import Actor

    if schema.users is None:
        return Actor("anonymous")
    return Actor("user", {f.name: _some_value(f.type) for f in schema.users.fields})


def _some_value(kind: Any) -> Any:
    """A value that a field of this type can hold, or None for a rare type."""
    from ...types import WireError

    for wire in (NOBODYS_ID, "?", 1, True, [], *getattr(kind, "values", ())[:1]):
        try:
            return kind.parse(wire)
        except WireError:
            continue
    return None


def _compiled(plan: ReadPlan, caller: Actor) -> tuple[str, list[Any]]:
    """The list as it would be asked."""
    from ...sql.dialect import SQLITE
    from ...sql.read import compile_list
    from ...sql.text import Given

    statement = compile_list(plan, SQLITE)
    return statement.text, statement.bind(Given(auth=caller.record, limit=51))


def _slow(plan: ReadPlan, caller: Actor, scratch: Scratch) -> Iterator[Finding]:
    """A list that a signed-in caller gets by reading or sorting more than an index would."""
    from ...explain.cost import advise
    from ...schema import rule_text

    advice = advise(*_compiled(plan, caller), plan.schema, scratch)
    if advice is not None:
        written = plan.collection.rules.read
        yield Finding(
            "warning",
            "list.slow",
            f"the list of `{plan.collection.name}` reads or sorts every record to judge its read "
            f"rule: {rule_text(written)}",
            *place_of(written, plan.collection),
            f"an index that SQLite would use; in {advice.collection}: {advice.declaration}",
        )


def _unsorted(
    collection: Collection, caller: Actor, profile: Profile, scratch: Scratch
) -> Iterator[Finding]:
    """Fields by which a list is sorted only after every record was read."""
    from ...explain.cost import sources_of, work_of
    from ...plan.read import plan_read
    from ...query import ReadQuery

    schema = profile.policy.schema
    found = []
    for stored in collection.fields:
        if not _is_sorted_by(stored) or profile.sight(collection, stored) != "open":
            continue
        plan = plan_read(ReadQuery(collection.name, sort=stored.name), schema, profile)
        text, params = _compiled(plan, caller)
        rows = scratch.plan(text, params)
        work = work_of(rows, sources_of(text, schema))
        if work.sorts and work.scans:
            found.append(stored.name)
    if found:
        yield Finding(
            "note",
            "sort.unindexed",
            f"a list of `{collection.name}` that is sorted by {listed(found)} reads and sorts "
            "every record",
            *place_of(None, collection),
            "Field(index=True) for those that clients sort or filter by",
        )


def _is_sorted_by(stored: Field) -> bool:
    kind = stored.type
    chosen = kind.kind in SELDOM_SORTED or hasattr(kind, "values")
    if stored.system or chosen or not kind.sortable:
        return False
    longest = getattr(kind, "max_length", 0)
    return kind.kind != "text" or (longest is not None and longest <= LONGEST_SORTED)
