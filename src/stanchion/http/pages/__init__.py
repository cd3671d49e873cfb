"""Pages and probes of ours: health, readiness, the OpenAPI document, its viewer, the errors.

In: an app and its runtime.   Out: routes in the app, each of which gives way to an app's own.
`html` renders, `assets` are the files, `routes` says who wins. `/docs` loads nothing from outside,
and its policy would not let it.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ... import events
from ...errors import NotFound, Unavailable, did_you_mean
from ...problems import CATALOGUE, FAMILIES, PAGES, Entry, example_of
from ...runtime import Runtime
from ..preference import takes_gzip, weight
from .assets import FILES, Packed, load, mark_of, type_of
from .html import Site, entry_page, index_page, unknown_page, viewer_page
from .routes import OwnRoute

_CLOSED = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
TEXT_POLICY = f"default-src 'none'; style-src 'self'; img-src data:; {_CLOSED}"
VIEWER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    f"connect-src 'self'; {_CLOSED}"
)
FOREVER = "public, max-age=31536000, immutable"


def add_pages(app: FastAPI, runtime: Runtime) -> None:
    """Add what every app has beside its data and its own routes."""
    pages = _Pages(app, runtime)
    if app.openapi_url:
        # FastAPI's own route would render the document anew for every request
        app.router.routes[:] = [
            r for r in app.router.routes if getattr(r, "path", None) != app.openapi_url
        ]
        app.router.routes.append(OwnRoute(app, app.openapi_url, pages.document))
        for viewer in filter(None, (app.docs_url, app.redoc_url)):
            app.router.routes.append(OwnRoute(app, viewer, pages.viewer))
    for path, answer in (
        (PAGES.rstrip("/"), pages.errors),
        (PAGES + "{code}", pages.error),
        ("/docs/assets/{mark}/{name}", pages.asset),
        ("/health", pages.health),
        ("/ready", pages.ready),
    ):
        app.router.routes.append(OwnRoute(app, path, answer))


class _Pages:
    """What answers the routes of one app."""

    def __init__(self, app: FastAPI, runtime: Runtime) -> None:
        self.app = app
        self.runtime = runtime
        self._documents: dict[str, Packed] = {}

    def _site(self, request: Request) -> Site:
        root = request.scope.get("root_path", "").rstrip("/")
        return Site.of(self.app, root)

    # probes

    async def health(self, request: Request) -> Response:
        """Alive: the process answers. Never touches the database."""
        return _probe()

    async def ready(self, request: Request) -> Response:
        """Able to serve: the database answers and its schema fits."""
        try:
            fits = await self.runtime.ready()
        except Unavailable as error:
            raise Unavailable("server.not_ready", error.detail, hint=error.hint) from error
        except Exception as error:  # a probe: whatever is wrong with the database, the answer is no
            failed = request.scope.get("stanchion.request", "")
            events.emit(events.RequestFailed(failed, request.method, request.url.path, error))
            raise Unavailable("server.not_ready", "The database cannot be used.") from error
        if not fits:
            raise Unavailable("server.not_ready", "The database does not match the code.")
        return _probe()

    # the API

    async def document(self, request: Request) -> Response:
        """The OpenAPI document, rendered once for each root path that the app is served at."""
        root = request.scope.get("root_path", "").rstrip("/")
        packed = self._documents.get(root)
        if packed is None:
            packed = Packed.of(_render(self._at(root)))
            if len(self._documents) < 8:
                self._documents[root] = packed
        headers = {"Cache-Control": "no-cache"}
        return _packed(request, packed, "application/json", headers)

    def _at(self, root: str) -> dict[str, Any]:
        """The document as FastAPI would serve it below a root path."""
        document = self.app.openapi()
        servers = document.get("servers", [])
        if not root or not self.app.root_path_in_servers or root in {s.get("url") for s in servers}:
            return document
        return {**document, "servers": [{"url": root}, *servers]}

    async def viewer(self, request: Request) -> Response:
        """The document for people."""
        return page_response(viewer_page(self._site(request)), VIEWER_POLICY)

    async def asset(self, request: Request) -> Response:
        """A file that a page loads; its path changes with its content."""
        name, mark = request.path_params["name"], request.path_params["mark"]
        if name not in FILES or mark != mark_of(name):
            raise NotFound("route.not_found", f"Nothing is at {request.url.path[:200]}.")
        headers = {"Cache-Control": FOREVER}
        return _packed(request, await load(name), type_of(name), headers)

    # the errors

    async def errors(self, request: Request) -> Response:
        """Every code."""
        if _wants_json(request):
            items = [
                {"family": family.name, **_brief(entry)}
                for family in FAMILIES
                for entry in family.entries
            ]
            return JSONResponse({"items": items}, headers={"Vary": "Accept"})
        return page_response(index_page(self._site(request)), TEXT_POLICY)

    async def error(self, request: Request) -> Response:
        """One code."""
        code = request.path_params["code"][:100]
        entry = CATALOGUE.get(code)
        if _wants_json(request):
            if entry is None:
                raise NotFound(
                    "route.not_found",
                    f"{code!r} is none of Stanchion's codes.",
                    hint=did_you_mean(code, CATALOGUE) or "It may be one of the app's own.",
                )
            return JSONResponse(_whole(entry), headers={"Vary": "Accept"})
        if entry is None:
            return page_response(unknown_page(self._site(request), code), TEXT_POLICY, status=404)
        return page_response(entry_page(self._site(request), entry), TEXT_POLICY)


def _probe() -> Response:
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


def _brief(entry: Entry) -> dict[str, Any]:
    return {"code": entry.code, "status": entry.status, "title": entry.title}


def _whole(entry: Entry) -> dict[str, Any]:
    return {
        **_brief(entry),
        "meaning": entry.meaning,
        "way_out": entry.way_out,
        "example": example_of(entry),
    }


def _render(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def page_response(text: str, policy: str, status: int = 200) -> Response:
    """A page that loads nothing but what its policy names."""
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(text, status, headers, "text/html; charset=utf-8")


def _packed(request: Request, packed: Packed, kind: str, headers: dict[str, str]) -> Response:
    """Compressed for whoever takes it."""
    headers = {**headers, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return Response(packed.gzipped, headers=headers, media_type=kind)
    return Response(packed.plain, headers=headers, media_type=kind)


def _wants_json(request: Request) -> bool:
    """Whether the caller likes JSON better than HTML."""
    accept = request.headers.get("accept", "*/*")
    json_weight = max(weight(accept, k) for k in ("application/json", "application/problem+json"))
    return json_weight > weight(accept, "text/html")
