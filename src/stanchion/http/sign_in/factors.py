"""The routes of second factors, and of proofs that are given again."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from ...auth.tickets import ticket_ended
from ...runtime import Runtime
from . import bodies
from .shared import NO_STORE, AuthRoutes, add_routes


def add_factors(router: APIRouter, runtime: Runtime) -> None:
    """Add what the app lets people have."""
    routes = _FactorRoutes(runtime)
    policy = runtime.model.sign_in
    add_routes(router, [("POST", "/proof", routes.prove, 204, None)])
    if policy is None or not policy.totp:
        return
    add_routes(
        router,
        (
            ("POST", "/login/code", routes.login_code, 200, bodies.SessionStarted),
            ("GET", "/factors", routes.factors, 200, bodies.FactorList),
            ("POST", "/totp", routes.begin_totp, 200, bodies.AuthenticatorBegun),
            ("POST", "/totp/confirm", routes.confirm_totp, 200, bodies.RecoveryCodes),
            ("DELETE", "/totp", routes.remove_totp, 204, None),
            ("POST", "/recovery-codes", routes.renew_recovery_codes, 200, bodies.RecoveryCodes),
        ),
    )


class _FactorRoutes(AuthRoutes):
    """What an account has beside its password."""

    async def login_code(self, body: bodies.LoginCode, request: Request, response: Response) -> Any:
        """Sign in with the second factor, by the ticket that the first one gave. A wrong code
        leaves the ticket good."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        program = self._program(request)
        ticket = await gate.factors.find_halfway(body.ticket)
        await gate.attempts.code(ticket.user if ticket else "", program.address)
        if ticket is None:
            raise ticket_ended()
        done = await gate.factors.finish(ticket, body.code, program)
        return await self._started(done, body.carried, response)

    async def prove(self, body: bodies.Proof, request: Request, response: Response) -> None:
        """Prove again who holds this session: before what asks for a recent proof."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        gate = await self._gate()
        await gate.attempts.own_password(actor.name)
        if body.code is not None:
            await gate.attempts.code(actor.name, self._program(request).address)
        await gate.proofs.give(actor, body.password, body.code)

    async def factors(self, request: Request, response: Response) -> Any:
        """What the account of who asks has beside its password."""
        actor = await self._signed_in(request)
        response.headers.update(NO_STORE)
        found = await (await self._gate()).factors.shown(actor.name)
        return bodies.FactorList(totp=found.since, recovery_codes=found.recovery_codes)

    async def begin_totp(self, request: Request, response: Response) -> Any:
        """A secret for an authenticator app. Codes are asked for once one is confirmed; until
        then, what was set stays."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        begun = await (await self._gate()).factors.begin(actor)
        return bodies.AuthenticatorBegun(ticket=begun.ticket, secret=begun.secret, uri=begun.uri)

    async def confirm_totp(
        self, body: bodies.Confirmation, request: Request, response: Response
    ) -> Any:
        """Ask for codes of the authenticator from now on. The answer holds ten recovery codes; all
        other sessions end."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        gate = await self._gate()
        await gate.attempts.code(actor.name, self._program(request).address)
        return bodies.RecoveryCodes(
            recovery_codes=await gate.factors.confirm(
                actor, body.ticket, body.code, self._program(request)
            )
        )

    async def remove_totp(self, request: Request, response: Response) -> None:
        """Ask for no code from now on. Recovery codes go, too; all other sessions end."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        await (await self._gate()).factors.remove(actor, self._program(request))

    async def renew_recovery_codes(self, request: Request, response: Response) -> Any:
        """Ten new recovery codes; those before are good for nothing."""
        actor = await self._proven(request)
        response.headers.update(NO_STORE)
        codes = await (await self._gate()).factors.renew_codes(actor, self._program(request))
        return bodies.RecoveryCodes(recovery_codes=codes)
