"""What a caller is told where the database could not do it, in the same words on every engine.

In: nothing but what the sentence names.   Out: a `Problem`, or how a held transaction ended.
"""

from __future__ import annotations

from ..errors import BadRequest, InternalError, StanchionError, StorageFull, Unavailable


class TransactionEnded(StanchionError):
    """A call on a transaction after its commit or rollback: a mistake in the app."""

    def __init__(self) -> None:
        super().__init__(
            "this transaction has ended: it was committed or rolled back before. That of a "
            "dependency is committed when its request is answered; what comes later, in a stream, "
            "a background task or after the `yield`, opens one of its own"
        )


def timed_out(seconds: float) -> Unavailable:
    milliseconds = round(seconds * 1000)
    return Unavailable(
        "transaction.timeout",
        f"This transaction held the writer for more than {milliseconds} ms and was rolled back.",
        hint="Do slow work (mail, payments, other services) before or after the transaction.",
    )


def lost() -> Unavailable:
    return Unavailable(
        "transaction.lost",
        "A statement before this one failed so that the whole transaction was rolled back.",
    )


def overdue(doing: str) -> Unavailable:
    return Unavailable(
        "server.deadline",
        f"This {doing} took longer than it may.",
        hint="Ask for less at once, or try again later.",
    )


def busy() -> Unavailable:
    return Unavailable("server.busy", "Another process held the database for too long.")


def unfinished(doing: str) -> Unavailable:
    return Unavailable("server.database", f"The database could not finish this {doing}.")


def refused(doing: str) -> InternalError:
    return InternalError("server.internal", f"The database refused this {doing}.")


def overflow() -> BadRequest:
    return BadRequest(
        "query.overflow",
        "A sum or another result is outside the range of its numbers.",
        hint="Narrow the filter so that fewer rows are added up, or declare the field big.",
    )


def storage_full() -> StorageFull:
    return StorageFull(
        "storage.full",
        "There is no room left for the database; nothing was changed.",
        hint="Free some space on the server; no restart is needed.",
    )


def closing() -> Unavailable:
    return Unavailable("server.closing", "The server is stopping and takes no more work.")
