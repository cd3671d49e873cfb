"""The rows of `_jobs`: every statement that the queue asks, as steps of a job of the engine.

In: what to make, take or end.   Out: steps, and what they found.
Called by transaction (enqueue), by the other modules of this room, and by the command line.

A job is *waiting*, *running*, *done* or *dead*. `due` says when it may be taken: the time of its
next try while it waits, the end of the lease while it runs. So one index finds both what is next
and what a lost worker has left behind, and one statement takes them.

Whoever takes a job writes a new token into `lease`, and every statement about a running job names
the token: who has lost the lease changes nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .. import clock
from ..declare.jobs import JobKind
from ..engines import Ask, Steps
from ..errors import WrongUse
from ..types.datetime import moment_text

DONE_KEPT = timedelta(days=7)
"""As long as the change log by default: a change whose request is a job leads to it."""
DEAD_KEPT = timedelta(days=90)
"""Somebody has to look at them; who has not in three months will not."""
TRIMMED_AT_ONCE = 500
LONGEST_KEY = 200
LONGEST_ERROR = 1_000

_INSERT = (
    "insert into _jobs (id,name,queue,arguments,unique_key,state,due,tries,created) "
    "values (?1,?2,?3,?4,?5,'waiting',?6,0,?7) "
    "on conflict (unique_key,name) where ended is null and unique_key is not null do nothing "
    "returning id"
)
_SAME = "select id from _jobs where name=?1 and unique_key=?2 and ended is null"

_TAKE = (
    "update _jobs set state='running',due=?1,lease=?2,worker=?3,tries=tries+1,"
    "lost_by=case when state='running' then worker end where {ids} "
    "returning id,name,arguments,tries,lost_by"
)
_FREE = "ended is null and due<=?4 and {wanted} order by due limit ?5"
_IDS = {
    "sqlite": f"id in (select id from _jobs where {_FREE})",
    # the ids are found once, where `in` could look for them again for each row
    "postgresql": f"id=any(array(select id from _jobs where {_FREE} for update skip locked))",
}

_OWNED = "lease=?2 and ended is null"
_MINE = f"where id=?1 and {_OWNED} returning id"
_PROLONG = f"update _jobs set due=?3 {_MINE}"
_DONE = f"update _jobs set state='done',ended=?3,lease=null,error=null {_MINE}"
_AGAIN = f"update _jobs set state='waiting',due=?3,error=?4,lease=null,worker=null {_MINE}"
_DEAD = f"update _jobs set state='dead',ended=?3,error=?4,lease=null {_MINE}"
_BACK = f"update _jobs set state='waiting',due=?3,tries=tries-1,lease=null,worker=null {_MINE}"

_OLD = "(state='done' and ended<?1 or state='dead' and ended<?2)"
_TRIM = (
    "delete from _jobs where id in (select id from _jobs where ended is not null and ended<?1 "
    f"and {_OLD} order by ended limit {TRIMMED_AT_ONCE}) returning id"
)

_RETRY = (
    "update _jobs set state='waiting',ended=null,tries=0,due=?2,error=null where id=?1 "
    "and state='dead' and not exists (select 1 from _jobs other where other.name=_jobs.name "
    "and other.unique_key=_jobs.unique_key and other.ended is null) returning id"
)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that is to be made. Its id is given before the steps run, so that steps which run
    again make the same job."""

    id: str
    kind: JobKind
    arguments: str
    unique: str | None
    due: str
    created: str


def new_job(
    kind: JobKind, arguments: Mapping[str, Any], delay: float | timedelta = 0,
    unique: str | None = None,
) -> NewJob:  # fmt: skip
    """A job as it is asked for; raises `WrongUse`."""
    now = clock.now()
    wait = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)
    if wait < timedelta(0):
        raise WrongUse("job.delay", f"a delay of {delay} lies in the past", "delay=0", None)
    if unique is not None and not 1 <= len(unique) <= LONGEST_KEY:
        raise WrongUse(
            "job.unique", f"a unique key has 1 to {LONGEST_KEY} characters, not {len(unique)}",
            "unique=order.id", None,
        )  # fmt: skip
    text = kind.write(arguments)
    return NewJob(clock.uuid7(), kind, text, unique, moment_text(now + wait), moment_text(now))


def enqueue(new: NewJob) -> Steps[str]:
    """Make a job. Its id, or that of the one with the same unique key that waits or runs."""
    kind = new.kind
    values = (new.id, kind.name, kind.queue, new.arguments, new.unique, new.due, new.created)
    rows = yield Ask(_INSERT, values)
    if not rows:
        rows = yield Ask(_SAME, (kind.name, new.unique))
    return str(rows[0][0])


# taking


@dataclass(frozen=True, slots=True)
class JobsWanted:
    """What a process takes: the jobs that it knows, of the queues that it was told, or of all."""

    names: tuple[str, ...]
    queues: tuple[str, ...] = ()

    def condition(self, first: int) -> str:
        """The condition, with parameters from this number on."""
        names = _numbers(first, len(self.names))
        queues = _numbers(first + len(self.names), len(self.queues))
        return f"name in ({names})" + (f" and queue in ({queues})" if self.queues else "")

    @property
    def values(self) -> tuple[str, ...]:
        """The values of those parameters."""
        return self.names + self.queues


def _numbers(first: int, count: int) -> str:
    return ",".join(f"?{number}" for number in range(first, first + count))


@dataclass(frozen=True, slots=True)
class TakenJob:
    """A job that this process runs, until its lease ends."""

    lease: str
    id: str
    name: str
    arguments: str
    tries: int
    lost_by: str | None


def first_due(wanted: JobsWanted) -> Ask:
    """When the first of them may be taken."""
    return Ask(
        f"select due from _jobs where ended is null and {wanted.condition(1)} order by due limit 1",
        wanted.values,
    )


def take(
    engine: str, wanted: JobsWanted, most: int, worker: str, lease_s: float
) -> Steps[list[TakenJob]]:
    """Take at most so many of those that are due, for a lease."""
    now, token = clock.now(), clock.uuid7()
    ends = moment_text(now + timedelta(seconds=lease_s))
    text = _TAKE.format(ids=_IDS[engine].format(wanted=wanted.condition(6)))
    rows = yield Ask(text, (ends, token, worker, moment_text(now), most, *wanted.values))
    return sorted((TakenJob(token, *row) for row in rows), key=lambda taken: taken.id)


# what becomes of a job that was taken: each is True if it was still this worker's


def prolong(taken: TakenJob, lease_s: float) -> Steps[bool]:
    """Hold it for another lease from now on."""
    ends = moment_text(clock.now() + timedelta(seconds=lease_s))
    return bool((yield Ask(_PROLONG, (taken.id, taken.lease, ends))))


def end_done(taken: TakenJob) -> Steps[bool]:
    """It is done."""
    return bool((yield Ask(_DONE, (taken.id, taken.lease, clock.now_text()))))


def end_again(taken: TakenJob, due: datetime, error: str) -> Steps[bool]:
    """It failed, and is tried again when it is due."""
    return bool((yield Ask(_AGAIN, (taken.id, taken.lease, moment_text(due), error))))


def end_dead(taken: TakenJob, error: str) -> Steps[bool]:
    """It failed for the last time."""
    return bool((yield Ask(_DEAD, (taken.id, taken.lease, clock.now_text(), error))))


def give_back(taken: TakenJob) -> Steps[bool]:
    """It was not tried after all: whoever asks next may have it."""
    return bool((yield Ask(_BACK, (taken.id, taken.lease, clock.now_text()))))


# what becomes of those that have ended


def trim() -> Steps[bool]:
    """Take away some that ended long ago; True where more may be left."""
    return len((yield Ask(_TRIM, _too_old()))) >= TRIMMED_AT_ONCE


def is_trimmable() -> Ask:
    """Whether there is any to take away."""
    return Ask(f"select 1 from _jobs where ended is not null and ended<?1 and {_OLD} limit 1",
               _too_old())  # fmt: skip


def _too_old() -> tuple[str, str]:
    now = clock.now()
    return moment_text(now - DONE_KEPT), moment_text(now - DEAD_KEPT)


def retry_one(id: str) -> Steps[bool]:
    """Let a dead job begin anew. False where it is not there, not dead, or where another with its
    unique key waits or runs."""
    return bool((yield Ask(_RETRY, (id, clock.now_text()))))


def retry_all() -> Steps[tuple[int, int]]:
    """The same of all dead ones: how many began anew, and how many did not."""
    dead = yield Ask("select id from _jobs where state='dead' order by id")
    begun = 0
    for (id,) in dead:
        begun += yield from retry_one(id)
    return begun, len(dead) - begun


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as people are shown it; its members are what a list of jobs will have."""

    id: str
    name: str
    queue: str
    arguments: str
    unique_key: str | None
    state: str
    due: str
    tries: int
    worker: str | None
    lost_by: str | None
    error: str | None
    created: str
    ended: str | None


def read_jobs(states: Sequence[str], limit: int) -> Ask:
    """The newest jobs in these states, of `JobRow`."""
    columns = ",".join(JobRow.__dataclass_fields__)
    return Ask(
        f"select {columns} from _jobs where state in ({_numbers(2, len(states))}) "
        "order by id desc limit ?1",
        (limit, *states),
    )
