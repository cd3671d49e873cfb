"""What a write becomes: the job that runs in its transaction.

In: a `WriteQuery` and who asks.   Out: a `Job`, steps of the write door.
Refuses: what is closed to the caller (401, 403) and the mistakes of a create (422), before any
transaction.
Called by `records`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .engines import Ask, Job
from .errors import FieldError, Forbidden, Problem, Unauthorized, not_an_object
from .plan.body import Replacement, read_create, read_replacement, read_update
from .plans import Plans
from .query import Actor, Operation, WriteQuery
from .sql.write import WriteStatements, keep_record
from .store import door
from .store.changes import Occasion
from .store.door import New, Written
from .store.put import Making, Replacing, put
from .store.steps import Caller, Steps
from .types import WireError

MOST_MISTAKES = 1_000  # told of one array


class Writing:
    """Makes the jobs of writes. `occasion` is asked for when the transaction runs."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._schema = plans.schema
        self._bindings = plans.model.bindings

    def job(
        self, ask: WriteQuery, actor: Actor, occasion: Callable[[], Occasion]
    ) -> Job[list[Written]]:
        """The job of a write. 401, 403 of a closed rule, and 422 of a create are raised here."""

        def by() -> Caller:
            return Caller(actor.record, occasion())

        if ask.operation == "put":
            return self._put(ask, actor, by)
        statements = self._plans.statements(ask.collection, ask.operation, actor)
        match ask.operation:
            case "create":
                rows = self._new_rows(statements, ask)
                return partial(self._create, statements, rows, by, ask.many)
            case "update":
                key = self._plans.key(ask.collection, ask.key or "")
                values: dict[str, Any] = {}
                errors = [not_an_object("")]
                if isinstance(ask.bodies[0], Mapping):
                    values, errors = read_update(statements.plan, key, ask.bodies[0])
                return partial(self._update, statements, key, values, errors, by, ask)
            case "delete":
                key = self._plans.key(ask.collection, ask.key or "")
                return partial(self._delete, statements, key, by, ask)

    def planned(
        self, ask: WriteQuery | Problem, actor: Actor, by: Callable[[], Occasion]
    ) -> Job[list[Written]] | Problem:
        if isinstance(ask, Problem):
            return ask
        try:
            return self.job(ask, actor, by)
        except Problem as refused:
            return refused

    def kept(self, asks: Sequence[WriteQuery | Problem]) -> list[Ask]:
        """What a batch asks first where others write at the same time: its records, in the order
        of their keys. Two that change the same ones in orders of their own would each hold what
        the other waits for."""
        if not self._plans.dialect.keep_row:
            return []
        found = set()
        for ask in asks:
            if isinstance(ask, WriteQuery) and ask.key is not None:
                try:
                    found.add((ask.collection, self._plans.key(ask.collection, ask.key)))
                except Problem:
                    pass  # it is told when its step comes
        collections = self._schema.collection
        return [
            Ask(*keep_record(collections[name], self._plans.dialect, key))
            for name, key in sorted(found)
        ]

    def _new_rows(self, statements: WriteStatements, ask: WriteQuery) -> list[New]:
        """The values of every new record; raises `Invalid` with all mistakes of all of them."""
        binding = self._bindings[ask.collection]
        rows: list[New] = []
        errors: list[FieldError] = []
        for position, wire in enumerate(ask.bodies):
            at = f"/{position}" if ask.many else ""
            if not isinstance(wire, Mapping):
                errors.append(not_an_object(at))
                continue
            values, mistakes = read_create(statements.plan, binding.factories, wire, at)
            if not mistakes and binding.validated:
                values, refused = binding.validate(values)
                mistakes = [replace(e, pointer=f"{at}{e.pointer or ''}" or None) for e in refused]
            rows.append(New(values, frozenset(wire)))
            if len(errors) < MOST_MISTAKES:
                errors += mistakes
        if errors:
            raise door.invalid(errors)
        if not rows:
            raise door.invalid([FieldError("", "too_short", "The array holds no record.")])
        return rows

    def _create(
        self, statements: WriteStatements, rows: list[New], by: Callable[[], Caller], many: bool
    ) -> Steps[list[Written]]:
        caller = by()
        stamped = [door.stamp(statements, row, caller) for row in rows]
        return door.create(statements, stamped, caller, many=many)

    def _update(
        self, statements: WriteStatements, key: str, values: Mapping[str, Any],
        errors: list[FieldError], by: Callable[[], Caller], ask: WriteQuery,
    ) -> Steps[list[Written]]:  # fmt: skip
        written = yield from door.update(
            statements, key, values, errors, by(), ask.conditions,
            validate=self._validator(ask.collection),
        )  # fmt: skip
        return [written]

    def _validator(self, collection: str) -> door.Validate | None:
        binding = self._bindings[collection]
        return binding.validate if binding.validated else None

    def _delete(
        self, statements: WriteStatements, key: str, by: Callable[[], Caller], ask: WriteQuery
    ) -> Steps[list[Written]]:
        yield from door.delete(statements, self._plans.system_statements, key, by(), ask.conditions)
        return []

    def _put(self, ask: WriteQuery, actor: Actor, by: Callable[[], Caller]) -> Job[list[Written]]:
        """The job of a put: the body is read as a replacement and as a new record, because which
        of the two it is shows only in the transaction."""
        updating = self._open_to("update", ask, actor)
        creating = self._open_to("create", ask, actor)
        if isinstance(updating, Problem) and isinstance(creating, Problem):
            raise updating
        key = self._new_key(ask)
        wire = ask.bodies[0]
        replacing = (
            updating if isinstance(updating, Problem) else self._replacing(updating, key, wire)
        )
        making = creating if isinstance(creating, Problem) else self._making(creating, key, wire)

        def run() -> Steps[list[Written]]:
            return [(yield from put(replacing, making, key, by(), ask.conditions))]

        return run

    def _open_to(
        self, operation: Operation, ask: WriteQuery, actor: Actor
    ) -> WriteStatements | Problem:
        """The statements of an operation, or why it is closed to this caller."""
        try:
            return self._plans.statements(ask.collection, operation, actor)
        except (Unauthorized, Forbidden) as closed:
            return closed

    def _new_key(self, ask: WriteQuery) -> str:
        """The key of a record that may not be there yet; raises `Invalid` for what is no key."""
        field = self._schema.collection[ask.collection].key_field
        try:
            return field.type.parse(ask.key)  # type: ignore[no-any-return]  # keys are texts
        except WireError as error:
            raise door.invalid(error.told(f"/{field.name}")) from None

    def _replacing(self, statements: WriteStatements, key: str, wire: Any) -> Replacing:
        plan = statements.plan
        name = plan.collection.name
        if not isinstance(wire, Mapping):
            return Replacing(statements, Replacement({}, {}, (), {}, [not_an_object("")]), None)
        comparable = frozenset(
            f.name
            for f in plan.collection.fields
            if f.frozen and not f.system and f.name in plan.visible - plan.unseen - plan.settable
        )
        factories = self._bindings[name].factories
        body = read_replacement(plan, factories, key, wire, comparable)
        return Replacing(statements, body, self._validator(name))

    def _making(self, statements: WriteStatements, key: str, wire: Any) -> Making:
        collection = statements.plan.collection
        if not isinstance(wire, Mapping):
            return Making(statements, New({}), [not_an_object("")])
        binding = self._bindings[collection.name]
        values, errors = read_create(statements.plan, binding.factories, wire)
        name = collection.key[0]
        if (
            name in wire
            and values.get(name) != key
            and f"/{name}" not in {e.pointer for e in errors}
        ):
            detail = f"`{name}` must equal the one in the path."
            errors.append(FieldError(f"/{name}", "frozen", detail))
        values[name] = key
        if not errors and binding.validated:
            values, errors = binding.validate(values)
        return Making(statements, New(values, frozenset(wire)), errors)
