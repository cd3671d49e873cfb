"""Typed events: what happened, as values; logs, metrics and tests render them.

Business code never formats a log line. It builds an event and calls `emit()`; whoever subscribed
is called in order, in the caller's thread, and must be quick and must not raise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RequestDone:
    """A request was answered."""

    time_ns: int
    request: str
    method: str
    path: str
    status: int
    duration_us: int
    sent: int
    query: bytes = b""
    user: str = ""
    """Who was refused; empty where nobody is signed in, and for other answers."""


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A request ended in an error that nobody expected; the caller was told 500."""

    request: str
    method: str
    path: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class StatementFailed:
    """The database refused a statement; the driver's message goes here and to nobody else."""

    engine: str
    statement: str
    message: str


@dataclass(frozen=True, slots=True)
class TransactionReplayed:
    """The database dropped a whole transaction; the other jobs in it were run again."""

    jobs: int
    reason: str


@dataclass(frozen=True, slots=True)
class WriterFailed:
    """The writer cannot go on; the process ends rather than answer what may be lost."""

    message: str


@dataclass(frozen=True, slots=True)
class DatabaseGone:
    """The database file was deleted or replaced under the running server; writes are refused."""

    message: str


@dataclass(frozen=True, slots=True)
class DatabaseAway:
    """The database server cannot be reached; requests that need it are told 503."""

    message: str


@dataclass(frozen=True, slots=True)
class DatabaseBack:
    """The file is where it was again, or the server is reached again; writes go on."""


@dataclass(frozen=True, slots=True)
class ReplicaLeftOut:
    """A replica is not read from until it is as far as the primary again."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProviderFailed:
    """Somebody could not come in with a provider; the reason may be what it answered."""

    provider: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReplicaBack:
    """A replica is read from."""

    address: str


@dataclass(frozen=True, slots=True)
class LimitsUncounted:
    """Where limits are counted cannot be reached; what is `refused` was not done for that."""

    message: str
    refused: bool


Fact = str | int | bool


@dataclass(frozen=True, slots=True)
class Audited:
    """Something that the audit log tells: what, about which user, by whom, from where. A part that
    is not known is empty."""

    kind: str
    user: str
    actor: str
    network: str
    request: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class SchemaApplied:
    """The database was brought in step with the code."""

    statements: tuple[str, ...]
    duration_us: int


@dataclass(frozen=True, slots=True)
class SeedRuns:
    """A seed takes its time; nothing is served before it ends."""

    seed: str


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A try of a job begins."""

    job: str
    name: str
    tries: int


@dataclass(frozen=True, slots=True)
class JobDone:
    """A job is done."""

    job: str
    name: str
    tries: int
    duration_us: int


@dataclass(frozen=True, slots=True)
class JobFailed:
    """A try of a job failed; another one follows."""

    job: str
    name: str
    tries: int
    error: BaseException
    again_s: float


@dataclass(frozen=True, slots=True)
class JobDead:
    """The last try of a job failed; it stays to be looked at."""

    job: str
    name: str
    tries: int
    error: BaseException


@dataclass(frozen=True, slots=True)
class JobTakenOver:
    """A job was taken from a worker whose lease on it had ended."""

    job: str
    name: str
    tries: int
    worker: str


@dataclass(frozen=True, slots=True)
class JobLost:
    """This process has lost its lease on a job that it was running: another may have it."""

    job: str
    name: str
    tries: int


@dataclass(frozen=True, slots=True)
class JobBlocks:
    """The handler of a job kept the event loop, and with it everybody else."""

    job: str
    name: str
    duration_us: int


@dataclass(frozen=True, slots=True)
class Started:
    """A worker serves from now on."""

    app: str
    pid: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """A worker has stopped serving."""

    pid: int
    cut_requests: int


Event = (
    RequestDone
    | RequestFailed
    | StatementFailed
    | TransactionReplayed
    | WriterFailed
    | DatabaseGone
    | DatabaseAway
    | DatabaseBack
    | ReplicaLeftOut
    | ProviderFailed
    | ReplicaBack
    | LimitsUncounted
    | Audited
    | SchemaApplied
    | SeedRuns
    | JobStarted
    | JobDone
    | JobFailed
    | JobDead
    | JobTakenOver
    | JobLost
    | JobBlocks
    | Started
    | Stopped
)
"""Every event there is. Who adds one is told by the type checker who has to say something of it."""


_subscribers: list[Callable[[Event], None]] = []


def subscribe(receive: Callable[[Event], None]) -> Callable[[], None]:
    """Call `receive` with every event from now on; the result ends that."""
    _subscribers.append(receive)
    return lambda: _subscribers.remove(receive)


def emit(event: Event) -> None:
    """Hand `event` to every subscriber."""
    for receive in _subscribers:
        receive(event)
