"""The transaction that the running task holds open, so that writes inside the block join it.

Set by `transaction.open_transaction`; asked by it and by `records.write`. A write that waited for
the writer while its own caller holds it would wait for itself.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from ..engines import Engine, Session
from .changes import Occasion
from .idempotency import Once


@dataclass(slots=True, eq=False)
class Held:
    """A session that is open, and what the changes in it share.

    `failed`: an error left a block that had joined, so the whole can only be taken back.
    """

    engine: Engine
    session: Session
    occasion: Occasion
    failed: bool = False
    ended: bool = False


_current: ContextVar[Held | None] = ContextVar("stanchion_transaction", default=None)


@dataclass(slots=True, eq=False)
class Awaiting:
    """A route under an idempotency key. The commit of its transaction waits for its answer, so
    that both are on disk together; `held` is that transaction, once its block has ended."""

    once: Once
    held: Held | None = None


_awaiting: ContextVar[Awaiting | None] = ContextVar("stanchion_awaiting", default=None)


def awaiting() -> Awaiting | None:
    """The route under a key that the running task answers."""
    return _awaiting.get()


def await_answer(route: Awaiting | None) -> None:
    """Let the transaction of the running task wait for the answer of `route`; None ends it."""
    _awaiting.set(route)


def held_in(engine: Engine) -> Held | None:
    """The transaction on this database that the running task is inside of.

    A task that outlives the block it was started in is inside of none.
    """
    held = _current.get()
    return held if held is not None and not held.ended and held.engine is engine else None


def enter(held: Held | None) -> Held | None:
    """Make `held` the transaction of the running task; the one before, to be put back."""
    before = _current.get()
    _current.set(held)
    return before
