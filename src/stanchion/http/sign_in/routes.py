"""The routes of sign-in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response

from ...auth import Gate, Program, SignedIn
from ...auth.credentials import COOKIE
from ...errors import NotFound, Unauthorized
from ...query import Actor
from ...runtime import Runtime
from ..clients import client_of
from . import bodies

PREFIX = "/api/auth"
NO_STORE = {"Cache-Control": "no-store"}


def add_sign_in(app: FastAPI, runtime: Runtime) -> None:
    """Add the routes to an app that has users."""
    routes = _Routes(runtime)
    router = APIRouter(prefix=PREFIX, tags=["sign-in"])
    for method, path, answer, status, given in (
        ("POST", "/register", routes.register, 201, bodies.SessionStarted),
        ("POST", "/login", routes.login, 200, bodies.SessionStarted),
        ("POST", "/logout", routes.logout, 204, None),
        ("GET", "/me", routes.me, 200, bodies.Me),
        ("POST", "/password", routes.change_password, 204, None),
        ("GET", "/sessions", routes.sessions, 200, bodies.SessionList),
        ("DELETE", "/sessions", routes.end_others, 204, None),
        ("DELETE", "/sessions/{session}", routes.end_session, 204, None),
    ):
        router.add_api_route(
            path, answer, methods=[method], status_code=status, response_model=given,
            response_model_exclude_none=True, name=f"auth.{answer.__name__}",
        )  # fmt: skip
    app.include_router(router)


class _Routes:
    """What answers the routes of one app. The docstrings are what the document says."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def register(self, body: bodies.Register, request: Request, response: Response) -> Any:
        """Make an account and sign in. Where the app does not allow it, 403."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        program = self._program(request)
        await gate.attempts.registration(program.address)
        fields = body.model_dump(exclude={"carried"}, by_alias=True)
        done = await gate.accounts.register(fields, program, _request_id(request))
        return await self._started(done, body.carried, response)

    async def login(self, body: bodies.Login, request: Request, response: Response) -> Any:
        """Sign in with a password. Whatever does not fit, the answer is the same 401."""
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
            await gate.sessions.end(actor.name, actor.session)
        response.headers.update(NO_STORE)
        response.headers["Clear-Site-Data"] = '"cache"'
        response.headers["Set-Cookie"] = cookie("", 0)

    async def me(self, request: Request, response: Response) -> Any:
        """Who is asking."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        return bodies.Me(
            user=await self._shown(actor), admin=actor.kind == "admin", session=actor.session
        )

    async def change_password(
        self, body: bodies.PasswordChange, request: Request, response: Response
    ) -> None:
        """Set another password. All other sessions of this user end."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        gate = await self._gate()
        await gate.attempts.own_password(actor.name)
        await gate.accounts.change_password(actor, body.current, body.new)

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
        await (await self._gate()).sessions.end_others(actor.name, actor.session)

    async def end_session(self, session: str, request: Request, response: Response) -> None:
        """End one session of who asks."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        if not await (await self._gate()).sessions.end(actor.name, session):
            raise NotFound("record.not_found", "You have no session of this id.")

    # what they share

    async def _gate(self) -> Gate:
        await self._runtime.records()
        assert self._runtime.gate is not None
        return self._runtime.gate

    def _program(self, request: Request) -> Program:
        agent = request.headers.get("user-agent", "")
        printable = "".join(c for c in agent if c.isprintable())
        return Program(printable, client_of(request.scope, self._runtime.settings))

    async def _signed_in(self, request: Request) -> Actor:
        actor = await self._runtime.identify(request.scope)
        if actor.record is None:
            raise Unauthorized(
                "access.sign_in", "Nobody is signed in.",
                hint="Send a bearer token or a session cookie.",
            )  # fmt: skip
        return actor

    async def _shown(self, actor: Actor) -> Any:
        return await (await self._gate()).accounts.shown(actor)

    async def _started(self, done: SignedIn, carried: bodies.Carried, response: Response) -> Any:
        response.headers.update(NO_STORE)
        if carried == "cookie":
            length = timedelta(days=(await self._gate()).policy.session_days)
            response.headers["Set-Cookie"] = cookie(done.token, int(length.total_seconds()))
        shown = await self._shown(done.actor)
        return bodies.SessionStarted(user=shown, token=done.token if carried == "token" else None)


def cookie(token: str, seconds: int) -> str:
    """The header that lets a browser keep a session, or forget it: no script reads it, no other
    host gets it, and it goes over HTTPS or within this machine only."""
    return f"{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"


def _request_id(request: Request) -> str:
    found: str = request.scope.get("stanchion.request", "")
    return found
