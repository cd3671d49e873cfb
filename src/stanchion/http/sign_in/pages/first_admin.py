"""The page on which `dev` lets the first admin be made, behind a link that it prints.

In: the token of the link, an address, a password, what a user must have.   Out: an admin, who is
signed in. Where there is an admin already, the link opens nothing: it is good once.
"""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ....errors import Forbidden, Problem
from ....runtime import Runtime
from .entering import EnteringPages, typed
from .page import FormRoute, form_of

PATH = "/auth/first-admin"


def add_first_admin(app: FastAPI, runtime: Runtime, token: str) -> None:
    """Add the page to an app that has users."""
    app.router.routes.insert(0, FormRoute(app, PATH, _FirstAdmin(app, runtime, token).answer))


class _FirstAdmin(EnteringPages):
    def __init__(self, app: FastAPI, runtime: Runtime, token: str) -> None:
        super().__init__(app, runtime)
        self._token = token

    async def answer(self, request: Request) -> Response:
        """The form, and what becomes of it."""
        posted = request.method == "POST"
        form = await form_of(request) if posted else dict(request.query_params)
        title, fields = "Make the first admin", self.fields()
        shown: dict[str, Any] = {"fields": fields, "given": {}, "token": form.get("token", "")}
        gate, program = await self._gate(), self._program(request)
        try:
            given = form.get("token", "").encode()
            if not hmac.compare_digest(given, self._token.encode()) or (
                await gate.accounts.has_admin()
            ):
                raise _gone()
            if not posted:
                return self.page(request, "first_admin.html", title, **shown)
            gate.refuse_other_sites(request.scope)
            email, password = form.get("email", ""), form.get("password", "")
            said = {f["name"]: form[f["name"]] for f in fields if form.get(f["name"])}
            await gate.accounts.make_admin(email, password, typed(said, fields))
            done = await gate.accounts.login(email, password, program)
        except Problem as refused:
            shown["given"] = {name: form[name] for name in form if name != "password"}
            return self.page(request, "first_admin.html", title, refused=refused, **shown)
        return await self.enter(request, done, "/auth/account")


def _gone() -> Forbidden:
    return Forbidden(
        "auth.link_used", "This link opens nothing.",
        hint="It is good until there is an admin; `stanchion admin create` makes others.",
    )  # fmt: skip
