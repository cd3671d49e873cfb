"""Turn what the driver raises into what a job or a caller is told.

In: an asyncpg error, or one of the socket.   Out: `ConstraintFailed` for the job, a `Problem` for
the caller, or the verdict that the transaction may run again.
The driver's message goes into a `StatementFailed` event and nowhere else.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Literal

import asyncpg

from ...errors import BadRequest, Problem, Unavailable
from ...events import StatementFailed, emit
from ..base import ConstraintFailed
from ..told import busy, overdue, overflow, refused, storage_full, unfinished

ConstraintKind = Literal["unique", "foreign_key", "check", "not_null"]

_KINDS: dict[type[asyncpg.PostgresError], ConstraintKind] = {
    asyncpg.UniqueViolationError: "unique",
    asyncpg.ForeignKeyViolationError: "foreign_key",
    asyncpg.RestrictViolationError: "foreign_key",
    asyncpg.CheckViolationError: "check",
    asyncpg.NotNullViolationError: "not_null",
}

FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""Everything that a call of the driver may raise."""

_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # where the server ended the connection a moment ago
    OSError,
)


def constraint_of(error: BaseException) -> ConstraintFailed | None:
    """The constraint that `error` reports, or None if it is no constraint of the schema."""
    if not isinstance(error, asyncpg.IntegrityConstraintViolationError) or _made_meanwhile(error):
        return None
    kind = _KINDS.get(type(error))
    if kind is None:
        return None
    name = str((error.column_name if kind == "not_null" else error.constraint_name) or "")
    return ConstraintFailed(kind, name)


def runs_again(error: BaseException) -> bool:
    """Whether the transaction was given up for the sake of another one and may be tried again."""
    return isinstance(
        error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError
    ) or _made_meanwhile(error)


def _made_meanwhile(error: BaseException) -> bool:
    """Whether two processes that start at once made the same table: `if not exists` looks into the
    world as it was when the transaction began."""
    return isinstance(error, asyncpg.DuplicateTableError | asyncpg.DuplicateColumnError) or (
        isinstance(error, asyncpg.PostgresError) and error.schema_name == "pg_catalog"
    )


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, and what ran on it with it."""
    # a value that the driver cannot send is an InterfaceError too
    return isinstance(error, _LOST) and not isinstance(error, TimeoutError | ValueError)


def is_open(connection: asyncpg.Connection[Any]) -> bool:
    """Whether a connection is there as far as this side knows; its pool may have taken it back."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False


def was_not_sent(error: BaseException) -> bool:
    """Whether the driver refused to send anything: it was just reading that the server had ended
    the connection."""
    return isinstance(error, asyncpg.InternalClientError) and str(error).startswith("cannot switch")


def give_up(connection: asyncpg.Connection[Any]) -> None:
    """Close a connection without a word; one that its pool has taken back already is left alone."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


def problem_of(error: BaseException, statement: str, doing: str) -> Problem:
    """What a caller is told of `error`; `doing` ("read", "write") is for the sentence.

    What the caller can do nothing about is emitted as an event, in the driver's words.
    """
    if isinstance(error, Problem):
        return error
    problem = _answer_to(error, doing)
    if not isinstance(problem, BadRequest) and problem.code != "server.deadline":
        report(error, statement)
    return problem


def report(error: BaseException, statement: str) -> None:
    """Emit the event that keeps the driver's message."""
    emit(StatementFailed("postgresql", statement, f"{type(error).__name__}: {error}"))


def _answer_to(error: BaseException, doing: str) -> Problem:
    if isinstance(error, asyncpg.QueryCanceledError | TimeoutError):
        return overdue(doing)
    if isinstance(error, asyncpg.LockNotAvailableError):
        return busy()
    if isinstance(error, asyncpg.NumericValueOutOfRangeError):
        return overflow()
    if isinstance(error, asyncpg.DiskFullError):
        return storage_full()
    if is_lost(error) or isinstance(error, asyncpg.InsufficientResourcesError):
        return unfinished(doing)
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return Unavailable("server.database", "The database takes no writes at this moment.")
    return refused(doing)


def all_taken() -> Unavailable:
    return Unavailable(
        "server.busy", "Every connection to the database was in use for too long.",
        hint="Try again later.",
    )  # fmt: skip


def uncertain() -> Unavailable:
    """The connection broke while the commit was on its way: nobody here knows what became of it."""
    return Unavailable(
        "server.uncertain",
        "The connection to the database broke at the commit: the write may have happened or not.",
        hint="Look whether it is there; or send it again with the same id or `Idempotency-Key`.",
    )
