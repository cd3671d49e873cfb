"""A transaction that is held open between awaits, and runs again where the database gives it up.

In: jobs, one after the other.   Out: their results.
Refuses: whoever holds it longer than `transaction_ms`, and calls after its end.

The app's code between two jobs cannot run again, but all that it saw of the database are results.
So when the database gives the transaction up for the sake of another one, the jobs run again in a
new transaction, and where each returns what it returned before, nobody can tell. Where one does
not, what the app's code decided rests on data that has changed: 503 `transaction.conflict`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from ...errors import Problem, StanchionError, Unavailable
from ..base import Job
from ..told import TransactionEnded, busy, lost, timed_out
from .outage import NETWORK_S
from .pools import Pools
from .run import KEEP, UNDO, Broken, Stale, backoff, commit, roll_back, run_job, send
from .translate import constraint_of, is_lost, problem_of, runs_again
from .turns import TakingTurns

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done:
    """A job that was run, and what its caller saw of it."""

    job: Job[Any]
    value: Any = None
    error: Exception | None = None

    def is_like(self, other: Done) -> bool:
        """Whether a caller would have seen the same."""
        return self.value == other.value and _told(self.error) == _told(other.error)


def _told(error: Exception | None) -> object:
    if isinstance(error, Problem):
        return type(error), error.code, error.detail, error.errors
    return None if error is None else (type(error), error.args)


class ReplayedSession:
    """What `PostgresEngine.begin` gives out. Dropped without an end, it is rolled back.

    A caller that is cancelled inside a call loses the transaction: nobody can tell how much of that
    call was done.
    """

    def __init__(self, pools: Pools, seconds: float, committed: Callable[[], None]) -> None:
        self._pools = pools
        self._seconds = seconds
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._done: list[Done] = []
        self._over: Callable[[], StanchionError] | None = None
        self._taken: AbstractAsyncContextManager[asyncpg.Connection[Any]] | None = None
        self._connection: asyncpg.Connection[Any] | None = None
        self._alone = False
        self._ends = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def begin(self) -> None:
        """Take a connection and begin; on another one where it is gone, as after a restart."""
        try:
            async with asyncio.timeout(self._pools.write_s):
                for pause in backoff():
                    if await self._opened():
                        break
                    await asyncio.sleep(pause)
        except TimeoutError:
            await self._leave(lost, back=True)
            raise busy() from None
        except BaseException:  # also of a caller that is cancelled nothing stays open
            await self._leave(lost, back=True)
            raise
        self._ends = self._loop.time() + self._seconds
        self._timer = self._loop.call_at(self._ends, self._expire)

    async def run(self, job: Job[T]) -> T:
        """Run a job in a savepoint of this transaction; an error takes back this job only."""
        done: Done = await self._call(lambda: self._next(job))
        if done.error is not None:
            raise done.error
        value: T = done.value
        return value

    async def commit(self) -> None:
        """Return once the work is on disk.

        A commit that was sent is not given up when the time of the transaction is over: it gets an
        answer, or it is told that nobody knows its end.
        """
        async with self._turn:
            if self._over is not None:
                raise self._over()
            try:
                await self._commit()
            except asyncio.CancelledError:
                await self._leave(lost, back=True)
                raise
        self._committed()

    async def rollback(self) -> None:
        """Take everything back; silent when that has happened already."""
        if self._over is not None:
            return
        async with self._turn:
            if self._over is None:
                await self._leave(TransactionEnded, back=True)

    async def _call(self, action: Callable[[], Awaitable[T]]) -> T:
        """One call at a time, within the time of the transaction."""
        async with self._turn:
            if self._over is not None:
                raise self._over()
            try:
                async with asyncio.timeout_at(self._ends):
                    return await action()
            except TimeoutError:
                await self._leave(self._timed_out, back=True)
                raise self._timed_out() from None
            except asyncio.CancelledError:
                await self._leave(lost, back=True)
                raise

    async def _next(self, job: Job[Any]) -> Done:
        """Run a job, with all before it where the transaction has to run again."""
        pauses = backoff()
        fresh = False
        while True:
            try:
                if self._connection is None:
                    await self._again()
                done = await self._attempt(job, fresh=fresh)
            except Broken as broken:
                fresh = await self._given_up(broken, fresh=fresh)
                await asyncio.sleep(0 if fresh else next(pauses))
            else:
                self._done.append(done)
                return done

    async def _attempt(self, job: Job[Any], *, fresh: bool) -> Done:
        connection = self._connection
        assert connection is not None
        try:
            value = await run_job(connection, job, fresh=fresh)
            await _keep(connection, fresh=fresh)
        except Broken:
            raise
        except Exception as error:
            await send(connection, UNDO)
            return Done(job, error=error)
        return Done(job, value)

    async def _commit(self) -> None:
        pauses = backoff()
        while True:
            try:
                if self._connection is None:
                    async with asyncio.timeout_at(self._ends):
                        await self._again()
                left = self._ends - self._loop.time()
                if left <= 0:
                    raise TimeoutError
                assert self._connection is not None
                await commit(self._connection, min(left, self._pools.write_s) + NETWORK_S)
            except Broken as broken:
                await self._given_up(broken, fresh=False)
                await asyncio.sleep(next(pauses))
            except TimeoutError:
                await self._leave(self._timed_out, back=True)
                raise self._timed_out() from None
            except BaseException:  # also of a caller that is cancelled nothing stays open
                await self._leave(lost, back=True)
                raise
            else:
                await self._leave(TransactionEnded)
                return

    async def _given_up(self, broken: Broken, *, fresh: bool) -> bool:
        """Let go of a lost transaction; True where a constraint was the reason."""
        error = broken.error
        if not isinstance(error, Stale) and not runs_again(error) and not is_lost(error):
            await self._leave(lost, back=True)
            raise problem_of(error, broken.statement, "write") from error
        await self._let_go(back=True)
        if runs_again(error):
            self._pools.turns.met()
        return fresh or isinstance(error, Stale)

    async def _again(self) -> None:
        """Begin anew and run every job once more; raises where one returns something else."""
        await self._open()
        for before in self._done:
            # a constraint that failed before fails again in a world that is as fresh
            if not before.is_like(await self._attempt(before.job, fresh=True)):
                await self._leave(conflict, back=True)
                raise conflict()

    async def _open(self) -> None:
        """Begin on a connection, after those in front where held transactions have met."""
        while self._connection is None:
            if self._pools.turns.careful and not self._alone:
                await self._pools.turns.take()
                self._alone = True
            self._taken = self._pools.take("writers", self._pools.write_s)
            self._connection = await self._taken.__aenter__()
            if self._pools.turns.careful and not self._alone:  # some met while we waited
                await self._let_go(back=False)
        begin = self._pools.begin_alone if self._alone else self._pools.begin_write
        await send(self._connection, begin)

    async def _opened(self) -> bool:
        """Begin; False where the connection was lost already, as after a restart."""
        try:
            await self._open()
        except Broken as broken:
            if not is_lost(broken.error):
                raise problem_of(broken.error, broken.statement, "write") from broken
            await self._let_go(back=True)
            return False
        return True

    def _expire(self) -> None:
        """The time is over while nobody asks anything."""
        if self._over is None and not self._turn.locked():
            self._loop.create_task(self._leave(self._timed_out, back=True))

    def _timed_out(self) -> StanchionError:
        return timed_out(self._seconds)

    async def _leave(self, why: Callable[[], StanchionError], *, back: bool = False) -> None:
        """End the transaction for the reason `why`, and give the connection back."""
        if self._over is None:
            self._over = why
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._let_go(back=back)
        finally:
            if self._alone:
                self._alone = False
                self._pools.turns.give_back()

    async def _let_go(self, *, back: bool) -> None:
        taken, connection = self._taken, self._connection
        self._taken = self._connection = None
        if taken is None or connection is None:
            return
        try:
            if back:
                await roll_back(connection)
        finally:
            await taken.__aexit__(None, None, None)

    def __del__(self) -> None:
        if self._over is None and self._connection is not None and not self._loop.is_closed():
            self._over = TransactionEnded
            taken, connection = self._taken, self._connection
            assert taken is not None
            turns = self._pools.turns if self._alone else None
            self._loop.call_soon_threadsafe(_abandon, taken, connection, turns)


def _abandon(
    taken: AbstractAsyncContextManager[Any], connection: asyncpg.Connection[Any],
    turns: TakingTurns | None,
) -> None:  # fmt: skip
    async def leave() -> None:
        await roll_back(connection)
        await taken.__aexit__(None, None, None)
        if turns is not None:
            turns.give_back()

    task = asyncio.get_running_loop().create_task(leave())
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


_leaving: set[asyncio.Task[None]] = set()


async def _keep(connection: asyncpg.Connection[Any], *, fresh: bool) -> None:
    """Keep the work of a job, once every reference leads somewhere; the next one may begin."""
    try:
        await send(connection, KEEP + ";savepoint job")
    except Broken as broken:
        constraint = constraint_of(broken.error)
        if constraint is None:
            raise
        if not fresh:
            raise Broken(Stale(), broken.statement) from broken
        raise constraint from broken


def conflict() -> Unavailable:
    return Unavailable(
        "transaction.conflict",
        "What this transaction had read was changed by another one before it ended; it was rolled "
        "back.",
        hint="Send the request again.",
    )
