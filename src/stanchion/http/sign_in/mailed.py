"""The routes of sign-in by mail. Those that ask for one answer every address alike, 202."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from ...auth import Gate
from ...declare import SignIn
from ...runtime import Runtime
from . import mail_bodies as bodies
from .bodies import SecondFactorAsked, SessionStarted
from .shared import NO_STORE, AuthRoutes, add_routes, request_id


def add_mailed(router: APIRouter, runtime: Runtime, policy: SignIn) -> None:
    """Add them to those of an app."""
    routes = _MailRoutes(runtime)
    if policy.register == "verified":
        add_routes(router, [("POST", "/register", routes.ask_account, 202, bodies.MailSent)])
    add_routes(
        router,
        (
            ("POST", "/verification", routes.ask_verification, 202, bodies.MailSent),
            ("POST", "/verify", routes.verify, 200, SessionStarted),
            ("POST", "/reset", routes.ask_reset, 202, bodies.MailSent),
            ("POST", "/reset/confirm", routes.reset, 204, None),
            ("POST", "/email", routes.ask_email, 202, bodies.MailSent),
            ("POST", "/email/confirm", routes.change_email, 204, None),
        ),
    )
    if policy.codes_by_mail:
        entered = SessionStarted | SecondFactorAsked
        add_routes(
            router,
            (
                ("POST", "/code", routes.ask_code, 202, bodies.CodeSent),
                ("POST", "/code/confirm", routes.login_code, 200, entered),
                ("POST", "/link", routes.login_link, 200, entered),
            ),
        )


class _MailRoutes(AuthRoutes):
    """What people do with their address."""

    async def ask_account(
        self, body: bodies.AccountAsked, request: Request, response: Response
    ) -> Any:
        """Ask for an account. The mail brings a link with which the password is chosen; who has an
        account already is told so by mail."""
        gate = await self._asked(request, response, body.email)
        await gate.attempts.registration(self._program(request).address)
        await gate.asking.ask_account(body.model_dump())
        return bodies.MailSent()

    async def ask_verification(self, request: Request, response: Response) -> Any:
        """Ask for a link that proves one's own address."""
        actor = await self._signed_in(request)
        assert actor.record is not None
        gate = await self._asked(request, response, actor.record["email"])
        await gate.asking.ask_proof(actor)
        return bodies.MailSent()

    async def verify(self, body: bodies.AddressProof, request: Request, response: Response) -> Any:
        """Prove an address by the link of a mail. Who is signed in as its user keeps all; anybody
        else chooses a password and is signed in, and what was set before is gone."""
        gate = await self._came_back(request, response)
        actor = await self._runtime.identify(request.scope)
        done = await gate.by_mail.verify(
            body.token, body.password, actor, self._program(request), request_id(request)
        )
        if done is None:
            return SessionStarted(user=await self._shown(actor), token=None)
        return await self._started(done, body.carried, response)

    async def ask_reset(
        self, body: bodies.AddressNamed, request: Request, response: Response
    ) -> Any:
        """Ask for a link that sets a new password."""
        gate = await self._asked(request, response, body.email)
        await gate.asking.ask_password(body.email)
        return bodies.MailSent()

    async def reset(self, body: bodies.PasswordReset, request: Request, response: Response) -> None:
        """Set a new password by the link of a mail. Every session and every API key ends."""
        gate = await self._came_back(request, response)
        await gate.by_mail.reset(
            body.token, body.password, request_id(request), self._program(request)
        )

    async def ask_email(
        self, body: bodies.AddressChange, request: Request, response: Response
    ) -> Any:
        """Ask for another address, with the current password. A link to it confirms it."""
        actor = await self._signed_in(request)
        gate = await self._asked(request, response, body.email)
        await gate.attempts.own_password(actor.name)
        await gate.asking.ask_address(actor, body.email, body.password)
        return bodies.MailSent()

    async def change_email(
        self, body: bodies.MailToken, request: Request, response: Response
    ) -> None:
        """Confirm another address by the link of a mail. The old one is told."""
        gate = await self._came_back(request, response)
        await gate.by_mail.change_address(body.token, request_id(request))

    async def ask_code(
        self, body: bodies.AddressNamed, request: Request, response: Response
    ) -> Any:
        """Ask for a code and a link that sign in."""
        gate = await self._asked(request, response, body.email)
        return bodies.CodeSent(request=await gate.asking.ask_code(body.email))

    async def login_code(
        self, body: bodies.MailCodeLogin, request: Request, response: Response
    ) -> Any:
        """Sign in by the code of a mail, and what the request for it was answered. Five wrong ones
        end it."""
        gate = await self._came_back(request, response)
        done = await gate.by_mail.login_code(
            body.request, body.code, self._program(request), request_id(request)
        )
        return await self._started(done, body.carried, response)

    async def login_link(self, body: bodies.LinkLogin, request: Request, response: Response) -> Any:
        """Sign in by the link of a mail, in whichever browser it is opened."""
        gate = await self._came_back(request, response)
        done = await gate.by_mail.login_link(
            body.token, self._program(request), request_id(request)
        )
        return await self._started(done, body.carried, response)

    # what they share

    async def _asked(self, request: Request, response: Response, email: str) -> Gate:
        """Count a mail that is asked for."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        response.headers.update(NO_STORE)
        await gate.attempts.mail(email, self._program(request).address)
        return gate

    async def _came_back(self, request: Request, response: Response) -> Gate:
        """Count what a mail brought: nobody guesses a link, and looking for one costs us."""
        gate = await self._gate()
        gate.refuse_other_sites(request.scope)
        response.headers.update(NO_STORE)
        await gate.attempts.client(self._program(request).address)
        return gate
