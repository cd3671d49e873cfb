"""The two pipelines, on one page.

    read:   query -> plan -> sql -> engine -> JSON texts, joined
    write:  query -> plan -> sql -> transaction { rows + change } -> commit

Called by `http/` and by `transaction`. Plans and statements are kept by the shape of a query and
the caller's profile; what varies from request to request is bound as parameters.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from . import events
from .declare import Model
from .engines import Ask, Engine, Job
from .errors import Problem
from .mail import Mailer
from .plan.aggregate import plan_aggregate
from .plan.describe import describe_visible
from .plan.policy import Policy
from .plan.read import plan_read
from .plan.resolve import visible_fields
from .plans import Plans
from .query import Actor, AggregateQuery, ReadQuery, WriteQuery
from .reading import Fetch, Groups, One, Page, Reading, bind, lifted, mark_of
from .schema import Field
from .search import asked_words
from .sql.aggregate import compile_aggregate
from .sql.dialect import dialect_of
from .sql.read import compile_one
from .sql.text import Given
from .store.batch import run_batch
from .store.changes import Occasion
from .store.door import Written
from .store.held import Held, held_in
from .store.idempotency import Once, Reply, find, run_once
from .store.judge import not_found
from .store.steps import Steps
from .writing import Writing

T = TypeVar("T")


class Records:
    """Reads and writes the records of one app in one database."""

    def __init__(
        self, model: Model, policy: Policy, engine: Engine, plan_cache: int, longest_filter: int
    ) -> None:
        self.model = model
        self.schema = model.schema
        self.engine = engine
        self.policy = policy
        self.dialect = dialect_of(engine.name)
        self.plans = Plans(model, policy, self.dialect, plan_cache)
        self._writing = Writing(self.plans)
        self._longest_filter = longest_filter
        self.users_changed: Callable[[], None] = _nothing
        self.mailer: Mailer | None = None

    def aside(self) -> Records:
        """The same pipelines with plans that are kept apart, for who looks on at one request."""
        found = copy.copy(self)
        found.plans = copy.copy(self.plans)
        found.plans.by_shape = dict(self.plans.by_shape)
        found._writing = Writing(found.plans)
        return found

    # reading

    async def read_one(self, ask: ReadQuery, actor: Actor, fetch: Fetch | None = None) -> One:
        """One record by key; raises `NotFound` also where the caller may not see it."""
        profile = self.policy.profile(actor)
        shape = ("one", ask.collection, ask.expand, ask.fields, profile)
        reading: Reading = self.plans.by_shape.get(shape) or self._plan_one(shape, ask, actor)
        given = Given(auth=actor.record, key=self.plans.key(ask.collection, ask.key or ""))
        statement = reading.one
        assert statement is not None
        rows = await (fetch or self.engine.anywhere.find)(statement.text, statement.bind(given))
        if not rows:
            raise not_found(reading.plan.collection, ask.key or "")
        body, version = rows[0]
        return One(body, reading.etag(body, version))

    async def read_list(self, ask: ReadQuery, actor: Actor, fetch: Fetch | None = None) -> Page:
        """One page of a list."""
        profile = self.policy.profile(actor)
        filters, literals = lifted(ask.filters, self._longest_filter)
        words = None if ask.q is None else asked_words(ask.q)
        shape = (
            "list", ask.collection, filters, words is None, ask.sort, ask.expand, ask.fields,
            profile,
        )  # fmt: skip
        reading: Reading = self.plans.by_shape.get(shape) or self._plan_list(shape, ask, actor)
        given = Given(literals, ask.params, actor.record, limit=ask.limit + 1, q=words or "")
        mark, nulls = "", None
        if ask.after is not None:
            mark = mark_of(ask, self.schema.fingerprint)
            nulls = reading.seek(ask.after, mark, given)
        statement = reading.pages.get(nulls) or await reading.compile_page(
            nulls, given, ask, fetch or self.engine.fetch
        )
        params = bind(statement, given, ask.filters)
        if not ask.total:
            rows = await (fetch or self.engine.anywhere.fetch)(statement.text, params)
            return reading.page(rows, ask, mark, None)
        total = reading.total()
        count = Ask(total.text, bind(total, given, ask.filters))
        assert fetch is None, "what is read in a transaction has no total"
        rows, counted = await self.engine.anywhere.fetch_together(
            [Ask(statement.text, params), count]
        )
        return reading.page(rows, ask, mark, counted[0][0])

    async def aggregate(self, ask: AggregateQuery, actor: Actor) -> Groups:
        """Groups of records and what they come to."""
        profile = self.policy.profile(actor)
        filters, literals = lifted(ask.filters, self._longest_filter)
        words = None if ask.q is None else asked_words(ask.q)
        shape = (
            "aggregate", ask.collection, filters, words is None, ask.group, ask.count, ask.sum,
            ask.avg, ask.min, ask.max, ask.sort, profile,
        )  # fmt: skip
        statement = self.plans.kept(
            shape,
            lambda: compile_aggregate(plan_aggregate(ask, self.schema, profile), self.dialect),
        )
        given = Given(literals, ask.params, actor.record, limit=ask.limit + 1, q=words or "")
        params = bind(statement, given, ask.filters)
        rows = await self.engine.anywhere.fetch(statement.text, params)
        return Groups([row[0] for row in rows[: ask.limit]], len(rows) > ask.limit)

    def describe(self, actor: Actor) -> Mapping[str, Any]:
        """What this caller may see of the model, as JSON-ready data."""
        profile = self.policy.profile(actor)
        return self.plans.kept(
            ("describe", profile), lambda: describe_visible(self.schema, profile)
        )

    def visible(self, collection: str, actor: Actor) -> Mapping[str, Field]:
        """The fields that a hint to this caller may name."""
        return visible_fields(
            self.schema, self.policy.profile(actor), self.schema.collection[collection]
        )

    def etag_of(self, collection: str, written: Written, actor: Actor) -> str:
        """The ETag that reading the written record would give."""
        shape = ("one", collection, "", "", self.policy.profile(actor))
        reading: Reading = self.plans.by_shape.get(shape) or self._plan_one(
            shape, ReadQuery(collection, written.key), actor
        )
        return reading.etag(written.body or "", written.version)

    def _plan_one(self, shape: object, ask: ReadQuery, actor: Actor) -> Reading:
        reading = self._reading(ask, actor)
        reading.one = compile_one(reading.plan, self.dialect)
        return self.plans.keep(shape, reading)

    def _plan_list(self, shape: object, ask: ReadQuery, actor: Actor) -> Reading:
        return self.plans.keep(shape, self._reading(ask, actor))

    def _reading(self, ask: ReadQuery, actor: Actor) -> Reading:
        plan = plan_read(ask, self.schema, self.policy.profile(actor))
        return Reading(plan, self.dialect, self.schema.fingerprint, self.plans.grown)

    # writing

    async def write(self, ask: WriteQuery, actor: Actor, request: str = "") -> list[Written]:
        """One step of the write door in a transaction of its own, on disk when this returns.

        Inside a block of `app.transaction()` it joins that transaction.
        """
        return await self._run(lambda by: self._writing.job(ask, actor, by), actor, request, [ask])

    async def write_once(
        self, ask: WriteQuery, actor: Actor, request: str, once: Once,
        reply: Callable[[list[Written]], Reply],
    ) -> Reply:  # fmt: skip
        """The same under an idempotency key: its first answer, kept in the same transaction."""

        def keyed(by: Callable[[], Occasion]) -> Job[Reply]:
            return partial(run_once, once, self._writing.job(ask, actor, by), reply)

        return await self._run(keyed, actor, request, [ask])

    async def first_answer(self, once: Once) -> Reply | None:
        """What a key was answered before, if anything."""
        steps = find(once)
        asked = next(steps)
        assert isinstance(asked, Ask)
        try:
            steps.send(await self.engine.find(asked.text, asked.params))
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
                steps.append(self._writing.planned(ask, actor, lambda: moment[0]))
                if isinstance(steps[-1], Problem):
                    break  # it will be refused when the steps before it are done

            kept = self._writing.kept(asks[: len(steps)])

            def run() -> Steps[list[list[Written]]]:
                moment[:] = [by()]
                return run_batch(steps, kept)

            def answered() -> Steps[Reply]:
                return reply((yield from run()))

            return answered if once is None else partial(run_once, once, run, reply)

        return await self._run(together, actor, request, asks)

    async def _run(
        self, make: Callable[[Callable[[], Occasion]], Job[T]], actor: Actor, request: str,
        asks: Sequence[WriteQuery | Problem],
    ) -> T:  # fmt: skip
        """Run a job in a transaction of its own, or in the one that the task is inside of."""
        held = held_in(self.engine)
        if held is not None:
            self.note(held, *(ask.collection for ask in asks if isinstance(ask, WriteQuery)))
            occasion = replace(held.occasion, actor=actor.name)
            return await held.session.run(make(lambda: occasion))
        occasions: list[Occasion] = []  # the last one is that of the try that was committed

        def begun() -> Occasion:
            occasions[:] = [Occasion.now(actor.name, request)]
            return occasions[0]

        done = await self.engine.write(make(begun))
        beside = self.schema.beside_users
        if beside and any(isinstance(a, WriteQuery) and a.collection in beside for a in asks):
            self.users_changed()
            for audited in occasions[0].audited if occasions else ():
                events.emit(audited)
        return done

    def note(self, held: Held, *collections: str) -> None:
        """Remember that a transaction writes to these: what ends with a user ends at its commit."""
        if not self.schema.beside_users.isdisjoint(collections):
            held.committed.append(self.users_changed)


def _nothing() -> None:
    """What follows a change of users where nobody can sign in."""
