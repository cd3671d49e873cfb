"""The pages that the links of mails lead to: `/auth/verify` and more.

In: a GET with the token of a link.   Out: a form; its POST does what the link is for.
A GET does nothing, whoever makes it: mail programs fetch links to look for harm. A route of the app
at such a path takes the place of ours, and posts the token to `/api/auth/…` itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from ....auth import Halfway, SignedIn
from ....auth.codes import find_link
from ....errors import Problem
from ..shared import request_id, tell_started
from .entering import EnteringPages
from .page import form_of


@dataclass(frozen=True, slots=True)
class _Words:
    """What a page says; where one goes when all is done, and where there is another link."""

    title: str
    text: str
    button: str
    done: str
    password: bool = False
    then: tuple[str, str] = ("/", "Go on")
    again: str = ""


WORDS = {
    "verify": _Words(
        "Confirm your address", "Choose a password for {email}.", "Confirm and sign in",
        "Your address is confirmed.", password=True, again="/auth/register",
    ),
    "reset": _Words(
        "A new password", "Choose a new password for {email}. You will be signed out everywhere.",
        "Set the password", "Your new password is set. Sign in with it.", password=True,
        then=("/auth/sign-in", "Sign in"), again="/auth/forgot",
    ),
    "email": _Words(
        "Your new address", "From now on you sign in with {email}.", "Use this address",
        "Your address is changed.", then=("/auth/account", "Your account"), again="/auth/account",
    ),
    "link": _Words(
        "Sign in", "Sign in as {email} in this browser.", "Sign in", "You are signed in.",
        again="/auth/code",
    ),
}  # fmt: skip
OWN = _Words(
    "Confirm your address",
    "Confirm that {email} is yours.",
    "Confirm",
    "Your address is confirmed.",
)
ENDED = "auth.link_ended"


class LinkPages(EnteringPages):
    """What answers the routes."""

    def of(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        """What answers one of them."""

        async def answer(request: Request) -> Response:
            if request.method == "POST":
                return await self._do(name, request)
            return await self._show(name, request, request.query_params.get("token", ""))

        return answer

    async def _show(
        self, name: str, request: Request, token: str, refused: Problem | None = None
    ) -> Response:
        """The form; of a link that is good no longer, only that."""
        purposes = ("register", "verify") if name == "verify" else (name,)
        records = await self._runtime.records()
        try:
            code = await find_link(records.engine, token, *purposes)
        except Problem as ended:
            return self._page(request, name, refused=ended)
        actor = await self._runtime.identify(request.scope)
        own = bool(code.user) and actor.name == code.user
        return self._page(request, name, refused=refused, email=code.email, token=token, own=own)

    async def _do(self, name: str, request: Request) -> Response:
        """What the link is for."""
        form = await form_of(request)
        token, password = form.get("token", ""), form.get("password")
        gate = await self._gate()
        program, id = self._program(request), request_id(request)
        done: SignedIn | Halfway | None = None
        try:
            gate.refuse_other_sites(request.scope)
            await gate.attempts.client(program.address)
            match name:
                case "verify":
                    actor = await self._runtime.identify(request.scope)
                    done = await gate.by_mail.verify(token, password, actor, program, id)
                case "reset":
                    await gate.by_mail.reset(token, password, id, program)
                case "email":
                    await gate.by_mail.change_address(token, id)
                case _:
                    done = await gate.by_mail.login_link(token, program, id)
        except Problem as refused:
            if refused.code == ENDED:
                return self._page(request, name, refused=refused)
            return await self._show(name, request, token, refused)
        if isinstance(done, Halfway):
            return await self.enter(request, done, "/")
        response = self._page(request, name, done=True)
        if done is not None:
            tell_started(done)
            response.headers["Set-Cookie"] = await self._cookie_of(done)
        return response

    def _page(
        self, request: Request, name: str, *, refused: Problem | None = None, email: str = "",
        token: str = "", own: bool = False, done: bool = False,
    ) -> Response:  # fmt: skip
        words, policy = WORDS[name], self._runtime.model.sign_in
        assert policy is not None
        if name == "verify" and own:
            words = OWN  # who is signed in keeps their password
        closed = name == "verify" and policy.register != "verified"
        return self.page(
            request, "link.html", words.title, refused=refused, name=name, words=words,
            email=email, token=token, done=done, again="" if closed else words.again,
        )  # fmt: skip
