"""What the routes of sign-in share: who asks, from where, and how a session is handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from ... import events
from ...auth import Gate, Halfway, Program, SignedIn
from ...auth.credentials import COOKIE
from ...errors import HOW_TO_SIGN_IN, Unauthorized
from ...query import Actor
from ...runtime import Runtime
from ...store.audit import note
from ..clients import client_of
from . import bodies

NO_STORE = {"Cache-Control": "no-store"}
STATE_COOKIE = "__Host-oauth"
STATE_LASTS_S = 600


class AuthRoutes:
    """Routes of one app. The docstrings of those that answer are what the document says."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def _gate(self) -> Gate:
        await self._runtime.records()
        assert self._runtime.gate is not None
        return self._runtime.gate

    def _program(self, request: Request) -> Program:
        agent = request.headers.get("user-agent", "")
        printable = "".join(c for c in agent if c.isprintable())
        network = client_of(request.scope, self._runtime.settings)
        return Program(printable, network, request_id(request))

    async def _signed_in(self, request: Request, *, keys: bool = False) -> Actor:
        """Who is signed in; 401 where nobody is, 403 for an API key unless `keys`."""
        actor = await self._runtime.identify(request.scope, keys=keys)
        if actor.record is None:
            raise Unauthorized(
                "access.sign_in", "Nobody is signed in.",
                hint=HOW_TO_SIGN_IN,
            )  # fmt: skip
        return actor

    async def _proven(self, request: Request) -> Actor:
        """Who asks, with a recent proof that it is them."""
        actor = await self._signed_in(request)
        self._runtime.refuse_unless_proven(actor)
        return actor

    async def _shown(self, actor: Actor) -> Any:
        return await (await self._gate()).accounts.shown(actor)

    async def _started(
        self, done: SignedIn | Halfway, carried: bodies.Carried, response: Response
    ) -> Any:
        """What lets somebody in, or on to the second factor."""
        response.headers.update(NO_STORE)
        if isinstance(done, Halfway):
            return bodies.SecondFactorAsked(second_factor=list(done.ways), ticket=done.ticket)
        tell_started(done)
        if carried == "cookie":
            response.headers["Set-Cookie"] = await self._cookie_of(done)
        shown = await self._shown(done.actor)
        return bodies.SessionStarted(user=shown, token=done.token if carried == "token" else None)

    async def _cookie_of(self, done: SignedIn) -> str:
        """The header that lets a browser keep a new session, for as long as any lasts."""
        length = timedelta(days=(await self._gate()).policy.session_days)
        return cookie(done.token, int(length.total_seconds()))


def add_routes(
    router: APIRouter, listed: Iterable[tuple[str, str, Callable[..., Any], int, Any]]
) -> None:
    """Add routes: the method and the path of each, what answers it, with which status and what."""
    for method, path, answer, status, given in listed:
        router.add_api_route(
            path, answer, methods=[method], status_code=status, response_model=given,
            response_model_exclude_none=True, name=f"auth.{answer.__name__}",
        )  # fmt: skip


def tell_started(done: SignedIn) -> None:
    """Tell the log of a session whose row in the audit log is written."""
    user = done.actor.name
    events.emit(note("session.started", user, done.client.source(user), method=done.method))


def cookie(token: str, seconds: int) -> str:
    """The header that lets a browser keep a session, or forget it: no script reads it, no other
    host gets it, and it goes over HTTPS or within this machine only."""
    return f"{COOKIE}={token}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"


def state_cookie(state: str, seconds: int) -> str:
    """The header that lets a browser remember a way to a provider that it began."""
    return f"{STATE_COOKIE}={state}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"


def request_id(request: Request) -> str:
    found: str = request.scope.get("stanchion.request", "")
    return found
