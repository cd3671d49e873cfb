"""The pages on which people come in: sign in, register, a second factor.

In: a form.   Out: a session and the way to where somebody wanted to go, or the form once more.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ....auth import Halfway, SignedIn
from ....auth.tickets import ticket_ended
from ....errors import Problem
from ..shared import request_id, tell_started
from .page import FormPages, form_of, go, goal_of

KINDS = {"text": "text", "enum": "text", "int": "number", "date": "date"}
"""The types of fields that a form can ask for, and the kind of their input."""


class EnteringPages(FormPages):
    """What answers the routes."""

    async def sign_in(self, request: Request) -> Response:
        """With a password, or with an account elsewhere."""
        title = "Sign in"
        if request.method != "POST":
            goal = goal_of(request.query_params.get("next", "/"))
            return self.page(request, "sign_in.html", title, email="", next=goal)
        form = await form_of(request)
        goal, email = goal_of(form.get("next", "/")), form.get("email", "")
        gate, program = await self._gate(), self._program(request)
        try:
            gate.refuse_other_sites(request.scope)
            await gate.attempts.password(email, program.address)
            done = await gate.accounts.login(email, form.get("password", ""), program)
        except Problem as refused:
            return self.page(
                request, "sign_in.html", title, refused=refused, email=email, next=goal
            )
        return await self.enter(request, done, goal)

    async def second_factor(self, request: Request) -> Response:
        """A code, with the ticket of the first step."""
        if request.method != "POST":
            return go(request, "/auth/sign-in")
        form = await form_of(request)
        goal, ticket = goal_of(form.get("next", "/")), form.get("ticket", "")
        gate, program = await self._gate(), self._program(request)
        try:
            gate.refuse_other_sites(request.scope)
            found = await gate.factors.find_halfway(ticket)
            await gate.attempts.code(found.user if found else "", program.address)
            if found is None:
                raise ticket_ended()
            done = await gate.factors.finish(found, form.get("code", "").strip(), program)
        except Problem as refused:
            return self._ask_code(request, ticket, goal, refused)
        return await self.enter(request, done, goal)

    async def register(self, request: Request) -> Response:
        """Make an account."""
        title = "Make an account"
        fields = self.fields()
        if request.method != "POST":
            goal = goal_of(request.query_params.get("next", "/"))
            return self.page(request, "register.html", title, fields=fields, given={}, next=goal)
        form = await form_of(request)
        goal = goal_of(form.get("next", "/"))
        gate, program = await self._gate(), self._program(request)
        body = {"email": form.get("email", ""), "password": form.get("password", "")}
        body |= {name: form[name] for name in (f["name"] for f in fields) if form.get(name)}
        try:
            gate.refuse_other_sites(request.scope)
            await gate.attempts.registration(program.address)
            done = await gate.accounts.register(typed(body, fields), program, request_id(request))
        except Problem as refused:
            given = {name: value for name, value in form.items() if name != "password"}
            return self.page(
                request, "register.html", title, refused=refused, fields=fields, given=given,
                next=goal,
            )  # fmt: skip
        return await self.enter(request, done, goal)

    async def enter(self, request: Request, done: SignedIn | Halfway, goal: str) -> Response:
        """On to where somebody wanted to go, or to the second factor."""
        if isinstance(done, Halfway):
            return self._ask_code(request, done.ticket, goal, None)
        tell_started(done)
        answer = go(request, self.home() if goal == "/" else goal)
        answer.headers["Set-Cookie"] = await self._cookie_of(done)
        return answer

    def _ask_code(
        self, request: Request, ticket: str, goal: str, refused: Problem | None
    ) -> Response:
        return self.page(
            request, "second_factor.html", "One more step", refused=refused, ticket=ticket,
            next=goal,
        )  # fmt: skip

    def fields(self) -> list[dict[str, Any]]:
        """What an account must have beside an address and a password, as far as people say it
        themselves."""
        users = self._runtime.model.schema.users
        assert users is not None
        return [
            {"name": field.name, "kind": KINDS[field.type.kind], "title": _title(field.name)}
            for field in users.fields
            if not field.system and field.name not in (*users.key, "email")
            and field.type.kind in KINDS and field.required
        ]  # fmt: skip


def typed(body: dict[str, str], fields: list[dict[str, Any]]) -> dict[str, Any]:
    """What a form says as text, as the record has it. What is no number stays a text, and is
    refused as one."""
    numbers = {field["name"] for field in fields if field["kind"] == "number"}
    return {
        name: int(value) if name in numbers and value.lstrip("-").isdecimal() else value
        for name, value in body.items()
    }


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
