"""The door through which every way in leads: a session, or first a second factor.

In: a user, and how they proved who they are.   Out: `SignedIn`, or `Halfway` where the account asks
for more. Called, in the transaction of the first proof, by whatever lets people in.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..engines import Ask, AskAll
from ..query import Actor
from ..store.steps import Steps
from .sessions import Program, Sessions
from .tickets import new_ticket

_HAS = (
    "select (select count(*) from _recovery where _recovery.user_id=_factors.user_id) "
    "from _factors where user_id=?1"
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its token, which nobody sees again, who it is, how and with what they came."""

    token: str
    actor: Actor
    method: str
    client: Program


@dataclass(frozen=True, slots=True)
class Halfway:
    """The first proof fits, and the account asks for a second one: the ticket to it, and what it
    may be."""

    ticket: str
    ways: tuple[str, ...]


class Entrance:
    """Lets people of one app in. `factors` says whether accounts may ask for a second factor."""

    def __init__(self, sessions: Sessions, *, factors: bool) -> None:
        self._sessions = sessions
        self._factors = factors

    def steps(self, actor: Actor, method: str, client: Program) -> Steps[SignedIn | Halfway]:
        """What lets somebody in who has proven by `method` who they are."""
        user = actor.name
        rows = (yield Ask(_HAS, (user,))) if self._factors else []
        if rows:
            ticket, made = new_ticket("code", user, method.encode())
            yield made
            return Halfway(ticket, ("totp", "recovery") if rows[0][0] else ("totp",))
        token, started = self._sessions.start(user, method, client)
        yield AskAll(started)
        return SignedIn(token, actor, method, client)

    def whole_steps(self, actor: Actor, method: str, client: Program) -> Steps[SignedIn]:
        """The same for a proof after which nothing is asked."""
        token, started = self._sessions.start(actor.name, method, client, whole=True)
        yield AskAll(started)
        return SignedIn(token, actor, method, client)
