"""Tickets: what carries somebody from one request of signing in to the next.

In: whose it is, what it is for.   Out: a text that is good once, and for minutes.
What is asked between two requests (a code, an answer to a challenge) is remembered here, so that it
is said once to one server and is forgotten by all of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, NamedTuple

from .. import clock
from ..engines import Ask, AskAll, Engine
from ..errors import Unauthorized
from ..store.steps import Steps
from ..types.datetime import moment_text
from .tokens import LONGEST, digest_of, new_token

Purpose = Literal["code", "totp", "passkey", "new passkey"]
"""What a ticket is for: a second factor, an authenticator that is set up, a passkey that is asked
for or made."""
MINUTES = {"code": 5, "totp": 15, "passkey": 5, "new passkey": 5}

_ADD = "insert into _tickets (id,user_id,purpose,data,ends) values (?1,?2,?3,?4,?5)"
_PRUNE = "delete from _tickets where ends<?1"
_FIND = "select id,user_id,data from _tickets where id=?1 and purpose=?2 and ends>?3"
_TAKE = "delete from _tickets where id=?1 and ends>?2 returning user_id"
_DROP = "delete from _tickets where user_id=?1"


class Ticket(NamedTuple):
    """One that is good still; `data` is what its maker wants to know again."""

    id: str
    user: str
    data: bytes


def new_ticket(purpose: Purpose, user: str, data: bytes) -> tuple[str, AskAll]:
    """A ticket, and the statements that make it good. `user` is empty where nobody is known."""
    text, now = new_token("tk"), clock.now()
    ends = moment_text(now + timedelta(minutes=MINUTES[purpose]))
    add = Ask(_ADD, (_id_of(text), user, purpose, data, ends))
    return text, AskAll([add, Ask(_PRUNE, (moment_text(now),))])


async def find_ticket(engine: Engine, purpose: Purpose, text: str) -> Ticket | None:
    """The ticket of this text, which stays good."""
    if len(text) > LONGEST:
        return None
    rows = await engine.find(_FIND, (_id_of(text), purpose, clock.now_text()))
    return Ticket(*rows[0]) if rows else None


def take_ticket(ticket: Ticket) -> Steps[None]:
    """Use it up, as the first step of what it is good for. Raises 401 where another was quicker."""
    rows = yield Ask(_TAKE, (ticket.id, clock.now_text()))
    if not rows:
        raise ticket_ended()


def drop_tickets(user: str) -> Ask:
    """Let nothing go on that this user, or somebody in their name, has begun."""
    return Ask(_DROP, (user,))


def ticket_ended() -> Unauthorized:
    """What is said of one that is no longer good, or never was."""
    return Unauthorized(
        "auth.ticket_ended",
        "This ticket is good no longer, or never was.",
        hint="Begin again: a ticket is good once, and for some minutes.",
    )


def _id_of(text: str) -> str:
    return digest_of(text).hex()
