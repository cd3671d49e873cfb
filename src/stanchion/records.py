"""The two pipelines, on one page.

    read:   query -> plan -> sql -> engine -> JSON texts, joined
    write:  query -> plan -> sql -> transaction { rows + change } -> commit

Called by `http/` and by `transaction`. Plans and statements are kept by the shape of a query and
the caller's profile; what varies from request to request is bound as parameters.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from .declare import Model
from .engines import Ask, Engine, Job, Row
from .errors import BadRequest, Invalid
from .expr.error import ExpressionError
from .expr.literals import Lifted, lift
from .plan.body import read_create, read_update
from .plan.policy import Policy, Profile
from .plan.read import ReadPlan, plan_aggregate, plan_read
from .plan.resolve import filter_problem
from .plan.write import plan_write
from .query import (
    SYSTEM,
    Actor,
    AggregateQuery,
    Operation,
    ReadQuery,
    WriteQuery,
    decode_cursor,
    digest,
    encode_cursor,
)  # fmt: skip
from .search import asked_words
from .sql.dialect import POSTGRES, SQLITE
from .sql.read import compile_aggregate, compile_list, compile_one, compile_total
from .sql.text import Given, Statement
from .sql.write import WriteStatements, compile_write
from .store import door
from .store.changes import Occasion
from .store.door import Written
from .store.steps import Caller
from .types import WireError

T = TypeVar("T")
Fetch = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]
NO_LITERALS = Lifted("", ())


@dataclass(frozen=True, slots=True)
class One:
    """One record as the caller sees it."""

    body: str
    etag: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `next` is the cursor of the page after it, or None at the end."""

    items: list[str]
    next: str | None
    total: int | None


class _Reading:
    """A read plan and its statements, compiled as they are needed."""

    __slots__ = ("one", "pages", "plain", "plan", "shape", "total")

    def __init__(self, plan: ReadPlan) -> None:
        self.plan = plan
        self.plain = plan.body.plain
        self.shape = plan.shape
        self.one: Statement | None = None
        self.total: Statement | None = None
        self.pages: dict[tuple[bool, ...] | None, Statement] = {}


class Records:
    """Reads and writes the records of one app in one database."""

    def __init__(self, model: Model, policy: Policy, engine: Engine, plan_cache: int) -> None:
        self.model = model
        self.schema = model.schema
        self.engine = engine
        self.policy = policy
        self.dialect = SQLITE if engine.name == "sqlite" else POSTGRES
        self._plans: dict[object, Any] = {}
        self._most_plans = plan_cache

    # reading

    async def read_one(self, ask: ReadQuery, actor: Actor, fetch: Fetch | None = None) -> One:
        """One record by key; raises `NotFound` also where the caller may not see it."""
        profile = self.policy.profile(actor)
        shape = ("one", ask.collection, ask.expand, ask.fields, profile)
        reading = self._plans.get(shape) or self._keep(shape, self._plan_one(ask, profile))
        given = Given(auth=actor.record, key=self._key(ask.collection, ask.key or ""))
        statement: Statement = reading.one
        rows = await (fetch or self.engine.fetch)(statement.text, statement.bind(given))
        if not rows:
            raise door.not_found(reading.plan.collection, ask.key or "")
        body, version = rows[0]
        return One(body, _etag(reading, body, version))

    async def read_list(self, ask: ReadQuery, actor: Actor, fetch: Fetch | None = None) -> Page:
        """One page of a list."""
        profile = self.policy.profile(actor)
        lifted, text = self._lifted(ask.filters)
        searched = bool(ask.q)
        shape = (
            "list", ask.collection, lifted.shape, searched, ask.sort, ask.expand, ask.fields,
            profile,
        )  # fmt: skip
        reading = self._plans.get(shape) or self._keep(shape, self._plan_list(ask, text, profile))
        given = Given(lifted.literals, ask.params, actor.record, limit=ask.limit + 1)
        if searched:
            given.q = asked_words(ask.q or "")
        nulls = None if ask.after is None else self._seek(reading.plan, ask, text, given)
        statement = reading.pages.get(nulls)
        if statement is None:
            statement = reading.pages[nulls] = compile_list(reading.plan, self.dialect, nulls)
        params = self._bind(statement, given, text)
        if not ask.total:
            rows = await (fetch or self.engine.fetch)(statement.text, params)
            return self._page(reading.plan, rows, ask, text, None)
        if reading.total is None:
            reading.total = compile_total(reading.plan, self.dialect)
        count = Ask(reading.total.text, self._bind(reading.total, given, text))
        if fetch is None:
            rows, counted = await self.engine.fetch_together([Ask(statement.text, params), count])
        else:
            rows, counted = (
                await fetch(statement.text, params),
                await fetch(count.text, count.params),
            )
        return self._page(reading.plan, rows, ask, text, counted[0][0])

    async def aggregate(
        self, ask: AggregateQuery, actor: Actor, fetch: Fetch | None = None
    ) -> list[str]:
        """Groups of records and what they come to, one JSON text each."""
        profile = self.policy.profile(actor)
        lifted, text = self._lifted(ask.filters)
        shape = (
            "aggregate", ask.collection, lifted.shape, bool(ask.q), ask.group, ask.count, ask.sum,
            profile,
        )  # fmt: skip
        statement = self._plans.get(shape)
        if statement is None:
            single = AggregateQuery(
                ask.collection, (text,) if text else (), {}, ask.q, ask.group, ask.count, ask.sum
            )
            plan = plan_aggregate(single, self.schema, profile)
            statement = self._keep(shape, compile_aggregate(plan, self.dialect))
        given = Given(lifted.literals, ask.params, actor.record, limit=ask.limit)
        if ask.q:
            given.q = asked_words(ask.q)
        rows = await (fetch or self.engine.fetch)(
            statement.text, self._bind(statement, given, text)
        )
        return [row[0] for row in rows]

    def _plan_one(self, ask: ReadQuery, profile: Profile) -> _Reading:
        reading = _Reading(plan_read(ask, self.schema, profile))
        reading.one = compile_one(reading.plan, self.dialect)
        return reading

    def _plan_list(self, ask: ReadQuery, text: str, profile: Profile) -> _Reading:
        single = ReadQuery(
            ask.collection, None, (text,) if text else (), {}, ask.q, ask.sort, None, 0,
            ask.expand, ask.fields,
        )  # fmt: skip
        return _Reading(plan_read(single, self.schema, profile))

    def _lifted(self, filters: Sequence[str]) -> tuple[Lifted, str]:
        """The filters as one text, and that text with its literals lifted out."""
        if not filters:
            return NO_LITERALS, ""
        text = filters[0] if len(filters) == 1 else " && ".join(f"({f})" for f in filters)
        if len(text) > 4096:
            raise BadRequest(
                "filter.too_long", f"The filter has {len(text)} characters; 4096 is the limit."
            )
        try:
            return lift(text), text
        except ExpressionError as error:
            raise filter_problem(error, text) from None

    def _bind(self, statement: Statement, given: Given, text: str) -> list[Any]:
        try:
            return statement.bind(given)
        except ExpressionError as error:
            raise filter_problem(error, text) from None

    def _mark(self, ask: ReadQuery, text: str) -> str:
        return digest(ask.collection, text, ask.q or "", ask.sort, self.schema.fingerprint)

    def _seek(self, plan: ReadPlan, ask: ReadQuery, text: str, given: Given) -> tuple[bool, ...]:
        """Put the cursor's values where they are bound; which of them are null."""
        values = decode_cursor(ask.after or "", self._mark(ask, text), len(plan.sort))
        parsed = []
        for key, wire in zip(plan.sort, values, strict=True):
            try:
                parsed.append(None if wire is None else key.field.type.parse(wire))
            except WireError:
                raise BadRequest(
                    "query.cursor",
                    "`after` is not a cursor of this API.",
                    hint="Use the `next` of the page before, unchanged.",
                ) from None
            if wire is None and not key.nullable:
                raise BadRequest("query.cursor", "`after` is not a cursor of this list.")
        given.after = parsed
        return tuple(value is None for value in parsed)

    def _page(
        self, plan: ReadPlan, rows: list[Row], ask: ReadQuery, text: str, total: int | None
    ) -> Page:
        following = None
        if len(rows) > ask.limit:
            rows = rows[: ask.limit]
            last = rows[-1][1:]
            values = [
                None
                if raw is None
                else key.field.type.wire(self.dialect.value(key.field.type, raw))
                for key, raw in zip(plan.sort, last, strict=True)
            ]
            following = encode_cursor(self._mark(ask, text), values)
        return Page([row[0] for row in rows], following, total)

    def etag_of(self, collection: str, written: Written, actor: Actor) -> str:
        """The ETag that reading the written record would give."""
        profile = self.policy.profile(actor)
        shape = ("one", collection, "", "", profile)
        ask = ReadQuery(collection, written.key)
        reading = self._plans.get(shape) or self._keep(shape, self._plan_one(ask, profile))
        return _etag(reading, written.body or "", written.version)

    def _key(self, collection: str, key: str) -> str:
        """A key in its canonical form; one that cannot be a key is simply not there."""
        found = self.schema.collection[collection]
        try:
            return found.key_field.type.parse(key)  # type: ignore[no-any-return]  # keys are texts
        except WireError:
            raise door.not_found(found, key) from None

    def _keep(self, shape: object, plan: T) -> T:
        """Remember a plan; the oldest half goes when there are too many."""
        if len(self._plans) >= self._most_plans:
            for old in list(self._plans)[: self._most_plans // 2]:
                del self._plans[old]
        self._plans[shape] = plan
        return plan

    # writing

    async def write(self, ask: WriteQuery, actor: Actor, request: str = "") -> list[Written]:
        """One step of the write door in a transaction of its own, on disk when this returns."""
        return await self.engine.write(self.step(ask, actor, request))

    def step(self, ask: WriteQuery, actor: Actor, request: str = "") -> Job[list[Written]]:
        """The job of a write. 401, 403 of a closed rule, and 422 of a create are raised here."""
        statements = self.statements(ask.collection, ask.operation, actor)
        match ask.operation:
            case "create":
                rows = self._new_rows(statements, ask)
                return partial(self._create, statements, rows, actor, request, ask.many)
            case "update":
                key = self._key(ask.collection, ask.key or "")
                values, errors = read_update(
                    statements.plan.collection, statements.plan.settable,
                    self._visible(statements), key, ask.bodies[0],
                )  # fmt: skip
                return partial(
                    self._update, statements, key, values, errors, actor, request, ask.if_match
                )
            case "delete":
                key = self._key(ask.collection, ask.key or "")
                return partial(self._delete, statements, key, actor, request, ask.if_match)

    def statements(self, collection: str, operation: Operation, actor: Actor) -> WriteStatements:
        """The compiled plan of an operation for this kind of caller."""
        profile = self.policy.profile(actor)
        shape = (operation, collection, profile)
        found = self._plans.get(shape)
        if found is None:
            plan = plan_write(self.schema.collection[collection], operation, self.schema, profile)
            found = self._keep(shape, compile_write(plan, self.dialect))
        return found

    def _visible(self, statements: WriteStatements) -> frozenset[str]:
        plan = statements.plan
        return frozenset(
            f.name
            for f in plan.collection.fields
            if plan.access.sight(plan.collection, f) != "hidden"
        )

    def _new_rows(self, statements: WriteStatements, ask: WriteQuery) -> list[dict[str, Any]]:
        """The values of every new record; raises `Invalid` with all mistakes of all of them."""
        plan = statements.plan
        binding = self.model.bindings[ask.collection]
        rows, errors = [], []
        for position, wire in enumerate(ask.bodies):
            at = f"/{position}" if ask.many else ""
            values, mistakes = read_create(
                plan.collection,
                plan.settable,
                self._visible(statements),
                binding.factories,
                wire,
                at,
            )
            if not mistakes and binding.validated:
                values, refused = binding.validate(values)
                mistakes = [type(e)(f"{at}{e.pointer or ''}", e.code, e.detail) for e in refused]
            rows.append(values)
            errors += mistakes
        if errors:
            raise Invalid("body.invalid", "The body breaks the model.", errors=errors)
        return rows

    def _create(
        self, statements: WriteStatements, rows: list[dict[str, Any]], actor: Actor, request: str,
        many: bool,
    ) -> Any:  # fmt: skip
        caller = Caller(actor.record, Occasion.now(actor.name, request))
        stamped = [self.stamp(statements, values, caller) for values in rows]
        return door.create(statements, stamped, caller, many=many)

    def stamp(
        self, statements: WriteStatements, values: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        """The values of a new record with the moment of its transaction."""
        fields = statements.plan.collection.field
        stamped = dict(values)
        for name in ("created", "updated"):
            if name in fields:
                stamped[name] = fields[name].type.parse(caller.occasion.time)
        if "version" in fields:
            stamped["version"] = 1
        return stamped

    def _update(
        self, statements: WriteStatements, key: str, values: Mapping[str, Any], errors: Any,
        actor: Actor, request: str, if_match: str | None,
    ) -> Any:  # fmt: skip
        caller = Caller(actor.record, Occasion.now(actor.name, request))
        binding = self.model.bindings[statements.plan.collection.name]
        validate = binding.validate if binding.validated else None
        written = yield from door.update(
            statements, key, values, errors, caller, if_match=if_match, validate=validate
        )
        return [written]

    def _delete(
        self, statements: WriteStatements, key: str, actor: Actor, request: str,
        if_match: str | None,
    ) -> Any:  # fmt: skip
        caller = Caller(actor.record, Occasion.now(actor.name, request))
        yield from door.delete(statements, self.past_rules, key, caller, if_match=if_match)
        return []

    def past_rules(self, collection: str) -> WriteStatements:
        """The statements that planned steps run with: the system's."""
        return self.statements(collection, "update", SYSTEM)


def _etag(reading: _Reading, body: str, version: int) -> str:
    """The version and shape of a plain record; a digest of any other body."""
    if reading.plain:
        return f'"{version}-{reading.shape}"'
    return f'"{digest(body)}"'
