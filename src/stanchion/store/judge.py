"""Judging one row: is it there, is it the version that was meant, do its rules hold.

In: what the database said of the row.   Out: the row, or one refusal: 404, 412 or 403.
Called by door, in that order.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping
from typing import Any

from ..engines import Row
from ..errors import Forbidden, NotFound, PreconditionFailed
from ..plan.write import WritePlan
from ..query import Conditions
from ..schema import Collection
from ..sql.write import Judgement, WriteStatements
from .steps import Caller, Steps, ask


def stored_row(
    statements: WriteStatements, key: str, caller: Caller, conditions: Conditions
) -> Steps[Row]:
    """The stored row; refuses what is not there or not visible, then what is stale."""
    row = yield from visible_row(statements, key, caller)
    if row is None:
        raise not_found(statements.plan.collection, key)
    refuse_stale(row[0], conditions)
    refuse_present(row[0], conditions)
    return row


def refuse_stale(version: int, conditions: Conditions) -> None:
    """Raise 412 where the version is not one that was asked for."""
    if conditions.if_match is not None and not version_matches(conditions.if_match, version):
        raise PreconditionFailed(
            "record.stale",
            f"The record is at version {version}, not at the one that `If-Match` names.",
            hint="Read it again, apply the change to what is there now, and send its ETag.",
        )


def refuse_present(version: int, conditions: Conditions) -> None:
    """Raise 412 where the version is one that must not be there."""
    if conditions.if_none_match is not None and version_matches(conditions.if_none_match, version):
        raise PreconditionFailed(
            "record.exists",
            f"The record is there, at version {version}, and `If-None-Match` excludes that.",
            hint="Use another id to create one, or `If-Match` to change this one.",
        )


def visible_row(statements: WriteStatements, key: str, caller: Caller) -> Steps[Row | None]:
    """The stored row, or None where it is not there or the caller may not read it."""
    found = yield ask(statements.stored.statement, caller.given(key=key))
    return found[0] if found and found[0][statements.stored.rules][1] else None


def not_found(collection: Collection, key: str) -> NotFound:
    """What a caller is told of a record that is not there, or that it may not see."""
    return NotFound("record.not_found", f"{collection.name} holds no record {key[:80]!r}.")


def version_matches(tags: str, version: int) -> bool:
    """Whether one of these ETags names this version; `*` names any.

    The version stands before the first `-`. A weak tag counts, because proxies make them weak.
    """
    for tag in tags.split(","):
        plain = tag.strip()
        if plain == "*" or plain.removeprefix("W/").strip('"').partition("-")[0] == str(version):
            return True
    return False


def rule_holds(judgement: Judgement, row: Row) -> bool:
    """Whether the operation's row rule holds."""
    return bool(row[judgement.rules][0])


def judge_rules(
    plan: WritePlan, judgement: Judgement, row: Row, named: Names[str], at: str = ""
) -> None:
    """Raise 403 where the row's rule, or that of a field that the caller named, does not hold."""
    rule = f"{plan.collection.name}.{plan.operation}"
    if not rule_holds(judgement, row):
        raise Forbidden(
            "access.refused",
            f"The rule {rule} does not hold for this record.",
            pointer=at or None,
            extra={"rule": rule},
        )
    for guarded, holds in zip(plan.field_rules, row[judgement.rules][2:], strict=True):
        if not holds and guarded.field.name in named:
            raise Forbidden(
                "access.field_refused",
                f"This caller may not set `{guarded.field.name}` of this record.",
                pointer=f"{at}/{guarded.field.name}",
            )


def raw_columns(collection: Collection, stored: Row) -> dict[str, Any]:
    """The raw columns of a stored row by field name."""
    return {f.name: stored[at] for at, f in enumerate(collection.fields, start=1)}


def values_of(statements: WriteStatements, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Raw columns as values."""
    dialect = statements.dialect
    return {f.name: dialect.value(f.type, raw[f.name]) for f in statements.plan.collection.fields}
