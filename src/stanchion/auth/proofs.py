"""Proof that whoever holds a session is its owner: given again before what matters most.

In: a password, a code.   Out: the session is proven from this moment on.
Refuses: what was proven too long ago (403, with the way out).
A sign-in is such a proof. What asks for a recent one is not open to a session that was left open on
some machine, or was stolen.
"""

from __future__ import annotations

from .. import clock
from ..engines import Engine
from ..errors import Forbidden
from ..query import Actor
from ..store.steps import Steps
from .accounts import Accounts, still_steps
from .factors import Factors
from .sessions import Sessions

MINUTES = 10
"""How long a proof is recent, unless a route says otherwise."""


def refuse_unless_proven(actor: Actor, minutes: float = MINUTES) -> None:
    """Raise 403 unless whoever asks has proven within these minutes who they are."""
    if clock.now_ns() - actor.proven > minutes * 60_000_000_000:
        raise Forbidden(
            "auth.proof_needed",
            "This asks for a recent proof of who you are.",
            hint="POST /api/auth/proof with the password, or sign in again.",
        )


class Proofs:
    """Takes the proofs of one app."""

    def __init__(
        self, engine: Engine, sessions: Sessions, accounts: Accounts, factors: Factors
    ) -> None:
        self._engine = engine
        self._sessions = sessions
        self._accounts = accounts
        self._factors = factors

    async def give(self, actor: Actor, password: str, typed: str | None) -> None:
        """Note that the session of this actor is proven. Where the account asks for a second
        factor, both are needed."""
        kept = await self._accounts.own_password(actor, password)
        good = None
        if await self._factors.is_asked(actor.name):
            if typed is None:
                raise Forbidden(
                    "auth.code_needed",
                    "This account asks for a code, too.",
                    hint="Send `code` beside the password: of the authenticator app, or a "
                    "recovery code.",
                )
            good = await self._factors.judge(actor.name, typed)

        def steps() -> Steps[None]:
            yield from still_steps(actor.name, kept)
            if good is not None:
                yield from good.steps()
            yield from self._sessions.prove_steps(actor.name, actor.session)

        await self._engine.write(steps)
        self._sessions.doubt()
