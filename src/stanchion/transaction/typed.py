"""What a block of `app.transaction()` is given: the typed face of the write door.

In: record classes and instances.   Out: record instances.
The caller's rules apply here as they do to REST; `tx.system()` is the same transaction past them.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from .. import misuse
from ..declare import Binding, JobFunction, Record, Update
from ..engines import Ask, Row
from ..errors import BadRequest, FieldError, Invalid, NotFound
from ..jobs import NewJob, enqueue, new_job, ring
from ..query import SYSTEM, Actor, Conditions, Operation, ReadQuery
from ..records import Records
from ..sql.write import WriteStatements
from ..store import door
from ..store.held import Held
from ..store.steps import Caller, Steps
from .awaited import awaited
from .conditional import MOST_UPDATED, Calc, compile_conditional

R = TypeVar("R", bound=Record)
STAMPED = ("created", "updated", "version")  # by the write door itself


class Transaction:
    """Typed reads and writes in one transaction, as one caller.

    Made by `app.transaction()`. Every method raises the problems of `stanchion.errors`; one that
    is caught takes back that step only, one that leaves the block takes back everything.
    """

    def __init__(self, records: Records, held: Held, actor: Actor) -> None:
        self._records = records
        self._held = held
        self.session = held.session  # for our own tables; not for apps
        self._actor = actor
        self._occasion = replace(held.occasion, actor=actor.name)

    def system(self) -> Transaction:
        """The same transaction past all rules. What it writes is logged as the system's."""
        return Transaction(self._records, self._held, SYSTEM)

    # reading

    @awaited
    async def get(
        self, record: type[R], id: str, *, expand: str = "", fields: str = ""
    ) -> R | None:
        """The record, or None where it is not there or not visible to the caller."""
        binding = self._binding(record)
        ask = ReadQuery(binding.collection.name, str(id), expand=expand, fields=fields)
        try:
            one = await self._records.read_one(ask, self._actor, self._fetch_and_keep)
        except NotFound:
            return None
        except BadRequest as refused:
            raise misuse.of_texts("tx.get", refused, {"expand": expand, "fields": fields}) from None
        return _loaded(binding, one.body, record)

    @awaited
    async def list(
        self,
        record: type[R],
        filter: str = "",
        *,
        q: str | None = None,
        sort: str = "",
        limit: int = 1000,
        expand: str = "",
        fields: str = "",
        **params: Any,
    ) -> builtins.list[R]:
        """At most `limit` (1 to 1000) records for which `filter` holds.

        `$name` in the filter takes the keyword argument `name`.
        """
        if not 1 <= limit <= 1000:
            wrong = BadRequest("query.limit", f"`limit` is 1 to 1000, not {limit}.")
            raise misuse.of_texts("tx.list", wrong, {"limit": limit})
        binding = self._binding(record)
        ask = ReadQuery(
            collection=binding.collection.name,
            filters=(filter,) if filter else (),
            params=params,
            q=q or None,
            sort=sort,
            limit=limit,
            expand=expand,
            fields=fields,
        )
        try:
            page = await self._records.read_list(ask, self._actor, self._fetch)
        except BadRequest as refused:
            texts = {"filter": filter, "q": q, "sort": sort, "expand": expand, "fields": fields}
            raise misuse.of_texts("tx.list", refused, texts, params) from None
        return [_loaded(binding, body, record) for body in page.items]

    async def _fetch_and_keep(self, text: str, params: Sequence[Any]) -> builtins.list[Row]:
        """Where transactions do not wait for each other, who reads a record first has it: others
        that want it begin when it is free, and meet no conflict later."""
        return await self._fetch(text + self._records.dialect.keep_row, params)

    async def _fetch(self, text: str, params: Sequence[Any]) -> builtins.list[Row]:
        def steps() -> Steps[builtins.list[Row]]:
            return (yield Ask(text, params))

        return await self.session.run(steps)

    # writing

    @awaited
    async def create(self, record: R) -> R:
        """Store a new record; what the database holds of it, as the caller may see it.

        Only what was given to the constructor counts as set by the caller, defaults do not.
        """
        try:
            return await self._create(record)
        except Invalid as refused:
            given = self._binding(type(record)).given_of(record)
            raise misuse.of_values("tx.create", refused, given) from None

    async def _create(self, record: R) -> R:
        kind = type(record)
        binding = self._binding(kind)
        statements = self._statements(binding, "create")
        named = _named(binding, record)
        values, errors = binding.values_of(record)
        errors = [e for e in errors if not _is_stamped(e.pointer)]
        errors += _not_settable(statements, named)
        if not errors:
            values, errors = binding.validate(values)
        if errors:
            raise door.invalid(errors)
        caller = self._caller()
        row = door.stamp(statements, door.New(values, named), caller)
        written = await self.session.run(lambda: door.create(statements, [row], caller, many=False))
        record.model_fields_set.add("id")  # made once more, it has the key of a stored record
        for name in STAMPED:  # past the fields that count as given
            object.__setattr__(record, binding.attributes[name], row.values[name])
        return _result(binding, written[0], kind, record)

    @awaited
    async def update(
        self,
        record: type[R],
        id: str,
        changes: Update[R] | Mapping[str, Any] | None = None,
        *,
        if_version: int | None = None,
        **fields: Any,
    ) -> R:
        """Change fields of one record, given as keywords or as an `Update` body.

        Raises `NotFound`, `PreconditionFailed` when `if_version` is not the stored one,
        `Invalid`, `Forbidden` and `Conflict`. What changes nothing writes nothing.
        """
        binding = self._binding(record)
        statements = self._statements(binding, "update")
        key = self._records.plans.key(binding.collection.name, str(id))
        given = changes.changes if isinstance(changes, Update) else dict(changes or {})
        given = {**given, **fields}
        values, errors = binding.changes_of(given)
        errors += _not_settable(statements, values)
        caller = self._caller()
        conditions = Conditions.at(if_version)
        validate = binding.validate if binding.validated else None
        try:
            written = await self.session.run(
                lambda: door.update(
                    statements, key, values, errors, caller, conditions, validate=validate
                )
            )
        except Invalid as refused:
            raise misuse.of_values("tx.update", refused, binding.names_of(given)[0]) from None
        return _result(binding, written, record, None)

    @awaited
    async def update_where(
        self,
        record: type[Record],
        condition: str,
        changes: Mapping[str, Any],
        **params: Any,
    ) -> int:
        """Change every record for which `condition` holds, and say how many there were.

        A change is a value, or `calc("stock - $n")`, which the database computes from the record
        as it stands. So stock never goes below zero:

            taken = await tx.update_where(
                Size, "id == $id && stock >= $n", {"stock": calc("stock - $n")}, id=size, n=2
            )

        Records that the caller may not read or update are left out. At most 1,000 at once.
        """
        try:
            return await self._update_where(record, condition, changes, params)
        except BadRequest as refused:
            raise misuse.of_texts(
                "tx.update_where", refused, {"filter": condition}, params
            ) from None
        except Invalid as refused:
            given = self._binding(record).names_of(changes)[0]
            raise misuse.of_values("tx.update_where", refused, given) from None

    async def _update_where(
        self,
        record: type[Record],
        condition: str,
        changes: Mapping[str, Any],
        params: Mapping[str, Any],
    ) -> int:
        binding = self._binding(record)
        statements = self._statements(binding, "update")
        plain = {name: v for name, v in changes.items() if not isinstance(v, Calc)}
        values, errors = binding.changes_of(plain)
        computed, unknown = binding.names_of(
            {name: v.text for name, v in changes.items() if isinstance(v, Calc)}
        )
        errors += unknown
        errors += _not_settable(statements, [*values, *computed])
        if errors or not changes:
            raise door.invalid(errors or [FieldError(None, "missing", "There is no change.")])
        keys, assignment = compile_conditional(
            self._records, self._actor, statements, condition, computed, tuple(values)
        )
        caller = replace(self._caller(), params=params)
        validate = binding.validate if binding.validated else None
        return await self.session.run(
            lambda: door.update_where(
                statements, keys, assignment, values, caller, MOST_UPDATED, validate=validate
            )
        )

    @awaited
    async def delete(self, record: type[Record], id: str, *, if_version: int | None = None) -> None:
        """Delete one record, and do what its references were declared to do."""
        binding = self._binding(record)
        statements = self._statements(binding, "delete")
        key = self._records.plans.key(binding.collection.name, str(id))
        caller = self._caller()
        conditions = Conditions.at(if_version)
        await self.session.run(
            lambda: door.delete(
                statements, self._records.plans.system_statements, key, caller, conditions
            )
        )

    # jobs

    @awaited
    async def enqueue(
        self,
        job: JobFunction,
        /,
        *,
        delay: float | timedelta = 0,
        unique: str | None = None,
        **arguments: Any,
    ) -> str:
        """Let `job` run with these arguments once the transaction is committed, and not before
        `delay` (seconds) has passed. Its id; without the commit there is no job.

        While a job with the key `unique` waits or runs no second one is made: the id is that of
        the first. Keys of other functions are other keys.
        """
        kind = self._records.model.jobs.of(job)
        return await self._make(new_job(kind, arguments, delay, unique))

    # mail

    @awaited
    async def send_mail(self, template: str, /, *, to: str, name: str = "", **values: Any) -> str:
        """Write the mail `template` to this address; it is sent once the transaction is committed,
        by a job whose id this is. `values` are what the template says.
        """
        mailer = self._records.mailer
        assert mailer is not None
        return await self._make(mailer.job(template, to, name, values))

    async def _make(self, new: NewJob) -> str:
        made = await self.session.run(lambda: enqueue(new))
        self._held.committed.append(partial(ring, self._records.engine))
        return made

    def _binding(self, record: type[Record]) -> Binding:
        return self._records.model.of(record)

    def _statements(self, binding: Binding, operation: Operation) -> WriteStatements:
        """What a step of the write door runs; raises 401 or 403 where its rule is closed."""
        name = binding.collection.name
        self._records.note(self._held, name)
        return self._records.plans.statements(name, operation, self._actor)

    def _caller(self) -> Caller:
        return Caller(self._actor.record, self._occasion)


def _loaded(binding: Binding, body: str, record: type[R]) -> R:
    loaded = binding.load(json.loads(body))
    assert isinstance(loaded, record)
    return loaded


def _result(binding: Binding, written: door.Written, kind: type[R], record: R | None) -> R:
    """The stored record; where the caller may not read it, what it sent, or the key alone."""
    if written.body is not None:
        return _loaded(binding, written.body, kind)
    if record is not None:
        return record
    alone = binding.build({"id": written.key})
    assert isinstance(alone, kind)
    return alone


def _named(binding: Binding, record: Record) -> frozenset[str]:
    """The fields that were given to the constructor, or set afterwards; the id is nobody's rule."""
    given = record.model_fields_set
    return frozenset(name for name, attribute in binding.attributes.items() if attribute in given)


def _is_stamped(pointer: str | None) -> bool:
    """Whether the write door sets the field itself."""
    return pointer is not None and pointer[1:] in STAMPED


def _not_settable(statements: WriteStatements, names: Iterable[str]) -> builtins.list[FieldError]:
    """The fields among `names` that this caller may not set."""
    plan = statements.plan
    field = plan.collection.field
    errors = []
    for name in names:
        if name in field and name not in plan.settable:
            frozen = field[name].frozen and plan.operation == "update"
            detail = f"Only tx.system() sets `{name}`."
            code = "system_field" if field[name].system else "not_writable"
            if frozen:
                code, detail = "frozen", f"`{name}` is set at create only."
            errors.append(FieldError(f"/{name}", code, detail))
    return errors
