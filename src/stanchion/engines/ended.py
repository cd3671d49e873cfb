"""How a held transaction ended before its caller meant it to, in the same words on every engine."""

from __future__ import annotations

from ..errors import StanchionError, Unavailable


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
