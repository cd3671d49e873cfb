"""The pages on which people ask for a mail: an account, a new password, a code that signs in.

In: an address.   Out: one answer for every address, whoever has it; the rest is told by mail. The
code of a mail is typed here too, below what the request for it was answered with.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ....auth import Gate
from ....errors import FieldError, Invalid, Problem
from ....relay import is_address
from ..shared import request_id
from .entering import EnteringPages, typed
from .page import form_of, goal_of


class AskingPages(EnteringPages):
    """What answers the routes."""

    async def forgot(self, request: Request) -> Response:
        """A new password for who has forgotten theirs."""
        title = "Forgotten password"
        if request.method != "POST":
            return self.page(request, "forgot.html", title, email="")
        email = (await form_of(request)).get("email", "").strip()
        try:
            gate = await self._asked(request, email)
            await gate.asking.ask_password(email)
        except Problem as refused:
            return self.page(request, "forgot.html", title, refused=refused, email=email)
        return self._sent(request, "reset", email)

    async def ask_account(self, request: Request) -> Response:
        """An account for who has the address; its password is chosen when the mail is there."""
        title, fields = "Make an account", self.fields()
        form = await form_of(request) if request.method == "POST" else None
        if form is None:
            goal = goal_of(request.query_params.get("next", "/"))
            return self.page(request, "register.html", title, fields=fields, given={}, next=goal)
        email = form.get("email", "").strip()
        body = {f["name"]: form[f["name"]] for f in fields if form.get(f["name"])}
        try:
            gate = await self._asked(request, email)
            await gate.attempts.registration(self._program(request).address)
            await gate.asking.ask_account(typed({"email": email, **body}, fields))
        except Problem as refused:
            return self.page(
                request, "register.html", title, refused=refused, fields=fields, given=form,
                next=goal_of(form.get("next", "/")),
            )  # fmt: skip
        return self._sent(request, "register", email)

    async def code(self, request: Request) -> Response:
        """A code by mail, and the place to type it."""
        if request.method != "POST":
            goal = goal_of(request.query_params.get("next", "/"))
            return self._code(request, "", goal)
        form = await form_of(request)
        email, goal = form.get("email", "").strip(), goal_of(form.get("next", "/"))
        if "request" in form:
            return await self._type(request, form, email, goal)
        try:
            gate = await self._asked(request, email)
            text = await gate.asking.ask_code(email)
        except Problem as refused:
            return self._code(request, email, goal, refused=refused)
        return self._code(request, email, goal, text)

    async def _type(
        self, request: Request, form: dict[str, str], email: str, goal: str
    ) -> Response:
        """The code that came with the mail."""
        text, code = form["request"], "".join(form.get("code", "").split())
        gate, program = await self._gate(), self._program(request)
        try:
            gate.refuse_other_sites(request.scope)
            await gate.attempts.client(program.address)
            done = await gate.by_mail.login_code(text, code, program, request_id(request))
        except Problem as refused:
            return self._code(request, email, goal, text, refused)
        return await self.enter(request, done, goal)

    async def _asked(self, request: Request, email: str) -> Gate:
        """Count a mail that is asked for; what is no address is told before."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        if not is_address(email):
            detail = "This is no e-mail address. One looks like ann@example.com."
            mistake = FieldError("/email", "string_pattern_mismatch", detail)
            raise Invalid("body.invalid", "The body breaks the model.", errors=[mistake])
        await gate.attempts.mail(email, self._program(request).address)
        return gate

    def _code(
        self, request: Request, email: str, goal: str, text: str = "",
        refused: Problem | None = None,
    ) -> Response:  # fmt: skip
        """The form for the address; where a mail was asked for, the one for its code."""
        title = "Type the code" if text else "Sign in by mail"
        return self.page(
            request, "code.html", title, refused=refused, email=email, next=goal, asked=text
        )

    def _sent(self, request: Request, what: str, email: str) -> Response:
        """What is said of every address alike."""
        return self.page(request, "mailed.html", "Look into your mail", what=what, email=email)
