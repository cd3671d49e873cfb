"""Read on the event loop: one connection for each process, no thread hop, a time for each call.

In: SQL text and parameters.   Out: rows as tuples.
Refuses: what takes longer than `read_budget_ms`, with `OverBudget`; the connection is as good as
before, and the engine starts the same statements again on a thread (`slow`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import inf
from pathlib import Path
from time import perf_counter

import apsw

from ...settings import Settings
from ..base import Ask, Params, Row
from .connection import STEPS, executor, open_reader, wait_until
from .translate import problem_of

LOCK_PATIENCE = 0.1
"""Seconds a read waits for a lock: it happens only while another process recovers the WAL, and the
event loop stands still meanwhile."""


class OverBudget(Exception):
    """A statement, named if it is one of several, takes longer than the event loop may wait."""


class Reader:
    """The connection that every read of this process goes through first."""

    def __init__(self, path: Path, settings: Settings, vfs: str | None = None) -> None:
        self._budget = settings.read_budget_ms / 1000
        self._until = 0.0
        self._lock = threading.Lock()  # two event loops in two threads take turns
        self.connection = open_reader(path, settings.write_deadline_ms / 1000, vfs)
        self._execute = executor(self.connection)
        self.connection.set_progress_handler(self._is_overdue, STEPS)
        self.connection.set_busy_handler(wait_until(self._lock_until))

    def fetch(self, text: str, params: Params) -> list[Row]:
        with self._lock:
            self._until = perf_counter() + self._budget
            try:
                return self._execute(text, params).fetchall()
            except apsw.InterruptError:
                raise OverBudget from None
            except apsw.Error as error:
                raise problem_of(error, text, "read") from error

    def fetch_together(self, asks: Sequence[Ask]) -> list[list[Row]]:
        with self._lock:
            self._until = perf_counter() + self._budget
            text = "begin"
            execute = self._execute
            try:
                execute(text)
                answers = []
                for ask in asks:
                    text = ask.text
                    answers.append(execute(text, ask.params).fetchall())
                return answers
            except apsw.InterruptError:
                raise OverBudget(text) from None
            except apsw.Error as error:
                raise problem_of(error, text, "read") from error
            finally:
                # Nothing was written, so taking it back is the same as a commit, and cannot fail.
                self._until = inf
                if self.connection.in_transaction:
                    execute("rollback")

    def close(self) -> None:
        with self._lock:
            self.connection.close(True)

    def _is_overdue(self) -> bool:
        return perf_counter() > self._until

    def _lock_until(self) -> float:
        return self._until - self._budget + LOCK_PATIENCE
