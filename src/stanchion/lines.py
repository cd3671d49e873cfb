"""Render events as lines: JSON for machines, text for people. Pure; `logs` writes them.

In: an event of `events.py`.   Out: its line, or nothing where nobody needs one.
Called by logs. Nothing a caller sends can forge a line: control characters are escaped.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple, assert_never

from . import events
from .errors import WrongUse

Level = Literal["info", "warning", "error", "critical"]
Explain = Callable[[events.RequestDone], str]
"""The command that explains a refused request, or nothing."""

_quote = json.encoder.encode_basestring_ascii
render_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=repr).encode


# requests that were answered


def access_json(done: events.RequestDone) -> str:
    """The line of a request for machines.

    The clear form is `render_json` of a dict, as for all other events: 5.9 us a line. This is the
    same line in 2.2 us, and a test compares the two.
    """
    seconds, fraction = divmod(done.time_ns, 1_000_000_000)
    return (
        f'{{"time":"{_second(seconds)}.{fraction // 1000:06d}Z",'
        f'"level":"{"info" if 0 < done.status < 500 else "error"}","event":"request",'
        f'"request":"{done.request}","method":{_quote(done.method)},'
        f'"path":{_quote(done.path)},"status":{done.status},'
        f'"duration_ms":{done.duration_us / 1000},"bytes":{done.sent}}}\n'
    )


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    """A second since 1970 as ISO 8601 says it; a busy server asks for each of them often."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def access_text(
    done: events.RequestDone, *, colour: bool = False, explain: Explain | None = None
) -> str:
    """The line of a request for people; `explain` gives what stands behind a refused one."""
    clock = time.strftime("%H:%M:%S", time.localtime(done.time_ns // 1_000_000_000))
    status = str(done.status) if done.status else "cut"
    failed = done.status >= 500 or not done.status
    refused = 400 <= done.status < 500
    if colour:
        shade = 31 if failed else 33 if refused else 32
        clock, status = f"\033[2m{clock}\033[0m", f"\033[{shade}m{status}\033[0m"
    behind = f"  {done.request}" if failed else ""
    if explain is not None and refused and (command := explain(done)):
        behind = f"  {done.request}  {escape(command)}"
    took = f"{done.duration_us / 1000:.1f} ms"
    return f"{clock}  {escape(done.method)} {escape(done.path)}  {status}  {took}{behind}\n"


# everything else


class Told(NamedTuple):
    """What a log says of an event: how bad it is, its name, and what is known of it."""

    level: Level
    event: str
    facts: Mapping[str, object]


def told_json(told: Told) -> str:
    """For machines, on one line."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    named = {"time": stamp, "level": told.level, "event": told.event}
    return render_json({**named, **told.facts}) + "\n"


def told_text(told: Told) -> str:
    """For people: what, on one line, then a traceback below."""
    clock = time.strftime("%H:%M:%S")
    facts = {key: str(value) for key, value in told.facts.items() if key != "traceback"}
    said = "  ".join(f"{key}={escape(value)}" for key, value in facts.items())
    below = str(told.facts.get("traceback", "")).rstrip()
    return f"{clock}  {told.level}[{told.event}]  {said}\n" + (f"{below}\n" if below else "")


def told_of(event: events.Event, *, human: bool) -> Told | None:
    """What is said of an event; None of those that people see elsewhere, or nobody needs."""
    match event:
        case events.RequestFailed():
            return Told("error", "request.failed", _failure(event, human=human))
        case events.StatementFailed(engine, statement, message):
            facts = {"engine": engine, "statement": statement, "message": message}
            return Told("error", "statement.failed", facts)
        case events.TransactionReplayed(jobs, reason):
            return Told("warning", "transaction.replayed", {"jobs": jobs, "reason": reason})
        case events.WriterFailed(message):
            return Told("critical", "writer.failed", {"message": message})
        case events.DatabaseGone(message):
            facts = {
                "message": message,
                "writes": "are refused with 503",
                "hint": "put the file back, or start the server again",
            }
            return Told("critical", "database.gone", facts)
        case events.DatabaseAway(message):
            facts = {
                "message": message,
                "requests": "are told 503 until it is back",
                "hint": "look whether the database runs and the network leads there",
            }
            return Told("critical", "database.away", facts)
        case events.DatabaseBack():
            return Told("info", "database.back", {"writes": "go on"})
        case events.ReplicaLeftOut(address, reason):
            facts = {"address": address, "reason": reason, "reads": "go to the primary"}
            return Told("warning", "replica.left_out", facts)
        case events.ReplicaBack(address):
            return Told("info", "replica.back", {"address": address})
        case events.ProviderFailed(provider, reason):
            return Told("warning", "provider.failed", {"provider": provider, "reason": reason})
        case events.LimitsUncounted(message, refused):
            what = "is refused with 503" if refused else "goes on uncounted"
            return Told("error", "limits.uncounted", {"message": message, "what has one": what})
        case events.Audited():
            return None if human else _told_of_audit(event)
        case events.SeedRuns(seed):
            return Told("info", "seed.runs", {"seed": seed, "requests": "wait until it ends"})
        case (
            events.JobStarted() | events.JobDone() | events.JobFailed() | events.JobDead()
            | events.JobTakenOver() | events.JobLost() | events.JobBlocks()
        ):  # fmt: skip
            return _told_of_job(event, human=human)
        case events.Started(app, pid):
            return None if human else Told("info", "started", {"app": app, "pid": pid})
        case events.Stopped(pid, cut):
            return None if human else Told("info", "stopped", {"pid": pid, "cut_requests": cut})
        case events.RequestDone() | events.SchemaApplied():
            return None  # it has a line of its own; the command line tells of it
        case _:
            assert_never(event)


def _told_of_audit(event: events.Audited) -> Told:
    facts: dict[str, object] = {
        "kind": event.kind, "user": event.user, "actor": event.actor, "network": event.network,
        "request": event.request, **{f"fact_{name}": fact for name, fact in event.facts.items()},
    }  # fmt: skip
    return Told("warning" if event.refused else "info", "audit", facts)


JobEvent = (
    events.JobStarted
    | events.JobDone
    | events.JobFailed
    | events.JobDead
    | events.JobTakenOver
    | events.JobLost
    | events.JobBlocks
)


def _told_of_job(event: JobEvent, *, human: bool) -> Told | None:
    facts: dict[str, object] = {"job": event.job, "name": event.name}
    if not isinstance(event, events.JobBlocks):
        facts["try"] = event.tries
    match event:
        case events.JobStarted():
            return None if human else Told("info", "job.started", facts)
        case events.JobDone(duration_us=took):
            return Told("info", "job.done", {**facts, "duration_ms": took / 1000})
        case events.JobFailed(error=error, again_s=seconds):
            facts["again_in_s"] = round(seconds, 1)
            return Told("warning", "job.failed", {**facts, **_raised(error)})
        case events.JobDead(error=error):
            facts["hint"] = f"when its cause is mended: stanchion jobs retry {event.job}"
            return Told("error", "job.dead", {**facts, **_raised(error)})
        case events.JobTakenOver(worker=worker):
            return Told("warning", "job.taken_over", {**facts, "from": worker})
        case events.JobLost():
            facts["hint"] = "the process, or the database, was away for longer than the lease"
            return Told("warning", "job.lost", facts)
        case events.JobBlocks(duration_us=took):
            facts["blocked_ms"] = took / 1000
            facts["hint"] = "await asyncio.to_thread(…) for what takes long and awaits nothing"
            return Told("warning", "job.blocks", facts)
        case _:
            assert_never(event)


def _raised(error: BaseException) -> dict[str, object]:
    """What an error of the app's own code was, and where."""
    trace = "".join(traceback.format_exception(error)) if error.__traceback__ else ""
    facts: dict[str, object] = {"error": f"{type(error).__name__}: {error}"}
    return {**facts, "traceback": trace} if trace else facts


def _failure(event: events.RequestFailed, *, human: bool) -> dict[str, object]:
    """What is known of a request that failed; a mistake of the app's own code is told with its
    place, which people read below the line."""
    error = event.error
    facts: dict[str, object] = {
        "request": event.request, "method": event.method, "path": event.path,
    }  # fmt: skip
    if not isinstance(error, WrongUse):
        facts["error"] = f"{type(error).__name__}: {error}"
        return {**facts, "traceback": "".join(traceback.format_exception(error))}
    if not human:
        facts["error"] = f"{error.code}: {error.detail}"
        facts["file"] = error.origin.file if error.origin else None
        facts["line"] = error.origin.line if error.origin else None
        facts["hint"] = error.hint
    return {**facts, "traceback": str(error)}


def escape(text: str) -> str:
    r"""`text` on one line that cannot act on a terminal: control characters are spelled out.

    >>> print(escape("/pizzas\n12:00:00  GET /forged"))
    /pizzas\n12:00:00  GET /forged
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
