"""Attempts: how often somebody may try to come in.

In: whose address is tried, from which network.   Out: nothing, or 429; 503 where nobody can count.
A password is counted three times: by account and network, by network, and by account from anywhere.
The last is not counted for networks from which the owner came in before, so that whoever tries the
passwords of somebody else does not lock them out.
"""

from __future__ import annotations

from ..declare import SignIn
from ..limits import Counted, Limiter, Whose, of_client, of_user
from .accounts import Accounts
from .sessions import Sessions


class Attempts:
    """Counts what comes to one app."""

    def __init__(
        self, limiter: Limiter, policy: SignIn, accounts: Accounts, sessions: Sessions
    ) -> None:
        self._limiter = limiter
        self._policy = policy
        self._accounts = accounts
        self._sessions = sessions

    async def password(self, email: str, network: str) -> None:
        """Count a password that is tried for an address."""
        account = self._accounts.name_of(email)
        counted = [
            self._counted("attempts", (*of_client(network), account)),
            self._counted("attempts_of_client", of_client(network)),
        ]
        if not await self._accounts.came_from(email, network):
            counted.append(self._counted("attempts_from_anywhere", ("account", account)))
        await self._limiter.hit(*counted, strict=True)

    async def code(self, user: str, network: str) -> None:
        """Count a code that is tried for a user: whoever tries one knew the first proof already, or
        has a ticket of nobody (`user` is empty)."""
        counted = [
            self._counted("codes", (*of_client(network), user)),
            self._counted("attempts_of_client", of_client(network)),
        ]
        if not await self._sessions.came_from(user, network):
            counted.append(self._counted("codes_from_anywhere", of_user(user)))
        await self._limiter.hit(*counted, strict=True)

    async def ceremony(self, network: str) -> None:
        """Count a sign-in that begins without a name: each of them is remembered for minutes."""
        await self._limiter.hit(
            self._counted("attempts_of_client", of_client(network)), strict=True
        )

    async def own_password(self, user: str) -> None:
        """Count a current password that is given by who is signed in."""
        await self._limiter.hit(self._counted("attempts", of_user(user)), strict=True)

    async def registration(self, network: str) -> None:
        """Count an account that is made."""
        await self._limiter.hit(self._counted("registrations", of_client(network)), strict=True)

    async def way_out(self, network: str) -> None:
        """Count a browser that is sent to a provider: each leaves a row for ten minutes."""
        await self._limiter.hit(
            self._counted("attempts_of_client", of_client(network)), strict=True
        )

    async def mail(self, email: str, network: str) -> None:
        """Count a mail that is asked for, whether or not somebody has the address."""
        await self._limiter.hit(
            self._counted("mails", ("account", self._accounts.name_of(email))),
            self._counted("mails_of_client", of_client(network)),
            strict=True,
        )

    async def client(self, network: str) -> None:
        """Count what proves somebody by itself: the link or code of a mail."""
        await self._limiter.hit(
            self._counted("attempts_of_client", of_client(network)), strict=True
        )

    def _counted(self, name: str, whose: Whose) -> Counted:
        return Counted(f"sign-in.{name}", whose, self._policy.limits(name))
