"""`app.transaction()`: the typed face of the write door for an app's own code.

In: record classes and instances.   Out: record instances.
The caller's rules apply here as they do to REST; `tx.system()` is the same transaction past them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from .declare import Binding, Record, Update
from .engines import Ask, Row, Session
from .errors import BadRequest, FieldError, Invalid, NotFound
from .expr.check import Scope, check, check_value
from .expr.error import ExpressionError
from .expr.kinds import kind_of
from .expr.parse import parse
from .expr.tree import TRUE, Path, Value, walk
from .plan.resolve import filter_problem
from .query import SYSTEM, Actor, ReadQuery
from .records import Records
from .schema import Collection
from .sql.write import WriteStatements, select_matching
from .store import door
from .store.changes import Occasion
from .store.door import Written
from .store.steps import Caller, Steps

R = TypeVar("R", bound=Record)
MOST_UPDATED = 1_000


@dataclass(frozen=True, slots=True)
class Calc:
    """A value that the database computes from the stored record; see `calc`."""

    text: str


def calc(text: str) -> Calc:
    """A value in the expression language for `tx.update_where`: `{"stock": calc("stock - $n")}`."""
    return Calc(text)


class Transaction:
    """Typed reads and writes in one transaction, as one caller.

    Made by `app.transaction()`. Every method raises the problems of `stanchion.errors`; one that
    is caught takes back that step only, one that leaves the block takes back everything.
    """

    def __init__(self, records: Records, session: Session, actor: Actor, request: str) -> None:
        self._records = records
        self._session = session
        self._actor = actor
        self._occasion = Occasion.now(actor.name, request)

    def system(self) -> Transaction:
        """The same transaction past all rules. What it writes is logged as the system's."""
        other = Transaction(self._records, self._session, SYSTEM, self._occasion.request)
        other._occasion = replace(self._occasion, actor=SYSTEM.name)
        return other

    # reading

    async def get(
        self, record: type[R], id: str, *, expand: str = "", fields: str = ""
    ) -> R | None:
        """The record, or None where it is not there or not visible to the caller."""
        binding = self._binding(record)
        ask = ReadQuery(binding.collection.name, str(id), expand=expand, fields=fields)
        try:
            one = await self._records.read_one(ask, self._actor, self._fetch)
        except NotFound:
            return None
        return _loaded(binding, one.body)  # type: ignore[return-value]  # the binding is record's

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
    ) -> list[R]:
        """At most `limit` (1 to 1000) records for which `filter` holds.

        `$name` in the filter takes the keyword argument `name`.
        """
        if not 1 <= limit <= 1000:
            raise BadRequest("query.limit", f"`limit` is 1 to 1000, not {limit}.")
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
        page = await self._records.read_list(ask, self._actor, self._fetch)
        return [_loaded(binding, body) for body in page.items]  # type: ignore[misc]  # as above

    async def _fetch(self, text: str, params: Sequence[Any]) -> list[Row]:
        def steps() -> Steps[list[Row]]:
            return (yield Ask(text, params))

        return await self._session.run(steps)

    # writing

    async def create(self, record: R) -> R:
        """Store a new record; what the database holds of it, as the caller may see it."""
        binding = self._binding(type(record))
        statements = self._records.statements(binding.collection.name, "create", self._actor)
        values, errors = binding.values_of(record)
        errors = [e for e in errors if not _is_system(binding.collection, e.pointer)]
        errors += _not_settable(statements, binding, record)
        if not errors:
            values, errors = binding.validate(values)
        if errors:
            raise Invalid("body.invalid", "The record breaks the model.", errors=errors)
        caller = self._caller()
        stamped = self._records.stamp(statements, values, caller)
        written = await self._session.run(
            lambda: door.create(statements, [stamped], caller, many=False)
        )
        return _result(binding, written[0], record)

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
        `Invalid`, `Forbidden` and `Conflict`.
        """
        binding = self._binding(record)
        statements = self._records.statements(binding.collection.name, "update", self._actor)
        given = changes.changes if isinstance(changes, Update) else dict(changes or {})
        values, errors = binding.changes_of({**given, **fields})
        errors += _not_changeable(statements, values)
        caller = self._caller()
        if_match = None if if_version is None else f'"{if_version}"'
        validate = binding.validate if binding.validated else None
        written = await self._session.run(
            lambda: door.update(
                statements, str(id), values, errors, caller, if_match=if_match, validate=validate
            )
        )
        return _result(binding, written, None)

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
        binding = self._binding(record)
        statements = self._records.statements(binding.collection.name, "update", self._actor)
        plain = {name: v for name, v in changes.items() if not isinstance(v, Calc)}
        values, errors = binding.changes_of(plain)
        computed = {name: v.text for name, v in changes.items() if isinstance(v, Calc)}
        errors += _not_changeable(statements, [*values, *computed])
        if errors:
            raise Invalid("body.invalid", "The changes break the model.", errors=errors)
        where = self._condition(binding.collection, condition)
        assigned = {
            name: self._computed(binding.collection, name, text) for name, text in computed.items()
        }
        has_updated = "updated" in binding.collection.field
        change = statements.assign(assigned, [*values, *(["updated"] if has_updated else [])], where)
        keys = select_matching(statements.plan, where, statements.dialect, MOST_UPDATED + 1)
        caller = replace(self._caller(), params=params)
        names = [*values, *computed]
        return await self._session.run(
            lambda: door.update_where(
                statements, keys, change, names, values, caller, MOST_UPDATED
            )
        )

    async def delete(self, record: type[Record], id: str, *, if_version: int | None = None) -> None:
        """Delete one record, and do what its references were declared to do."""
        binding = self._binding(record)
        statements = self._records.statements(binding.collection.name, "delete", self._actor)
        caller = self._caller()
        if_match = None if if_version is None else f'"{if_version}"'
        await self._session.run(
            lambda: door.delete(
                statements, self._records.past_rules, str(id), caller, if_match=if_match
            )
        )

    def _binding(self, record: type[Record]) -> Binding:
        return self._records.model.of(record)

    def _caller(self) -> Caller:
        return Caller(self._actor.record, self._occasion)

    def _scope(self, collection: Collection) -> Scope:
        profile = self._records.policy.profile(self._actor)
        return Scope(
            schema=self._records.schema,
            collection=collection,
            bare=True,
            auth=self._records.schema.users,
            caller=True,
            see=profile.sight,
        )

    def _condition(self, collection: Collection, text: str) -> Any:
        if not text:
            return TRUE
        profile = self._records.policy.profile(self._actor)
        try:
            return profile.folded(check(parse(text), self._scope(collection)))
        except ExpressionError as error:
            raise filter_problem(error, text) from None

    def _computed(self, collection: Collection, name: str, text: str) -> Value:
        if name not in collection.field:
            raise Invalid("body.invalid", f"{collection.name} has no field `{name}`.")
        kind = collection.field[name].type
        if kind.kind == "datetime":
            raise BadRequest("filter.type", "calc() does not compute datetimes; pass a value.")
        scope = self._scope(collection)
        try:
            value = check_value(parse(text), scope, kind_of(kind))
        except ExpressionError as error:
            raise filter_problem(error, text) from None
        if any(isinstance(part, Path) and part.hops for part in walk(value)):
            raise BadRequest("filter.type", f"calc() of `{name}` ({kind.kind}) crosses a reference.")
        return value


def _loaded(binding: Binding, body: str) -> Record:
    return binding.load(json.loads(body))


def _result(binding: Binding, written: Written, record: R | None) -> R:
    """The stored record; where the caller may not read it, what it sent, or the key alone."""
    if written.body is not None:
        return _loaded(binding, written.body)  # type: ignore[return-value]  # the binding is R's
    if record is not None:
        return record
    return binding.build({"id": written.key})  # type: ignore[return-value]  # as above


def _is_system(collection: Collection, pointer: str | None) -> bool:
    field = collection.field.get((pointer or "/")[1:])
    return field is not None and field.system


def _not_settable(
    statements: WriteStatements, binding: Binding, record: Record
) -> list[FieldError]:
    """Fields that were given to the constructor, and that this caller may not set."""
    errors = []
    for name, attribute in binding.attributes.items():
        given = attribute in record.model_fields_set
        if given and name not in statements.plan.settable and not binding.collection.field[name].system:
            errors.append(FieldError(f"/{name}", "not_writable", f"Only tx.system() sets `{name}`."))
    return errors


def _not_changeable(statements: WriteStatements, names: Any) -> list[FieldError]:
    fields = statements.plan.collection.field
    return [
        FieldError(f"/{name}", "not_writable", f"`{name}` cannot be changed here.")
        for name in names
        if name in fields and name not in statements.plan.settable
    ]


_current: ContextVar[Session | None] = ContextVar("stanchion_transaction", default=None)


@asynccontextmanager
async def open_transaction(
    records: Records, actor: Actor, request: str = ""
) -> AsyncIterator[Transaction]:
    """Hold the writer for a block: commit at its end, roll back when an error leaves it.

    Inside another transaction of the same task it joins that one.
    """
    outer = _current.get()
    if outer is not None:
        yield Transaction(records, outer, actor, request)
        return
    session = await records.engine.begin()
    token = _current.set(session)
    try:
        yield Transaction(records, session, actor, request)
    except BaseException:
        await session.rollback()
        raise
    else:
        await session.commit()
    finally:
        _current.reset(token)

