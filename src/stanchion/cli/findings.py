"""What will be slow, or is open or constant without saying so, before users find out.

In: an `App` whose `check()` passed.   Out: `Finding`s: a code, the place, why, and the mend.
Slow lists are not guessed: the list of each collection is compiled as a signed-in caller would get
it, and an index is named only where SQLite was seen to use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..app import App
    from ..engines.sqlite.scratch import Scratch
    from ..schema import Collection

NOBODYS_ID = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Finding:
    """One warning. `code` is stable; `mend` is what to write instead."""

    code: str
    detail: str
    file: str | None
    line: int | None
    mend: str


def find_findings(app: App) -> tuple[Finding, ...]:
    """Every finding, collection by collection."""
    from ..explain.cost import make_scratch

    schema = app.runtime.model.schema
    scratch = make_scratch(schema)
    try:
        return tuple(
            finding
            for collection in schema.collections
            for finding in (
                *_open_writes(app, collection),
                *_constant(app, collection),
                *_slow_list(app, collection, scratch),
            )
        )
    finally:
        scratch.close()


def _open_writes(app: App, collection: Collection) -> Iterator[Finding]:
    """Records that everyone may change or delete. What everyone may create is told elsewhere."""
    from ..expr.tree import TRUE
    from ..query import ANONYMOUS

    everyone = app.runtime.policy.profile(ANONYMOUS)
    opened = [o for o in ("update", "delete") if everyone.rule(collection.name, o) == TRUE]
    if opened:
        yield Finding(
            "rule.write_open",
            f"everyone, signed in or not, may {' and '.join(opened)} every record of "
            f"`{collection.name}`",
            *_place(getattr(collection.rules, opened[0]), collection),
            'say who: owner("…"), role("…") or signed_in',
        )


def _constant(app: App, collection: Collection) -> Iterator[Finding]:
    """Rules that are written as conditions and hold for every caller and record."""
    from ..expr.tree import TRUE
    from ..plan.policy import ROW_OPERATIONS
    from ..schema import ALWAYS, rule_text

    found: dict[Any, list[str]] = {}
    for operation in ROW_OPERATIONS:
        written = getattr(collection.rules, operation)
        if written != ALWAYS and app.runtime.policy.rows[collection.name, operation] == TRUE:
            found.setdefault(written, []).append(operation)
    for written, operations in found.items():
        yield Finding(
            "rule.constant",
            f"{', '.join(operations)} of `{collection.name}` is always true: {rule_text(written)}",
            *_place(written, collection),
            "write `public` if that is meant",
        )


def _slow_list(app: App, collection: Collection, scratch: Scratch) -> Iterator[Finding]:
    """A list that a signed-in caller gets by reading or sorting more than an index would."""
    from ..errors import Problem
    from ..explain.cost import advise
    from ..plan.read import plan_read
    from ..query import Actor, ReadQuery
    from ..schema import rule_text
    from ..sql.dialect import SQLITE
    from ..sql.read import compile_list
    from ..sql.text import Given

    schema, users = app.runtime.model.schema, app.runtime.model.schema.users
    # every field holds something: a null would fold away what other callers are asked
    values = {f.name: _some_value(f.type) for f in users.fields} if users else {"id": NOBODYS_ID}
    caller = Actor("user" if users else "anonymous", values if users else None)
    try:
        plan = plan_read(ReadQuery(collection.name), schema, app.runtime.policy.profile(caller))
    except Problem:
        return  # closed to such a caller
    statement = compile_list(plan, SQLITE)
    params = statement.bind(Given(auth=caller.record, limit=51))
    advice = advise(statement.text, params, schema, scratch)
    if advice is not None:
        written = collection.rules.read
        yield Finding(
            "list.slow",
            f"the list of `{collection.name}` reads or sorts every record to judge its read rule: "
            f"{rule_text(written)}",
            *_place(written, collection),
            f"an index that SQLite would use; in {advice.collection}: {advice.declaration}",
        )


def _some_value(kind: Any) -> Any:
    """A value that a field of this type can hold, or None for a rare type."""
    from ..types import WireError

    for wire in (NOBODYS_ID, "?", 1, True, [], *getattr(kind, "values", ())[:1]):
        try:
            return kind.parse(wire)
        except WireError:
            continue
    return None


def _place(written: Any, collection: Collection) -> tuple[str | None, int | None]:
    origin = getattr(written, "origin", None) or collection.origin
    return (origin.file, origin.line) if origin else (None, None)
