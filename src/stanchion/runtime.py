"""What runs behind an app: its frozen model, its database, its pipelines.

Opened by whichever comes first: the server's lifespan, a request, or a transaction, so that an
app that is mounted, imported by a script or tested in memory works alike.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from . import events
from .auth import Gate, refuse_unless_proven
from .auth.elsewhere import open_providers
from .auth.letters import LetterWriter, letters_kind
from .auth.proofs import MINUTES
from .changelog import LogReader, open_reader
from .chores import Chores
from .declare import Declarations, Model, UserRecord, build_model
from .drain import Drain
from .engines import Engine, database_gone, foreign_database
from .engines.opening import open_engine
from .errors import Problem
from .limits import Limiter
from .mail import Mailer
from .mail.mailer import MailPlace
from .migrate import Difference, OtherDatabase, prepare
from .plan.policy import Policy, compile_policy
from .plan.scopes import no_key_here
from .query import ANONYMOUS, SYSTEM, Actor
from .records import Records
from .settings import DatabaseURL, Settings
from .store.held import held_in
from .transaction import Seed, Transaction, open_transaction, plant


class Runtime:
    """One app's data side. `change_schema` lets it apply safe differences when it opens; `alone`
    says that no other process serves the database, `in_dev` that this is `dev`, a test or a
    command, in which secrets need no key of the operator's; `sheds_load` turns requests away while
    the event loop is late. WHY-NOT always: the loop of a test or a script is late because of what
    it does itself."""

    def __init__(self, title: str, base: Path, settings: Settings | None) -> None:
        self.title = title
        self.base = base
        self.declarations = Declarations()
        self.seeds: list[Seed] = []
        self.change_schema = False
        self.sheds_load = False
        self.alone = False
        self.in_dev = False
        self.test_actor: Actor | None = None
        self.applied: list[Difference] = []
        self.drain = Drain()
        self.limiter = Limiter(self)
        self.mail_place = MailPlace()
        self.mailer = Mailer(title, base, lambda: self.settings, self.mail_place)
        self._settings = settings
        self._model: Model | None = None
        self._policy: Policy | None = None
        self._engine: Engine | None = None
        self._records: Records | None = None
        self.gate: Gate | None = None
        self.route_scopes: frozenset[str] = frozenset()  # what routes ask of API keys
        self.is_from_here: Callable[[MutableMapping[str, Any]], bool] = lambda _: False
        self.note_refusal: Callable[[MutableMapping[str, Any], Problem], None] = _nothing
        self._planting: Records | None = None
        self._chores = Chores()
        self._opening: tuple[object, asyncio.Lock] | None = None

    @property
    def settings(self) -> Settings:
        """The settings, read from the environment when they are first asked for."""
        if self._settings is None:
            self._settings = Settings.from_environment()
        return self._settings

    @property
    def database(self) -> DatabaseURL:
        """Where the data is."""
        return DatabaseURL.parse(self.settings.database_url, base=self.base)

    @property
    def model(self) -> Model:
        """Everything that was declared; the first call freezes it. Raises `DeclarationError`."""
        if self._model is None:
            jobs = self.declarations.jobs.declared
            if self.has_mails:
                jobs = [*jobs, self.mailer.kind, letters_kind(self._letters)]
            self._model = build_model(self.title, self.declarations.declared, jobs)
        return self._model

    @property
    def has_keys(self) -> bool:
        """Whether users make API keys."""
        return self.model.sign_in is not None and self.model.sign_in.keys

    async def _letters(self) -> LetterWriter:
        await self.records()
        assert self.gate is not None
        return self.gate.letters

    @property
    def has_mails(self) -> bool:
        """Whether the app writes mails: it has templates, or users to write to."""
        users = any(issubclass(each.record, UserRecord) for each in self.declarations.declared)
        return users or self.mailer.templates.has_own

    @property
    def record_names(self) -> frozenset[str]:
        """The names of the record classes."""
        return frozenset(binding.record.__name__ for binding in self.model.bindings.values())

    @property
    def policy(self) -> Policy:
        """The checked rules. Raises `DeclarationError`."""
        if self._policy is None:
            self._policy = compile_policy(self.model.schema)
        return self._policy

    @property
    def engine(self) -> Engine:
        """The database."""
        if self._engine is None:
            self._engine = open_engine(self.database, self.settings)
        return self._engine

    @property
    def opened(self) -> Records | None:
        """The pipelines, if the database is open already."""
        return self._records

    async def records(self) -> Records:
        """The pipelines; the first call opens the database, applies the schema and seeds it."""
        if self._records is not None:
            return self._records
        if self._planting is not None and held_in(self._planting.engine) is not None:
            return self._planting  # a seed that opens a transaction joins its own
        async with self._lock():
            if self._records is None:
                try:
                    await self._open()
                except BaseException:  # a connection that nobody closes outlives its event loop
                    await self.close()
                    raise
        assert self._records is not None
        return self._records

    async def opened_engine(self) -> Engine:
        """The database, opened on first use."""
        return (await self.records()).engine

    def _lock(self) -> asyncio.Lock:
        """A lock of the running event loop; a test may use several loops, one after the other."""
        loop = asyncio.get_running_loop()
        if self._opening is None or self._opening[0] is not loop:
            self._opening = (loop, asyncio.Lock())
        return self._opening[1]

    async def _open(self) -> None:
        records = Records(
            self.model, self.policy, self.engine,
            self.settings.plan_cache, self.settings.filter_limit,
        )  # fmt: skip
        records.mailer = self.mailer
        self.limiter.open()
        await self.engine.open()
        started = time.perf_counter_ns()
        try:
            self.applied = await prepare(self.engine, self.model.schema, change=self.change_schema)
        except OtherDatabase as other:
            raise foreign_database(self.database.shown, other.tables) from None
        if self.applied:
            took = (time.perf_counter_ns() - started) // 1000
            events.emit(events.SchemaApplied(tuple(str(d) for d in self.applied), took))
        self._planting = records
        try:
            for seed in self.seeds:
                await plant(records, seed)
        finally:
            self._planting = None
        if self.model.sign_in is not None:
            policy = self.model.sign_in
            self.gate = Gate(
                records, policy, self.limiter, self.is_from_here, self.settings,
                in_dev=self.in_dev,
            )  # fmt: skip
            self.gate.providers = open_providers(records, self.gate, policy, self.settings)
            if not self.in_dev:
                await self.gate.factors.seal_anew()
        self._records = records
        more = () if self.gate is None else (self.gate.trail.run(),)
        self._chores.start(self.engine, self.settings, *more)

    async def identify(self, scope: MutableMapping[str, Any], *, keys: bool = False) -> Actor:
        """Who is asking. What a caller who showed who he is gets is noted to be for him alone.

        Raises `Unauthorized` for a bearer token that opens nothing, and `Forbidden` for an API key
        where `keys` does not say that scopes are looked at.
        """
        actor = self.test_actor
        if actor is None:
            if self._records is None:
                await self.records()
            actor = ANONYMOUS if self.gate is None else await self.gate.identify(scope)
        if actor is not ANONYMOUS:
            scope[PRIVATE] = True
            scope[CALLER] = actor
        if actor.scopes is not None and not keys:
            raise no_key_here()
        return actor

    def refuse_unless_proven(self, actor: Actor, minutes: float = MINUTES) -> None:
        """Raise 403 unless whoever asks has proven within these minutes who they are. Who is said
        to ask by a test has."""
        if actor is not self.test_actor:
            refuse_unless_proven(actor, minutes)

    def refused(self, scope: MutableMapping[str, Any], problem: Problem) -> None:
        """Take note of a request that is answered with a problem."""
        if problem.status in TURNED_AWAY:
            self.note_refusal(scope, problem)

    async def ready(self) -> bool:
        """Whether requests can be served: the database answers and its schema fits. Raises
        `Unavailable` where its file is gone."""
        records = await self.records()
        if records.engine.missing() is not None:
            raise database_gone()
        rows = await records.engine.find("select fingerprint from _schema where id=1", ())
        return bool(rows) and rows[0][0] == self.model.schema.fingerprint

    async def close(self) -> None:
        """Finish the writes under way and disconnect; the next use opens again."""
        self._records = None
        self._chores.stop()
        if self.gate is not None:
            await self.gate.close()
            self.gate = None
        await self.limiter.close()
        if self._engine is not None:
            await self._engine.close()
            self._engine = None

    @asynccontextmanager
    async def transaction(self, actor: Actor) -> AsyncIterator[Transaction]:
        """See `App.transaction`."""
        async with open_transaction(await self.records(), actor, current_request.get()) as tx:
            yield tx

    def changes(
        self, name: str, actor: Actor = SYSTEM, *, collections: Sequence[str] = (),
        from_start: bool = False,
    ) -> LogReader:  # fmt: skip
        """See `App.changes`; the database is opened when the first change is asked for."""
        return open_reader(name, self.records, actor, collections, from_start=from_start)


def _nothing(scope: MutableMapping[str, Any], problem: Problem) -> None:
    """What an app does with refusals that has no users."""


TURNED_AWAY = (401, 403, 429)
"""Answers that the audit log may tell of."""

PRIVATE = "stanchion.private"
"""In the scope of a request whose caller showed who he is: its answer is for nobody else."""

CALLER = "stanchion.caller"
"""In the scope of the same: who he is, for what is told of a refusal."""

current_request: ContextVar[str] = ContextVar("stanchion_request", default="")
"""The id of the request that the running code belongs to."""
