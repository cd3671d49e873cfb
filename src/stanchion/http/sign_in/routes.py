"""The routes of sign-in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response

from ...auth.elsewhere import ROUTES
from ...errors import NotFound
from ...runtime import Runtime
from . import bodies
from .factors import add_factors
from .keys import KeyRoutes
from .mailed import add_mailed
from .pages import add_pages
from .passkeys import add_passkeys
from .providers import add_providers
from .shared import NO_STORE, AuthRoutes, add_routes, cookie, request_id


def add_sign_in(app: FastAPI, runtime: Runtime) -> None:
    """Add the routes to an app that has users."""
    routes, policy = _Routes(runtime), runtime.model.sign_in
    assert policy is not None
    router = APIRouter(prefix=ROUTES, tags=["sign-in"])
    if policy.register != "verified":  # which goes by mail, see mailed
        made = ("POST", "/register", routes.register, 201, bodies.SessionStarted)
        add_routes(router, [made])
    add_routes(
        router,
        (
            ("POST", "/login", routes.login, 200, bodies.SessionStarted | bodies.SecondFactorAsked),
            ("POST", "/logout", routes.logout, 204, None),
            ("GET", "/me", routes.me, 200, bodies.Me),
            ("POST", "/password", routes.change_password, 204, None),
            ("GET", "/sessions", routes.sessions, 200, bodies.SessionList),
            ("DELETE", "/sessions", routes.end_others, 204, None),
            ("DELETE", "/sessions/{session}", routes.end_session, 204, None),
        ),
    )
    add_factors(router, runtime)
    add_passkeys(router, runtime)
    KeyRoutes(runtime).add_to(router)
    add_mailed(router, runtime, policy)
    if policy.providers:
        add_providers(app, router, runtime)
    app.include_router(router)
    add_pages(app, runtime)


class _Routes(AuthRoutes):
    """Accounts, passwords, sessions."""

    async def register(self, body: bodies.Register, request: Request, response: Response) -> Any:
        """Make an account and sign in. Where the app does not allow it, 403."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        program = self._program(request)
        await gate.attempts.registration(program.address)
        fields = body.model_dump(exclude={"carried"}, by_alias=True)
        done = await gate.accounts.register(fields, program, request_id(request))
        return await self._started(done, body.carried, response)

    async def login(self, body: bodies.Login, request: Request, response: Response) -> Any:
        """Sign in with a password. Whatever does not fit, the answer is the same 401. Where the
        account asks for a second factor, the answer has a ticket and no session."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        program = self._program(request)
        await gate.attempts.password(body.email, program.address)
        done = await gate.accounts.login(body.email, body.password, program)
        return await self._started(done, body.carried, response)

    async def logout(self, request: Request, response: Response) -> None:
        """End the session of this request. Nothing happens where there is none."""
        actor = await self._runtime.identify(request.scope)
        if actor.session:
            gate = await self._gate()
            await gate.sessions.end(actor.name, actor.session, self._program(request))
        response.headers.update(NO_STORE)
        response.headers["Clear-Site-Data"] = '"cache"'
        response.headers["Set-Cookie"] = cookie("", 0)

    async def me(self, request: Request, response: Response) -> Any:
        """Who is asking."""
        actor = await self._signed_in(request, keys=True)
        response.headers.update(NO_STORE)
        return bodies.Me(
            user=await self._shown(actor), admin=actor.kind == "admin", session=actor.session,
            key=actor.key or None, scopes=None if actor.scopes is None else sorted(actor.scopes),
        )  # fmt: skip

    async def change_password(
        self, body: bodies.PasswordChange, request: Request, response: Response
    ) -> None:
        """Set another password. All other sessions of this user end; API keys if it says so."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        gate = await self._gate()
        await gate.attempts.own_password(actor.name)
        await gate.accounts.change_password(
            actor, body.current, body.new, self._program(request), end_keys=body.end_keys
        )

    async def sessions(self, request: Request, response: Response) -> Any:
        """The sessions of who asks."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        found = await (await self._gate()).sessions.listed(actor.name)
        return bodies.SessionList(
            items=[
                bodies.SessionShown(
                    id=one.id, current=one.id == actor.session, method=one.method, agent=one.agent,
                    address=one.address, created=one.created, used=one.used, ends=one.ends,
                )
                for one in found
            ]
        )  # fmt: skip

    async def end_others(self, request: Request, response: Response) -> None:
        """End all sessions of who asks, but the one that this request came with."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        await (await self._gate()).sessions.end_others(
            actor.name, actor.session, self._program(request)
        )

    async def end_session(self, session: str, request: Request, response: Response) -> None:
        """End one session of who asks."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        gate = await self._gate()
        if not await gate.sessions.end(actor.name, session, self._program(request)):
            raise NotFound("record.not_found", "You have no session of this id.")
