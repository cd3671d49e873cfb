"""A block of `app.transaction()`: the writer is held for it, and all of it is committed or nothing.

In: who opens it.   Out: a `Transaction`, and one commit at the end of the block, or before the
first byte of the answer where a request is answered meanwhile.
Refuses: a block that was broken inside (`TransactionBroken`), or with a call that nobody awaited
(`awaited`); an answer that could not be committed (`NotCommitted`) or whose key has one already
(`AnsweredBefore`).
Called by `runtime`; `http/settled` and `http/idempotent` say when an answer begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .. import events
from ..engines import Session
from ..errors import StanchionError
from ..query import Actor
from ..records import Records
from ..store.changes import Occasion
from ..store.held import Answering, Held, answering, enter, held_in
from ..store.idempotency import Once, Reply, find, keep
from .awaited import refuse_unawaited
from .typed import Transaction


class TransactionBroken(StanchionError):
    """An error left a block that had joined this transaction, and was caught: a mistake in the
    app, because half of that block's work would stay."""

    def __init__(self) -> None:
        super().__init__(
            "an inner `async with app.transaction()` ended in an error that was caught inside the "
            "outer one, so everything was rolled back; catch the error of the single step, or "
            "outside of the outer block"
        )


@asynccontextmanager
async def open_transaction(
    records: Records, actor: Actor, request: str = "", seconds: float | None = None
) -> AsyncIterator[Transaction]:
    """Hold the writer for a block: commit at its end, roll back when an error leaves it, or when
    it takes more than `seconds` (by itself what the settings allow).

    Inside another transaction of the same task on the same database it joins that one: both are
    committed together, and an error that leaves the inner block dooms the outer one.
    A block that is open when its request is answered, as a dependency's is, was committed then.
    """
    outer = held_in(records.engine)
    if outer is not None:
        try:
            yield Transaction(records, outer, actor)
        except BaseException:
            outer.failed = True
            raise
        return
    route = answering()
    once = None if route is None else route.once
    session = await records.engine.begin(seconds)
    held = Held(records.engine, session, Occasion.now(actor.name, request))
    before = enter(held)
    if route is not None and route.task is asyncio.current_task():
        route.note(held)
    try:
        if once is not None:
            await _refuse_twin(session, once)
        yield Transaction(records, held, actor)
        if held.failed and not held.ended:
            raise TransactionBroken
    except BaseException:
        held.ended = True
        enter(before)
        await session.rollback()
        raise
    if once is not None and route is not None and not held.ended:
        route.note(held)  # its block has ended; `keep_answer` commits
        return
    enter(before)
    await _commit(held)


async def _commit(held: Held) -> None:
    """End a transaction, unless it has ended."""
    if held.ended:
        return
    held.ended = True
    try:
        if held.failed:
            raise TransactionBroken
        refuse_unawaited(held)
    except StanchionError:
        await held.session.rollback()
        raise
    await held.session.commit()
    for tell in held.committed:
        tell()
    for audited in held.occasion.audited:
        events.emit(audited)


class NotCommitted(BaseException):
    """The answer of a route was not sent, because what the route did could not be committed. No
    `Exception`: it passes everything that has seen the answer begin, up to `http/settled`."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


async def settle(route: Answering) -> bool:
    """Commit what a route holds open, because its answer begins; False where that is nothing."""
    waiting = route.open()
    for held in waiting:
        try:
            await _commit(held)
        except StanchionError as error:
            raise NotCommitted(error) from error
    return bool(waiting)


class AnsweredBefore(BaseException):
    """A twin of this request was answered while this one waited for the writer. No `Exception`:
    a route that catches those must not go on."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


async def _refuse_twin(session: Session, once: Once) -> None:
    first = await session.run(lambda: find(once))
    if first is not None:
        raise AnsweredBefore(first)


async def keep_answer(route: Answering, once: Once, reply: Reply) -> None:
    """Commit the transaction of a route together with its answer. Without one there was no effect,
    and nothing is kept."""
    for held in route.open():
        if not held.failed:
            try:
                await held.session.run(lambda: keep(once, reply))
            except BaseException:
                held.ended = True
                await held.session.rollback()
                raise
        await _commit(held)


async def drop_answer(route: Answering) -> None:
    """Take back what a route did that gives no answer."""
    for held in route.open():
        held.ended = True
        await held.session.rollback()
