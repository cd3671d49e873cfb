"""The transactions of the writer's connection: BEGIN, each job in a savepoint, COMMIT, checkpoint.

In: jobs, and until when each may work or wait for a lock.   Out: what a job came to, or an error.
Refuses: work that is overdue, and a commit into a file that is not there any more.
Called by `writer`, on its thread; nothing here knows who waits.

What is "on disk" is decided in `end`: after COMMIT returned, and the file is where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import perf_counter
from typing import Any

import apsw

from ...errors import Problem
from ..base import Ask, ConstraintFailed, Job, Row, Undo
from .connection import STEPS, executor, wait_until
from .file import OpenedFiles
from .queue import Waiting
from .session import Call
from .translate import Unknowable, constraint_of, problem_of, raise_unknowable, report
from .turns import Turns


class Transactions:
    """See the module. `closing_until` is when a stopping writer waits for no lock any more;
    `committed` is called after each commit."""

    def __init__(
        self,
        connection: apsw.Connection,
        files: OpenedFiles,
        turns: Turns,
        closing_until: Callable[[], float],
        committed: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._files = files
        self._turns = turns
        self._closing_until = closing_until
        self._committed = committed
        self._execute = executor(connection)
        self._until = inf  # the job under way is interrupted then
        self._lock_until = inf
        connection.set_progress_handler(self._is_overdue, STEPS)
        self._sleep_on = wait_until(self._give_up_lock)
        connection.set_busy_handler(self._wait_for_lock)

    # The transaction

    def begin(self, lock_until: float) -> apsw.Error | None:
        """BEGIN IMMEDIATE; see `end` for the result."""
        self._lock_until = lock_until
        return self.end("begin immediate")

    def end(self, text: str) -> apsw.Error | None:
        """Run BEGIN, COMMIT or ROLLBACK; after an error, which is returned, nothing is open."""
        self._until = inf
        if text == "commit":
            self._turns.rest()
        try:
            if text == "commit":
                self._files.check()  # before it, so that nothing is done; and after it, in case
            self._execute(text)
            if text == "commit":
                self._files.check()
                self._committed()
        except apsw.Error as error:
            raise_unknowable(error)
            if self._connection.in_transaction:
                self._execute("rollback")
            return error
        finally:
            self._turns.work_on()
        return None

    # A job

    def attempt(self, call: Waiting | Call, until: float) -> None:
        """Run a job in a savepoint and keep its result or error; only its own work is taken back.

        Afterwards `in_transaction` tells whether the transaction is still there.
        """
        assert call.job is not None
        call.value = call.error = None
        try:
            self._execute("savepoint job")
            self._until = until
            call.value = self._drive(call.job)
            if self._connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0] != 0:
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
                if not isinstance(step, Undo):
                    rows: list[Row]
                    try:
                        if isinstance(step, Ask):  # as most are
                            rows = execute(step.text, step.params).fetchall()
                        else:
                            rows = [r for a in step.asks for r in execute(a.text, a.params)]
                    except apsw.Error as error:
                        constraint = constraint_of(error)
                        if constraint is None or not self._connection.in_transaction:
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
        raise_unknowable(error)
        return problem_of(error, text, "write")

    def _undo_job(self) -> None:
        self._until = inf
        if not self._connection.in_transaction:
            return
        try:
            self._execute("rollback to job")
            self._execute("release job")
        except apsw.Error as error:
            report(error, "rollback to job")
            if self._connection.in_transaction:
                self._execute("rollback")

    # The write-ahead log, and the end

    def move_pages(self, mode: int, lock_until: float) -> None:
        """Move pages from the WAL into the database; `wal` says when, and in which mode."""
        self._lock_until = lock_until
        self._turns.rest()
        try:
            self._connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            return  # another process does the same at this moment
        except apsw.Error as error:
            raise_unknowable(error)
            report(error, "wal_checkpoint")
        finally:
            self._turns.work_on()

    def close(self) -> None:
        """Put everything into the database file, if nobody is in the way, and disconnect."""
        if self._files.is_ours():
            self.move_pages(apsw.SQLITE_CHECKPOINT_TRUNCATE, 0.0)
        else:  # the log is removed by its name, and may belong to another file by now
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._connection.close(True)

    # Handlers called by SQLite: they must never raise

    def _is_overdue(self) -> bool:
        return perf_counter() > self._until

    def _wait_for_lock(self, tries: int) -> bool:
        self._turns.rest()
        return self._sleep_on(tries)

    def _give_up_lock(self) -> float:
        return min(self._lock_until, self._closing_until())
