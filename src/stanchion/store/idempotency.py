"""Idempotency keys: the first answer to a write, kept in the transaction of its effect.

In: whose key, for which route, and what was sent.   Out: the first answer, or that of the effect.
Refuses: a key that was used with another body (422), or is in use at this moment (409).
Called by records and transaction. Effect and key are on disk together or not at all, so a retry
after a crash finds either nothing or the answer. What is refused keeps no key. Why so:
docs/decisions/006-the-spine.md, "Writes that may be sent again".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from .. import clock
from ..engines import Ask, ConstraintFailed, Job
from ..errors import Conflict, Invalid
from ..types.datetime import moment_text
from .steps import Steps

T = TypeVar("T")
KEPT = timedelta(hours=24)
PRUNED_AT_ONCE = 16
"""Keys that one write takes away at most: more than it adds, so that the table does not grow."""

_FIND = "select sent,status,headers,body from _idempotency where caller=?1 and route=?2 and key=?3"
_KEEP = (
    "insert into _idempotency (caller,route,key,sent,status,headers,body,time) "
    "values (?1,?2,?3,?4,?5,?6,?7,?8)"
)
_PRUNE = (
    "delete from _idempotency where n in "
    f"(select n from _idempotency where time<?1 order by time limit {PRUNED_AT_ONCE})"
)


@dataclass(frozen=True, slots=True)
class Once:
    """A key, whose it is, the route (method and path) that it is for, and a digest of the body."""

    caller: str
    route: str
    key: str
    sent: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it is kept: status, the headers that matter, and the body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    replayed: bool = False


def run_once(once: Once, effect: Job[T], reply: Callable[[T], Reply]) -> Steps[Reply]:
    """The first answer that this key was given; without one, the effect, and its answer kept."""
    first = yield from find(once)
    if first is not None:
        return first
    answer = reply((yield from effect()))
    yield from keep(once, answer)
    return answer


def find(once: Once) -> Steps[Reply | None]:
    """The answer that this key was given before, if any."""
    rows = yield Ask(_FIND, (once.caller, once.route, once.key))
    if not rows:
        return None
    sent, status, headers, body = rows[0]
    if sent != once.sent:
        raise Invalid(
            "idempotency.reused",
            "This `Idempotency-Key` was used for this route before, with another body.",
            hint="Make a new key for each new request; send the same body to repeat one.",
        )
    return Reply(status, tuple((n, v) for n, v in json.loads(headers)), bytes(body), replayed=True)


def keep(once: Once, answer: Reply) -> Steps[None]:
    """Remember the answer, and forget some that are old enough."""
    now = clock.now()
    yield Ask(_PRUNE, (moment_text(now - KEPT),))
    values = (
        once.caller, once.route, once.key, once.sent, answer.status,
        json.dumps(answer.headers), answer.body, moment_text(now),
    )  # fmt: skip
    try:
        yield Ask(_KEEP, values)
    except ConstraintFailed:  # on engines whose writers do not wait for each other
        raise Conflict(
            "idempotency.running",
            "A request with this `Idempotency-Key` is running at this moment.",
            hint="Wait for its answer, then repeat the request.",
        ) from None
