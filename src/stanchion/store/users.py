"""What ends with a change of a user: what a process remembers of their sessions, and with their
record everything that proves who they are.

In: changes of the users collection.   Out: statements, for the transaction of the changes.
Called by the write door and by `auth`, which ends sessions too. Every process reads `_ended` a few
times a second and forgets what it names. Why so: docs/decisions/011-sign-in.md, "A session is a row
that is remembered".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from .. import clock
from ..engines import Ask
from ..schema import Collection
from ..types.datetime import moment_text
from .audit import changed_user, keep
from .changes import Change, Occasion, append

SECRETS = (
    "_passwords", "_sessions", "_identities", "_codes", "_api_keys", "_factors", "_passkeys",
    "_recovery", "_tickets",
)  # fmt: skip
"""The tables that hold what is a user's, by `user_id`."""

_END = "insert into _ended (session_id,user_id,time) values (?1,?2,?3)"
_PRUNE = "delete from _ended where time<?1"
KEPT = timedelta(minutes=10)
"""How long an end is kept for processes that ask; one that was silent for half of it believes
nothing that it remembers."""


def write_down(
    collection: Collection, changes: Sequence[Change], occasion: Occasion
) -> Iterator[Ask]:
    """What every change leaves behind: its row in the log, and of a user what ends with it and
    what the audit log tells."""
    for change in changes:
        yield append(change, occasion)
    if collection.users:
        for change in changes:
            if change.operation != "create":
                yield end_sessions(change.key)
            if change.operation == "delete":
                yield from forget_user(change.key)
            for audited in changed_user(change, occasion):
                occasion.audited.append(audited)
                yield keep(audited)


def end_sessions(user: str, session: str | None = None) -> Ask:
    """Let every process forget what it remembers of one session, or of all those of a user. Those
    that are still in the table are read anew."""
    return Ask(_END, (session, user, clock.now_text()))


def forget_user(user: str) -> Iterator[Ask]:
    """Take away what proves that somebody is this user."""
    for table in SECRETS:
        yield Ask(f"delete from {table} where user_id=?1", (user,))


def prune_ended() -> Ask:
    """Drop the rows that every process has read long ago."""
    return Ask(_PRUNE, (moment_text(clock.now() - KEPT),))
