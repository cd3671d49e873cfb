"""Put a record at a key: replace what the caller sees there, or create it.

In: what a `PUT` may do as a replacement and as a creation, each read or refused already.
Out: steps of an engine's job, and `Written`.
Refuses in the order of the door. Whether it replaces or creates is known only when the row was
looked at, so the refusal of either is kept until its turn. A key that is held by a record which
the caller may not read is a taken key: 409 at its pointer, as for any create.
Called by records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..engines import Row
from ..errors import FieldError, PreconditionFailed, Problem
from ..plan.body import Replacement
from ..query import Conditions
from ..sql.write import WriteStatements
from .door import New, Validate, Written, change, create, invalid, stamp
from .judge import raw_columns, refuse_present, refuse_stale, visible_row
from .steps import Caller, Steps, ask


@dataclass(frozen=True, slots=True)
class Replacing:
    """A body as the replacement of a stored record."""

    statements: WriteStatements
    body: Replacement
    validate: Validate | None


@dataclass(frozen=True, slots=True)
class Making:
    """The same body as a new record."""

    statements: WriteStatements
    row: New
    errors: Sequence[FieldError]


def put(
    replacing: Replacing | Problem,
    making: Making | Problem,
    key: str,
    caller: Caller,
    conditions: Conditions,
) -> Steps[Written]:
    """Replace the record, or create it where the caller sees none. At least one of the two ways
    is open to the caller."""
    looking = making if isinstance(replacing, Problem) else replacing
    assert not isinstance(looking, Problem)
    stored = yield from visible_row(looking.statements, key, caller)
    if stored is None:
        return (yield from _make(making, caller, conditions))
    refuse_present(stored[0], conditions)
    if isinstance(replacing, Problem):
        raise replacing
    refuse_stale(stored[0], conditions)
    unread = yield from _unread(replacing, key, caller)
    values, errors = _settled(replacing, stored, unread)
    return (
        yield from change(
            replacing.statements, key, stored, values, errors, caller, validate=replacing.validate
        )
    )


def _make(making: Making | Problem, caller: Caller, conditions: Conditions) -> Steps[Written]:
    if isinstance(making, Problem):
        raise making
    if conditions.if_match is not None:
        raise PreconditionFailed(
            "record.stale",
            "There is no record here, so it has no version that `If-Match` could name.",
            hint="Leave `If-Match` out to create the record.",
        )
    if making.errors:
        raise invalid(making.errors)
    key = making.statements.plan.collection.key[0]  # named by the path, if not by the body
    row = stamp(making.statements, New(making.row.values, making.row.named | {key}), caller)
    return (yield from create(making.statements, [row], caller, many=False))[0]


def _unread(replacing: Replacing, key: str, caller: Caller) -> Steps[frozenset[str]]:
    """The fields that were left out and that the caller may not read in the stored record."""
    statements = replacing.statements
    left_out = {*replacing.body.defaults, *replacing.body.missing}
    unread = left_out - statements.plan.visible
    masked = statements.masked
    if masked is not None and not left_out.isdisjoint(masked.names):
        (verdicts,) = yield ask(masked.statement, caller.given(key=key))
        unread |= {
            name
            for name, seen in zip(masked.names, verdicts, strict=True)
            if not seen and name in left_out
        }
    return frozenset(unread)


def _settled(
    replacing: Replacing, stored: Row, unread: frozenset[str]
) -> tuple[dict[str, Any], list[FieldError]]:
    """What is set, and every mistake of the body.

    A field that was left out, and that the caller may not read or not set in this record, stays
    as it is.
    """
    statements, body = replacing.statements, replacing.body
    old = raw_columns(statements.plan.collection, stored)
    field = statements.plan.collection.field
    verdicts = stored[statements.stored.rules][2:]
    kept = unread | {
        guarded.field.name
        for guarded, holds in zip(statements.plan.field_rules, verdicts, strict=True)
        if not holds
    }
    errors = [*body.errors]
    errors += [
        FieldError(f"/{name}", "missing", f"`{name}` is required.")
        for name in body.missing
        if name not in kept
    ]
    errors += [
        FieldError(f"/{name}", "frozen", f"`{name}` is set at create only.")
        for name, value in body.fixed.items()
        if statements.dialect.raw(field[name].type, value) != old[name]
    ]
    defaults = {name: value for name, value in body.defaults.items() if name not in kept}
    return {**body.given, **defaults}, errors
