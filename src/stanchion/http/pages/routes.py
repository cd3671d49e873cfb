"""Routes of ours that give way to an app's own.

A route of the app that names our path itself wins, wherever it was declared: `/docs`, a mount at
`/docs`. One that merely catches everything, such as a mount at `/` or `/{page}`, does not, or an
app with a single-page front end would lose its health check.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from ..asgi import Scope

Answer = Callable[[Request], Awaitable[Response]]

# a first segment that no app has: what matches it too, matches anything
_NOBODYS = "~stanchion-nobodys-path~"


class OwnRoute(Route):
    """A route of ours in an app."""

    def __init__(self, app: FastAPI, path: str, answer: Answer) -> None:
        async def whole(request: Request) -> Response:
            response = await answer(request)
            if request.method == "HEAD":
                response.body = b""  # its length stays said
            return response

        super().__init__(path, whole, methods=["GET"], include_in_schema=False)
        self.owner = app

    def matches(self, scope: Any) -> tuple[Match, Any]:
        found = super().matches(scope)
        if found[0] is Match.NONE or not self._is_the_apps(scope):
            return found
        return Match.NONE, {}

    def _is_the_apps(self, scope: Scope) -> bool:
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else {**scope}
        decoy = {**asked, "path": _elsewhere(asked)}
        return any(
            route.matches(asked)[0] is Match.FULL and route.matches(decoy)[0] is not Match.FULL
            for route in self.owner.router.routes
            if not isinstance(route, OwnRoute)
        )


def _elsewhere(scope: Scope) -> str:
    """The path of the request with another first segment."""
    root = scope.get("root_path", "")
    path = scope["path"].removeprefix(root)
    rest = path[1:].partition("/")[1:]
    return f"{root}/{_NOBODYS}{''.join(rest)}"
