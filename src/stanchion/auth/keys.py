"""API keys: what programs of a user call with, for something and for a time.

In: a name, scopes, days.   Out: a token that is shown once; the keys of a user.
Refuses: keys where the app has none (403); too many (409).
Called by `http/sign_in`, which asks whoever makes one for a recent proof: a key outlives the
session, and whoever finds a browser open must not make of it something that lasts. Sessions
remember keys as they remember themselves, so a request with a key costs what one with a session
does, and an ended one is ended everywhere as quickly. Why so: docs/decisions/011-sign-in.md, "API
keys".
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .. import clock, events
from ..declare import SignIn
from ..engines import Ask, AskAll
from ..errors import Conflict, FieldError, Forbidden, Invalid
from ..plan.scopes import read_scopes
from ..query import Actor
from ..records import Records
from ..store.audit import NOBODY, AuditSource, keep, note
from ..store.steps import Steps
from ..store.users import end_sessions, prune_ended
from ..types.datetime import moment_text, parse_moment
from .notices import Notices, proven_address
from .sessions import UNKNOWN, Holding, Program, Sessions, as_ns
from .tokens import digest_of, new_key

MOST = 50
"""Keys of one user: enough for every program, and few enough to be looked through."""
USED = timedelta(hours=1)
"""How exactly it is known when a key was used last."""
LONGEST_NAME = 100

_MAKE = (
    "insert into _api_keys (id,token,user_id,name,scopes,created,ends) "
    "values (?1,?2,?3,?4,?5,?6,?7)"
)
_FIND = "select id,user_id,scopes,used,ends from _api_keys where token=?1"
_COUNT = "select count(*) from _api_keys where user_id=?1 and ends>?2"
_OF_USER = (
    "select id,name,scopes,created,used,ends from _api_keys "
    "where user_id=?1 and ends>?2 order by id desc"
)
_USED = "update _api_keys set used=?2 where id=?1"
_END = "delete from _api_keys where id=?1 and user_id=?2 returning id"
_END_ALL = "delete from _api_keys where user_id=?1 returning id"
_PRUNE = "delete from _api_keys where ends<?1"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """One key, as its owner sees it. `used` is None where it never was."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created: str
    used: str | None
    ends: str


class Keys:
    """The API keys of one app."""

    def __init__(self, records: Records, sessions: Sessions, policy: SignIn) -> None:
        self._engine = records.engine
        self._schema = records.schema
        self._sessions = sessions
        self._policy = policy
        self._notices = Notices(records)
        if policy.keys:
            sessions.keys = self

    # who is asking

    async def read(self, digest: bytes) -> Holding | None:
        """The key of this digest, as it is in the database."""
        rows = await self._engine.find(_FIND, (digest,))
        if not rows:
            return None
        key, user, scopes, used, ends_text = rows[0]
        ends = parse_moment(ends_text)
        actor = await self._sessions.actor(user) if ends > clock.now() else None
        if actor is None:
            return None
        actor.key, actor.scopes = key, frozenset(scopes.split())
        renew = 0 if used is None else as_ns(parse_moment(used) + USED)
        return Holding(actor, key, user, as_ns(ends), as_ns(ends), renew)

    async def note_use(self, kept: Holding, now: datetime) -> None:
        """Write down when a key was used, to the hour."""
        kept.renew = as_ns(now + USED)

        def steps() -> Steps[None]:
            yield Ask(_USED, (kept.id, moment_text(now)))

        await self._engine.write(steps)

    # what their owner does with them

    async def make(
        self, actor: Actor, name: str, scopes: Sequence[str], days: float | None,
        routes: Names[str], client: Program = UNKNOWN,
    ) -> tuple[str, OwnKey]:  # fmt: skip
        """A new key of a user: its token, which nobody sees again, and what it is."""
        if not self._policy.keys:
            raise Forbidden(
                "auth.keys_closed",
                "This app has no API keys.",
                hint="In the app, `sign_in = SignIn(keys=True)` in the class of the users allows "
                "them.",
            )
        kept = self._read(name, scopes, days, routes)
        token, user = new_key(), actor.name
        made = self._notices.of(
            "key.made", user, proven_address(actor.record), client.source(user),
            key=kept.id, name=kept.name, scopes=" ".join(kept.scopes), ends=kept.ends,
        )  # fmt: skip

        def steps() -> Steps[None]:
            yield AskAll([prune_ended(), Ask(_PRUNE, (kept.created,))])
            if (yield Ask(_COUNT, (user, kept.created)))[0][0] >= MOST:
                raise Conflict(
                    "auth.too_many_keys",
                    f"A user has {MOST} keys at most.",
                    hint="End those that nothing uses: GET /api/auth/keys tells when each was.",
                )
            values = (
                kept.id, digest_of(token), user, kept.name, " ".join(kept.scopes), kept.created,
                kept.ends,
            )  # fmt: skip
            yield Ask(_MAKE, values)
            yield from made.steps()

        await self._engine.write(steps)
        self._notices.tell(made)
        return token, kept

    async def listed(self, user: str) -> list[OwnKey]:
        """The keys of a user that can still be used, the newest first."""
        rows = await self._engine.find(_OF_USER, (user, clock.now_text()))
        return [_own(*row) for row in rows]

    async def end(self, user: str, key: str, client: Program = UNKNOWN) -> bool:
        """End one key of a user; False where there is none of this id."""
        ended = note("key.ended", user, client.source(user), key=key)

        def steps() -> Steps[bool]:
            rows = yield Ask(_END, (key, user))
            if rows:
                yield AskAll([end_sessions(user, key), keep(ended)])
            return bool(rows)

        found = await self._sessions.finish(steps)
        if found:
            events.emit(ended)
        return found

    def end_all_steps(self, user: str, source: AuditSource = NOBODY) -> Steps[int]:
        """End all keys of a user, as a part of a transaction; how many there were."""
        rows = yield Ask(_END_ALL, (user,))
        ended = [note("key.ended", user, source, key=row[0]) for row in rows]
        yield AskAll([*(end_sessions(user, row[0]) for row in rows), *map(keep, ended)])
        return len(rows)

    # what is judged

    def _read(
        self, name: str, scopes: Sequence[str], days: float | None, routes: Names[str]
    ) -> OwnKey:
        """A key as it was asked for; raises `Invalid` with all that is wrong."""
        found, errors = read_scopes(scopes, self._schema, routes)
        title = " ".join(name.split())
        if not 0 < len(title) <= LONGEST_NAME or not title.isprintable():
            detail = f"A name has 1 to {LONGEST_NAME} printable characters."
            errors.append(FieldError("/name", "auth.key_name", detail))
        length = self._policy.key_days if days is None else days
        if not 0 < length <= self._policy.most_key_days:
            detail = f"A key lasts {self._policy.most_key_days:g} days at most."
            errors.append(FieldError("/days", "auth.key_days", detail))
        if errors:
            raise Invalid("body.invalid", "The body breaks the model.", errors=errors)
        now = clock.now()
        ends = moment_text(now + timedelta(days=length))
        listed = tuple(sorted(found))
        return OwnKey(clock.uuid7(), title, listed, moment_text(now), None, ends)


def _own(key: str, name: str, scopes: str, *moments: Any) -> OwnKey:
    return OwnKey(key, name, tuple(scopes.split()), *moments)
