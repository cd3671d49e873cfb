"""The SQLite engine: a reader on the event loop, threads for long reads, and a writer thread.

In: what `base.Engine` says.   Out: the same.
Called by store/ and records; opened by whichever call comes first, in the process that uses it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import apsw

from ...errors import StanchionError
from ...settings import Settings
from ..base import Ask, Job, Params, Readable, Row
from ..told import closing
from .commits import Commits
from .connection import READER_PRAGMAS, WRITER_PRAGMAS
from .reader import OverBudget, Reader
from .session import HeldSession
from .slow import LongReader, LongReads
from .writer import Writer

T = TypeVar("T")

_inherited: list[object] = []
_engines: weakref.WeakSet[SQLiteEngine] = weakref.WeakSet()


class SQLiteEngine:
    """One database file; see `base.Engine` for what each call promises.

    A connection is never used after a fork: SQLite's locks belong to the process that took them,
    and a child that inherits the bookkeeping of its parent takes none of its own. So the engine
    disconnects before each fork, and parent and child open again when they next need it.
    """

    name: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(
        self,
        path: Path,
        settings: Settings,
        *,
        end_process: Callable[[int], None] = os._exit,
        vfs: str | None = None,
    ) -> None:
        self.path = path
        self.created = False
        self._settings = settings
        self._end_process = end_process
        self._vfs = vfs
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._reader: Reader | None = None
        self._writer: Writer | None = None
        self._long = LongReads(path, settings, vfs, self._check_files)
        self._commits = Commits()
        self._closed = False
        _engines.add(self)

    async def open(self) -> None:
        self._closed = False
        self._connect()

    async def close(self) -> None:
        self._closed = True
        if os.getpid() == self._pid:
            await asyncio.to_thread(self._disconnect)

    @property
    def anywhere(self) -> Readable:
        return self

    async def fetch(self, text: str, params: Params) -> list[Row]:
        reader = self._reader
        if reader is None or self._pid != os.getpid():
            reader = self._connect()[0]
        if text not in self._long.known:
            try:
                return reader.fetch(text, params)
            except OverBudget:
                self._long.remember(text)
        return (await self._long.fetch([Ask(text, params)]))[0]

    find = fetch  # SQLite plans without looking at values

    async def fetch_together(self, asks: Sequence[Ask]) -> list[list[Row]]:
        reader = self._reader
        if reader is None or self._pid != os.getpid():
            reader = self._connect()[0]
        if not any(ask.text in self._long.known for ask in asks):
            try:
                return reader.fetch_together(asks)
            except OverBudget as over:
                self._long.remember(str(over))
        return await self._long.fetch(asks)

    async def write(self, job: Job[T]) -> T:
        writer = self._writer
        if writer is None or self._pid != os.getpid():
            writer = self._connect()[1]
        result: T = await writer.write(job)
        return result

    async def claim(self, job: Job[T]) -> T:
        return await self.write(job)  # one writer: nobody is in the way

    def missing(self) -> str | None:
        writer = self._writer
        if writer is None or self._pid != os.getpid():
            return None
        return writer.files.missing()

    def _check_files(self) -> None:
        if self._writer is not None:
            self._writer.files.check()

    async def mark(self) -> str:
        return self._commits.mark(self._version)

    async def wait_for_commit(self, mark: str, seconds: float) -> None:
        await self._commits.wait(mark, seconds, self._version)

    def _version(self) -> int:
        """A number that changes with every commit of any process, as this connection sees it."""
        reader = self._reader
        if reader is None or self._pid != os.getpid():
            reader = self._connect()[0]
        version: int = reader.fetch("pragma data_version", ())[0][0]
        return version

    async def begin(self, seconds: float | None = None) -> HeldSession:
        writer = self._writer
        if writer is None or self._pid != os.getpid():
            writer = self._connect()[1]
        return HeldSession(await writer.hold(seconds))

    def describe(self) -> dict[str, object]:
        """What `/ready`, `dev` and a report of a fault want to know of the database."""
        reader = self._connect()[0]
        reads: dict[str, object] = {pragma.name: pragma.reads for pragma in WRITER_PRAGMAS}
        return {
            "engine": self.name,
            "path": str(self.path),
            "created": self.created,
            "sqlite": apsw.sqlite_lib_version(),
            "apsw": apsw.apsw_version(),
            **reads,
            "reader": {pragma.name: pragma.reads for pragma in READER_PRAGMAS},
            "page_size": reader.fetch("pragma page_size", ())[0][0],
            "pages": reader.fetch("pragma page_count", ())[0][0],
        }

    def _connect(self) -> tuple[Reader, Writer]:
        """The connections of this process, opened if need be."""
        if os.getpid() != self._pid:
            self._forget()
        with self._lock:
            if self._closed:
                raise closing()
            if self._reader is None or self._writer is None:
                self.created = self.created or not self.path.exists()
                self._commits.tell()  # a new connection counts `data_version` anew
                writer = Writer(
                    self.path, self._settings, self._end_process, self._vfs, self._commits.tell
                )
                try:
                    self._reader = Reader(self.path, self._settings, self._vfs)
                except BaseException:
                    writer.stop()
                    raise
                self._writer = writer
            return self._reader, self._writer

    def _disconnect(self) -> None:
        """Finish the writes under way and disconnect; the next call opens again."""
        with self._lock:
            reader, writer = self._reader, self._writer
            self._reader = self._writer = None
            # Readers before the writer: whoever disconnects last removes the WAL, if it may write.
            self._long.close()
            if reader is not None:
                reader.close()
            if writer is not None:
                writer.stop()
                if not writer.join():
                    _keep_for_ever([writer])
                    raise StanchionError("the writer did not stop; a job may be stuck in Python")

    def _forget(self) -> None:
        """In a child: leave what the parent had open, untouched, and start afresh.

        It must not be closed here, not even by the garbage collector: that would let go of the
        parent's WAL.
        """
        _keep_for_ever([each for each in (self._reader, self._writer) if each is not None])
        _keep_for_ever(self._long.readers)
        self._long = LongReads(self.path, self._settings, self._vfs, self._check_files)
        self._commits = Commits()
        self._lock = threading.Lock()
        self._reader = self._writer = None
        self._pid = os.getpid()


def _keep_for_ever(inherited: Sequence[Reader | LongReader | Writer]) -> None:
    """Keep connections that nobody may close; normally there are none, see `_before_fork`."""
    if not inherited:
        return
    import ctypes  # here, because it is slow to load and hardly ever needed

    for each in inherited:
        _inherited.append(each)
        # Module globals are dropped when Python ends; one reference more is never dropped.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each.connection))


def _before_fork() -> None:
    """Finish the writes under way and disconnect: parent and child open again on first use."""
    for engine in list(_engines):
        if engine._pid == os.getpid() and (engine._reader or engine._writer):
            engine._disconnect()


def _after_fork_in_child() -> None:
    for engine in list(_engines):
        engine._forget()


os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
