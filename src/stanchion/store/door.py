"""The write door: what one step does to the database, statement by statement.

In: compiled `WriteStatements` and plain values.   Out: steps of an engine's job, and `Written`.
Refuses, in this order: not there (404), stale (412), the body's mistakes (422), the rule (403),
then every conflict together (409). A clash is told only to a caller whose row passes the rule.
Called by records and transaction, which own the transaction; see DESIGN.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from ..engines import Ask, ConstraintFailed, Row, Undo
from ..errors import Conflict, FieldError, Invalid
from ..query import Conditions
from ..schema import Collection
from ..search import indexed_text
from ..sql.text import Given, Statement
from ..sql.write import Assignment, WriteStatements, index_search, reindex_search
from .cascade import run_delete
from .changes import Change, last_version
from .conflicts import Candidate, explain, refuse, unknown_references
from .judge import judge_rules, raw_columns, rule_holds, stored_row, values_of
from .steps import Caller, Steps, ask, ask_all, ask_each
from .users import write_down

Validate = Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[FieldError]]]
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class New:
    """A record to be created: all of its values, and the fields that the caller named."""

    values: Mapping[str, Any]
    named: frozenset[str] = NOTHING


@dataclass(frozen=True, slots=True)
class Changing:
    """A stored record on its way to another state: `values` are those it will have, `changed` the
    fields that differ, `named` those that the caller named."""

    key: str
    stored: Row
    old: Mapping[str, Any]
    values: Mapping[str, Any]
    named: frozenset[str]
    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Written:
    """What a step left behind: `body` is the record's JSON as the caller sees it, or None where
    the caller may not read it. `created`: it was not there before."""

    key: str
    version: int
    body: str | None
    created: bool = False


def create(
    statements: WriteStatements, rows: Sequence[New], caller: Caller, *, many: bool
) -> Steps[list[Written]]:
    """Insert records; all of them or none. `many`: pointers start with the record's position.

    The rows are judged when all of them are there, so they may refer to each other in any order.
    A rule that asks the collection's own records is asked before each row, too: of what was there,
    and of the rows in front of it.
    """
    plan = statements.plan
    collection = plan.collection
    places = [f"/{position}" if many else "" for position in range(len(rows))]
    if "version" in collection.field:
        rows = yield from _continued(collection, rows)
    beforehand: list[Row | None] = []
    together = [rows] if statements.beforehand is None else [[row] for row in rows]
    for some in together:
        for row in some:
            beforehand.append((yield from _beforehand(statements, caller.given(values=row.values))))
        try:
            yield ask_all([one for row in some for one in _insert(statements, row, caller)])
        except ConstraintFailed as failed:
            yield Undo()
            yield from explain(statements, _candidates(rows, places), caller, failed)
    judgement = statements.changed
    errors: list[FieldError] = []
    keys = [row.values[collection.key[0]] for row in rows]
    found = yield ask_each(judgement.statement, [caller.given(key=key) for key in keys])
    created = set(keys)
    for row, early, judged, at in zip(rows, beforehand, found, places, strict=True):
        errors += _unknown_early(
            statements, early, row.values, row.values.keys(), at, created
        ) or unknown_references(plan, judgement, judged, row.values, row.values.keys(), at)
    if errors:
        refuse(errors)
    for row, early, judged, at in zip(rows, beforehand, found, places, strict=True):
        _judge_early(statements, early, row.named, at)
        judge_rules(plan, judgement, judged, row.named, at)
    changes = [
        Change(collection.name, key, "create", judged[0], None, judged[-1])
        for key, judged in zip(keys, found, strict=True)
    ]
    yield ask_all([*write_down(collection, changes, caller.occasion)])
    return [
        _written(statements, key, judged, created=True)
        for key, judged in zip(keys, found, strict=True)
    ]


def _insert(statements: WriteStatements, row: New, caller: Caller) -> Iterator[Ask]:
    """Insert a row and index its words."""
    collection = statements.plan.collection
    yield ask(statements.insert, caller.given(values=row.values))
    if collection.search_fields:
        words, key = _search_words(collection, row.values), _key_of(statements, row.values)
        yield Ask(*index_search(collection, statements.dialect, words, key))


def _continued(collection: Collection, rows: Sequence[New]) -> Steps[list[New]]:
    """The rows, their versions after those of deleted records of the same keys.

    An ETag of the record that was deleted must not fit the one that took its place. Only a key that
    the caller chose can have been there before.
    """
    name = collection.key[0]
    named = [row.values[name] for row in rows if name in row.named]
    if not named:
        return list(rows)
    found = iter((yield ask_all([last_version(collection.name, key) for key in named])))
    return [
        New({**row.values, "version": next(found)[0] + 1}, row.named) if name in row.named else row
        for row in rows
    ]


def stamp(statements: WriteStatements, row: New, caller: Caller) -> New:
    """A new record with the moment of its transaction."""
    fields = statements.plan.collection.field
    stamped = dict(row.values)
    for name in ("created", "updated"):
        if name in fields:
            stamped[name] = fields[name].type.parse(caller.occasion.time)
    if "version" in fields:
        stamped["version"] = 1
    return New(stamped, row.named)


def update(
    statements: WriteStatements,
    key: str,
    changes: Mapping[str, Any],
    errors: Sequence[FieldError],
    caller: Caller,
    conditions: Conditions,
    *,
    validate: Validate | None = None,
) -> Steps[Written]:
    """Change fields of one record. `errors` are the mistakes of the body, told in their turn."""
    stored = yield from stored_row(statements, key, caller, conditions)
    return (yield from change(statements, key, stored, changes, errors, caller, validate=validate))


def change(
    statements: WriteStatements,
    key: str,
    stored: Row,
    changes: Mapping[str, Any],
    errors: Sequence[FieldError],
    caller: Caller,
    *,
    validate: Validate | None = None,
) -> Steps[Written]:
    """Change fields of a stored record that the caller may read.

    What changes nothing writes nothing: rules are judged, and the answer is the record as it
    stands, with its version.
    """
    if errors:
        raise invalid(errors)
    changing = _changing(statements, key, stored, changes, validate)
    judge_rules(statements.plan, statements.stored, stored, changing.named)
    if not changing.changed:
        given = caller.given(key=key, old=changing.old)
        same = (yield ask(statements.changed.statement, given))[0]
        return _written(statements, key, same)
    changing = _stamped(statements, changing, caller)
    early = yield from _beforehand(statements, _given(changing, caller))
    statement = statements.update(_columns(statements, changing.changed))
    yield from _write(statements, statement, changing, caller)
    return (yield from _finish(statements, [(changing, early)], caller))[0]


def update_where(
    statements: WriteStatements,
    keys: Statement,
    assignment: Assignment,
    values: Mapping[str, Any],
    caller: Caller,
    limit: int,
    *,
    validate: Validate | None = None,
) -> Steps[int]:
    """Change every record that a condition holds for; the number of records that were changed.

    `keys` selects them, `assignment` sets the fields of one while the condition still holds. A
    record that meets the condition counts as changed, also when it had these values before.
    """
    found = yield ask(keys, caller.given(values=values))
    if len(found) > limit:
        raise Conflict(
            "update.too_many",
            f"More than {limit} records meet the condition.",
            hint="Narrow the condition, and repeat until nothing is left.",
        )
    keys_found = [str(raw) for (raw,) in found]
    set_them = partial(_assign, statements, assignment, values=values, caller=caller,
                       validate=validate)  # fmt: skip
    if statements.beforehand is None:
        try:
            return (yield from set_them(keys_found))
        except ConstraintFailed:
            yield Undo()  # and one by one: it is the first of them that is told
    count = 0
    for key in keys_found:
        count += yield from set_them([key])
    return count


def delete(
    statements: WriteStatements,
    others: Callable[[str], WriteStatements],
    key: str,
    caller: Caller,
    conditions: Conditions,
) -> Steps[None]:
    """Delete one record and do what its references were declared to do.

    The rule of the named record is judged; what hangs on it goes with system right. `others`
    gives the statements of another collection, past all rules.
    """
    stored = yield from stored_row(statements, key, caller, conditions)
    judge_rules(statements.plan, statements.stored, stored, NOTHING)
    yield from run_delete(statements, others, key, caller)


def invalid(errors: Sequence[FieldError]) -> Invalid:
    """The 422 that tells every mistake of a body."""
    return Invalid("body.invalid", "The body breaks the model.", errors=errors)


# updates


def _changing(
    statements: WriteStatements,
    key: str,
    stored: Row,
    changes: Mapping[str, Any],
    validate: Validate | None,
) -> Changing:
    """The record as it would be, after the app's own validators have seen it."""
    collection = statements.plan.collection
    old = raw_columns(collection, stored)
    values = {**values_of(statements, old), **changes}
    if validate is not None:
        values, errors = validate(values)
        if errors:
            raise invalid(errors)
    differ = {
        f.name
        for f in collection.fields
        if statements.dialect.raw(f.type, values[f.name]) != old[f.name]
    }
    # setting a field that one may not read is a change whatever it held, or a guess would be told
    changed = frozenset(differ | (statements.plan.unseen & changes.keys()))
    return Changing(key, stored, old, values, frozenset(changes), changed)


def _stamped(statements: WriteStatements, changing: Changing, caller: Caller) -> Changing:
    """The same, at the moment of the transaction."""
    field = statements.plan.collection.field.get("updated")
    if field is None:
        return changing
    values = {**changing.values, "updated": field.type.parse(caller.occasion.time)}
    return Changing(
        changing.key, changing.stored, changing.old, values, changing.named, changing.changed
    )


def _columns(statements: WriteStatements, names: frozenset[str]) -> tuple[str, ...]:
    """What an update sets, in the order of the collection, so that equal ones share a statement."""
    return tuple(
        f.name for f in statements.plan.collection.fields if f.name in names or f.name == "updated"
    )


def _write(
    statements: WriteStatements, statement: Statement, changing: Changing, caller: Caller
) -> Steps[None]:
    """Run the UPDATE; where a constraint refuses it, say everything that is wrong."""
    try:
        yield ask(statement, _given(changing, caller))
    except ConstraintFailed as failed:
        yield Undo()
        yield from _explain_update(statements, changing, caller, failed)


def _assign(
    statements: WriteStatements,
    assignment: Assignment,
    keys: Sequence[str],
    values: Mapping[str, Any],
    caller: Caller,
    validate: Validate | None,
) -> Steps[int]:
    """Set the fields of these records where the condition still holds; of how many it did. Where
    a constraint forbids one of several, `ConstraintFailed` goes on to who can ask one by one."""
    plan = statements.plan
    named = frozenset(assignment.names)
    stored = yield ask_each(statements.stored.statement, [caller.given(key=key) for key in keys])
    plans: list[Changing] = []
    for row in stored:
        if not row[statements.stored.rules][1] or not rule_holds(statements.stored, row):
            continue
        judge_rules(plan, statements.stored, row, named)
        old = raw_columns(plan.collection, row)
        planned = {**values_of(statements, old), **values}
        key = str(old[plan.collection.key[0]])
        plans.append(_stamped(statements, Changing(key, row, old, planned, named, named), caller))
    given = [_given(changing, caller) for changing in plans]
    early = []
    for one in given:
        early.append((yield from _beforehand(statements, one)))
    try:
        yield ask_each(assignment.change, given)
    except ConstraintFailed as failed:
        if len(plans) > 1:
            raise
        yield Undo()
        yield from _explain_update(statements, plans[0], caller, failed)
    now = yield ask_each(statements.stored.statement, given)
    done: list[tuple[Changing, Row | None]] = []
    for changing, before, after in zip(plans, early, now, strict=True):
        if after[0] == changing.stored[0]:
            yield from _refuse_uncomputable(assignment, changing, caller)
            continue
        became = values_of(statements, raw_columns(plan.collection, after))
        changed = Changing(changing.key, changing.stored, changing.old, became, named, named)
        if validate is not None:
            changed = yield from _validated(statements, changed, validate, caller)
        done.append((changed, before))
    yield from _finish(statements, done, caller)
    return len(done)


def _refuse_uncomputable(assignment: Assignment, changing: Changing, caller: Caller) -> Steps[None]:
    """Raise 409 where the condition holds, and a value cannot be computed."""
    (verdicts,) = yield ask(assignment.check, _given(changing, caller))
    holds, *computable = verdicts
    if holds:
        detail = "The new value cannot be computed: it overflows, or a part of it is null."
        refuse(
            [
                FieldError(f"/{name}", "update.overflow", detail)
                for name, fine in zip(assignment.computed, computable, strict=True)
                if not fine
            ]
        )


def _validated(
    statements: WriteStatements, changing: Changing, validate: Validate, caller: Caller
) -> Steps[Changing]:
    """The row as the app's validators leave it; what they change is written without a version
    of its own."""
    values, errors = validate(changing.values)
    if errors:
        raise invalid(errors)
    moved = frozenset(name for name in values if values[name] != changing.values[name])
    changing = Changing(
        changing.key, changing.stored, changing.old, values, changing.named,
        changing.changed | moved,
    )  # fmt: skip
    if moved:
        columns = (*_columns(statements, moved), "version")
        yield from _write(statements, statements.update(columns), changing, caller)
    return changing


def _finish(
    statements: WriteStatements, done: Sequence[tuple[Changing, Row | None]], caller: Caller
) -> Steps[list[Written]]:
    """Judge the rows as they became, index them, write the changes down. Beside each is what was
    said of it beforehand."""
    plan = statements.plan
    collection = plan.collection
    given = [_given(changing, caller) for changing, _ in done]
    rows = yield ask_each(statements.changed.statement, given)
    words: list[Ask] = []
    changes: list[Change] = []
    for (changing, early), row in zip(done, rows, strict=True):
        errors = _unknown_early(
            statements, early, changing.values, changing.changed, ""
        ) or unknown_references(
            plan, statements.changed, row, changing.values, changing.changed, ""
        )
        if errors:
            refuse(errors)
        _judge_early(statements, early, changing.named)
        judge_rules(plan, statements.changed, row, changing.named)
        if any(f.name in changing.changed for f in collection.search_fields):
            searched = _search_words(collection, changing.values)
            key = _key_of(statements, changing.values)
            words.append(Ask(*reindex_search(collection, statements.dialect, searched, key)))
        before, after = changing.stored[-1], row[-1]
        changes.append(Change(collection.name, changing.key, "update", row[0], before, after))
    yield ask_all([*words, *write_down(collection, changes, caller.occasion)])
    return [
        _written(statements, changing.key, row)
        for (changing, _), row in zip(done, rows, strict=True)
    ]


def _explain_update(
    statements: WriteStatements, changing: Changing, caller: Caller, failed: ConstraintFailed
) -> Steps[NoReturn]:
    candidate = Candidate(changing.values, changing.named, changing.changed, old=changing.old)
    yield from explain(statements, [candidate], caller, failed)
    raise AssertionError("explain always raises")


def _given(changing: Changing, caller: Caller) -> Given:
    return caller.given(key=changing.key, values=changing.values, old=changing.old)


# what the steps share


def _beforehand(statements: WriteStatements, given: Given) -> Steps[Row | None]:
    """What is said of a row before it is written, where its rules ask the records beside it."""
    if statements.beforehand is None:
        return None
    return (yield ask(statements.beforehand.statement, given))[0]


def _unknown_early(
    statements: WriteStatements, row: Row | None, values: Mapping[str, Any], changed: Names[str],
    at: str, together: Names[str] = (),
) -> list[FieldError]:  # fmt: skip
    """References to records that the caller may read by what is written alone."""
    if row is None or statements.beforehand is None:
        return []
    judgement = statements.beforehand
    return unknown_references(statements.plan, judgement, row, values, changed, at, together)


def _judge_early(
    statements: WriteStatements, row: Row | None, named: Names[str], at: str = ""
) -> None:
    """Raise 403 where a row would be let in by itself, or by another of the same array.

    Asked when the references are known to lead to readable records: a rule may read them.
    """
    if row is not None and statements.beforehand is not None:
        judge_rules(statements.plan, statements.beforehand, row, named, at)


def _candidates(rows: Sequence[New], places: Sequence[str]) -> list[Candidate]:
    return [
        Candidate(row.values, row.named, row.values.keys(), at)
        for row, at in zip(rows, places, strict=True)
    ]


def _written(statements: WriteStatements, key: str, row: Row, *, created: bool = False) -> Written:
    judgement = statements.changed
    readable = row[judgement.rules][1]
    return Written(key, row[0], row[judgement.texts][0] if readable else None, created)


def _key_of(statements: WriteStatements, values: Mapping[str, Any]) -> Any:
    """The raw key of a record."""
    field = statements.plan.collection.key_field
    return statements.dialect.raw(field.type, values[field.name])


def _search_words(collection: Collection, values: Mapping[str, Any]) -> list[str]:
    return [indexed_text(values[f.name]) for f in collection.search_fields]
