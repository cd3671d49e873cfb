"""The page of one's own account: sessions, address, password, second factor, keys, linked accounts.

In: forms of who is signed in.   Out: the page again, with what came of it.
What is shown once only (a key, recovery codes, the secret of an authenticator) is in the answer to
the form itself; everything else ends in a redirect, so that reloading sends nothing twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ....auth import Gate
from ....errors import NotFound, Problem
from ....query import Actor
from ..shared import STATE_LASTS_S, cookie, state_cookie
from .page import HEADERS, FormPages, form_of, go

TOLD = {
    "verification": "A mail with a link is on its way.",
    "email": "A mail with a link is on its way to the new address. Until you open it, the old one "
    "counts.",
    "password": "Your password is another one now. You are signed out everywhere else.",
    "sessions": "Ended.",
    "proof": "Thank you. Go on within ten minutes.",
    "no-authenticator": "No code is asked for any more. You are signed out everywhere else.",
    "keys": "The key opens nothing any more.",
    "identities": "It lets nobody in any more.",
}
BROWSERS = (("Edg", "Edge"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
           ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
"""What stands in the name that a browser gives itself, and what people call it; the first counts,
because they all claim to be those behind it too."""
FormAnswer = Callable[[Request, Actor, dict[str, str]], Awaitable[Response]]


class AccountPages(FormPages):
    """What answers the routes."""

    async def show(self, request: Request) -> Response:
        """The page; who is not signed in goes there first."""
        actor = await self._runtime.identify(request.scope)
        if actor.record is None:
            return go(request, "/auth/sign-in?next=/auth/account")
        return await self._account(
            request, actor, told=TOLD.get(request.query_params.get("told", ""))
        )

    async def sign_out(self, request: Request) -> Response:
        """End this session. By a form alone: a picture on some page must sign nobody out."""
        if request.method != "POST":
            return go(request, "/auth/account")
        actor = await self._runtime.identify(request.scope)
        if actor.session:
            sessions = (await self._gate()).sessions
            await sessions.end(actor.name, actor.session, self._program(request))
        answer = go(request, "/auth/sign-in")
        answer.headers["Set-Cookie"] = cookie("", 0)
        answer.headers["Clear-Site-Data"] = '"cache"'
        return answer

    async def change(self, request: Request) -> Response:
        """One of the forms of the page."""
        changes: dict[str, FormAnswer] = {
            "password": self._password, "sessions": self._sessions, "proof": self._proof,
            "authenticator": self._authenticator, "code": self._code,
            "no-authenticator": self._no_authenticator, "recovery-codes": self._recovery_codes,
            "email": self._email, "verification": self._verification,
            "keys": self._keys, "no-key": self._no_key, "link": self._link, "unlink": self._unlink,
        }  # fmt: skip
        name = request.path_params["what"]
        what = changes.get(name)
        if what is None:
            raise NotFound("route.not_found", "There is no such page.")
        if request.method != "POST":
            return go(request, "/auth/account")
        actor = await self._runtime.identify(request.scope)
        if actor.record is None:
            return go(request, "/auth/sign-in?next=/auth/account")
        form = await form_of(request)
        try:
            return await what(request, actor, form)
        except Problem as refused:
            proving = name == "proof" or refused.code in ("auth.proof_needed", "auth.code_needed")
            begun = None
            if name == "code" and refused.code == "auth.wrong_code":  # it is good for another try
                begun = {part: form.get(part, "") for part in ("ticket", "secret", "uri")}
            return await self._account(
                request, actor, refused=refused, proving=proving, given=form, begun=begun
            )

    async def _account(self, request: Request, actor: Actor, **shown: Any) -> Response:
        gate = await self._gate()
        user = actor.name
        assert actor.record is not None
        given: dict[str, Any] = {
            "told": None,
            "key": None,
            "codes": None,
            "begun": None,
            "refused": None,
            "proving": False,
            "given": {},
            **shown,
        }
        return self.page(
            request, "account.html", "Your account",
            email=actor.record["email"], verified=actor.record["verified"], session=actor.session,
            sessions=await gate.sessions.listed(user),
            keys=await gate.keys.listed(user) if gate.policy.keys else [],
            factors=await gate.factors.shown(user) if gate.policy.totp else None,
            providers=gate.providers.providers if gate.providers else [],
            identities=await gate.providers.linking.listed(user) if gate.providers else [],
            program_of=program_of, scopes=self._scopes(), **given,
        )  # fmt: skip

    def _scopes(self) -> list[str]:
        """Some of what a key can be for, to be imitated."""
        users = self._runtime.model.schema.users
        names = [each.name for each in self._runtime.model.schema.collections if each is not users]
        some = [f"{names[0]}:read", f"{names[0]}:write"] if names else []
        return [*some, *sorted(self._runtime.route_scopes)[:2], "*:read"]

    # the forms

    async def _verification(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        gate = await self._gate()
        assert actor.record is not None
        await gate.attempts.mail(actor.record["email"], self._program(request).address)
        await gate.asking.ask_proof(actor)
        return _done(request, "verification")

    async def _email(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        gate, email = await self._gate(), form.get("email", "")
        await gate.attempts.mail(email, self._program(request).address)
        await gate.attempts.own_password(actor.name)
        await gate.asking.ask_address(actor, email, form.get("known", ""))
        return _done(request, "email")

    async def _password(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        gate = await self._gate()
        await gate.attempts.own_password(actor.name)
        current, new = form.get("current", ""), form.get("new", "")
        await gate.accounts.change_password(actor, current, new, self._program(request))
        return _done(request, "password")

    async def _sessions(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        sessions = (await self._gate()).sessions
        if form.get("id"):
            await sessions.end(actor.name, form["id"], self._program(request))
        else:
            await sessions.end_others(actor.name, actor.session, self._program(request))
        return _done(request, "sessions")

    async def _proof(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        gate = await self._gate()
        await gate.attempts.own_password(actor.name)
        code = form.get("code", "").strip() or None
        if code is not None:
            await gate.attempts.code(actor.name, self._program(request).address)
        await gate.proofs.give(actor, form.get("password", ""), code)
        return _done(request, "proof")

    async def _authenticator(
        self, request: Request, actor: Actor, form: dict[str, str]
    ) -> Response:
        self._runtime.refuse_unless_proven(actor)
        begun = await (await self._gate()).factors.begin(actor)
        return await self._account(request, actor, begun=begun)

    async def _code(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        self._runtime.refuse_unless_proven(actor)
        gate = await self._gate()
        await gate.attempts.code(actor.name, self._program(request).address)
        ticket, code = form.get("ticket", ""), form.get("code", "").strip()
        codes = await gate.factors.confirm(actor, ticket, code, self._program(request))
        return await self._account(request, actor, codes=codes)

    async def _no_authenticator(
        self, request: Request, actor: Actor, form: dict[str, str]
    ) -> Response:
        self._runtime.refuse_unless_proven(actor)
        await (await self._gate()).factors.remove(actor, self._program(request))
        return _done(request, "no-authenticator")

    async def _recovery_codes(
        self, request: Request, actor: Actor, form: dict[str, str]
    ) -> Response:
        self._runtime.refuse_unless_proven(actor)
        codes = await (await self._gate()).factors.renew_codes(actor, self._program(request))
        return await self._account(request, actor, codes=codes)

    async def _keys(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        self._runtime.refuse_unless_proven(actor)
        keys, days = (await self._gate()).keys, form.get("days", "")
        token, key = await keys.make(
            actor, form.get("name", ""), form.get("scopes", "").split(),
            float(days) if days.isdecimal() else 0 if days else None, self._runtime.route_scopes,
            self._program(request),
        )  # fmt: skip
        return await self._account(request, actor, key=(key.name, token))

    async def _no_key(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        await (await self._gate()).keys.end(actor.name, form.get("id", ""), self._program(request))
        return _done(request, "keys")

    async def _link(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        self._runtime.refuse_unless_proven(actor)
        begun = await (await self._providers()).begin(
            form.get("provider", ""), "/auth/account", actor.name
        )
        kept = {**HEADERS, "Set-Cookie": state_cookie(begun.state, STATE_LASTS_S)}
        return RedirectResponse(begun.address, 303, headers=kept)

    async def _unlink(self, request: Request, actor: Actor, form: dict[str, str]) -> Response:
        self._runtime.refuse_unless_proven(actor)
        await (await self._providers()).linking.remove(
            actor, form.get("id", ""), self._program(request)
        )
        return _done(request, "identities")

    async def _providers(self) -> Any:
        gate: Gate = await self._gate()
        if gate.providers is None:
            raise NotFound("auth.no_provider", "This app knows no such provider.")
        return gate.providers


def program_of(agent: str) -> str:
    """A program as people know it.

    >>> program_of("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")
    'Firefox on Linux'
    """
    browser = next((name for word, name in BROWSERS if word in agent), None)
    if browser is None:
        return agent[:60] or "An unknown program"
    system = next((name for word, name in SYSTEMS if word in agent), None)
    return browser if system is None else f"{browser} on {system}"


def _done(request: Request, told: str) -> Response:
    return go(request, f"/auth/account?told={told}")
