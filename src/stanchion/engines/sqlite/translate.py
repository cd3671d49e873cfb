"""Turn what the driver raises into what a job or a caller is told.

In: an apsw error.   Out: `ConstraintFailed` for the job, a `Problem` for the caller.
The driver's message goes into a `StatementFailed` event and nowhere else.
"""

from __future__ import annotations

from typing import Literal

import apsw

from ...errors import (
    BadRequest,
    InternalError,
    Problem,
    StanchionError,
)
from ...events import StatementFailed, emit
from ..base import ConstraintFailed, database_gone
from ..told import busy, overdue, overflow, refused, storage_full, unfinished
from .file import FileGone

_KINDS: dict[int, Literal["unique", "foreign_key", "check", "not_null"]] = {
    apsw.SQLITE_CONSTRAINT_UNIQUE: "unique",
    apsw.SQLITE_CONSTRAINT_PRIMARYKEY: "unique",
    apsw.SQLITE_CONSTRAINT_ROWID: "unique",
    apsw.SQLITE_CONSTRAINT_FOREIGNKEY: "foreign_key",
    # ON DELETE RESTRICT is carried out by a hidden trigger and reports that.
    apsw.SQLITE_CONSTRAINT_TRIGGER: "foreign_key",
    apsw.SQLITE_CONSTRAINT_CHECK: "check",
    apsw.SQLITE_CONSTRAINT_NOTNULL: "not_null",
}

# After one of these the kernel may have dropped the pages it could not write, and the next fsync
# says that all is well. Only a new process, which reads the file again, knows what is there.
_UNKNOWABLE = frozenset(
    {apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC, apsw.SQLITE_IOERR_COMMIT_ATOMIC}
)


def code_of(error: apsw.Error) -> int:
    """SQLite's extended result code; 0 for the few errors that are apsw's own."""
    code: int = getattr(error, "extendedresult", 0)
    return code


def constraint_of(error: apsw.Error) -> ConstraintFailed | None:
    """The constraint that `error` reports, or None if it is no constraint of the schema."""
    if not isinstance(error, apsw.ConstraintError):
        return None
    kind = _KINDS.get(code_of(error))
    return ConstraintFailed(kind, str(error).partition(": ")[2]) if kind else None


class Unknowable(StanchionError):
    """A failed fsync: what is on disk is not known any more. Ends the process."""


def raise_unknowable(error: apsw.Error) -> None:
    """Raise `Unknowable` where nobody can say any more what is on disk."""
    if code_of(error) in _UNKNOWABLE:
        raise Unknowable(str(error)) from error


def is_full(error: apsw.Error) -> bool:
    """Whether the disk, or the size the file may have, is used up."""
    return isinstance(error, apsw.FullError) or code_of(error) == apsw.SQLITE_IOERR_SHMSIZE


def problem_of(error: apsw.Error, statement: str, doing: str) -> Problem:
    """What a caller is told of `error`; `doing` ("read", "write") is for the sentence.

    What the caller can do nothing about is emitted as an event, in the driver's words.
    """
    problem = answer_to(error, doing)
    if not isinstance(error, apsw.InterruptError) and not isinstance(problem, BadRequest):
        report(error, statement)
    return problem


def report(error: apsw.Error, statement: str) -> None:
    """Emit the event that keeps the driver's message; of a file that is gone `engines/watch` tells,
    once."""
    if isinstance(error, FileGone):
        return
    emit(StatementFailed("sqlite", statement, f"{type(error).__name__}: {error}"))


def answer_to(error: apsw.Error, doing: str) -> Problem:
    """A new `Problem` for one caller, without an event."""
    if isinstance(error, apsw.InterruptError):
        return overdue(doing)
    if isinstance(error, apsw.SQLError) and str(error) == "integer overflow":
        return overflow()
    if isinstance(error, FileGone):
        return database_gone()
    if is_full(error):
        return storage_full()
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return busy()
    if isinstance(error, apsw.IOError | apsw.CantOpenError | apsw.NoMemError):
        return unfinished(doing)
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return InternalError(
            "server.database_damaged",
            f"The database file is damaged where this {doing} needs it.",
            hint="Whoever runs the server: stop it, and put a backup in the place of the file.",
        )
    return refused(doing)
