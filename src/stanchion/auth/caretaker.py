"""What whoever runs an app does to accounts: take a lost factor away, sign people out.

In: an address.   Out: what was there.
Refuses: an address that nobody has, and a factor that is not there (404).
Called by the command line; told to the audit log as the system's doing, and to the account's owner.
"""

from __future__ import annotations

from ..engines import Ask
from ..errors import NotFound
from ..records import Records
from ..store.steps import Steps
from .accounts import ON_THE_SPOT, Accounts
from .notices import Notice, Notices, proven_address
from .sessions import Sessions

_FACTOR = "delete from _factors where user_id=?1 returning user_id"
_CODES = "delete from _recovery where user_id=?1"
_PASSKEYS = "delete from _passkeys where user_id=?1 returning id"
_SOME = "select distinct user_id from _sessions limit 200"


class Caretaker:
    """Whoever runs one app."""

    def __init__(self, records: Records, sessions: Sessions, accounts: Accounts) -> None:
        self._engine = records.engine
        self._sessions = sessions
        self._accounts = accounts
        self._notices = Notices(records)

    async def remove_factors(self, email: str, *, passkeys: bool = False) -> tuple[int, int]:
        """Take away the authenticator and the recovery codes of the user of this address, and the
        passkeys if that is said. Every session ends. How many factors, and how many sessions."""
        user = await self._user(email)
        actor = await self._sessions.actor(user)
        address = proven_address(None if actor is None else actor.record)

        def steps() -> Steps[tuple[list[Notice], int]]:
            gone = ["factor.removed" for _ in (yield Ask(_FACTOR, (user,)))]
            yield Ask(_CODES, (user,))
            if passkeys:
                gone += ["passkey.removed" for _ in (yield Ask(_PASSKEYS, (user,)))]
            if not gone:
                raise NotFound("record.not_found", f"{email} has no second factor.")
            notices = [self._notices.of(kind, user, address, ON_THE_SPOT) for kind in gone]
            for notice in notices:
                yield from notice.steps()
            ended = yield from self._sessions.end_others_steps(user, source=ON_THE_SPOT)
            return notices, ended

        notices, ended = await self._sessions.finish(steps)
        self._notices.tell(*notices)
        return len(notices), ended

    async def sign_out(self, email: str) -> int:
        """End every session of the user of this address; how many there were."""
        user = await self._user(email)
        return await self._sessions.finish(
            lambda: self._sessions.end_others_steps(user, source=ON_THE_SPOT)
        )

    async def sign_everybody_out(self) -> int:
        """End every session there is; how many there were. API keys stay."""
        ended = 0
        while users := await self._engine.fetch(_SOME, ()):

            def steps(users: list[tuple[str]] = users) -> Steps[int]:
                found = 0
                for (user,) in users:
                    found += yield from self._sessions.end_others_steps(user, source=ON_THE_SPOT)
                return found

            ended += await self._sessions.finish(steps)
        return ended

    async def _user(self, email: str) -> str:
        user = await self._accounts.user_of(email)
        if user is None:
            raise NotFound("record.not_found", f"Nobody has the address {email}.")
        return user
