"""`App`: a FastAPI application whose data API is generated. Wiring only.

What it wires: `runtime` (model, database, pipelines), the dispatcher for `/api`, the pages, and
FastAPI for everything else, all inside the app's own middleware.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI

from .actors import actor_of
from .changelog import LogReader
from .declare import JobDecorators, JobList, Module, Record
from .declare.once import MarkedRoute, MarkedRoutes
from .declare.rules import caller_origin
from .http.audit import add_audit, note_refusal
from .http.bodies import RecordBodies, refuse_bare_records
from .http.callers import check_requirements, route_scopes, taking_anybody
from .http.dispatch import Dispatcher
from .http.explained import add_explain
from .http.from_here import is_from_here
from .http.front import Front
from .http.idempotent import answer_once
from .http.limited import limited_routes
from .http.openapi import openapi_document
from .http.pages import add_pages
from .http.plain import add_problem_handlers, build_stack
from .http.shadows import refuse_shadowed
from .http.sign_in import add_sign_in
from .jobs import WorkPlan
from .query import SYSTEM, Actor
from .runtime import Runtime
from .settings import Settings
from .transaction import Seed, Transaction, check_seed
from .working import working

R = TypeVar("R", bound=Record)


class App(JobDecorators, MarkedRoutes, FastAPI):
    """A back end: collections, rules, routes and jobs.

    `App("Pizzeria")` is a FastAPI application; FastAPI's own arguments and methods work as its
    documentation says. `settings` replaces those of the environment.
    """

    def __init__(self, title: str, *, settings: Settings | None = None, **fastapi: Any) -> None:
        origin = caller_origin()
        base = Path(origin.file).resolve().parent if origin else Path.cwd()
        self.runtime = Runtime(title, base, settings)
        self.work: WorkPlan | None = None  # none here, unless the command that serves says so
        self._document: dict[str, Any] | None = None
        self._untraced: Any = None
        self._signs_in = False
        fastapi.setdefault("redirect_slashes", False)
        viewers = fastapi.pop("docs_url", "/docs"), fastapi.pop("redoc_url", None)
        super().__init__(title=title, docs_url=None, redoc_url=None, **fastapi)
        self.docs_url, self.redoc_url = viewers  # FastAPI's own would load scripts from elsewhere
        self.router.route_class = MarkedRoute
        self.state.stanchion_once = answer_once
        self.runtime.note_refusal = partial(note_refusal, self.runtime)
        self.runtime.is_from_here = lambda scope: is_from_here(scope, self.runtime.settings)
        add_problem_handlers(self)
        add_pages(self, self.runtime)
        self._wrap_lifespan()

    # declaring

    def _jobs(self) -> JobList:
        return self.runtime.declarations.jobs

    def collection(self, name: str) -> Callable[[type[R]], type[R]]:
        """Make the decorated record class the collection `name`, served at `/api/{name}`."""
        return self.runtime.declarations.collection(name)

    def include(self, module: Module, **router: Any) -> None:
        """Add a module's collections, jobs and routes; `router` is what `include_router` takes."""
        self.runtime.declarations.include(module.declarations)
        self.include_router(module, **router)

    def seed(self, function: Seed) -> Seed:
        """Run the decorated coroutine once in the life of a database, in one transaction past all
        rules, whichever worker opens it first. It may take as long as it needs."""
        self.runtime.seeds.append(check_seed(function))
        return function

    # using

    def transaction(
        self, *, actor: Actor | Record | None = None
    ) -> AbstractAsyncContextManager[Transaction]:
        """A transaction as `actor`: a user's record, `app.system()`, or None for anonymous.

        It takes the writer in arrival order and holds it, for 2 seconds at most. The block's end
        commits; an error that leaves the block takes everything back.
        """
        return self.runtime.transaction(actor_of(actor, self.runtime.model))

    def changes(
        self,
        name: str,
        *collections: type[Record],
        actor: Actor | Record | None = None,
        from_start: bool = False,
    ) -> LogReader:
        """Every change of these collections (of all, if none is named), as `actor` may see it.

        Goes on where the reader `name` was, in whichever process, and waits for more. A change is
        done when the next one is asked for, or by `await changes.done()`; what is not done comes
        again. Those of one record come in order. A new name starts now, or with all that is kept.
        A `Gap` says that some were trimmed. Inside `async with` places are stored in batches.
        """
        wanted = [self.runtime.model.of(each).collection.name for each in collections]
        who = actor_of(actor, self.runtime.model)
        return self.runtime.changes(name, who, collections=wanted, from_start=from_start)

    def system(self) -> Actor:
        """The actor that steps past all rules; for server code only."""
        return SYSTEM

    # serving

    def check(self) -> None:
        """Check every declaration, rule and route; raises `DeclarationError`."""
        assert self.runtime.policy
        if self.runtime.model.sign_in is not None and not self._signs_in:
            self._signs_in = True
            add_sign_in(self, self.runtime)
            add_audit(self, self.runtime)
            add_explain(self, self.runtime)
        RecordBodies.bind(self.runtime)
        refuse_bare_records(self.routes)
        generated = Dispatcher(self.runtime, self.runtime.model.schema, self.router)
        check_requirements(self.routes, self.runtime.policy)
        self.runtime.route_scopes = frozenset(scope for _, _, scope in route_scopes(self.routes))
        refuse_shadowed(self.routes, generated.methods_at)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one ASGI call; FastAPI's own telemetry is asked for once, not at every request."""
        if self._untraced is not None and scope["type"] == "http":
            if self.root_path:
                scope["root_path"] = self.root_path
            scope["app"] = self
            await self._untraced(scope, receive, send)
            return
        await super().__call__(scope, receive, send)
        telemetry = getattr(self, "_native_telemetry", None)  # FastAPI before 0.160 has none
        if self.middleware_stack is not None and not (telemetry and telemetry.enabled()):
            self._untraced = self.middleware_stack

    def build_middleware_stack(self) -> Any:
        """The app's middleware around the dispatcher, and FastAPI behind it."""
        self.check()
        schema = self.runtime.model.schema
        return Front(
            self.runtime.settings,
            build_stack(self, lambda other: Dispatcher(self.runtime, schema, other)),
            self.runtime.drain,
            sheds_load=self.runtime.sheds_load,
        )

    def openapi(self) -> dict[str, Any]:
        """One OpenAPI 3.1 document for the data API and the app's routes."""
        if self._document is None:
            schema, routes = self.runtime.model.schema, self.routes
            self._document = openapi_document(
                super().openapi(),
                schema,
                taking_anybody(routes),
                limited_routes(routes),
                route_scopes(routes),
                keys=self.runtime.has_keys,
            )
        return self._document

    def _wrap_lifespan(self) -> None:
        inner = self.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[Any]:
            self.check()
            try:
                await self.runtime.records()
                async with inner(app) as state, working(self.runtime, self.work):
                    yield state
            finally:
                await self.runtime.close()

        self.router.lifespan_context = lifespan
