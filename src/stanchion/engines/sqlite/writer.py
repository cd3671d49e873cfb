"""Write: one thread, one connection, and one commit for everybody who waits.

In: jobs and wishes to hold the writer, from any event loop.   Out: their futures, settled.
Refuses: more than `write_queue` of them, and whoever waited longer than `write_deadline_ms`.

    take the lock → run each waiting job in a savepoint → COMMIT → answer → checkpoint if due

Nobody is answered before COMMIT returned. While it is on its way to the disk, the next jobs
gather. An exception nobody foresaw fails every future and ends the process: a writer that is gone
while callers wait is worse than a restart.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

import apsw

from ...errors import InternalError, Problem, StanchionError, Unavailable
from ...events import TransactionReplayed, WriterFailed, emit
from ...settings import Settings
from ..base import Ask, ConstraintFailed, Job, Row
from .connection import STEPS, executor, open_writer, wait_until
from .file import Place
from .session import Call, Ending, Hold, TransactionEnded, lost, timed_out
from .translate import answer_to, closing, constraint_of, is_unknowable, overdue, problem_of, report

BATCH_JOBS = 256
BATCH_SECONDS = 0.02
"""What one shared transaction takes at most, so that the first in it is not kept waiting."""

REPLAYS = 4
"""Lost transactions after which the rest of a batch is committed one by one."""

WORK_SHARE = 0.8
"""Of `write_deadline_ms`, what one job may work. It is less than what others may wait, so that one
runaway job does not expire those behind it."""

GIVE_WAY_EVERY = 0.002
GIVE_WAY_FOR = 0.002
"""Seconds between two looks of an event loop at the writer, and what it leaves to it then."""

CHECKPOINT_PAGES = 1_000
RESTART_PAGES = 16_384
"""Pages of the WAL (64 MiB) beyond which the writer waits for readers, so that it starts again."""
READERS_LATE = 0.1
"""Seconds beyond its deadline that a read may take to end."""

CLOSING_PATIENCE = 1.0
"""Seconds that a stopping writer still waits for a lock another process holds."""

EXIT_CODE = 70  # EX_SOFTWARE


@dataclass(slots=True, eq=False)
class Waiting:
    """A place in the queue: a job, or a wish to hold the writer."""

    future: asyncio.Future[Any]
    expires: float
    job: Job[Any] | None = None
    hold: Hold | None = None
    value: Any = None
    error: BaseException | None = None


class Writer:
    """The thread that every write of this process goes through."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        end_process: Callable[[int], None],
        vfs: str | None = None,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._patience = settings.write_deadline_ms / 1000
        self._work = self._patience * WORK_SHARE
        self._end_process = end_process
        self._committed = committed
        self.connection = open_writer(path, self._patience, vfs)
        self.place = Place.of(path)
        self._execute = executor(self.connection)
        self._queue: deque[Waiting] = deque()
        self._ready = threading.Condition(threading.Lock())
        self._closed = False
        self._closing_until = inf
        self._until = inf  # the job under way is interrupted then
        self._lock_until = inf
        self._batch: list[Waiting] = []
        self._call: Call | None = None
        self._held: Hold | None = None
        self._pages = 0
        self._checkpointed = 0
        self._is_due = False
        self._restart_at = RESTART_PAGES
        self._moves = 0
        self._resting = False
        self._giving_way: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        self.connection.set_progress_handler(self._is_overdue, STEPS)
        self._sleep_on = wait_until(self._give_up_lock)
        self.connection.set_busy_handler(self._wait_for_lock)
        self.connection.set_wal_hook(self._count_pages)
        self._thread = threading.Thread(target=self._main, name="stanchion-writer", daemon=True)
        self._thread.start()

    # Called on event loops

    async def write(self, job: Job[Any]) -> Any:
        future = asyncio.get_running_loop().create_future()
        self._submit(Waiting(future, perf_counter() + self._patience, job=job))
        return await future

    async def hold(self) -> Hold:
        future = asyncio.get_running_loop().create_future()
        hold = Hold()
        self._submit(Waiting(future, perf_counter() + self._patience, hold=hold))
        try:
            await future
        except asyncio.CancelledError:
            hold.leave()
            raise
        return hold

    def stop(self) -> None:
        """Take no more jobs; the thread finishes those it has, and ends."""
        with self._ready:
            if not self._closed:
                self._closed = True
                self._closing_until = perf_counter() + CLOSING_PATIENCE
            self._ready.notify()

    def join(self) -> bool:
        """Wait for the thread, for as long as the jobs it has may take; False if it still runs."""
        self._thread.join(2 * self._patience + self._settings.transaction_ms / 1000 + 1)
        return not self._thread.is_alive()

    def _submit(self, waiting: Waiting) -> None:
        with self._ready:
            if self._closed:
                raise closing()
            if len(self._queue) >= self._settings.write_queue:
                raise Unavailable("server.overloaded", "Too many writes are waiting already.")
            self._queue.append(waiting)
            self._ready.notify()
        loop = waiting.future.get_loop()
        if loop not in self._giving_way:
            self._giving_way.add(loop)
            loop.call_later(GIVE_WAY_EVERY, self._give_way, loop, self._moves)

    def _give_way(self, loop: asyncio.AbstractEventLoop, moves: int) -> None:
        """Let the writer work, from time to time, while this event loop has no rest.

        NOTE: A thread that lets go of the interpreter lock often and briefly, as a busy event
        loop does, has it back before the one that waits for it woke up. A saturated loop left the
        writer as little as 4 writes a second; figures in DESIGN.md.
        """
        if not (self._queue or self._batch or self._held):
            self._giving_way.discard(loop)
            return
        until = perf_counter() + GIVE_WAY_FOR
        if self._resting and moves == self._moves:
            time.sleep(0.0001)  # it may have been woken, and wait for the lock
        while not self._resting and perf_counter() < until:
            time.sleep(0.0001)
        loop.call_later(GIVE_WAY_EVERY, self._give_way, loop, self._moves)

    # The thread

    def _main(self) -> None:
        try:
            self._serve()
            self._leave()
        except BaseException as error:  # the worker loop: nothing may hang
            self._die(error)

    def _serve(self) -> None:
        while (first := self._wait()) is not None:
            if not self._lock_for(first):
                continue
            if first.hold is not None:
                self._held = first.hold
                self._queue.popleft()
                self._serve_hold(first, first.hold)
            else:
                self._share()
            if self._is_due:
                self._checkpoint()

    def _wait(self) -> Waiting | None:
        """The first in the queue, still in it; None when there will be no more."""
        with self._ready:
            while True:
                first = self._first()
                if first is not None:
                    return first
                if self._closed:
                    return None
                self._resting = True
                self._ready.wait()
                self._work_on()

    def _first(self) -> Waiting | None:
        """The first in the queue who still wants an answer; those who waited too long are told."""
        while self._queue:
            first = self._queue[0]
            if not first.future.cancelled():
                if perf_counter() < first.expires:
                    return first
                first.error = overdue("write")
                _answer([first])
            self._queue.popleft()
        return None

    def _lock_for(self, first: Waiting) -> bool:
        """BEGIN IMMEDIATE; False if it failed and those who cannot wait longer were told."""
        error = self._begin(first.expires)
        if error is None:
            return True
        told: list[Waiting] = []
        while self._queue and (
            not isinstance(error, apsw.BusyError)
            or self._queue[0].expires <= perf_counter()
            or self._closing_until <= perf_counter()
        ):
            told.append(self._queue.popleft())
        self._fail(told, error, "begin immediate")
        if not told:
            time.sleep(0.001)  # SQLite said busy without asking the busy handler
        return False

    def _share(self) -> None:
        """Run what waits in the open transaction, commit, and answer."""
        until = perf_counter() + BATCH_SECONDS
        done: list[Waiting] = []
        again: deque[Waiting] = deque()
        replays = 0
        while (waiting := self._next(again, until)) is not None:
            self._attempt(waiting, perf_counter() + self._work)
            if self.connection.in_transaction:
                done.append(waiting)
                if replays < REPLAYS:
                    continue
                self._commit(done)
                self._batch = list(again)
            else:
                # The whole transaction is lost: by this job alone, so the others run again.
                replays += 1
                until = 0.0
                again.extendleft(reversed(done))
                _answer([waiting])
                self._batch = list(again)
                if again:
                    emit(TransactionReplayed(len(again), _reason(waiting.error)))
            done = []
            if not again:
                return
            error = self._begin(perf_counter() + self._patience)
            if error is not None:
                self._fail(again, error, "begin immediate")
                self._batch = []
                return
        self._commit(done)
        self._batch = []

    def _next(self, again: deque[Waiting], until: float) -> Waiting | None:
        """The next job of the batch: first those that run again, then the queue."""
        if again:
            return again.popleft()
        if self._batch and (len(self._batch) >= BATCH_JOBS or perf_counter() > until):
            return None
        with self._ready:
            first = self._first()
            if first is None or first.hold is not None:
                return None
            self._batch.append(first)
            self._queue.popleft()
            return first

    def _commit(self, done: list[Waiting]) -> None:
        error = self._end("commit")
        if error is not None:
            self._fail(done, error, "commit")
        else:
            _answer(done)

    def _attempt(self, call: Waiting | Call, until: float) -> None:
        """Run a job in a savepoint and keep its result or error; only its own work is taken back.

        Afterwards `in_transaction` tells whether the transaction is still there.
        """
        assert call.job is not None
        call.value = call.error = None
        try:
            self._execute("savepoint job")
            self._until = until
            call.value = self._drive(call.job)
            if self.connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0] != 0:
                raise ConstraintFailed("foreign_key", "")
            self._until = inf
            self._execute("release job")
        except Unknowable:
            raise
        except apsw.Error as error:
            call.error = self._refuse(error, "savepoint")
            self._undo_job()
        except BaseException as error:  # a job's SystemExit is its caller's to see
            call.error = error
            self._undo_job()

    def _drive(self, job: Job[Any]) -> Any:
        """Step through the generator, sending it the rows of each statement it yields."""
        steps = job()
        execute = self._execute
        try:
            step = next(steps)
            while True:
                if isinstance(step, Ask):
                    try:
                        rows: list[Row] = execute(step.text, step.params).fetchall()
                    except apsw.Error as error:
                        constraint = constraint_of(error)
                        if constraint is None or not self.connection.in_transaction:
                            raise self._refuse(error, step.text) from error
                        step = steps.throw(constraint)
                        continue
                else:
                    execute("rollback to job")
                    rows = []
                step = steps.send(rows)
        except StopIteration as end:
            return end.value
        finally:
            steps.close()

    def _refuse(self, error: apsw.Error, text: str) -> Problem:
        """What the caller is told of an error that ends its job."""
        if is_unknowable(error):
            raise Unknowable(str(error)) from error
        return problem_of(error, text, "write")

    def _undo_job(self) -> None:
        self._until = inf
        if not self.connection.in_transaction:
            return
        try:
            self._execute("rollback to job")
            self._execute("release job")
        except apsw.Error as error:
            report(error, "rollback to job")
            if self.connection.in_transaction:
                self._execute("rollback")

    def _begin(self, lock_until: float) -> apsw.Error | None:
        self._lock_until = lock_until
        return self._end("begin immediate")

    def _end(self, text: str) -> apsw.Error | None:
        """Run BEGIN, COMMIT or ROLLBACK; after an error, which is returned, nothing is open."""
        self._until = inf
        if text == "commit":
            self._resting = True
        try:
            if text == "commit":
                self.place.check()  # before it, so that nothing is done; and after it, in case
            self._execute(text)
            if text == "commit":
                self.place.check()
                self._committed()
        except apsw.Error as error:
            if is_unknowable(error):
                raise Unknowable(str(error)) from error
            if self.connection.in_transaction:
                self._execute("rollback")
            return error
        finally:
            self._work_on()
        return None

    def _work_on(self) -> None:
        self._moves += 1
        self._resting = False

    def _fail(self, waiting: Iterable[Waiting | Call], error: apsw.Error, text: str) -> None:
        """Tell all of them that `text` failed: an exception of its own for each, and one event."""
        waiting = list(waiting)
        stopped = isinstance(error, apsw.BusyError) and self._closing_until <= perf_counter()
        for each in waiting:
            each.error = closing() if stopped else answer_to(error, "write")
        _answer(waiting)
        if waiting:
            report(error, text)

    # A held transaction

    def _serve_hold(self, waiting: Waiting, hold: Hold) -> None:
        """Do what the holder asks until it ends the transaction, or its time is over."""
        ends = perf_counter() + self._settings.transaction_ms / 1000
        _answer([waiting])
        why: Ending = TransactionEnded
        while self.connection.in_transaction:
            self._resting = True
            self._call = call = hold.next(ends - perf_counter())
            self._work_on()
            if call is None or perf_counter() >= ends:
                why = partial(timed_out, self._settings.transaction_ms)
                self._end("rollback")
                self._tell_late(call, why)
            elif call.kind != "run":
                self._end_hold(call)
            elif not _is_cancelled(call):
                why = self._run_held(call, ends)
        self._end_calls(hold, why)
        self._held = self._call = None

    def _run_held(self, call: Call, ends: float) -> Ending:
        """Run one job of a held transaction; the result is why the transaction is over, if so."""
        self._attempt(call, min(perf_counter() + self._work, ends))
        why: Ending = TransactionEnded
        if perf_counter() >= ends:
            why = partial(timed_out, self._settings.transaction_ms)
        elif not self.connection.in_transaction:
            why = lost
        if isinstance(call.error, Unavailable) and perf_counter() >= ends:
            call.error = why()
        _answer([call])
        return why

    def _end_hold(self, call: Call) -> None:
        """Commit or roll back, and say so; the caller who went away already commits nothing."""
        commits = call.kind == "commit" and not _is_cancelled(call)
        error = self._end("commit" if commits else "rollback")
        if error is not None:
            self._fail([call], error, call.kind)
        else:
            _answer([call])

    def _tell_late(self, call: Call | None, why: Ending) -> None:
        if call is not None:
            call.error = why()
            _answer([call])

    def _end_calls(self, hold: Hold, why: Ending) -> None:
        late = hold.end(why)
        for call in late:
            call.error = why()
        _answer(late)

    # The write-ahead log

    def _count_pages(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages < self._checkpointed:
            # the WAL was written from its start again
            self._checkpointed, self._restart_at = 0, RESTART_PAGES
        self._pages = pages
        self._is_due = pages - self._checkpointed >= CHECKPOINT_PAGES
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        """Move pages from the WAL into the database every thousand pages, waiting for nobody; from
        64 MiB on, wait until every read that began before is over.

        NOTE: While another process writes, or reads overlap without a gap, a checkpoint that waits
        for nobody never finds the moment at which the WAL may start again: with two workers it
        grew by 20 MB a second. Our reads end at their deadline, so the wait is short; a reader of
        another program may never end, so the next try is another 64 MiB away.

        WHY-NOT SQLite's own: it runs inside COMMIT, before anybody is answered, and hides a
        failed fsync of the database file; the next one would claim that all is well and the WAL,
        which holds the only good copy, would be written over.
        """
        self._is_due = False
        self._checkpointed = self._pages
        mode = apsw.SQLITE_CHECKPOINT_PASSIVE
        if self._pages >= self._restart_at:
            self._restart_at = self._pages + RESTART_PAGES
            mode = apsw.SQLITE_CHECKPOINT_RESTART
        reads_over = self._settings.read_deadline_ms / 1000 + READERS_LATE
        self._move_pages(mode, perf_counter() + reads_over)

    def _move_pages(self, mode: int, lock_until: float) -> None:
        self._lock_until = lock_until
        self._resting = True
        try:
            self.connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            return  # another process does the same at this moment
        except apsw.Error as error:
            if is_unknowable(error):
                raise Unknowable(str(error)) from error
            report(error, "wal_checkpoint")
        finally:
            self._work_on()

    # Handlers called by SQLite: they must never raise

    def _is_overdue(self) -> bool:
        return perf_counter() > self._until

    def _wait_for_lock(self, tries: int) -> bool:
        self._resting = True
        return self._sleep_on(tries)

    def _give_up_lock(self) -> float:
        return min(self._lock_until, self._closing_until)

    # The end

    def _leave(self) -> None:
        """Put everything into the database file, if nobody is in the way, and disconnect."""
        if self.place.is_ours():
            self._move_pages(apsw.SQLITE_CHECKPOINT_TRUNCATE, 0.0)
        else:  # the log is removed by its name, and may belong to another file by now
            self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self.connection.close(True)

    def _die(self, error: BaseException) -> None:
        """Fail everybody who waits, and end the process."""
        try:
            with self._ready:
                self._closed = True
                left: list[Waiting | Call] = [*self._batch, *self._queue]
                if self._call is not None:
                    left.append(self._call)
                self._queue.clear()
            for each in left:
                each.error = _broken()
            _answer(left)
            if self._held is not None:
                self._end_calls(self._held, _broken)
            self._batch, self._held = [], None
            emit(WriterFailed(f"{type(error).__name__}: {error}"))
        finally:
            self._end_process(EXIT_CODE)


class Unknowable(StanchionError):
    """A failed fsync: what is on disk is not known any more. Ends the process."""


def _broken() -> Problem:
    return InternalError(
        "server.internal", "The writer of this server has failed; it is restarting."
    )


def _reason(error: BaseException | None) -> str:
    return error.code if isinstance(error, Problem) else type(error).__name__


def _answer(done: Iterable[Waiting | Call]) -> None:
    """Settle the futures, with one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Waiting | Call]] = {}
    for each in done:
        if each.future is not None:
            by_loop.setdefault(each.future.get_loop(), []).append(each)
    for loop, each_of in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, each_of)
        except RuntimeError:  # the loop was closed, nobody waits any more
            _abandon(each_of)


def _is_cancelled(call: Call) -> bool:
    return call.future is not None and call.future.cancelled()


def _settle(done: list[Waiting | Call]) -> None:
    for each in done:
        assert each.future is not None
        if each.future.done():
            _abandon([each])
        elif each.error is not None:
            each.future.set_exception(each.error)
        else:
            each.future.set_result(each.value)


def _abandon(done: list[Waiting | Call]) -> None:
    """Give the writer back for holders who went away before they knew that they hold it."""
    for each in done:
        if isinstance(each, Waiting) and each.hold is not None:
            each.hold.leave()
