"""Write: one thread, one connection, and one commit for everybody who waits.

In: jobs and wishes to hold the writer, from any event loop.   Out: their futures, settled.
Refuses: more than `write_queue` of them, and whoever waited longer than `write_deadline_ms`.

    take the lock → run each waiting job in a savepoint → COMMIT → answer → checkpoint if due

Nobody is answered before COMMIT returned. While it is on its way to the disk, the next jobs
gather. An exception nobody foresaw fails every future and ends the process: a writer that is gone
while callers wait is worse than a restart.

Here is who is served, in what order, and what each is told. Who waits is in `queue`, what is done
to the database in `transactions`, when its log is moved in `wal`, and who has the interpreter in
`turns`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import apsw

from ...errors import InternalError, Problem, Unavailable
from ...events import TransactionReplayed, WriterFailed, emit
from ...settings import Settings
from ..base import Job
from ..told import TransactionEnded, closing, lost, timed_out
from .connection import open_writer
from .file import OpenedFiles
from .queue import Waiting, WriteQueue, answer
from .session import Call, Ending, Hold
from .transactions import Transactions
from .translate import answer_to, report
from .turns import Turns
from .wal import Checkpoints

BATCH_JOBS = 256
BATCH_SECONDS = 0.02
"""What one shared transaction takes at most, so that the first in it is not kept waiting."""

REPLAYS = 4
"""Lost transactions after which the rest of a batch is committed one by one."""

WORK_SHARE = 0.8
"""Of `write_deadline_ms`, what one job may work. It is less than what others may wait, so that one
runaway job does not expire those behind it."""

READERS_LATE = 0.1
"""Seconds beyond its deadline that a read may take to end."""

EXIT_CODE = 70  # EX_SOFTWARE


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
        self._batch: list[Waiting] = []
        self._call: Call | None = None
        self._held: Hold | None = None
        self.connection = open_writer(path, self._patience, vfs)
        self.files = OpenedFiles.of(path)
        self._turns = Turns(self._is_needed)
        self._queue = WriteQueue(settings.write_queue, self._turns)
        self._transactions = Transactions(
            self.connection, self.files, self._turns, lambda: self._queue.closing_until, committed
        )
        self._wal = Checkpoints(self.connection)
        self._thread = threading.Thread(target=self._main, name="stanchion-writer", daemon=True)
        self._thread.start()

    # Called on event loops

    async def write(self, job: Job[Any]) -> Any:
        future = asyncio.get_running_loop().create_future()
        self._submit(Waiting(future, perf_counter() + self._patience, job=job))
        return await future

    async def hold(self, seconds: float | None = None) -> Hold:
        future = asyncio.get_running_loop().create_future()
        hold = Hold(self._settings.transaction_ms / 1000 if seconds is None else seconds)
        self._submit(Waiting(future, perf_counter() + self._patience, hold=hold))
        try:
            await future
        except asyncio.CancelledError:
            hold.leave()
            raise
        return hold

    def stop(self) -> None:
        """Take no more jobs; the thread finishes those it has, and ends."""
        self._queue.close()

    def join(self) -> bool:
        """Wait for the thread, for as long as the jobs it has may take; False if it still runs."""
        self._thread.join(2 * self._patience + self._settings.transaction_ms / 1000 + 1)
        return not self._thread.is_alive()

    def _submit(self, waiting: Waiting) -> None:
        self._queue.put(waiting)
        self._turns.look_from(waiting.future.get_loop())

    def _is_needed(self) -> bool:
        return bool(self._queue or self._batch or self._held)

    # The thread

    def _main(self) -> None:
        try:
            self._serve()
            self._transactions.close()
        except BaseException as error:  # the worker loop: nothing may hang
            self._die(error)

    def _serve(self) -> None:
        while (first := self._queue.wait()) is not None:
            if not self._lock_for(first):
                continue
            if first.hold is not None:
                self._held = first.hold
                self._queue.leave()
                self._serve_hold(first, first.hold)
            else:
                self._share()
            if self._wal.due:
                self._checkpoint()

    def _lock_for(self, first: Waiting) -> bool:
        """BEGIN IMMEDIATE; False if it failed and those who cannot wait longer were told."""
        error = self._transactions.begin(first.expires)
        if error is None:
            return True
        told = self._queue.give_up(everybody=not isinstance(error, apsw.BusyError))
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
            self._transactions.attempt(waiting, perf_counter() + self._work)
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
                answer([waiting])
                self._batch = list(again)
                if again:
                    emit(TransactionReplayed(len(again), _reason(waiting.error)))
            done = []
            if not again:
                return
            error = self._transactions.begin(perf_counter() + self._patience)
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
        return self._queue.move_job(self._batch)

    def _commit(self, done: list[Waiting]) -> None:
        error = self._transactions.end("commit")
        if error is not None:
            self._fail(done, error, "commit")
        else:
            answer(done)

    def _fail(self, waiting: Iterable[Waiting | Call], error: apsw.Error, text: str) -> None:
        """Tell all of them that `text` failed: an exception of its own for each, and one event."""
        waiting = list(waiting)
        stopped = isinstance(error, apsw.BusyError) and self._queue.closing_until <= perf_counter()
        for each in waiting:
            each.error = closing() if stopped else answer_to(error, "write")
        answer(waiting)
        if waiting:
            report(error, text)

    # A held transaction

    def _serve_hold(self, waiting: Waiting, hold: Hold) -> None:
        """Do what the holder asks until it ends the transaction, or its time is over."""
        ends = perf_counter() + hold.seconds
        answer([waiting])
        why: Ending = TransactionEnded
        while self.connection.in_transaction:
            self._turns.rest()
            self._call = call = hold.next(ends - perf_counter())
            self._turns.work_on()
            if call is None or perf_counter() >= ends:
                why = partial(timed_out, hold.seconds)
                self._transactions.end("rollback")
                self._tell_late(call, why)
            elif call.kind != "run":
                self._end_hold(call)
            elif not call.is_cancelled:
                why = self._run_held(call, hold, ends)
        self._end_calls(hold, why)
        self._held = self._call = None

    def _run_held(self, call: Call, hold: Hold, ends: float) -> Ending:
        """Run one job of a held transaction; the result is why the transaction is over, if so."""
        self._transactions.attempt(call, min(perf_counter() + self._work, ends))
        why: Ending = TransactionEnded
        if perf_counter() >= ends:
            why = partial(timed_out, hold.seconds)
        elif not self.connection.in_transaction:
            why = lost
        if isinstance(call.error, Unavailable) and perf_counter() >= ends:
            call.error = why()
        answer([call])
        return why

    def _end_hold(self, call: Call) -> None:
        """Commit or roll back, and say so; the caller who went away already commits nothing."""
        commits = call.kind == "commit" and not call.is_cancelled
        error = self._transactions.end("commit" if commits else "rollback")
        if error is not None:
            self._fail([call], error, call.kind)
        else:
            answer([call])

    def _tell_late(self, call: Call | None, why: Ending) -> None:
        if call is not None:
            call.error = why()
            answer([call])

    def _end_calls(self, hold: Hold, why: Ending) -> None:
        late = hold.end(why)
        for call in late:
            call.error = why()
        answer(late)

    # The end

    def _checkpoint(self) -> None:
        """Everybody was answered; from 64 MiB on, wait for the reads that began before."""
        reads_over = self._settings.read_deadline_ms / 1000 + READERS_LATE
        self._transactions.move_pages(self._wal.next_mode(), perf_counter() + reads_over)

    def _die(self, error: BaseException) -> None:
        """Fail everybody who waits, and end the process."""
        try:
            left: list[Waiting | Call] = [*self._batch, *self._queue.break_off()]
            if self._call is not None:
                left.append(self._call)
            for each in left:
                each.error = _broken()
            answer(left)
            if self._held is not None:
                self._end_calls(self._held, _broken)
            self._batch, self._held = [], None
            emit(WriterFailed(f"{type(error).__name__}: {error}"))
        finally:
            self._end_process(EXIT_CODE)


def _broken() -> Problem:
    return InternalError(
        "server.internal", "The writer of this server has failed; it is restarting."
    )


def _reason(error: BaseException | None) -> str:
    return error.code if isinstance(error, Problem) else type(error).__name__
