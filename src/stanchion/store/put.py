"""Put a record at a key: replace what the caller sees there, or create it.

In: what a `PUT` may do as a replacement and as a creation, each read or refused already.
Out: steps of an engine's job, and `Written`.
Refuses in the order of the door. Whether it replaces or creates is known only when the row was
looked at, so the refusal of either is kept until its turn. A key that is held by a record which
the caller may not read is a taken key: 409 at its pointer, as for any create.
Called by records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..engines import Row
from ..errors import FieldError, PreconditionFailed, Problem
from ..sql.write import WriteStatements
from .door import New, Validate, Written, change, create, invalid, stamp
from .judge import raw_columns, refuse_stale, visible_row
from .steps import Caller, Steps


@dataclass(frozen=True, slots=True)
class Replacing:
    """A body as the replacement of a stored record. `values` are those of every field that the
    caller may set, `left_out` the ones of them that are defaults; `fixed` were sent and must be
    what is stored."""

    statements: WriteStatements
    values: Mapping[str, Any]
    left_out: frozenset[str]
    fixed: Mapping[str, Any]
    errors: Sequence[FieldError]
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
    *,
    if_match: str | None = None,
    if_none_match: str | None = None,
) -> Steps[Written]:
    """Replace the record, or create it where the caller sees none. At least one of the two ways
    is open to the caller."""
    looking = making if isinstance(replacing, Problem) else replacing
    assert not isinstance(looking, Problem)
    stored = yield from visible_row(looking.statements, key, caller)
    if stored is None:
        return (yield from _make(making, caller, if_match))
    refuse_stale(stored[0], None, if_none_match)
    if isinstance(replacing, Problem):
        raise replacing
    refuse_stale(stored[0], if_match, None)
    values, moved = _settled(replacing, stored)
    errors = [*replacing.errors, *moved]
    return (
        yield from change(
            replacing.statements, key, stored, values, errors, caller, validate=replacing.validate
        )
    )


def _make(making: Making | Problem, caller: Caller, if_match: str | None) -> Steps[Written]:
    if isinstance(making, Problem):
        raise making
    if if_match is not None:
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


def _settled(replacing: Replacing, stored: Row) -> tuple[dict[str, Any], list[FieldError]]:
    """What is set, and the mistakes that only the stored row shows.

    A field that was left out, and that the caller may not set in this row, stays as it is.
    """
    statements = replacing.statements
    old = raw_columns(statements.plan.collection, stored)
    field = statements.plan.collection.field
    errors = [
        FieldError(f"/{name}", "frozen", f"`{name}` is set at create only.")
        for name, value in replacing.fixed.items()
        if statements.dialect.raw(field[name].type, value) != old[name]
    ]
    verdicts = stored[statements.stored.rules][2:]
    kept = {
        guarded.field.name
        for guarded, holds in zip(statements.plan.field_rules, verdicts, strict=True)
        if not holds and guarded.field.name in replacing.left_out
    }
    return {n: v for n, v in replacing.values.items() if n not in kept}, errors
