"""Sessions: rows that say who holds a token, and what this process remembers of them. What it
remembers of API keys is kept here too: they end in the same way.

In: a token.   Out: the `Actor` who holds it, or None.
Called by the gate for every request that carries a token, so a hit costs a dictionary look-up.
What is remembered may be used only by a process that asked a moment ago which sessions ended; where
it cannot ask, the request fails rather than trust. Why so: docs/decisions/011-sign-in.md, "A
session is a row that is remembered".
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from .. import clock, events
from ..actors import actor_of
from ..engines import Ask, AskAll, Job, Row
from ..errors import NotFound, Problem
from ..query import SYSTEM, Actor, ReadQuery
from ..records import Records
from ..store.audit import NOBODY, AuditSource, keep, note
from ..store.steps import Steps
from ..store.users import KEPT, end_sessions, prune_ended
from ..types.datetime import moment_text, parse_moment
from .tickets import drop_tickets
from .tokens import KEY, LONGEST, digest_of, is_key, new_token

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FRESH_S = 0.25
"""Seconds for which a process may believe that it knows which sessions ended."""
MOST = 20_000
"""Sessions that a process remembers, at a kilobyte each."""
OPEN_S = 60.0
"""Seconds after which no transaction is open that was so at their beginning."""
RENEWED = 20
"""The idle time of a session is prolonged at most so many times while it lasts."""

_START = (
    "insert into _sessions "
    "(id,token,user_id,method,agent,address,created,used,proven,idle_until,ends) "
    "select ?1,?2,?3,?4,?5,?6,?7,?7,?7,?8,?9"
)
_UNLESS_MORE_IS_ASKED = " where not exists (select 1 from _factors where user_id=?3)"
_FIND = "select id,user_id,idle_until,ends,proven from _sessions where token=?1"
_PROVE = "update _sessions set proven=?3 where id=?1 and user_id=?2 returning id"
_OF_USER = (
    "select id,method,agent,address,created,used,ends from _sessions "
    "where user_id=?1 and idle_until>?2 and ends>?2 order by id desc"
)
_CAME_FROM = "select 1 from _sessions where user_id=?1 and address=?2 limit 1"
_END = "delete from _sessions where id=?1 and user_id=?2 returning id"
_END_OTHERS = "delete from _sessions where user_id=?1 and id<>?2 returning id"
_RENEW = "update _sessions set used=?2,idle_until=?3 where id=?1 and ends>?2"
_PRUNE = "delete from _sessions where ends<?1 or idle_until<?1"
_ENDED = "select n,session_id,user_id from _ended where n>?1 order by n"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lasts: unused, and at all."""

    idle: timedelta
    whole: timedelta


@dataclass(frozen=True, slots=True)
class Program:
    """What is remembered of who signed in, so that people know their sessions apart: the name that
    the program gave itself, and its address; and the id of the request."""

    agent: str = ""
    address: str = ""
    request: str = ""

    def source(self, actor: str) -> AuditSource:
        """Who asks with it, for the audit log."""
        return AuditSource(actor, self.address, self.request)


UNKNOWN = Program()


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One session, as its owner sees it."""

    id: str
    method: str
    agent: str
    address: str
    created: str
    used: str
    ends: str


@dataclass(slots=True)
class Holding:
    """A session or a key in memory; moments in nanoseconds since 1970. From `renew` on its use is
    written down."""

    actor: Actor
    id: str
    user: str
    idle: int
    ends: int
    renew: int


class Holders(Protocol):
    """Where what is remembered comes from."""

    async def read(self, digest: bytes) -> Holding | None:
        """What this digest is kept for now, if anything."""
        ...

    async def note_use(self, kept: Holding, now: datetime) -> None:
        """Write down that it was used. Raises what the database says."""
        ...


class Sessions:
    """The sessions of one app, in one process. `keys` is where API keys come from, once there is
    somebody who knows. `factors` says that accounts may ask for a second factor: then nobody who
    has one gets in without it, whichever way they come."""

    def __init__(self, records: Records, lifetimes: Lifetimes, *, factors: bool = False) -> None:
        assert records.schema.users is not None
        self._records = records
        self._engine = records.engine
        self._users = records.schema.users.name
        self._lifetimes = lifetimes
        self._start_by_one = _START + _UNLESS_MORE_IS_ASKED if factors else _START
        self._kept: dict[bytes, Holding] = {}
        self.keys: Holders | None = None
        self._ended = _Ended()
        self._asking: asyncio.Lock | None = None
        self._asking_in: object = None
        self._renewing: set[asyncio.Task[None]] = set()

    # who is asking

    def remembered(self, token: str) -> Actor | None:
        """Who holds the token, where this process knows and nothing is to be done; else None, and
        `holder` says. WHY-NOT in `holder`: a coroutine more takes a tenth of all this."""
        if not self._ended.is_fresh():
            return None
        kept = self._kept.get(digest_of(token))
        if kept is None:
            return None
        now = clock.now_ns()
        return kept.actor if now < kept.renew and now < kept.idle and now < kept.ends else None

    async def holder(self, token: str) -> Actor | None:
        """Who holds the token; None where it opens nothing, or no longer."""
        rows = self.keys if token.startswith(KEY) else self
        if rows is None or len(token) > LONGEST:
            return None
        digest = digest_of(token)
        if not self._ended.is_fresh():
            await self._ask_what_ended()
        kept = self._kept.get(digest)
        if kept is None:  # what is mistyped is not even looked for
            mistyped = rows is not self and not is_key(token)
            return None if mistyped else await self._load(digest, rows)
        now = clock.now_ns()
        if now >= kept.idle or now >= kept.ends:
            del self._kept[digest]
            return await self._load(digest, rows)
        if now >= kept.renew:
            self._renew(kept, now, rows)
        return kept.actor

    def doubt(self) -> None:
        """This process has committed what may end sessions: it asks before it believes again."""
        self._ended.doubt()

    async def _ask_what_ended(self) -> None:
        """Forget what ended, as the database says at this moment; requests share one question."""
        loop = asyncio.get_running_loop()
        if self._asking is None or self._asking_in is not loop:
            self._asking, self._asking_in = asyncio.Lock(), loop
        async with self._asking:
            if self._ended.is_fresh():
                return
            asked = time.monotonic()
            if self._ended.is_out_of_date(asked):
                self._kept.clear()
            rows = await self._engine.find(_ENDED, (self._ended.floor(asked),))
            for session, user in self._ended.news(asked, rows):
                gone = [
                    digest for digest, kept in self._kept.items()
                    if kept.id == session or (session is None and kept.user == user)
                ]  # fmt: skip
                for digest in gone:
                    del self._kept[digest]

    async def _load(self, digest: bytes, rows: Holders) -> Actor | None:
        """The holder as the database says, remembered unless something ended meanwhile."""
        heard = self._ended.count
        kept = await rows.read(digest)
        if kept is None:
            return None
        if heard == self._ended.count:
            if len(self._kept) >= MOST:
                for old in list(self._kept)[: MOST // 2]:
                    del self._kept[old]
            self._kept[digest] = kept
            if (now := clock.now_ns()) >= kept.renew:
                self._renew(kept, now, rows)
        return kept.actor

    async def read(self, digest: bytes) -> Holding | None:
        """The session of this digest, as it is in the database."""
        rows = await self._engine.find(_FIND, (digest,))
        if not rows:
            return None
        session, user, idle_until, ends, proven = rows[0]
        idle, end = parse_moment(idle_until), parse_moment(ends)
        actor = await self.actor(user, session) if min(idle, end) > clock.now() else None
        if actor is None:
            return None
        actor.proven = as_ns(parse_moment(proven))
        renew = idle - self._lifetimes.idle * (1 - 1 / RENEWED)
        return Holding(actor, session, user, as_ns(idle), as_ns(end), as_ns(renew))

    async def actor(self, user: str, session: str = "") -> Actor | None:
        """The actor of a user as the record is now; None where it is gone or disabled."""
        binding = self._records.model.bindings[self._users]
        ask = ReadQuery(self._users, user)
        try:
            one = await self._records.read_one(ask, SYSTEM, self._engine.find)
        except NotFound:
            return None
        actor = actor_of(binding.load(json.loads(one.body)), self._records.model)
        assert actor.record is not None
        if actor.record["disabled"]:
            return None
        actor.session = session
        return actor

    def _renew(self, kept: Holding, now: int, rows: Holders) -> None:
        """Note the use, by a write that nobody waits for."""
        kept.renew = now + _in_ns(self._lifetimes.idle) // RENEWED
        task = asyncio.create_task(_note_use(rows, kept, clock.now()))
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def settle(self) -> None:
        """Wait for the writes that nobody waits for."""
        await asyncio.gather(*self._renewing)

    async def note_use(self, kept: Holding, now: datetime) -> None:
        """Prolong the idle time of a session."""
        idle = now + self._lifetimes.idle

        def steps() -> Steps[None]:
            yield Ask(_RENEW, (kept.id, moment_text(now), moment_text(idle)))

        await self._engine.write(steps)
        kept.idle = as_ns(idle)

    # steps of a transaction

    def start(
        self, user: str, method: str, client: Program, *, whole: bool = False
    ) -> tuple[str, list[Ask]]:
        """A new session: its token, and the statements that make it. Of an account with a second
        factor they make none, and the token opens nothing, unless `whole` says that no more is to
        be asked: whoever lets people in goes through `Entrance`, which asks."""
        token, now = new_token("st"), clock.now()
        values = (
            clock.uuid7(), digest_of(token), user, method, client.agent[:200], client.address[:64],
            moment_text(now), moment_text(now + self._lifetimes.idle),
            moment_text(now + self._lifetimes.whole),
        )  # fmt: skip
        start = _START if whole else self._start_by_one
        started = note("session.started", user, client.source(user), method=method)
        return token, [
            Ask(start, values), keep(started), prune_ended(), Ask(_PRUNE, (moment_text(now),)),
        ]  # fmt: skip

    async def came_from(self, user: str, address: str) -> bool:
        """Whether the user has signed in from this network before, and that session is kept."""
        return bool(await self._engine.find(_CAME_FROM, (user, address)))

    # what their owner does with them

    async def listed(self, user: str) -> list[OwnSession]:
        """The sessions of a user that can still be used, the newest first."""
        rows = await self._engine.find(_OF_USER, (user, clock.now_text()))
        return [OwnSession(*row) for row in rows]

    async def end(self, user: str, session: str, client: Program = UNKNOWN) -> bool:
        """End one session of a user; False where there is none of this id."""
        ended = note("session.ended", user, client.source(user), sessions=1)

        def steps() -> Steps[bool]:
            rows = yield Ask(_END, (session, user))
            if rows:
                yield AskAll([end_sessions(user, session), keep(ended)])
            return bool(rows)

        found = await self.finish(steps)
        if found:
            events.emit(ended)
        return found

    async def end_others(self, user: str, session: str = "", client: Program = UNKNOWN) -> int:
        """End all sessions of a user but one; how many there were."""
        source = client.source(user)
        found = await self.finish(lambda: self.end_others_steps(user, session, source))
        if found:
            events.emit(note("session.ended", user, source, sessions=found))
        return found

    def end_others_steps(
        self, user: str, session: str = "", source: AuditSource = NOBODY
    ) -> Steps[int]:
        """The same as a part of a transaction; `source` is who does it, by itself the user."""
        rows = yield Ask(_END_OTHERS, (user, session))
        ended = [note("session.ended", user, source, sessions=len(rows))] if rows else []
        yield AskAll(
            [
                *(end_sessions(user, row[0]) for row in rows), drop_tickets(user),
                *map(keep, ended),
            ]
        )  # fmt: skip
        return len(rows)

    def prove_steps(self, user: str, session: str) -> Steps[None]:
        """Note that who holds this session has proven who they are at this moment. A process that
        remembers it reads it anew."""
        rows = yield Ask(_PROVE, (session, user, clock.now_text()))
        if rows:
            yield end_sessions(user, session)

    async def finish(self, job: Job[T]) -> T:
        """Run what ends something; this process believes nothing of it from here on."""
        done = await self._engine.write(job)
        self.doubt()
        return done


class _Ended:
    """Which ends this process has heard of, and when it asked last; in seconds of this process.

    Commits do not end in the order of their numbers, so a number is asked for again until every
    transaction is over that was open when it was first passed.
    """

    def __init__(self) -> None:
        self.count = 0
        self._heard = self._doubted = -math.inf
        self._seen: frozenset[int] = frozenset()
        self._marks: deque[tuple[float, int]] = deque([(-math.inf, 0)])

    def is_fresh(self) -> bool:
        """Whether what this process remembers may be believed."""
        return self._heard > self._doubted and time.monotonic() - self._heard < FRESH_S

    def is_out_of_date(self, now: float) -> bool:
        """Whether so much time has passed that ends may have been forgotten meanwhile."""
        return now - self._heard > KEPT.total_seconds() / 2

    def doubt(self) -> None:
        """Something may have ended at this moment."""
        self._doubted = time.monotonic()

    def floor(self, now: float) -> int:
        """The number after which there may be news."""
        while len(self._marks) > 1 and self._marks[1][0] <= now - OPEN_S:
            self._marks.popleft()
        return self._marks[0][1]

    def news(self, asked: float, rows: list[Row]) -> list[tuple[str | None, str]]:
        """The sessions and users of rows that were not heard of before."""
        found = [(session, user) for n, session, user in rows if n not in self._seen]
        self._seen = frozenset(n for n, _, _ in rows)
        last = max(self._seen, default=self._marks[-1][1])
        if asked - self._marks[-1][0] > 1:
            self._marks.append((asked, last))
        self._heard = asked
        self.count += len(found)
        return found


async def _note_use(rows: Holders, kept: Holding, now: datetime) -> None:
    try:
        await rows.note_use(kept, now)
    except Problem:
        return  # another request tries again, a twentieth of the idle time later


def as_ns(moment: datetime) -> int:
    """A moment in nanoseconds since 1970."""
    return _in_ns(moment - _EPOCH)


def _in_ns(length: timedelta) -> int:
    return length // timedelta(microseconds=1) * 1000
