"""Read what takes long: a few threads, each with a connection of its own, and a bounded queue.

In: statements that exceeded the event loop's time budget.   Out: their rows.
Refuses: more than `read_queue` at once, and what is not done within `read_deadline_ms`.

Statements are started again from their beginning: a read has no effect that could be done twice,
and what the event loop spent on it is one budget. The texts that took long are remembered, so that
the next one of that shape costs the event loop nothing; one that proves quick is forgotten. What
counts there is work, not time: on a busy machine a thread waits for its turn longer than it works,
and a quick text that was interrupted once would never come back. The figures:
docs/decisions/006-the-spine.md, "Long reads".
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import perf_counter, thread_time

import apsw

from ...errors import InternalError, Problem, Unavailable
from ...settings import Settings
from ..base import Ask, Row
from ..told import closing, overdue
from .connection import executor, open_reader, wait_until
from .translate import problem_of

STEPS = 25_000
"""Virtual machine instructions between two looks at the clock: about half a millisecond. Each look
takes the interpreter lock, for which the event loop has better use."""

NICE = 10
"""What the threads give way by: they work without a break, and the event loop and the writer, which
want a core for a moment, would wait for their turn behind each of them."""

MOST_KNOWN = 256


@dataclass(slots=True, eq=False)
class LongRead:
    """Statements for one snapshot, and who waits for them. Unwanted once the waiter is gone."""

    asks: Sequence[Ask]
    until: float
    future: asyncio.Future[list[list[Row]]]
    unwanted: bool = False


class LongReader:
    """A connection of one thread."""

    def __init__(self, path: Path, patience: float, vfs: str | None) -> None:
        self._read: LongRead | None = None
        self._until = 0.0
        self.connection = open_reader(path, patience, vfs, scans=True)
        self._execute = executor(self.connection)
        self.connection.set_progress_handler(self._is_over, STEPS)
        self.connection.set_busy_handler(wait_until(lambda: self._until))

    def fetch(self, read: LongRead) -> list[list[Row]]:
        """The rows of every statement, all from one snapshot."""
        self._read, self._until = read, read.until
        execute = self._execute
        text = "begin"
        try:
            execute(text)
            answers = []
            for ask in read.asks:
                text = ask.text
                answers.append(execute(text, ask.params).fetchall())
            return answers
        except apsw.Error as error:
            raise problem_of(error, text, "read") from error
        finally:
            self._read, self._until = None, inf
            if self.connection.in_transaction:
                execute("rollback")

    def _is_over(self) -> bool:
        read = self._read
        return read is not None and (read.unwanted or perf_counter() > read.until)


class LongReads:
    """The queue and its threads, which are started when they are needed and kept."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        vfs: str | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._check = check
        self.known: dict[str, None] = {}
        self.readers: list[LongReader] = []
        self._path = path
        self._vfs = vfs
        self._deadline = settings.read_deadline_ms / 1000
        self._budget = settings.read_budget_ms / 1000
        self._most_threads = settings.read_threads
        self._most_waiting = settings.read_queue
        self._waiting: deque[LongRead] = deque()
        self._ready = threading.Condition(threading.Lock())
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def remember(self, text: str) -> None:
        """Start this text on a thread from now on, until it proves quick."""
        if len(self.known) >= MOST_KNOWN:
            self.known.clear()
        self.known[text] = None

    async def fetch(self, asks: Sequence[Ask]) -> list[list[Row]]:
        """The rows of each statement, in one snapshot; a caller that goes away ends the work."""
        future: asyncio.Future[list[list[Row]]] = asyncio.get_running_loop().create_future()
        read = LongRead(asks, perf_counter() + self._deadline, future)
        self._submit(read)
        try:
            return await future
        finally:
            read.unwanted = True

    def close(self) -> None:
        """Finish what waits, which its deadlines bound, and disconnect; the next read starts
        again."""
        with self._ready:
            self._closed = True
            threads, self._threads = self._threads, []
            self._ready.notify_all()
        for thread in threads:
            thread.join(self._deadline + 1)
        with self._ready:
            self._closed = False

    def _submit(self, read: LongRead) -> None:
        with self._ready:
            if self._closed:
                raise closing()
            if not self._idle and len(self._threads) < self._most_threads:
                thread = threading.Thread(target=self._main, name="stanchion-reader", daemon=True)
                self._threads.append(thread)
                thread.start()
            elif len(self._waiting) >= self._most_waiting:
                raise Unavailable(
                    "server.overloaded", "Too many reads that take long are waiting already."
                )
            self._waiting.append(read)
            self._ready.notify()

    # The threads

    def _main(self) -> None:
        reader: LongReader | None = None
        _give_way()
        try:
            while (read := self._next()) is not None:
                reader = self._serve(read, reader)
        finally:
            if reader is not None:
                self.readers.remove(reader)
                reader.connection.close(True)

    def _next(self) -> LongRead | None:
        """The next that somebody still waits for; None when there will be no more."""
        with self._ready:
            while True:
                while self._waiting:
                    read = self._waiting.popleft()
                    if not read.unwanted:
                        return read
                if self._closed:
                    return None
                self._idle += 1
                self._ready.wait()
                self._idle -= 1

    def _serve(self, read: LongRead, reader: LongReader | None) -> LongReader | None:
        """Run it and settle its future; the connection, which the first read opens."""
        begun = perf_counter()
        rows: list[list[Row]] = []
        error: BaseException | None = None
        try:
            if begun > read.until:
                raise overdue("read")
            if reader is None:
                self._check()  # or it would read the file that was put there instead
                reader = LongReader(self._path, self._deadline, self._vfs)
                self.readers.append(reader)
            worked, waited = thread_time(), _disk_reads()
            rows = reader.fetch(read)
            if thread_time() - worked < self._budget / 2 and _disk_reads() == waited:
                for ask in read.asks:
                    self.known.pop(ask.text, None)
        except Problem as problem:
            error = problem
        except apsw.Error as refused:
            error = problem_of(refused, "open", "read")
        except Exception as unforeseen:  # the worker loop: nothing may hang
            error = InternalError("server.internal", "The database refused this read.")
            error.__cause__ = unforeseen
        try:
            read.future.get_loop().call_soon_threadsafe(_settle, read.future, rows, error)
        except RuntimeError:  # the loop was closed, nobody waits any more
            read.unwanted = True
        return reader


def _give_way() -> None:
    """Let the process's other threads go first; only Linux knows the priority of one thread."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        known = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(19, known + NICE))


def _disk_reads() -> int:
    """How often this thread has waited for the disk; only Linux counts that for one thread."""
    if sys.platform != "linux":
        return 0
    import resource  # Windows has none

    return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock


def _settle(
    future: asyncio.Future[list[list[Row]]], rows: list[list[Row]], error: BaseException | None
) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(rows)
