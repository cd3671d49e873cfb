"""What the pages of sign-in are made with: templates, forms, and the headers of both.

In: a template and what it shows.   Out: a whole page. A form: its fields, each once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ....auth.goals import is_goal
from ....errors import Problem
from ....runtime import Runtime
from ...pages.assets import path_of
from ...pages.routes import OwnRoute
from ..shared import NO_STORE, AuthRoutes

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'{more}; "
    "base-uri 'none'; frame-ancestors 'none'"
)
LONGEST_FORM = 8_192
HEADERS = {
    **NO_STORE,
    # a form must say which site it is of, and no other site learns where people were
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class FormRoute(OwnRoute):
    """A page whose form posts to itself."""

    def __init__(
        self, app: FastAPI, path: str, answer: Callable[[Request], Awaitable[Response]]
    ) -> None:
        super().__init__(app, path, answer)
        self.methods = {"GET", "HEAD", "POST"}


class FormPages(AuthRoutes):
    """Pages of one app."""

    def __init__(self, app: FastAPI, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._app = app

    def page(
        self, request: Request, template: str, title: str, *,
        refused: Problem | None = None, status: int = 200, **shown: Any,
    ) -> Response:  # fmt: skip
        """A page. What was refused is told at the top, and beside the fields that it names."""
        policy = self._runtime.model.sign_in
        assert policy is not None
        root = root_of(request)
        mistakes = {} if refused is None else _by_field(refused)
        text = _templates().get_template(template).render(
            root=root, app=self._app.title, title=title, css=root + path_of("pages.css"),
            theme=policy.css, policy=policy, refused=refused, mistakes=mistakes, **shown,
        )  # fmt: skip
        # providers are reached by a redirect from a form of ours
        found = [provider.issuer for provider in policy.providers]
        more = "".join(f" {issuer.partition('://')[0]}:" for issuer in found[:1])
        headers = {**HEADERS, "Content-Security-Policy": POLICY.format(more=more)}
        status = status if refused is None else refused.status
        headers |= {} if refused is None else refused.headers
        return Response(text, status, headers, "text/html; charset=utf-8")


def root_of(request: Request) -> str:
    """The path below which the app stands."""
    found: str = request.scope.get("root_path", "")
    return found.rstrip("/")


def goal_of(text: str) -> str:
    """Where to go then: what a link said, if that is a place of this app."""
    return text if is_goal(text) else "/"


def go(request: Request, path: str) -> RedirectResponse:
    """Send the browser to a path of this app."""
    return RedirectResponse(root_of(request) + path, 303, headers=HEADERS)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once; what is longer than any form of ours is cut."""
    raw = (await request.body())[:LONGEST_FORM]
    found = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=40)
    return {name: values[0] for name, values in found.items()}


def _by_field(refused: Problem) -> Mapping[str, str]:
    """The mistakes of a body, by the field they are at."""
    return {
        error.pointer[1:]: error.detail for error in refused.errors if error.pointer is not None
    }


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # where pages are shown only

    return Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
