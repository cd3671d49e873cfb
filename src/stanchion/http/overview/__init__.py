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
from ipaddress import IPv6Address, ip_address
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from ...explain import explain_request
from ...runtime import Runtime
from ..asgi import Scope, header
from ..pages import TEXT_POLICY, page_response
from ..pages.html import Site
from ..pages.routes import OwnRoute
from ..rehearse import answer_with, is_generated
from .facts import Overview
from .html import HOME, WHY, overview_page
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
    app.router.routes.insert(0, _NearRoute(app, WHY + "{request}", pages.why))
    app.router.routes.append(_NearRoute(app, HOME, pages.home))


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
        return _page(overview_page(self._site(request), found, calls))

    async def why(self, request: Request) -> Response:
        """Why one call was answered so, as the app would answer it now."""
        site, name = self._site(request), request.path_params["request"]
        call = self.recorder.find(name)
        if call is None:
            return _page(gone_page(site, name[:100]), status=404)
        if not self._is_explained(call):
            return _page(told_page(site, call, self._command(call)))
        asked = request_of(call)
        records = await self.runtime.records()
        found = await explain_request(asked, records, call.actor, answer_with(asked, self.runtime))
        return _page(why_page(site, call, found, self._command(call)))

    def _command(self, call: Call) -> str:
        return self.command(call) if is_generated(call.path, self.runtime) else ""

    def _is_explained(self, call: Call) -> bool:
        return not call.cut and is_generated(call.path, self.runtime)


def _page(text: str, status: int = 200) -> Response:
    response = page_response(text, TEXT_POLICY, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


class _NearRoute(OwnRoute):
    """A route that is there for a browser on this machine only."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        if scope["type"] != "http" or not is_near(scope):
            return Match.NONE, {}
        return super().matches(scope)


def is_near(scope: Scope) -> bool:
    """Whether a request comes from this machine, by a name of this machine, and from no page of
    another origin."""
    client = scope.get("client")
    host = header(scope, b"host") or ""
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    named = name == "localhost" or name.endswith(".localhost") or _is_loopback(name.strip("[]"))
    return (
        client is not None
        and _is_loopback(str(client[0]))
        and named
        and header(scope, b"origin") is None
    )


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
