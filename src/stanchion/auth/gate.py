"""The gate: everything of sign-in that one process of an app has.

In: a request, as ASGI describes it.   Out: the `Actor` who sends it.
Refuses: a bearer token that opens nothing (401); what a page of another site lets a browser send
with its cookie (403). A cookie that opens nothing is no mistake of the one whose browser sends it:
such a request is anonymous.
Made by `runtime` where an app has users.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..declare import SignIn
from ..errors import Forbidden, Unauthorized
from ..limits import Limiter
from ..query import ANONYMOUS, Actor
from ..records import Records
from ..settings import Settings
from ..store.audit import KeptAudit
from .accounts import Accounts
from .asking import Asking
from .attempts import Attempts
from .credentials import credentials_of
from .entrance import Entrance
from .factors import Factors
from .keys import Keys
from .letters import LetterWriter
from .mailed import ByMail
from .passkey_answers import site_of
from .passkeys import Passkeys
from .proofs import Proofs
from .sealing import open_sealer
from .sessions import Lifetimes, Sessions
from .tokens import KEY
from .trail import Trail

if TYPE_CHECKING:
    from .providers import ProviderSignIn

Scope = MutableMapping[str, Any]
HARMLESS = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing, so that a cookie may come with them from anywhere. The handshake of
a WebSocket has no method, and is not one of them."""


class Gate:
    """Says who is asking, and lets people in."""

    def __init__(
        self, records: Records, policy: SignIn, limiter: Limiter,
        is_from_here: Callable[[Scope], bool], settings: Settings, *, in_dev: bool = False,
    ) -> None:  # fmt: skip
        self.policy = policy
        self._is_from_here = is_from_here
        lifetimes = Lifetimes(timedelta(days=policy.idle_days), timedelta(days=policy.session_days))
        self.sessions = Sessions(records, lifetimes, factors=policy.totp)
        self.entrance = Entrance(self.sessions, factors=policy.totp)
        self.keys = Keys(records, self.sessions, policy)
        self.trail = Trail(records.engine, KeptAudit(settings.audit_days, settings.audit_rows))
        self.accounts = Accounts(records, self.sessions, self.entrance, self.keys, policy)
        sealer = open_sealer(settings, policy, in_dev=in_dev)
        self.factors = Factors(records, self.sessions, self.accounts.hasher, sealer)
        self.passkeys: Passkeys | None = None
        if policy.passkeys:
            site = site_of(settings, in_dev=in_dev)
            self.passkeys = Passkeys(records, self.sessions, self.entrance, site)
        self.proofs = Proofs(records.engine, self.sessions, self.accounts, self.factors)
        self.attempts = Attempts(limiter, policy, self.accounts, self.sessions)
        self.providers: ProviderSignIn | None = None
        self.letters = LetterWriter(records, self.sessions, self.accounts)
        self.asking = Asking(records.engine, self.accounts, self.factors, self.letters)
        self.by_mail = ByMail(
            records, self.sessions, self.accounts, self.entrance, self.keys, self.letters
        )
        records.users_changed = self.sessions.doubt

    async def identify(self, request: Scope) -> Actor:
        """Who sends a request."""
        found = credentials_of(request["headers"])
        if found is None:
            return ANONYMOUS
        token, by_cookie = found
        if by_cookie:
            if token.startswith(KEY):
                return ANONYMOUS  # a key is sent on purpose, and by no browser by itself
            if request.get("method") not in HARMLESS:
                self.refuse_other_sites(request)
        actor = self.sessions.remembered(token) or await self.sessions.holder(token)
        if actor is not None:
            return actor
        if by_cookie:
            return ANONYMOUS
        if token.startswith(KEY):
            raise Unauthorized(
                "auth.key_ended",
                "This API key opens nothing: it has ended, or never was one.",
                hint="Make another one while signed in: POST /api/auth/keys.",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        raise Unauthorized(
            "auth.session_ended",
            "This token opens nothing: it has ended, or never was one.",
            hint="Sign in again.",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )

    def refuse_other_sites(self, request: Scope) -> None:
        """Raise 403 for what a page of another site lets a browser send."""
        if not self._is_from_here(request):
            raise Forbidden(
                "auth.other_site",
                "A page of another site sent this, and a browser added its cookie.",
                hint="Call from a page of this app; STANCHION_CORS_ORIGINS lists other sites that "
                "may, and programs send `Authorization: Bearer` instead of the cookie.",
            )

    async def close(self) -> None:
        """Take no more passwords, and write down what was refused."""
        await self.trail.finish()
        self.accounts.close()
