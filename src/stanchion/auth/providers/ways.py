"""Who is on the way to a provider: rows for ten minutes, each of which is used once.

In: a browser's cookie and what it brought.   Out: a `WayOut`, or None for one it did not begin.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta

from ... import clock
from ...engines import Ask, Engine
from ...store.steps import Steps
from ...types.datetime import moment_text
from ..tokens import LONGEST, digest_of, new_token

LASTS = timedelta(minutes=10)
_BEGIN = (
    "insert into _oauth_states (id,provider,nonce,verifier,goal,user_id,ends) "
    "values (?1,?2,?3,?4,?5,?6,?7)"
)
_TAKE = (
    "delete from _oauth_states where id=?1 and provider=?2 and ends>?3 "
    "returning nonce,verifier,goal,user_id"
)
_PRUNE = "delete from _oauth_states where ends<?1"


@dataclass(frozen=True, slots=True)
class WayOut:
    """What a sign-in must come back with, where it goes then, and whose account is linked."""

    nonce: str
    verifier: str
    goal: str
    user: str


def new_way(goal: str, user: str) -> WayOut:
    """A way that nobody can guess."""
    return WayOut(new_token("n"), new_token("v"), goal, user)


class Ways:
    """The ways of one app."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def keep(self, provider: str, state: str, way: WayOut) -> None:
        """Remember a way under its state."""
        now = clock.now()
        row = (
            digest_of(state).hex(), provider, way.nonce, way.verifier, way.goal, way.user,
            moment_text(now + LASTS),
        )  # fmt: skip

        def steps() -> Steps[None]:
            yield Ask(_PRUNE, (moment_text(now),))
            yield Ask(_BEGIN, row)

        await self._engine.write(steps)

    async def take(self, provider: str, state: str, cookie: str) -> WayOut | None:
        """The way of a state, once; None where the cookie of the browser is another one."""
        same = hmac.compare_digest(state.encode(), cookie.encode())
        if not same or not 0 < len(state) <= LONGEST:
            return None

        def steps() -> Steps[WayOut | None]:
            rows = yield Ask(_TAKE, (digest_of(state).hex(), provider, clock.now_text()))
            return WayOut(*rows[0]) if rows else None

        return await self._engine.write(steps)
