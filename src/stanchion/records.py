"""The two pipelines, on one page.

    read:   query -> plan -> sql -> engine -> JSON texts, joined
    write:  query -> plan -> sql -> transaction { rows + change } -> commit

Called by `http/` and by `transaction`. Plans and statements are kept by the shape of a query and
the caller's profile; what varies from request to request is bound as parameters.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from .declare import Model
from .engines import Ask, Engine, Job, Row
from .errors import BadRequest, FieldError, Forbidden, Problem, Unauthorized
from .expr.error import ExpressionError
from .expr.literals import Literal, lift
from .plan.aggregate import plan_aggregate
from .plan.body import Replacement, read_create, read_replacement, read_update
from .plan.describe import describe_visible
from .plan.policy import Policy, Profile
from .plan.read import ReadPlan, plan_read
from .plan.resolve import filter_problem, visible_fields
from .plan.write import plan_write
from .query import (
    SYSTEM,
    Actor,
    AggregateQuery,
    Operation,
    ReadQuery,
    WriteQuery,
    cursor_type,
    decode_cursor,
    digest,
    encode_cursor,
    join_filters,
    wrong_cursor,
)  # fmt: skip
from .schema import Field
from .search import asked_words
from .sql.aggregate import compile_aggregate
from .sql.dialect import POSTGRES, SQLITE
from .sql.read import (
    EXPLAIN,
    After,
    compile_list,
    compile_one,
    compile_total,
    compile_walk,
    walks,
)  # fmt: skip
from .sql.text import Given, Statement
from .sql.write import WriteStatements, compile_write
from .store import door
from .store.batch import run_batch
from .store.changes import Occasion
from .store.door import New, Written
from .store.held import held_in
from .store.idempotency import Once, Reply, find, run_once
from .store.judge import not_found
from .store.put import Making, Replacing, put
from .store.steps import Caller, Steps
from .types import WireError

T = TypeVar("T")
Fetch = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]
NO_OBJECT = FieldError("", "object_type", "Must be a JSON object.")
MOST_MISTAKES = 1_000  # told of one array
MOST_PAGES = 32  # forms of one list after cursors with different nulls


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


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of records, one JSON text each; `more` says that there are others."""

    items: list[str]
    more: bool


class _Reading:
    """A read plan and its statements, compiled as they are needed."""

    __slots__ = ("cursor", "one", "pages", "plain", "plan", "shape", "total")

    def __init__(self, plan: ReadPlan) -> None:
        self.plan = plan
        self.cursor = [cursor_type(key.field.type).parse for key in plan.sort]
        self.plain = plan.body.plain
        self.shape = plan.shape
        self.one: Statement | None = None
        self.total: Statement | None = None
        self.pages: dict[After, Statement] = {}


class Records:
    """Reads and writes the records of one app in one database."""

    def __init__(
        self, model: Model, policy: Policy, engine: Engine, plan_cache: int, longest_filter: int
    ) -> None:
        self.model = model
        self.schema = model.schema
        self.engine = engine
        self.policy = policy
        self.dialect = SQLITE if engine.name == "sqlite" else POSTGRES
        self._plans: dict[object, Any] = {}
        self._most_plans = plan_cache
        self._longest_filter = longest_filter

    # reading

    async def read_one(self, ask: ReadQuery, actor: Actor, fetch: Fetch | None = None) -> One:
        """One record by key; raises `NotFound` also where the caller may not see it."""
        profile = self.policy.profile(actor)
        shape = ("one", ask.collection, ask.expand, ask.fields, profile)
        reading = self._plans.get(shape) or self._keep(shape, self._plan_one(ask, profile))
        given = Given(auth=actor.record, key=self.key(ask.collection, ask.key or ""))
        statement = reading.one
        assert statement is not None
        rows = await (fetch or self.engine.fetch)(statement.text, statement.bind(given))
        if not rows:
            raise not_found(reading.plan.collection, ask.key or "")
        body, version = rows[0]
        return One(body, _etag(reading, body, version))

    async def read_list(self, ask: ReadQuery, actor: Actor, fetch: Fetch | None = None) -> Page:
        """One page of a list."""
        profile = self.policy.profile(actor)
        filters, literals = self._lifted(ask.filters)
        words = None if ask.q is None else asked_words(ask.q)
        shape = (
            "list", ask.collection, filters, words is None, ask.sort, ask.expand, ask.fields,
            profile,
        )  # fmt: skip
        reading = self._plans.get(shape) or self._keep(
            shape, _Reading(plan_read(ask, self.schema, profile))
        )
        given = Given(literals, ask.params, actor.record, limit=ask.limit + 1, q=words or "")
        mark, nulls = "", None
        if ask.after is not None:
            mark = self._mark(ask)
            nulls = self._seek(reading, ask.after, mark, given)
        statement = reading.pages.get(nulls) or await self._compile_page(
            reading, nulls, given, ask, fetch or self.engine.fetch
        )
        params = _bind(statement, given, ask.filters)
        if not ask.total:
            rows = await (fetch or self.engine.fetch)(statement.text, params)
            return self._page(reading, rows, ask, mark, None)
        if reading.total is None:
            reading.total = compile_total(reading.plan, self.dialect)
        count = Ask(reading.total.text, _bind(reading.total, given, ask.filters))
        if fetch is None:
            rows, counted = await self.engine.fetch_together([Ask(statement.text, params), count])
        else:
            rows = await fetch(statement.text, params)
            counted = await fetch(count.text, count.params)
        return self._page(reading, rows, ask, mark, counted[0][0])

    async def aggregate(
        self, ask: AggregateQuery, actor: Actor, fetch: Fetch | None = None
    ) -> Groups:
        """Groups of records and what they come to."""
        profile = self.policy.profile(actor)
        filters, literals = self._lifted(ask.filters)
        words = None if ask.q is None else asked_words(ask.q)
        shape = (
            "aggregate", ask.collection, filters, words is None, ask.group, ask.count, ask.sum,
            ask.avg, ask.min, ask.max, ask.sort, profile,
        )  # fmt: skip
        statement = self._plans.get(shape)
        if statement is None:
            plan = plan_aggregate(ask, self.schema, profile)
            statement = self._keep(shape, compile_aggregate(plan, self.dialect))
        given = Given(literals, ask.params, actor.record, limit=ask.limit + 1, q=words or "")
        params = _bind(statement, given, ask.filters)
        rows = await (fetch or self.engine.fetch)(statement.text, params)
        return Groups([row[0] for row in rows[: ask.limit]], len(rows) > ask.limit)

    def describe(self, actor: Actor) -> Mapping[str, Any]:
        """What this caller may see of the model, as JSON-ready data."""
        profile = self.policy.profile(actor)
        return self.kept(("describe", profile), lambda: describe_visible(self.schema, profile))

    def visible(self, collection: str, actor: Actor) -> Mapping[str, Field]:
        """The fields that a hint to this caller may name."""
        return visible_fields(
            self.schema, self.policy.profile(actor), self.schema.collection[collection]
        )

    def _plan_one(self, ask: ReadQuery, profile: Profile) -> _Reading:
        reading = _Reading(plan_read(ask, self.schema, profile))
        reading.one = compile_one(reading.plan, self.dialect)
        return reading

    async def _compile_page(
        self, reading: _Reading, nulls: After, given: Given, ask: ReadQuery, fetch: Fetch
    ) -> Statement:
        """The statement of a page; in one layer where SQLite walks an index for it."""
        statement = compile_list(reading.plan, self.dialect, nulls)
        if self.dialect.name == "sqlite":
            walk = compile_walk(reading.plan, self.dialect, nulls)
            if walk is not None:
                params = _bind(walk, given, ask.filters)
                statement = walk if walks(await fetch(EXPLAIN + walk.text, params)) else statement
        if len(reading.pages) >= MOST_PAGES:
            reading.pages.clear()
        reading.pages[nulls] = statement
        return statement

    def _lifted(self, filters: tuple[str, ...]) -> tuple[tuple[str, ...], Sequence[Literal]]:
        """The shape of each filter, and the literals of all of them."""
        if not filters:
            return (), ()
        size = sum(map(len, filters))
        if size > self._longest_filter:
            raise BadRequest(
                "filter.too_long",
                f"The filter has {size} characters; {self._longest_filter} is the limit.",
            )
        lifted = [lift(text) for text in filters]
        if len(lifted) == 1:
            return (lifted[0].shape,), lifted[0].literals
        every = [one for each in lifted for one in each.literals]
        return tuple(each.shape for each in lifted), every

    def _mark(self, ask: ReadQuery) -> str:
        return digest(
            ask.collection, str(len(ask.filters)), *ask.filters, ask.q or "", ask.sort,
            self.schema.fingerprint,
        )  # fmt: skip

    def _seek(self, reading: _Reading, cursor: str, mark: str, given: Given) -> tuple[bool, ...]:
        """Put the cursor's values where they are bound; which of them are null."""
        keys = reading.plan.sort
        values = decode_cursor(cursor, mark, len(keys))
        try:
            given.after = [
                None if wire is None and key.nullable else parse(wire)
                for key, parse, wire in zip(keys, reading.cursor, values, strict=True)
            ]
        except WireError:
            raise wrong_cursor() from None
        return tuple([value is None for value in given.after])

    def _page(
        self, reading: _Reading, rows: list[Row], ask: ReadQuery, mark: str, total: int | None
    ) -> Page:
        """The texts of a page, and the cursor of the next; `mark` is empty if not known yet."""
        if len(rows) <= ask.limit:
            return Page([row[0] for row in rows], None, total)
        del rows[ask.limit :]
        values = []
        for key, raw in zip(reading.plan.sort, rows[-1][1:], strict=True):
            kind = key.field.type
            values.append(None if raw is None else kind.wire(self.dialect.value(kind, raw)))
        return Page([row[0] for row in rows], encode_cursor(mark or self._mark(ask), values), total)

    def etag_of(self, collection: str, written: Written, actor: Actor) -> str:
        """The ETag that reading the written record would give."""
        profile = self.policy.profile(actor)
        shape = ("one", collection, "", "", profile)
        reading = self._plans.get(shape) or self._keep(
            shape, self._plan_one(ReadQuery(collection, written.key), profile)
        )
        return _etag(reading, written.body or "", written.version)

    def key(self, collection: str, key: str) -> str:
        """A key in its canonical form; one that cannot be a key is simply not there."""
        found = self.schema.collection[collection]
        try:
            return found.key_field.type.parse(key)  # type: ignore[no-any-return]  # keys are texts
        except WireError:
            raise not_found(found, key) from None

    def kept(self, shape: object, make: Callable[[], T]) -> T:
        """The plan of this shape, made if need be."""
        found: T | None = self._plans.get(shape)
        return self._keep(shape, make()) if found is None else found

    def _keep(self, shape: object, plan: T) -> T:
        """Remember a plan; the oldest half goes when there are too many."""
        if len(self._plans) >= self._most_plans:
            for old in list(self._plans)[: self._most_plans // 2]:
                self._plans.pop(old, None)  # the writer thread keeps plans here too
        self._plans[shape] = plan
        return plan

    # writing

    async def write(self, ask: WriteQuery, actor: Actor, request: str = "") -> list[Written]:
        """One step of the write door in a transaction of its own, on disk when this returns.

        Inside a block of `app.transaction()` it joins that transaction.
        """
        return await self._run(lambda by: self.step(ask, actor, by), actor, request)

    async def write_once(
        self, ask: WriteQuery, actor: Actor, request: str, once: Once,
        reply: Callable[[list[Written]], Reply],
    ) -> Reply:  # fmt: skip
        """The same under an idempotency key: its first answer, kept in the same transaction."""

        def keyed(by: Callable[[], Occasion]) -> Job[Reply]:
            return partial(run_once, once, self.step(ask, actor, by), reply)

        return await self._run(keyed, actor, request)

    async def first_answer(self, once: Once) -> Reply | None:
        """What a key was answered before, if anything."""
        steps = find(once)
        asked = next(steps)
        assert isinstance(asked, Ask)
        try:
            steps.send(await self.engine.fetch(asked.text, asked.params))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what `find` returns
        raise AssertionError("find asks once")

    async def write_batch(
        self, asks: Sequence[WriteQuery | Problem], actor: Actor, request: str, once: Once | None,
        reply: Callable[[list[list[Written]]], Reply],
    ) -> Reply:  # fmt: skip
        """Several steps in one transaction, all of them or none; a refusal names its step."""

        def together(by: Callable[[], Occasion]) -> Job[Reply]:
            moment: list[Occasion] = []  # all steps share it
            steps: list[Job[list[Written]] | Problem] = []
            for ask in asks:
                steps.append(self._planned(ask, actor, lambda: moment[0]))
                if isinstance(steps[-1], Problem):
                    break  # it will be refused when the steps before it are done

            def run() -> Steps[list[list[Written]]]:
                moment[:] = [by()]
                return run_batch(steps)

            def answered() -> Steps[Reply]:
                return reply((yield from run()))

            return answered if once is None else partial(run_once, once, run, reply)

        return await self._run(together, actor, request)

    def _planned(
        self, ask: WriteQuery | Problem, actor: Actor, by: Callable[[], Occasion]
    ) -> Job[list[Written]] | Problem:
        if isinstance(ask, Problem):
            return ask
        try:
            return self.step(ask, actor, by)
        except Problem as refused:
            return refused

    async def _run(
        self, make: Callable[[Callable[[], Occasion]], Job[T]], actor: Actor, request: str
    ) -> T:
        """Run a job in a transaction of its own, or in the one that the task is inside of."""
        held = held_in(self.engine)
        if held is not None:
            occasion = replace(held.occasion, actor=actor.name)
            return await held.session.run(make(lambda: occasion))
        return await self.engine.write(make(lambda: Occasion.now(actor.name, request)))

    def step(
        self, ask: WriteQuery, actor: Actor, occasion: Callable[[], Occasion]
    ) -> Job[list[Written]]:
        """The job of a write. 401, 403 of a closed rule, and 422 of a create are raised here."""

        def by() -> Caller:
            return Caller(actor.record, occasion())

        if ask.operation == "put":
            return self._put(ask, actor, by)
        statements = self.statements(ask.collection, ask.operation, actor)
        match ask.operation:
            case "create":
                rows = self._new_rows(statements, ask)
                return partial(self._create, statements, rows, by, ask.many)
            case "update":
                key = self.key(ask.collection, ask.key or "")
                values: dict[str, Any] = {}
                errors = [NO_OBJECT]
                if isinstance(ask.bodies[0], Mapping):
                    values, errors = read_update(statements.plan, key, ask.bodies[0])
                return partial(self._update, statements, key, values, errors, by, ask)
            case "delete":
                key = self.key(ask.collection, ask.key or "")
                return partial(self._delete, statements, key, by, ask)

    def statements(self, collection: str, operation: Operation, actor: Actor) -> WriteStatements:
        """The compiled plan of an operation for this kind of caller."""
        profile = self.policy.profile(actor)
        shape = (operation, collection, profile)
        found = self._plans.get(shape)
        if found is None:
            plan = plan_write(self.schema.collection[collection], operation, self.schema, profile)
            found = self._keep(shape, compile_write(plan, self.dialect))
        return found

    def _new_rows(self, statements: WriteStatements, ask: WriteQuery) -> list[New]:
        """The values of every new record; raises `Invalid` with all mistakes of all of them."""
        binding = self.model.bindings[ask.collection]
        rows: list[New] = []
        errors: list[FieldError] = []
        for position, wire in enumerate(ask.bodies):
            at = f"/{position}" if ask.many else ""
            if not isinstance(wire, Mapping):
                errors.append(replace(NO_OBJECT, pointer=at))
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
            statements, key, values, errors, by(), if_match=ask.if_match,
            if_none_match=ask.if_none_match, validate=self._validator(ask.collection),
        )  # fmt: skip
        return [written]

    def _validator(self, collection: str) -> door.Validate | None:
        binding = self.model.bindings[collection]
        return binding.validate if binding.validated else None

    def _delete(
        self, statements: WriteStatements, key: str, by: Callable[[], Caller], ask: WriteQuery
    ) -> Steps[list[Written]]:
        yield from door.delete(
            statements, self.past_rules, key, by(), if_match=ask.if_match,
            if_none_match=ask.if_none_match,
        )  # fmt: skip
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
            written = yield from put(
                replacing, making, key, by(), if_match=ask.if_match,
                if_none_match=ask.if_none_match,
            )  # fmt: skip
            return [written]

        return run

    def _open_to(
        self, operation: Operation, ask: WriteQuery, actor: Actor
    ) -> WriteStatements | Problem:
        """The statements of an operation, or why it is closed to this caller."""
        try:
            return self.statements(ask.collection, operation, actor)
        except (Unauthorized, Forbidden) as closed:
            return closed

    def _new_key(self, ask: WriteQuery) -> str:
        """The key of a record that may not be there yet; raises `Invalid` for what is no key."""
        field = self.schema.collection[ask.collection].key_field
        try:
            return field.type.parse(ask.key)  # type: ignore[no-any-return]  # keys are texts
        except WireError as error:
            raise door.invalid(error.told(f"/{field.name}")) from None

    def _replacing(self, statements: WriteStatements, key: str, wire: Any) -> Replacing:
        plan = statements.plan
        name = plan.collection.name
        if not isinstance(wire, Mapping):
            return Replacing(statements, Replacement({}, {}, (), {}, [NO_OBJECT]), None)
        comparable = frozenset(
            f.name
            for f in plan.collection.fields
            if f.frozen and not f.system and f.name in plan.visible - plan.unseen - plan.settable
        )
        factories = self.model.bindings[name].factories
        body = read_replacement(plan, factories, key, wire, comparable)
        return Replacing(statements, body, self._validator(name))

    def _making(self, statements: WriteStatements, key: str, wire: Any) -> Making:
        collection = statements.plan.collection
        if not isinstance(wire, Mapping):
            return Making(statements, New({}), [NO_OBJECT])
        binding = self.model.bindings[collection.name]
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

    def past_rules(self, collection: str) -> WriteStatements:
        """The statements that planned steps run with: the system's."""
        return self.statements(collection, "update", SYSTEM)


def _bind(statement: Statement, given: Given, filters: tuple[str, ...]) -> list[Any]:
    """The parameters; raises `BadRequest` for a literal that cannot be what stands beside it."""
    try:
        return statement.bind(given)
    except ExpressionError as error:
        if len(filters) == 1:
            raise filter_problem(error, filters[0]) from None
    text = join_filters(filters)  # and once more, so that the place in the whole text is told
    given.literals = lift(text).literals
    try:
        return statement.bind(given)
    except ExpressionError as error:
        raise filter_problem(error, text) from None


def _etag(reading: _Reading, body: str, version: int) -> str:
    """The version and shape of a plain record; the version and a digest of any other body."""
    if reading.plain:
        return f'"{version}-{reading.shape}"'
    return f'"{version}-{digest(body)}"'
