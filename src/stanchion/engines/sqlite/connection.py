"""Open the database file the one way that is safe, and prove it.

In: a path.   Out: an apsw connection with every pragma set and read back.
Refuses: a SQLite library with the WAL-reset bug, a pragma that does not hold.
Called by the reader and the writer; nobody else opens the file in this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from ...errors import StanchionError
from .file import check_file, check_owner, make_folder, refused

OLDEST_LIBRARY = (3, 51, 3)
"""Older ones may lose committed pages when the WAL is reset."""

STATEMENTS = 512
"""Prepared statements kept for each connection. NOTE: apsw prepares a text above 16 KiB anew on
every call, so what `sql/` emits for a hot path must stay below."""

STEPS = 1_000
"""Virtual machine instructions between two looks at the clock: about 20 µs of work."""


@dataclass(frozen=True, slots=True)
class Pragma:
    """A pragma, what it is set to and what it must say afterwards."""

    name: str
    value: str | int
    reads: str | int


_BOTH = (
    Pragma("foreign_keys", "on", 1),
    Pragma("trusted_schema", "off", 0),
    Pragma("temp_store", "memory", 2),
    # WHY-NOT mmap: an I/O error or a file cut short under a mapping is a SIGBUS that ends the
    # process; through read() it is an error that one caller is told of.
    Pragma("mmap_size", 0, 0),
)

WRITER_PRAGMAS = (
    Pragma("journal_mode", "wal", "wal"),
    Pragma("synchronous", "full", 2),
    *_BOTH,
    Pragma("cache_size", -16_384, -16_384),
    # The writer checkpoints by itself, after it has answered: see `wal`.
    Pragma("wal_autocheckpoint", 0, 0),
    Pragma("journal_size_limit", 67_108_864, 67_108_864),
)

READER_PRAGMAS = (
    *_BOTH,
    Pragma("query_only", "on", 1),
    Pragma("cache_size", -32_768, -32_768),
)

# Of the threads for long reads: each has a cache, and what scans a table fills it with pages that
# the next scan does not find there. The system keeps the file's pages for all of them.
SCANNER_PRAGMAS = (*READER_PRAGMAS[:-1], Pragma("cache_size", -4_096, -4_096))


def check_library() -> None:
    """Refuse a SQLite that is not safe with several processes on one WAL."""
    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) < OLDEST_LIBRARY:
        raise StanchionError(
            f"SQLite {version} can lose committed data when the WAL is reset; "
            "3.51.3 or later is needed: upgrade the package `apsw`"
        )


def open_writer(path: Path, patience: float, vfs: str | None = None) -> apsw.Connection:
    """A connection that may write, creating the file; waits up to `patience` seconds for a lock.

    Raises `DatabaseUnusable`.
    """
    check_library()
    make_folder(path)
    check_file(path)
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    try:
        connection = _connect(path, flags, vfs)
        until = _wait(connection, patience)
        try:
            connection.execute("select 1 from sqlite_schema limit 1").fetchall()
            if connection.readonly("main"):
                raise apsw.ReadOnlyError  # SQLite falls back to that by itself
            check_owner(path, connection)
        except BaseException:
            connection.close(True)
            raise
        _prepare(connection, WRITER_PRAGMAS, until)
        connection.execute("select 1 from sqlite_schema limit 1").fetchall()  # makes a new log
        return connection
    except apsw.Error as error:
        raise refused(path, error) from error


def open_reader(
    path: Path, patience: float, vfs: str | None = None, *, scans: bool = False
) -> apsw.Connection:
    """A connection that cannot write; the file must be there and in WAL mode. One that `scans`
    has a small cache."""
    check_library()
    pragmas = SCANNER_PRAGMAS if scans else READER_PRAGMAS
    connection = _connect(path, apsw.SQLITE_OPEN_READONLY, vfs)
    return _prepare(connection, pragmas, _wait(connection, patience))


def executor(connection: apsw.Connection) -> Callable[..., apsw.Cursor]:
    """What runs every statement of a connection, on one cursor: a new one for each statement costs
    a third of a read by id.

    The statements are kept, and SQLite is told so: else they fill the connection's quick memory,
    and after a few of them each piece of JSON is taken from the process's, behind its locks.
    """
    return partial(connection.cursor().execute, prepare_flags=apsw.SQLITE_PREPARE_PERSISTENT)


def wait_until(moment: Callable[[], float]) -> Callable[[int], bool]:
    """A busy handler that gives up at `moment()`.

    WHY-NOT `busy_timeout`: its sleeps grow to 100 ms, and among four processes the unlucky one
    got a fifth of the writes. Short even sleeps shared the file within 15 %.
    """

    def handle(tries: int) -> bool:
        if time.perf_counter() > moment():
            return False
        time.sleep(0.0002 if tries < 10 else 0.001)
        return True

    return handle


def _connect(path: Path, flags: int, vfs: str | None) -> apsw.Connection:
    return apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=STATEMENTS)


def _wait(connection: apsw.Connection, patience: float) -> float:
    """Let the connection wait for locks, and say until when: also its first look at the file may
    meet another process that is just making it."""
    until = time.perf_counter() + patience
    connection.set_busy_handler(wait_until(lambda: until))
    return until


def _prepare(
    connection: apsw.Connection, pragmas: tuple[Pragma, ...], until: float
) -> apsw.Connection:
    # Else SQLite prepares a statement with a bound LIMIT, thus every list, anew at each request,
    # because its planner would look at the value. A list of 30: 190 us so, 122 with this.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    try:
        for pragma in pragmas:
            # One statement for each call: `execute("a; b")` stops at the first row.
            _set(connection, pragma, until)
            read_back(connection, pragma)
    except BaseException:
        connection.close(True)
        raise
    return connection


def _run_pragma(connection: apsw.Connection, text: str) -> list[tuple[Any, ...]]:
    """Run a pragma once; nothing of it is kept."""
    return connection.execute(f"pragma {text}", can_cache=False).fetchall()


def _set(connection: apsw.Connection, pragma: Pragma, until: float) -> None:
    """Set a pragma; NOTE: SQLite asks no busy handler while it changes the journal mode, so
    processes that open a fresh file at the same moment have to try again themselves."""
    while True:
        try:
            _run_pragma(connection, f"{pragma.name}={pragma.value}")
            return
        except apsw.BusyError:
            if time.perf_counter() > until:
                raise
            time.sleep(0.001)


def read_back(connection: apsw.Connection, pragma: Pragma) -> None:
    """Refuse a connection on which `pragma` does not say what it was set to."""
    rows = _run_pragma(connection, pragma.name)
    if rows != [(pragma.reads,)]:
        raise StanchionError(
            f"SQLite did not take pragma {pragma.name}={pragma.value}: it reads back as {rows!r}"
        )
