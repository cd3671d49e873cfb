"""The transaction that the running task holds open, so that writes inside the block join it, and
the request that is answered, because its transactions end before its answer begins.

Set by `transaction.open_transaction`; asked by it and by `records.write`. A write that waited for
the writer while its own caller holds it would wait for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from inspect import CORO_CREATED, getcoroutinestate
from typing import Any

from ..engines import Engine, Session
from ..errors import Origin
from .changes import Occasion
from .idempotency import Once


@dataclass(frozen=True, slots=True)
class Pending:
    """A call of `tx` that does its work when it is awaited: its name, and where the app made it."""

    name: str
    work: Coroutine[Any, Any, Any]
    origin: Origin | None

    @property
    def is_unawaited(self) -> bool:
        return getcoroutinestate(self.work) == CORO_CREATED


@dataclass(slots=True, eq=False)
class Held:
    """A session that is open, and what the changes in it share.

    `failed`: an error left a block that had joined, so the whole can only be taken back. `pending`:
    the calls of the app in it; those that have begun may be left out."""

    engine: Engine
    session: Session
    occasion: Occasion
    failed: bool = False
    ended: bool = False
    pending: list[Pending] = field(default_factory=list)
    committed: list[Callable[[], None]] = field(default_factory=list)
    """What to call once it is committed: quick, and raises nothing."""


_current: ContextVar[Held | None] = ContextVar("stanchion_transaction", default=None)


@dataclass(slots=True, eq=False)
class Answering:
    """A request that a route of the app answers, in `task`, and the transactions it opened.

    `once`: its idempotency key. The commit waits for the answer then, so that both are on disk
    together.
    """

    task: asyncio.Task[Any] | None
    once: Once | None = None
    opened: list[Held] = field(default_factory=list)

    def note(self, held: Held) -> None:
        """Remember a transaction. What another task opened may outlive the answer, as that task
        does, unless its block has ended and it waits for the answer."""
        self.opened = [*(other for other in self.open() if other is not held), held]

    def open(self) -> list[Held]:
        """The transactions that have not ended."""
        return [held for held in self.opened if not held.ended]


_answering: ContextVar[Answering | None] = ContextVar("stanchion_answering", default=None)


def answering() -> Answering | None:
    """The request that the running task answers, or was started by."""
    return _answering.get()


def begin_answer(request: Answering) -> Token[Answering | None]:
    """Make `request` the one that the running task answers, until `end_answer`."""
    return _answering.set(request)


def end_answer(token: Token[Answering | None]) -> None:
    """Answer the request that was answered before, if any."""
    _answering.reset(token)


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
