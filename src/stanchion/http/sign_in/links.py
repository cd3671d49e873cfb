"""The pages that the links of mails lead to, in every app that has users: `/auth/verify` and more.

In: a GET with the token of a link.   Out: a form; its POST does what the link is for.
A GET does nothing, whoever makes it: mail programs fetch links to look for harm. The pages need no
script. A route of the app at such a path takes the place of ours, and posts the token to
`/api/auth/…` itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ...auth import Halfway, SignedIn
from ...auth.codes import find_link
from ...errors import Invalid, Problem
from ...runtime import Runtime
from ..pages.assets import path_of
from .pages.entering import EnteringPages
from .pages.page import FormRoute
from .shared import AuthRoutes, request_id

POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
LONGEST_FORM = 4_096


@dataclass(frozen=True, slots=True)
class _Words:
    """What a page says."""

    title: str
    text: str
    button: str
    done: str
    password: bool = False


WORDS = {
    "verify": _Words(
        "Confirm your address", "Choose a password for {email}.", "Confirm and sign in",
        "Your address is confirmed.", password=True,
    ),
    "reset": _Words(
        "A new password", "Choose a new password for {email}. You will be signed out everywhere.",
        "Set the password", "Your new password is set. Sign in with it.", password=True,
    ),
    "email": _Words(
        "Your new address", "From now on you sign in with {email}.", "Use this address",
        "Your address is changed.",
    ),
    "link": _Words(
        "Sign in", "Sign in as {email} in this browser.", "Sign in", "You are signed in.",
    ),
}  # fmt: skip
GONE = "This link is good no longer. Ask for another mail."


def add_link_pages(app: FastAPI, runtime: Runtime) -> None:
    """Add them to an app."""
    pages = _LinkPages(app, runtime)
    for name in WORDS:
        app.router.routes.insert(0, FormRoute(app, f"/auth/{name}", pages.of(name)))


class _LinkPages(AuthRoutes):
    """What answers the routes."""

    def __init__(self, app: FastAPI, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._app = app

    def of(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """What answers one of them."""

        async def answer(request: Request) -> Response:
            if request.method == "POST":
                return await self._do(name, request)
            return await self._show(name, request, request.query_params.get("token", ""))

        return answer

    async def _show(
        self, name: str, request: Request, token: str, mistake: str = "", status: int = 200
    ) -> Response:
        """The form; of a link that is good no longer, only that."""
        words = WORDS[name]
        purposes = ("register", "verify") if name == "verify" else (name,)
        records = await self._runtime.records()
        try:
            code = await find_link(records.engine, token, *purposes)
        except Problem:
            return self._page(request, words.title, _paragraph(GONE), 403)
        root = request.scope.get("root_path", "").rstrip("/")
        told = f'<p class="mistake" role="alert">{escape(mistake)}</p>\n' if mistake else ""
        field = (
            '<p><label for="password">Password</label><br>\n<input id="password" name="password" '
            'type="password" autocomplete="new-password" minlength="8" maxlength="256" required>'
            "</p>\n"
            if words.password
            else ""
        )
        body = (
            f"{_paragraph(words.text.format(email=code.email))}{told}"
            f'<form method="post" action="{escape(root)}/auth/{name}">'
            f'\n<input type="hidden" name="token" value="{escape(token)}">\n{field}'
            f'<p><button type="submit">{escape(words.button)}</button></p>\n</form>\n'
        )
        return self._page(request, words.title, body, status)

    async def _do(self, name: str, request: Request) -> Response:
        """What the link is for."""
        words, form = WORDS[name], await _form_of(request)
        token, password = form.get("token", ""), form.get("password")
        gate = await self._gate()
        program, id = self._program(request), request_id(request)
        done: object = None
        try:
            gate.refuse_other_sites(request.scope)
            await gate.attempts.client(program.address)
            match name:
                case "verify":
                    actor = await self._runtime.identify(request.scope)
                    done = await gate.by_mail.verify(token, password, actor, program, id)
                case "reset":
                    await gate.by_mail.reset(token, password, id)
                case "email":
                    await gate.by_mail.change_address(token, id)
                case _:
                    done = await gate.by_mail.login_link(token, program, id)
        except Invalid as refused:
            if not any(error.pointer == "/password" for error in refused.errors):
                return self._page(request, words.title, _paragraph(refused.detail), refused.status)
            return await self._show(name, request, token, refused.errors[0].detail, refused.status)
        except Problem as refused:
            text = GONE if refused.code == "auth.link_ended" else refused.detail
            return self._page(request, words.title, _paragraph(text), refused.status)
        response = self._page(request, words.title, _paragraph(words.done))
        if isinstance(done, SignedIn):
            response.headers["Set-Cookie"] = await self._cookie_of(done)
        elif isinstance(done, Halfway):
            return await EnteringPages(self._app, self._runtime).enter(request, done, "/")
        return response

    def _page(self, request: Request, title: str, body: str, status: int = 200) -> Response:
        root, app = request.scope.get("root_path", "").rstrip("/"), self._app.title
        text = (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<title>{escape(title)} - {escape(app)}</title>\n<link rel="icon" href="data:,">\n'
            f'<link rel="stylesheet" href="{escape(root + path_of("pages.css"))}">\n</head>\n'
            f'<body>\n<header class="bar"><strong>{escape(app)}</strong></header>\n'
            f'<main class="text" id="main">\n<h1>{escape(title)}</h1>\n{body}'
            f'<p><a href="{escape(root)}/">{escape(app)}</a></p>\n</main>\n</body>\n</html>\n'
        )
        headers = {
            "Content-Security-Policy": POLICY,
            "Cache-Control": "no-store",
            # the address holds the token; of this site's own pages the form must say where it is
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(text, status, headers, "text/html; charset=utf-8")


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n"


async def _form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once."""
    raw = (await request.body())[:LONGEST_FORM]
    found = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=8)
    return {name: values[0] for name, values in found.items()}
