"""The write door: what one step does to the database, statement by statement.

In: compiled `WriteStatements` and plain values.   Out: steps of an engine's job, and `Written`.
Refuses, in this order: not there (404), stale (412), the body's mistakes (422), the rule (403),
then every conflict together (409). A clash is told only to a caller whose row passes the rule.
Called by records, which owns the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..engines import Ask, ConstraintFailed, Row, Undo
from ..errors import Conflict, FieldError, Forbidden, Invalid, NotFound, PreconditionFailed
from ..plan.write import WritePlan
from ..schema import Collection
from ..search import indexed_text
from ..sql.text import Statement
from ..sql.write import Judgement, WriteStatements, index_search, reindex_search
from .cascade import run_delete
from .changes import Change, append
from .steps import Caller, Steps, ask

Validate = Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[FieldError]]]


@dataclass(frozen=True, slots=True)
class Written:
    """What a step left behind: `body` is the record's JSON as the caller sees it, or None where
    the caller may not read it."""

    key: str
    version: int
    body: str | None


def create(
    statements: WriteStatements,
    rows: Sequence[Mapping[str, Any]],
    caller: Caller,
    *,
    many: bool,
) -> Steps[list[Written]]:
    """Insert records; all of them or none. `many`: pointers start with the record's position."""
    plan = statements.plan
    written: list[Written] = []
    for values in rows:
        try:
            yield ask(statements.insert, caller.given(values=values))
        except ConstraintFailed as failed:
            yield Undo()
            yield from _explain(statements, rows, caller, many=many, failed=failed)
        if plan.collection.search_fields:
            yield Ask(index_search(plan.collection), _search_words(plan.collection, values))
        key = values[plan.collection.key[0]]
        found = yield ask(statements.changed.statement, caller.given(key=key))
        row = found[0]
        _judge_rules(plan, statements.changed, row, tuple(values), created=True)
        if not all(row[statements.changed.references]):
            yield Undo()
            yield from _explain(statements, rows, caller, many=many, failed=None)
        yield append(Change(plan.collection.name, key, "create", row[0], None, row[-1]), caller.occasion)
        written.append(_written(statements, key, row))
    return written


def update(
    statements: WriteStatements,
    key: str,
    changes: Mapping[str, Any],
    errors: Sequence[FieldError],
    caller: Caller,
    *,
    if_match: str | None = None,
    validate: Validate | None = None,
) -> Steps[Written]:
    """Change fields of one record. `errors` are the mistakes of the body, told in their turn."""
    plan = statements.plan
    stored = yield from _stored(statements, key, caller, if_match)
    old = _raw_columns(plan.collection, stored)
    if errors:
        raise Invalid("body.invalid", "The body breaks the model.", errors=errors)
    changes, merged = _merged(statements, old, changes, validate)
    _judge_rules(plan, statements.stored, stored, tuple(changes))
    values = {**merged, **changes, "updated": _moment(statements, caller)}
    names = [*changes, "updated"] if "updated" in plan.collection.field else list(changes)
    given = caller.given(key=key, values=values, old=old)
    try:
        yield ask(statements.update(names), given)
    except ConstraintFailed as failed:
        yield Undo()
        yield from _explain(statements, [values], caller, many=False, failed=failed, old=old)
    return (yield from _finish_update(statements, key, stored, values, changes, caller, old))


def update_where(
    statements: WriteStatements,
    keys: Statement,
    change: Statement,
    names: Sequence[str],
    values: Mapping[str, Any],
    caller: Caller,
    limit: int,
) -> Steps[int]:
    """Change every record that a condition holds for; the number of records that were changed.

    `keys` selects them, `change` sets the fields of one while the condition still holds.
    """
    plan = statements.plan
    values = {**values, "updated": _moment(statements, caller)}
    found = yield ask(keys, caller.given(values=values))
    if len(found) > limit:
        raise Conflict(
            "update.too_many",
            f"More than {limit} records meet the condition.",
            hint="Narrow the condition, and repeat until nothing is left.",
        )
    count = 0
    for (raw,) in found:
        key = str(raw)
        stored = yield from _stored(statements, key, caller, None)
        old = _raw_columns(plan.collection, stored)
        _judge_rules(plan, statements.stored, stored, names)
        given = caller.given(key=key, values=values, old=old)
        try:
            yield ask(change, given)
        except ConstraintFailed as failed:
            yield Undo()
            merged = {**_values(statements, old), **values}
            yield from _explain(statements, [merged], caller, many=False, failed=failed, old=old)
        after = yield ask(statements.changed.statement, given)
        if after[0][0] == stored[0]:
            continue
        yield from _finish_update(statements, key, stored, values, dict.fromkeys(names), caller, old)
        count += 1
    return count


def delete(
    statements: WriteStatements,
    others: Callable[[str], WriteStatements],
    key: str,
    caller: Caller,
    *,
    if_match: str | None = None,
) -> Steps[None]:
    """Delete one record and do what its references were declared to do.

    The rule of the named record is judged; what hangs on it goes with system right. `others`
    gives the statements of another collection, past all rules.
    """
    stored = yield from _stored(statements, key, caller, if_match)
    _judge_rules(statements.plan, statements.stored, stored, ())
    yield from run_delete(statements, others, key, caller)


def _finish_update(
    statements: WriteStatements,
    key: str,
    stored: Row,
    values: Mapping[str, Any],
    changes: Mapping[str, Any],
    caller: Caller,
    old: Mapping[str, Any],
) -> Steps[Written]:
    """Judge the row as it became, index it, write the change down."""
    plan = statements.plan
    collection = plan.collection
    given = caller.given(key=key, values=values, old=old)
    found = yield ask(statements.changed.statement, given)
    row = found[0]
    _judge_rules(plan, statements.changed, row, tuple(changes))
    held = row[statements.changed.references]
    broken = [
        reference.field.name
        for reference, there in zip(plan.references, held, strict=True)
        if not there and reference.field.name in changes
    ]
    if broken:
        yield Undo()
        merged = {**_values(statements, old), **values}
        yield from _explain(statements, [merged], caller, many=False, failed=None, old=old)
    if any(f.name in changes for f in collection.search_fields):
        merged = {**_values(statements, old), **values}
        yield Ask(reindex_search(collection), [*_search_words(collection, merged), key])
    yield append(
        Change(collection.name, key, "update", row[0], stored[-1], row[-1]), caller.occasion
    )
    return _written(statements, key, row)


def _stored(
    statements: WriteStatements, key: str, caller: Caller, if_match: str | None
) -> Steps[Row]:
    """The stored row; refuses what is not there or not visible, then what is stale."""
    found = yield ask(statements.stored.statement, caller.given(key=key))
    if not found or not found[0][statements.stored.rules][1]:
        raise not_found(statements.plan.collection, key)
    row = found[0]
    if if_match is not None and not version_matches(if_match, row[0]):
        raise PreconditionFailed(
            "record.stale",
            f"The record is at version {row[0]}, not at the one that `If-Match` names.",
            hint="Read it again, apply the change to what is there now, and send its ETag.",
        )
    return row


def not_found(collection: Collection, key: str) -> NotFound:
    """What a caller is told of a record that is not there, or that it may not see."""
    return NotFound("record.not_found", f"{collection.name} holds no record {key[:80]!r}.")


def version_matches(if_match: str, version: int) -> bool:
    """Whether one of the ETags of an `If-Match` names this version; `*` names any."""
    for tag in if_match.split(","):
        plain = tag.strip().removeprefix("W/").strip('"')
        if plain == "*" or plain.partition("-")[0] == str(version):
            return True
    return False


def _judge_rules(
    plan: WritePlan, judgement: Judgement, row: Row, names: Sequence[str], *, created: bool = False
) -> None:
    """Raise 403 where the row's rule, or that of a field that is being set, does not hold."""
    rule, _, *field_rules = row[judgement.rules]
    if not rule:
        raise Forbidden(
            "access.refused",
            f"The rule {plan.collection.name}.{plan.operation} does not hold for this record.",
            extra={"rule": f"{plan.collection.name}.{plan.operation}"},
        )
    for guarded, holds in zip(plan.field_rules, field_rules, strict=True):
        if not holds and guarded.field.name in names and not created:
            raise Forbidden(
                "access.field_refused",
                f"This caller may not set `{guarded.field.name}` of this record.",
                pointer=f"/{guarded.field.name}",
            )


def _merged(
    statements: WriteStatements,
    old: Mapping[str, Any],
    changes: Mapping[str, Any],
    validate: Validate | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The changes and the whole record, after the app's own validators have seen it."""
    merged = {**_values(statements, old), **changes}
    if validate is None:
        return dict(changes), merged
    seen, errors = validate(merged)
    if errors:
        raise Invalid("body.invalid", "The body breaks the model.", errors=errors)
    kept = {name: seen[name] for name in seen if name in changes or seen[name] != merged[name]}
    return kept, seen


def _moment(statements: WriteStatements, caller: Caller) -> Any:
    kind = statements.plan.collection.field.get("updated")
    return None if kind is None else kind.type.parse(caller.occasion.time)


def _raw_columns(collection: Collection, stored: Row) -> dict[str, Any]:
    """The raw columns of a stored row by field name."""
    return {f.name: stored[at] for at, f in enumerate(collection.fields, start=1)}


def _values(statements: WriteStatements, raw: Mapping[str, Any]) -> dict[str, Any]:
    dialect = statements.dialect
    return {f.name: dialect.value(f.type, raw[f.name]) for f in statements.plan.collection.fields}


def _written(statements: WriteStatements, key: str, row: Row) -> Written:
    judgement = statements.changed
    readable = row[judgement.rules][1]
    return Written(key, row[0], row[judgement.texts][0] if readable else None)


def _search_words(collection: Collection, values: Mapping[str, Any]) -> list[str]:
    return [indexed_text(values[f.name]) for f in collection.search_fields]



# conflicts


def _explain(
    statements: WriteStatements,
    rows: Sequence[Mapping[str, Any]],
    caller: Caller,
    *,
    many: bool,
    failed: ConstraintFailed | None,
    old: Mapping[str, Any] | None = None,
) -> Steps[None]:
    """Find every conflict of the rows, judging each as a candidate first; always raises."""
    plan = statements.plan
    errors: list[FieldError] = []
    for position, values in enumerate(rows):
        at = f"/{position}" if many else ""
        given = caller.given(values=values, old=old or {})
        found = yield ask(statements.candidate.statement, given)
        _judge_rules(plan, statements.candidate, found[0], ())
        for reference, held in zip(
            plan.references, found[0][statements.candidate.references], strict=True
        ):
            if not held:
                errors.append(_unknown_reference(at, reference.field.name, reference.target))
        for index, probe in statements.probes:
            if any(values[name] is None for name in index.fields):
                continue
            taken = yield ask(probe, given)
            if taken or _repeated(rows[:position], values, index.fields):
                errors.append(_clash(plan, at, index.fields))
    if not errors:
        errors.append(_constraint_error(plan.collection, failed))
    raise Conflict("record.conflict", "What is stored forbids this.", errors=errors)


def _repeated(
    earlier: Sequence[Mapping[str, Any]], values: Mapping[str, Any], names: Sequence[str]
) -> bool:
    wanted = [values[name] for name in names]
    return any([other[name] for name in names] == wanted for other in earlier)


def _unknown_reference(at: str, field_name: str, target: Collection) -> FieldError:
    return FieldError(
        f"{at}/{field_name}", "reference.not_found", f"{target.name} holds no such record."
    )


def _clash(plan: WritePlan, at: str, names: Sequence[str]) -> FieldError:
    """A taken value; without a pointer where the caller may not read the field."""
    access, collection = plan.access, plan.collection
    seen = all(access.sight(collection, collection.field[name]) != "hidden" for name in names)
    if not seen:
        return FieldError(None, "unique", "Another record already holds this.")
    together = " and ".join(f"`{name}`" for name in names)
    detail = (
        f"Another record already has this {together}."
        if len(names) == 1
        else f"Another record already has this combination of {together}."
    )
    return FieldError(f"{at}/{names[0]}", "unique", detail)


def _constraint_error(collection: Collection, failed: ConstraintFailed | None) -> FieldError:
    """A constraint of the database that no probe explains, such as a check on a computed value."""
    name, _, code = (failed.name if failed else "").partition(":")
    if failed is not None and failed.kind == "check" and name in collection.field:
        return FieldError(f"/{name}", f"check.{code}", f"`{name}` would break its limit ({code}).")
    return FieldError(None, "constraint", "The database refuses this combination of values.")
