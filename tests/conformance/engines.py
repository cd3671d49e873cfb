"""The engines that the suite runs on, and where the running test finds its database.

A test names a database by a path, on every engine: `url(path)`. On SQLite that is the file; on
PostgreSQL it is a schema of its own, made when it is first asked for and dropped when nobody can
ask for it again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgres import Postgres, Session, end_shared, shared, why_not

CAPABILITIES = {
    "a file": "the database is one file, which can be copied, deleted and looked into",
    "reads in this process": "a read runs in this process, on the event loop or a thread of ours",
    "counted steps": "the engine says how many steps of its machine a statement took",
}
"""What not every engine has; a test that needs one says so: `pytest.mark.needs("a file")`."""


WHOLE = os.environ.get("STANCHION_MATRIX") == "deep"
"""Whether engines beside SQLite are asked the whole of tests/matrix, see there."""


@dataclass(frozen=True)
class Engine:
    """An engine of the suite: its name is what the ids of its tests begin with."""

    name: str
    dialect: str
    has: frozenset[str] = frozenset()
    version: str = ""

    @property
    def why_not(self) -> str:
        """Why it cannot run here; empty where it can."""
        return why_not(self.version) if self.version else ""


SQLITE = Engine("sqlite", "sqlite", frozenset(CAPABILITIES))
POSTGRES = tuple(
    Engine(f"postgresql-{version}", "postgresql", version=version) for version in ("15", "16", "18")
)


def chosen() -> list[Engine]:
    """The engines beside SQLite that a run is for: `STANCHION_ENGINES=15,18`, or the newest."""
    named = os.environ.get("STANCHION_ENGINES", "18").split(",")
    return [engine for engine in POSTGRES if engine.version in named]


@dataclass
class _Server:
    """A server of this process, and the schemas that were made there."""

    postgres: Postgres
    psql: Session
    made: dict[str, str] = field(default_factory=dict)

    def schema(self, path: Path) -> str:
        """The address of the schema of a path."""
        name = _name(path)
        if name not in self.made:
            self.psql.run(f'create schema "{name}"')
            self.made[name] = f"{self.postgres.url('suite')}?search_path={name}"
        return self.made[name]

    def copy(self, source: Path | None, target: Path) -> str:
        """A database of its own for a path, and its name: a copy of another path's, or empty. A
        schema cannot be copied, a database that nobody is connected to can."""
        template = "template0" if source is None else _name(source)
        name = _name(target)
        self.postgres.sql(f'create database "{name}" template "{template}"')
        self.made[name] = self.postgres.url(name)
        return name


_current = SQLITE
_servers: dict[str, _Server] = {}


def current() -> Engine:
    """The engine of the running test."""
    return _current


def use(engine: Engine) -> None:
    """What follows runs on this engine."""
    global _current
    _current = engine


def url(path: Path | str) -> str:
    """The address of the database that a test calls by this path; empty when first asked for. An
    address stays as it is: a program that a test starts is given one."""
    if "://" in str(path):
        return str(path)
    absolute = Path(path).absolute()
    if _current.dialect == "sqlite":
        return f"sqlite:////{str(absolute).lstrip('/')}"
    return _server(_current.version).schema(absolute)


def make_source(path: Path) -> None:
    """Make the empty database of a path one that `copied` can copy."""
    if _current.dialect != "sqlite":
        _server(_current.version).copy(None, path.absolute())


@contextmanager
def copied(source: Path, target: Path) -> Iterator[Path]:
    """The path of a copy of a database of `make_source`, which nobody has open, for as long as the
    block."""
    if _current.dialect == "sqlite":
        shutil.copy(source, target)
        yield target
        return
    server = _server(_current.version)
    name = server.copy(source.absolute(), target.absolute())
    try:
        yield target
    finally:
        server.postgres.drop(name)
        del server.made[name]


@contextmanager
def empty_database() -> Iterator[str]:
    """The address of an empty database, for as long as the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "test.db")
        yield url(path)


def _name(path: Path) -> str:
    return "t" + hashlib.sha256(str(path).encode()).hexdigest()[:16]


def _server(version: str) -> _Server:
    if version not in _servers:
        postgres = shared(version)
        postgres.create("suite")
        _servers[version] = _Server(postgres, Session(postgres, "suite"))
    return _servers[version]


def close() -> None:
    """Stop what runs for the suite in this process."""
    for server in _servers.values():
        server.psql.close()
    _servers.clear()
    end_shared()
