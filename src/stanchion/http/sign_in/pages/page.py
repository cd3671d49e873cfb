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
from starlette.routing import Match

from ....auth.goals import is_goal
from ....errors import Problem
from ....runtime import Runtime
from ...clients import scheme_of
from ...overview.mails import MAIL
from ...pages.assets import path_of
from ...pages.html import prose
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


REASONS = {
    "auth.other_site": ("", "Open this page anew, and try once more."),
    "auth.proof_needed": (
        "This is done only for who has shown a moment ago that it is them.",
        "Give your password below, or sign out and in again; then try once more.",
    ),
    "auth.code_needed": ("", "Give both below."),
    "auth.ticket_ended": ("This took too long, or is done already.", "Sign in once more."),
    "limit.exceeded": ("This was tried too often.", ""),
    "limit.uncounted": ("", "Try again in a minute."),
}
"""What people are told, and what they can do, where a problem speaks to programs."""


class FormRoute(OwnRoute):
    """A page whose form posts to itself."""

    def __init__(
        self, app: FastAPI, path: str, answer: Callable[[Request], Awaitable[Response]]
    ) -> None:
        super().__init__(app, path, answer)
        self.methods = {"GET", "HEAD", "POST"}

    def matches(self, scope: Any) -> tuple[Match, Any]:
        """As always; the audit log names refusals by their route."""
        found, more = super().matches(scope)
        return found, {**more, "route": self}


class FormPages(AuthRoutes):
    """Pages of one app."""

    def __init__(self, app: FastAPI, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._app = app

    def page(
        self, request: Request, template: str, title: str, *,
        refused: Problem | None = None, status: int = 200, **shown: Any,
    ) -> Response:  # fmt: skip
        """A page. What was refused is told at the top, beside the fields that it names, and to the
        audit log, as where it is answered as JSON."""
        if refused is not None:
            self._runtime.refused(request.scope, refused)
        policy = self._runtime.model.sign_in
        assert policy is not None
        root = root_of(request)
        mistakes = {} if refused is None else _by_field(refused)
        text = _templates().get_template(template).render(
            root=root, app=self._app.title, title=title, css=root + path_of("pages.css"),
            theme=policy.css, policy=policy, refused=refused, mistakes=mistakes, labels={},
            reason=reason_of(refused), home=self.home(), unkept=self._is_unkept(request),
            mails=self._runtime.mailer.is_on, mail_kept=self._mail_kept(), **shown,
        )  # fmt: skip
        # providers are reached by a redirect from a form of ours
        found = [provider.issuer for provider in policy.providers]
        more = "".join(f" {issuer.partition('://')[0]}:" for issuer in found[:1])
        headers = {**HEADERS, "Content-Security-Policy": POLICY.format(more=more)}
        status = status if refused is None else refused.status
        headers |= {} if refused is None else refused.headers
        return Response(text, status, headers, "text/html; charset=utf-8")

    def home(self) -> str:
        """Where people go who wanted nothing in particular: the page that the app has at `/`, or
        else their account."""
        asked = {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []}
        routes = (route for route in self._app.router.routes if not isinstance(route, OwnRoute))
        found = any(route.matches(asked)[0] is Match.FULL for route in routes)
        return "/" if found else "/auth/account"

    def _is_unkept(self, request: Request) -> bool:
        """Whether a browser would not keep the cookie of a session: it came without TLS, and from
        another machine, to whose pages browsers do not say where a request is from."""
        settings = self._runtime.settings
        return not (
            "sec-fetch-site" in request.headers
            or settings.public_url.startswith("https:")
            or scheme_of(request.scope, settings) == "https"
        )

    def _mail_kept(self) -> str:
        """Where mails can be looked at that `dev` keeps; empty where they are sent."""
        runtime = self._runtime
        kept = runtime.in_dev and runtime.mailer.is_on and not runtime.mailer.is_sent
        return MAIL if kept else ""


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


def reason_of(refused: Problem | None) -> str:
    """What is wrong and what to do, in words for people."""
    if refused is None:
        return ""
    detail, hint = REASONS.get(refused.code, ("", ""))
    if refused.code == "limit.exceeded":
        minutes = -(-int(refused.headers["Retry-After"]) // 60)
        hint = "Try again in a minute." if minutes == 1 else f"Try again in {minutes} minutes."
    return f"{detail or refused.detail} {hint or refused.hint or ''}".strip()


def _by_field(refused: Problem) -> Mapping[str, str]:
    """The mistakes of a body, by the field that they are in."""
    found: dict[str, str] = {}
    for error in refused.errors:
        name = (error.pointer or "").strip("/").partition("/")[0]
        found[name] = f"{found[name]} {error.detail}" if name in found else error.detail
    return found


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # where pages are shown only

    made = Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.do"],
    )  # fmt: skip
    made.filters["prose"] = prose  # escapes, so what it makes is `safe`
    return made
