"""The database as a file: why it cannot be opened, and whether it is still where it was.

In: a path.   Out: nothing, or `DatabaseUnusable` with the cause and the way out.
Called by connection before and after it opens, and by the writer before it says that something is
on disk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import apsw

from ...errors import DatabaseUnusable
from ..base import foreign_database

MAGIC = b"SQLite format 3\0"
NEWEST_VERSION = 2
"""Of the file format, in bytes 18 and 19 of the file: 1 is a rollback journal, 2 a WAL."""
NEWEST_SCHEMA = 4
"""Of the schema format, in bytes 44 to 47."""

OURS = "_schema"
"""A table that every database of ours has."""

ELSEWHERE = "STANCHION_DATABASE_URL=sqlite:///data/app.db names another file"


def make_folder(path: Path) -> None:
    """Create the folder of `path`, and those above it, so that they outlive a power cut: SQLite
    syncs the folder of its files, the folders above are ours to sync."""
    folder = path.parent
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            handle = os.open(each.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise DatabaseUnusable(
            "database.folder",
            path,
            f"its folder {folder} is not there and cannot be made ({error.strerror})",
            f"make the folder for the user that runs this ({_user()}); {ELSEWHERE}",
        ) from None


def check_file(path: Path) -> None:
    """Raise `DatabaseUnusable` for what can be told without opening the file."""
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no file but a device, a pipe or a socket"
        raise DatabaseUnusable("database.not_a_file", path, f"it is {what}", ELSEWHERE)
    for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if each.exists() and not os.access(each, os.R_OK | os.W_OK):
            raise _read_only(path, each)
    if not os.access(path.parent, os.R_OK | os.W_OK | os.X_OK):
        raise _read_only(path, path.parent)


def refused(path: Path, error: apsw.Error) -> DatabaseUnusable:
    """What SQLite's refusal to open a file means."""
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return DatabaseUnusable(
            "database.locked", path, "another program holds it for itself",
            "end the program that has it open (fuser names it), then start again",
        )  # fmt: skip
    if isinstance(error, apsw.FullError):
        return DatabaseUnusable(
            "database.full", path, "there is no room left on its disk", "free some space"
        )
    head = _head(path)
    newest = max(head[18:20], default=0), int.from_bytes(head[44:48])
    if head.startswith(MAGIC) and (newest[0] > NEWEST_VERSION or newest[1] > NEWEST_SCHEMA):
        return DatabaseUnusable(
            "database.newer", path,
            f"a newer SQLite has written it, in a format that {apsw.sqlite_lib_version()} does not "
            "know",
            f"upgrade the package `apsw`; {ELSEWHERE}",
        )  # fmt: skip
    if isinstance(error, (apsw.NotADBError, apsw.CorruptError)):
        why = "its pages are damaged" if head.startswith(MAGIC) else "it is a file of another kind"
        return DatabaseUnusable(
            "database.not_a_database", path, f"it is no database that SQLite can use: {why}",
            f"put a backup in its place, or move the file away to start empty; {ELSEWHERE}",
        )  # fmt: skip
    if isinstance(error, apsw.ReadOnlyError):
        return _read_only(path, path)
    return DatabaseUnusable(
        "database.unusable", path, f"SQLite cannot open it ({type(error).__name__}: {error})",
        f"the file and its folder must be readable and writable; {ELSEWHERE}",
    )  # fmt: skip


def check_owner(path: Path, connection: apsw.Connection) -> None:
    """Refuse another application's file before its journal is changed to ours; one that has a WAL
    already is looked at by `migrate`."""
    if connection.pragma("journal_mode") == "wal":
        return
    found = connection.execute("select name from sqlite_schema where type='table'").fetchall()
    tables = [str(row[0]) for row in found if not str(row[0]).startswith("sqlite_")]
    if tables and OURS not in tables:
        raise foreign_database(str(path), tables)


def _head(path: Path) -> bytes:
    """The header of a file that SQLite refused.

    NOTE: closing a file drops every lock that this process holds on it, so this must not be asked
    of a file that works.
    """
    try:
        with path.open("rb") as file:
            return file.read(100)
    except OSError:
        return b""


def _read_only(path: Path, what: Path) -> DatabaseUnusable:
    try:
        is_system = bool(os.statvfs(what).f_flag & os.ST_RDONLY)
    except OSError:
        is_system = False
    if is_system:
        return DatabaseUnusable(
            "database.read_only", path, "its file system is mounted read-only",
            f"mount it for writing; {ELSEWHERE}",
        )  # fmt: skip
    said = "it" if what == path else f"{what.name} beside it"
    if what == path.parent:
        said = f"in its folder {what}, where SQLite keeps its log"
    return DatabaseUnusable(
        "database.permission", path,
        f"the user that runs this ({_user()}) may not read and write {said}",
        f"as its owner or root: chown {_user()} {what}; {ELSEWHERE}",
    )  # fmt: skip


def _user() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return f"uid {os.geteuid()}" if hasattr(os, "geteuid") else "this user"


class FileGone(apsw.Error):
    """A file that is open is not the one at its path any more, so what is written to it is lost.
    Raised like an error of SQLite, which does not notice."""


LOG_FILES = ("-wal", "-shm")
"""What SQLite keeps beside the database: the newest writes, and where each of them stands. Without
them the file is an older one, and another process would begin its own."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file by its path, and which one that was."""

    path: str
    device: int
    inode: int

    def lost(self) -> str | None:
        """What became of it, if it is not there any more."""
        try:
            found = os.stat(self.path)  # noqa: PTH116  # half the time of Path.stat, at each commit
        except (FileNotFoundError, NotADirectoryError):
            return f"{self.path} was deleted or moved away"
        except OSError:
            return None  # the disk fails: what SQLite says of that decides
        if found.st_ino != self.inode or found.st_dev != self.device:
            return f"another file was put in the place of {self.path}"
        return None


@dataclass(frozen=True, slots=True)
class OpenedFiles:
    """Where a database and its log were opened: what has their names later may be others."""

    database: _Found
    log: tuple[_Found, ...]

    @classmethod
    def of(cls, path: Path) -> OpenedFiles:
        """The files that are there now. The log is from the first read on."""
        beside = [Path(f"{path}{end}") for end in LOG_FILES]
        database, *log = [
            _Found(str(each), found.st_dev, found.st_ino)
            for each in (path, *beside)
            if each == path or each.exists()
            for found in (each.stat(),)
        ]
        return cls(database, tuple(log))

    def missing(self) -> str | None:
        """What became of a file that is not there any more: 6.5 µs for the three."""
        return self.database.lost() or next(filter(None, (each.lost() for each in self.log)), None)

    def is_ours(self) -> bool:
        """Whether the database is the one that is open, with no other log beside it. Then the log
        may be moved into it, also one that has lost its name."""
        return self.database.lost() is None and not any(
            each.lost() and Path(each.path).exists() for each in self.log
        )

    def check(self) -> None:
        """Raise `FileGone` where a file is not there any more."""
        missing = self.missing()
        if missing is not None:
            raise FileGone(missing)
