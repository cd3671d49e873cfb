"""Run jobs on a connection, statement by statement.

In: a job, and a connection inside a transaction.   Out: its result.
A job that is refused takes back its own work alone: it runs in the savepoint `job`.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg

from ..base import Ask, AskAll, Job, Params, Row, Undo
from .outage import NETWORK_S
from .translate import (
    FAILURES,
    constraint_of,
    give_up,
    is_lost,
    is_open,
    report,
    uncertain,
    was_not_sent,
)

T = TypeVar("T")

_PARAMETER = re.compile(r"\?([0-9]+)")
UNDO = "rollback to savepoint job"
PAUSE_S = 0.001
LONGEST_PAUSE_S = 0.05
KEEP = "set constraints all immediate;set constraints all deferred;release savepoint job"


class Stale(Exception):
    """A constraint failed in a transaction whose snapshot may be older than what broke it: what the
    job would find out of the reason may not be what is there."""


class Broken(Exception):
    """A statement failed and with it what the transaction did since its savepoint. The driver's
    error is the cause; `statement` is what was running."""

    def __init__(self, error: BaseException, statement: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.statement = statement


async def run_job(connection: asyncpg.Connection[Any], job: Job[T], *, fresh: bool) -> T:
    """Step through the generator, sending it the rows of each statement it yields.

    Raises what the job raises, and `Broken` where the database failed. A constraint goes to the job
    only if the transaction is `fresh`, begun after one failed already: else it is `Stale`.
    """
    steps = job()
    try:
        step = next(steps)
        while True:
            rows: list[Row] = []
            if not isinstance(step, Undo):
                try:
                    rows = await _ask(connection, step)
                except FAILURES as error:
                    constraint = constraint_of(error)
                    if constraint is None:
                        raise Broken(error, step.text) from error
                    if not fresh:
                        raise Broken(Stale(), step.text) from error
                    step = steps.throw(constraint)
                    continue
            else:
                await send(connection, UNDO)
            step = steps.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


async def _ask(connection: asyncpg.Connection[Any], wanted: Ask | AskAll) -> list[Row]:
    """The rows of a statement, or of several: those of one text go out together."""
    if isinstance(wanted, Ask):
        rows: list[Row] = await connection.fetch(numbered(wanted.text), *wanted.params)
        return rows
    if wanted.silent:
        if wanted.asks:
            await connection.execute(";".join(ask.text for ask in wanted.asks))
        return []
    by_text: dict[str, list[Params]] = {}
    for ask in wanted.asks:
        by_text.setdefault(ask.text, []).append(ask.params)
    return [
        row
        for text, each in by_text.items()
        for row in await connection.fetchmany(numbered(text), each)
    ]


@lru_cache(4096)
def numbered(text: str) -> str:
    """A statement as the database reads it: what `store/` asks of our own tables is written once,
    with parameters as `?1`."""
    return _PARAMETER.sub(r"$\1", text)


async def send(connection: asyncpg.Connection[Any], text: str) -> None:
    """Run statements that answer nothing, in one message; raises `Broken`."""
    try:
        await connection.execute(text)
    except FAILURES as error:
        raise Broken(error, text) from error


async def commit(connection: asyncpg.Connection[Any], seconds: float) -> None:
    """Return once the transaction is on disk; raises `Broken`, the constraint that failed only
    now, or the 503 of a connection that broke meanwhile, or said nothing for so many seconds."""
    if not is_open(connection):  # nothing is sent, so nothing is uncertain
        raise Broken(asyncpg.ConnectionDoesNotExistError("it broke before the commit"), "commit")
    try:
        done = await connection.execute("commit", timeout=seconds)
    except FAILURES as error:
        if was_not_sent(error):
            give_up(connection)
            raise Broken(error, "commit") from error
        if is_lost(error) or isinstance(error, TimeoutError):
            report(error, "commit")
            give_up(connection)
            raise uncertain() from error
        constraint = constraint_of(error)
        if constraint is not None:
            raise constraint from error
        raise Broken(error, "commit") from error
    if done != "COMMIT":  # what the database answers where a statement had failed before
        raise Broken(asyncpg.InFailedSQLTransactionError(f"the commit ended in {done}"), "commit")


def backoff() -> Iterator[float]:
    """Seconds before a transaction runs again: each time twice as long, and up to twice that, so
    that two which met do not meet again."""
    pause = PAUSE_S
    while True:
        yield pause * (1 + random.random())  # noqa: S311  # no secret
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def roll_back(connection: asyncpg.Connection[Any]) -> None:
    """Take everything back; a connection that cannot, or says nothing, is given up."""
    try:
        # NOTE: where a statement was left, the driver first waits until the database has heard so
        async with asyncio.timeout(NETWORK_S):
            await connection.execute("rollback")
    except FAILURES:
        give_up(connection)
    except BaseException:  # cancelled: what is left open is worth nothing
        give_up(connection)
        raise
