"""Conflicts: what is stored forbids a row. All of them are told together, as one 409.

The good path looks nothing up for errors. Only when the database has refused a row does the step
take itself back and come here: each row is judged again as a *candidate*, a row of parameters, and
every unique key and reference is looked at. So a clash is told only to a caller whose row passes
the rule, and the first conflict does not hide the others.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ..engines import ConstraintFailed, Row
from ..errors import Conflict, FieldError
from ..expr.tree import TRUE
from ..plan.write import WritePlan
from ..sql.names import broken_check, is_about
from ..sql.write import Judgement, WriteStatements
from .judge import judge_rules
from .steps import Caller, Steps, ask


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that could not be written. `named` are the fields that the caller set, `changed` those
    whose references and keys are new, `old` the stored columns of an update."""

    values: Mapping[str, Any]
    named: Names[str]
    changed: Names[str]
    at: str = ""
    old: Mapping[str, Any] | None = None


def refuse(errors: Sequence[FieldError]) -> NoReturn:
    """Raise the 409 that tells all of them."""
    raise Conflict("record.conflict", "What is stored forbids this.", errors=errors)


def explain(
    statements: WriteStatements,
    rows: Sequence[Candidate],
    caller: Caller,
    failed: ConstraintFailed,
) -> Steps[NoReturn]:
    """Find every conflict of the rows, judging each as a candidate first; always raises."""
    plan = statements.plan
    errors: list[FieldError] = []
    key = plan.collection.key[0]
    together = {row.values[key] for row in rows}
    earlier: list[Mapping[str, Any]] = []
    for row in rows:
        given = caller.given(values=row.values, old=row.old or {})
        found = (yield ask(statements.candidate.statement, given))[0]
        unknown = unknown_references(
            plan, statements.candidate, found, row.values, row.changed, row.at, together
        )
        errors += unknown
        if unknown and (plan.rule != TRUE or plan.field_rules):
            continue  # a rule may read the hidden record: nothing more is told of this row
        judge_rules(plan, statements.candidate, found, row.named, row.at)
        for index, probe in statements.probes:
            new = row.old is None or any(name in row.changed for name in index.fields)
            if not new or any(row.values[name] is None for name in index.fields):
                continue
            taken = yield ask(probe, given)
            if taken or _repeated(earlier, row.values, index.fields):
                errors.append(_clash(plan, row.at, index.fields))
        earlier.append(row.values)
    refuse(errors or [constraint_error(plan, failed)])


def unknown_references(
    plan: WritePlan,
    judgement: Judgement,
    row: Row,
    values: Mapping[str, Any],
    changed: Names[str],
    at: str,
    together: Names[str] = (),
) -> list[FieldError]:
    """References that were set to a record that is not there, or that the caller may not read.

    `together` are the keys of records that are made in the same step.
    """
    errors = []
    for reference, held in zip(plan.references, row[judgement.references], strict=True):
        name, target = reference.field.name, reference.target
        made_here = target is plan.collection and values[name] in together
        if not held and name in changed and not made_here:
            detail = f"{target.name} holds no such record."
            errors.append(FieldError(f"{at}/{name}", "reference.not_found", detail))
    return errors


def _repeated(
    earlier: Iterable[Mapping[str, Any]], values: Mapping[str, Any], names: Sequence[str]
) -> bool:
    wanted = [values[name] for name in names]
    return any([other[name] for name in names] == wanted for other in earlier)


def _clash(plan: WritePlan, at: str, names: Sequence[str]) -> FieldError:
    """A taken value; without a pointer where the caller may not read the field."""
    if not all(_is_seen(plan, name) for name in names):
        return FieldError(None, "unique", "Another record already holds this.")
    together = " and ".join(f"`{name}`" for name in names)
    this = f"this {together}" if len(names) == 1 else f"this combination of {together}"
    return FieldError(f"{at}/{names[0]}", "unique", f"Another record already has {this}.")


def _is_seen(plan: WritePlan, name: str) -> bool:
    return plan.profile.sight(plan.collection, plan.collection.field[name]) != "hidden"


def constraint_error(plan: WritePlan, failed: ConstraintFailed) -> FieldError:
    """A constraint of the database that no probe explains: that of a computed value."""
    collection = plan.collection
    nobody_knows = FieldError(None, "constraint", "The database refuses this combination.")
    if failed.kind == "unique":
        for index in plan.keys:
            if is_about(failed.name, collection, index):
                return _clash(plan, "", index.fields)
        return nobody_knows
    if failed.kind == "not_null":
        name, code = failed.name.rpartition(".")[2], ""
    else:
        name, code = broken_check(failed.name, collection)
    if name not in collection.field or not _is_seen(plan, name):
        return nobody_knows
    if failed.kind == "not_null":
        return FieldError(f"/{name}", "null", f"`{name}` would be null.")
    return FieldError(f"/{name}", f"check.{code}", f"`{name}` would break its limit ({code}).")
