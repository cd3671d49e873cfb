"""The routes of passkeys."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from ...auth import OwnPasskey, Passkeys
from ...runtime import Runtime
from . import bodies
from .shared import NO_STORE, AuthRoutes, add_routes


def add_passkeys(router: APIRouter, runtime: Runtime) -> None:
    """Add them where the app lets people have passkeys."""
    policy = runtime.model.sign_in
    if policy is None or not policy.passkeys:
        return
    routes = _PasskeyRoutes(runtime)
    add_routes(
        router,
        (
            ("POST", "/login/passkey/options", routes.ask, 200, bodies.PasskeyAsked),
            ("POST", "/login/passkey", routes.login_passkey, 200, bodies.SessionStarted),
            ("POST", "/proof/passkey", routes.prove_by_passkey, 204, None),
            ("POST", "/passkeys/options", routes.ask_for_new, 200, bodies.PasskeyAsked),
            ("POST", "/passkeys", routes.make_passkey, 201, bodies.PasskeyShown),
            ("GET", "/passkeys", routes.passkeys, 200, bodies.PasskeyList),
            ("PATCH", "/passkeys/{passkey}", routes.rename_passkey, 204, None),
            ("DELETE", "/passkeys/{passkey}", routes.remove_passkey, 204, None),
        ),
    )


class _PasskeyRoutes(AuthRoutes):
    """Passkeys: signing in with them, and one's own."""

    async def _passkeys(self) -> Passkeys:
        found = (await self._gate()).passkeys
        assert found is not None
        return found

    async def ask(self, request: Request, response: Response) -> Any:
        """What a browser is asked before somebody signs in with a passkey, or proves by one who
        they are. Nobody says first who they are."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        response.headers.update(NO_STORE)
        await gate.attempts.ceremony(self._program(request).address)
        asked = await (await self._passkeys()).ask()
        return bodies.PasskeyAsked(ticket=asked.ticket, options=asked.options)

    async def login_passkey(
        self, body: bodies.PasskeyLogin, request: Request, response: Response
    ) -> Any:
        """Sign in with a passkey. Nothing else is asked: it is a device, and what unlocks it."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        program = self._program(request)
        await gate.attempts.ceremony(program.address)
        done = await (await self._passkeys()).enter(body.ticket, body.credential, program)
        return await self._started(done, body.carried, response)

    async def prove_by_passkey(
        self, body: bodies.PasskeyProof, request: Request, response: Response
    ) -> None:
        """Prove again, by a passkey, who holds this session."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        await (await self._passkeys()).prove(actor, body.ticket, body.credential)

    async def ask_for_new(self, request: Request, response: Response) -> Any:
        """What a browser is asked to make a passkey."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        asked = await (await self._passkeys()).ask_for_new(actor)
        return bodies.PasskeyAsked(ticket=asked.ticket, options=asked.options)

    async def make_passkey(
        self, body: bodies.PasskeyMade, request: Request, response: Response
    ) -> Any:
        """Keep the passkey that the browser has made."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        kept = await (await self._passkeys()).keep(
            actor, body.ticket, body.name, body.credential, self._program(request)
        )
        return _shown(kept)

    async def passkeys(self, request: Request, response: Response) -> Any:
        """The passkeys of who asks."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        found = await (await self._passkeys()).listed(actor.name)
        return bodies.PasskeyList(items=[_shown(each) for each in found])

    async def rename_passkey(
        self, passkey: str, body: bodies.PasskeyName, request: Request, response: Response
    ) -> None:
        """Give a passkey of who asks another name."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        await (await self._passkeys()).rename(actor.name, passkey, body.name)

    async def remove_passkey(self, passkey: str, request: Request, response: Response) -> None:
        """Take a passkey of who asks away, unless it is the last way in. All other sessions end."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        await (await self._passkeys()).remove(actor, passkey, self._program(request))


def _shown(passkey: OwnPasskey) -> bodies.PasskeyShown:
    return bodies.PasskeyShown(
        id=passkey.id, name=passkey.name, created=passkey.created, used=passkey.used
    )
