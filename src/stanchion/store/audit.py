"""The audit log: who came in, who was turned away, whose rights changed, in `_audit`.

In: what happened.   Out: statements, and `events.Audited` for the log.
What changes something is written in the transaction of the change; what was refused is gathered by
`auth/trail.py`. A row holds ids, numbers and names that the code gives; nothing that somebody typed
where a secret may stand, so neither addresses of mail nor paths. Why so: docs/decisions/
011-sign-in.md, "What is audited".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .. import clock
from ..engines import Ask
from ..events import Audited, Fact
from ..types.datetime import moment_text
from .changes import Change, Occasion
from .steps import Steps

RIGHTS = ("admin", "disabled", "verified", "role")
"""The fields of a user whose change is told with its value."""
PIECE = 500

_KEEP = (
    "insert into _audit (id,time,kind,refused,user_id,actor,network,request,facts) "
    "values (?1,?2,?3,?4,?5,?6,?7,?8,?9) on conflict (id) do nothing"
)
_OLD = "select id from _audit where time<?1 order by id limit ?2"
_LAST = "select id from _audit where refused=?1 order by id desc limit 1 offset ?2"
_MANY = "select id from _audit where refused=?1 and id<=?2 order by id limit ?3"
_DROP = "delete from _audit where id=?1"


@dataclass(frozen=True, slots=True)
class AuditSource:
    """Who did it, from which network, in which request; what is not known is empty."""

    actor: str = ""
    network: str = ""
    request: str = ""


NOBODY = AuditSource()


def note(
    kind: str, user: str, source: AuditSource, *, refused: bool = False, **facts: Fact
) -> Audited:
    """What happened to a user's account, as it is told."""
    actor, network = source.actor or user, source.network
    return Audited(kind, user, actor, network, source.request, facts, refused=refused)


def keep(audited: Audited) -> Ask:
    """The statement that writes it down, once however often it is run."""
    return Ask(
        _KEEP,
        (
            clock.uuid7(), clock.now_text(), audited.kind, int(audited.refused),
            audited.user or None, audited.actor, audited.network, audited.request,
            json.dumps(audited.facts, separators=(",", ":")),
        ),
    )  # fmt: skip


# changes of users


def changed_user(change: Change, occasion: Occasion) -> Iterator[Audited]:
    """What a change of a user is told as: that one was made or deleted, and whose rights, or
    address, became others."""
    before, after = _row(change.before), _row(change.after)
    source = AuditSource(occasion.actor, "", occasion.request)
    if change.operation == "delete":
        yield note("user.deleted", change.key, source)
        return
    if change.operation == "create":
        given = {name: after[name] for name in RIGHTS if after.get(name)}
        yield note("user.made", change.key, source, **given)
        return
    new = {n: after[n] for n in RIGHTS if n in after and after[n] != before.get(n)}
    if after.get("email") != before.get("email"):
        new["email"] = "changed"
    if new:
        yield note("user.changed", change.key, source, **new)


def _row(text: str | None) -> Mapping[str, Any]:
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


# trimming


@dataclass(frozen=True, slots=True)
class KeptAudit:
    """How much is kept: days, and of what happened and of what was refused so many rows each. So a
    flood of refusals takes nothing else away."""

    days: int
    rows: int


def trim_audit(kept: KeptAudit) -> Steps[bool]:
    """One piece of work; True where more is left."""
    expired = moment_text(clock.now() - timedelta(days=kept.days))
    old = yield Ask(_OLD, (expired, PIECE))
    gone = [row[0] for row in old]
    for refused in (0, 1):
        first = yield Ask(_LAST, (refused, kept.rows))
        if first:
            many = yield Ask(_MANY, (refused, first[0][0], PIECE))
            gone += [row[0] for row in many]
    for key in gone:
        yield Ask(_DROP, (key,))
    return len(gone) >= PIECE


# reading


def find_audit(
    kind: str, user: str, since: datetime | None, until: datetime | None, after: str, limit: int
) -> Ask:
    """The statement of a page, the newest first. `kind` has small letters and a point, or ends
    in `.*`; the cursor is an id."""
    parts, values = [], []

    def also(part: str, value: str | int) -> None:
        values.append(value)
        parts.append(part.replace("?", f"?{len(values)}"))

    if kind.endswith(".*"):
        also("kind like ?", kind[:-1] + "%")
    elif kind:
        also("kind=?", kind)
    if user:
        also("user_id=?", user)
    if since is not None:
        also("time>=?", moment_text(since))
    if until is not None:
        also("time<?", moment_text(until))
    if after:
        also("id<?", after)
    values.append(limit)
    where = f"where {' and '.join(parts)} " if parts else ""
    return Ask(
        "select id,time,kind,refused,user_id,actor,network,request,facts from _audit "
        f"{where}order by id desc limit ?{len(values)}",
        tuple(values),
    )
