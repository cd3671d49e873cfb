"""What people ask for by mail: an account, a proof of their address, a new password, a code, or
another address.

In: an address.   Out: a job that writes a mail, or none; nothing that the asker could tell apart.
Refuses: what breaks the model (422), a current password that is another one (403), where there is
no mail (403).
Called by `http/sign_in`. Whether somebody has the address is not looked up here: what depends on it
is done by the job, see `letters`. Why so: docs/decisions/011-sign-in.md, "What is answered alike".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..engines import Engine
from ..errors import FieldError, Invalid
from ..jobs import NewJob, enqueue, ring
from ..query import Actor
from ..relay import is_address
from .accounts import Accounts, canonical
from .codes import request_of
from .factors import Factors
from .letters import LetterWriter
from .proofs import refuse_unless_proven
from .tokens import new_token

MOST_FIELDS = 16_384
"""Characters of what a stranger may let us keep until the address is proven."""


class Asking:
    """What is asked of one app. Each of these takes the same steps for every address."""

    def __init__(
        self, engine: Engine, accounts: Accounts, factors: Factors, letters: LetterWriter
    ) -> None:
        self._engine = engine
        self._accounts = accounts
        self._factors = factors
        self._letters = letters

    async def ask_account(self, body: Mapping[str, Any]) -> None:
        """An account for an address, with other fields that anybody may set. It is made when the
        address is proven, and its password is chosen then."""
        wire = dict(body)
        mistakes = self._accounts.mistakes(wire)
        email = canonical(str(wire.pop("email", "")))
        data = json.dumps(wire, separators=(",", ":"))
        if len(data) > MOST_FIELDS:
            detail = f"Must have at most {MOST_FIELDS} characters."
            mistakes = [FieldError("", "string_too_long", detail)]
        if mistakes:
            raise _invalid(mistakes)
        await self._ask(self._letters.asked("register", email, data=data))

    async def ask_proof(self, actor: Actor) -> None:
        """A link that proves the address of who is signed in."""
        record = _record(actor)
        await self._ask(self._letters.asked("verify", record["email"], user=actor.name))

    async def ask_password(self, email: str) -> None:
        """A link that sets a new password."""
        await self._ask(self._letters.asked("reset", canonical(email)))

    async def ask_code(self, email: str) -> str:
        """A code and a link that sign in. The text that comes back is needed beside the code."""
        text = new_token("cr")
        await self._ask(self._letters.asked("code", canonical(email), request=request_of(text)))
        return text

    async def ask_address(self, actor: Actor, email: str, password: str) -> None:
        """A link that makes another address that of who is signed in. Whose account asks for a
        second factor has given it a moment ago."""
        new = canonical(email)
        if not is_address(new):
            raise _invalid([FieldError("/email", "string_pattern_mismatch", "Is no address.")])
        await self._accounts.own_password(actor, password)
        if await self._factors.is_asked(actor.name):
            refuse_unless_proven(actor)
        old = _record(actor)["email"]
        await self._ask(self._letters.asked("email", new, user=actor.name, data=old))

    async def _ask(self, new: NewJob) -> None:
        await self._engine.write(lambda: enqueue(new))
        ring(self._engine)


def _record(actor: Actor) -> Mapping[str, Any]:
    assert actor.record is not None
    return actor.record


def _invalid(mistakes: list[FieldError]) -> Invalid:
    return Invalid("body.invalid", "The body breaks the model.", errors=mistakes)
