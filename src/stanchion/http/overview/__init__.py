"""What `dev` shows at `/`: what runs, and why the last calls were refused or slow.

In: an app, its facts, and what the recorder kept.   Out: two routes and a whole page each, without
a script. Used by `dev` alone; nothing of it is in a server of production.

The pages tell of rules and hold texts of requests, so they are for the person at this machine: a
caller from elsewhere, another host's name (which a foreign site may have pointed at this machine)
and a script of another origin find nothing here. At `/` every route of the app goes first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ...explain import explain_request
from ...runtime import Runtime
from ..pages.html import Site
from ..rehearse import answer_with, is_generated
from .facts import Overview
from .html import HOME, WHY, overview_page
from .near import NearRoute, is_near, near_page
from .recorder import Call, Recorder, request_of
from .why import gone_page, told_page, why_page

__all__ = ["HOME", "WHY", "add_overview", "is_near"]


def add_overview(
    app: FastAPI,
    runtime: Runtime,
    recorder: Recorder,
    overview: Callable[[], Overview],
    command: Callable[[Call], str],
) -> None:
    """Add the pages to an app. `command` is what explains a call in a shell."""
    pages = _Pages(app, runtime, recorder, overview, command)
    # the first of them stands before what catches everything, the other behind all of the app's
    app.router.routes.insert(0, NearRoute(app, WHY + "{request}", pages.why))
    app.router.routes.append(NearRoute(app, HOME, pages.home))


class _Pages:
    """What answers the routes."""

    def __init__(
        self,
        app: FastAPI,
        runtime: Runtime,
        recorder: Recorder,
        overview: Callable[[], Overview],
        command: Callable[[Call], str],
    ) -> None:
        self.app = app
        self.runtime = runtime
        self.recorder = recorder
        self.overview = overview
        self.command = command

    def _site(self, request: Request) -> Site:
        root = request.scope.get("root_path", "").rstrip("/")
        return Site.of(self.app, root, HOME)

    async def home(self, request: Request) -> Response:
        """What runs."""
        calls = [(call, self._is_explained(call)) for call in self.recorder.calls]
        # in a thread, because it plans lists of every collection when it is asked first
        found = await asyncio.to_thread(self.overview)
        return near_page(overview_page(self._site(request), found, calls))

    async def why(self, request: Request) -> Response:
        """Why one call was answered so, as the app would answer it now."""
        site, name = self._site(request), request.path_params["request"]
        call = self.recorder.find(name)
        if call is None:
            return near_page(gone_page(site, name[:100]), status=404)
        if not self._is_explained(call):
            return near_page(told_page(site, call, self._command(call)))
        asked = request_of(call)
        records = await self.runtime.records()
        found = await explain_request(asked, records, call.actor, answer_with(asked, self.runtime))
        return near_page(why_page(site, call, found, self._command(call)))

    def _command(self, call: Call) -> str:
        return self.command(call) if is_generated(call.path, self.runtime) else ""

    def _is_explained(self, call: Call) -> bool:
        return not call.cut and is_generated(call.path, self.runtime)
