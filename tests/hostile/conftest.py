"""The warehouse behind a real server, and in memory; both are watched for what must never be."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from tests.api.conftest import Api

HERE = Path(__file__).parent
START_S = 60
BODY_TIMEOUT_S = 3


def load_app(name: str) -> ModuleType:
    """The warehouse as a module of its own; its database is chosen by the caller."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, HERE / "app.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Server:
    """A served warehouse."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pids(self) -> list[int]:
        """The server and its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    @property
    def connections(self) -> int:
        """Sockets that the workers hold open."""
        links = [fd for pid in self.pids[1:] for fd in Path(f"/proc/{pid}/fd").iterdir()]
        return sum(str(fd.readlink()).startswith("socket:") for fd in links)

    @property
    def memory(self) -> int:
        """Bytes of memory that the server and its workers hold for themselves."""
        held = 0
        for pid in self.pids:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            held += sum(int(n) for n in re.findall(r"^Private_\w+: +(\d+) kB", rollup, re.M))
        return held * 1024

    def connect(self, timeout: float = 10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout)


def start(folder: Path, *changes: str, **settings: str) -> Server:
    """Serve the warehouse from a folder of its own; `changes` are those of `planted`."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = int(asked.getsockname()[1])
    log = folder / "server.log"
    environ = {
        **os.environ,
        "STANCHION_DATABASE_URL": f"sqlite:////{str(folder / 'warehouse.db').lstrip('/')}",
        **settings,
    }
    program = [str(HERE / "planted.py"), ",".join(changes)] if changes else ["-m", "stanchion"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *program, "serve", str(HERE / "app.py"), "--port", str(port)],
            env=environ, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    server = Server(port, process, log)
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if "ready in" in log.read_text():
            return server
        time.sleep(0.05)
    stop(server)
    raise AssertionError(log.read_text())


def stop(server: Server) -> None:
    """End the server; whatever is left of it is killed."""
    server.process.terminate()
    try:
        server.process.wait(15)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(server.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    server.process.wait()


@contextmanager
def serving(folder: Path, *changes: str, **settings: str) -> Iterator[Server]:
    """A server for one test."""
    served = start(folder, *changes, **settings)
    try:
        yield served
    finally:
        stop(served)


@contextmanager
def surviving(folder: Path) -> Iterator[Server]:
    """The warehouse on a port; it must be alive at the end, and have answered no 5xx of its own."""
    served = start(folder)
    workers = served.pids
    yield served
    assert served.pids == workers, "a worker died"
    log = served.log.read_text()
    stop(served)
    assert "request_failed" not in log, log[log.index("request_failed") - 200 :][:2000]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The warehouse, for whoever wants to break it: what it holds is not the same for long."""
    with surviving(tmp_path_factory.mktemp("hostile")) as served:
        yield served


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same on another port, for comparison: nobody attacks it."""
    with serving(tmp_path_factory.mktemp("calm")) as served:
        yield served


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The warehouse in memory: quick, and held to what all answers share."""
    from dataclasses import replace

    from stanchion import Settings
    from stanchion.query import ANONYMOUS

    module = load_app("hostile_warehouse")
    runtime = module.app.runtime
    folder = tmp_path_factory.mktemp("warehouse")
    runtime._settings = replace(Settings(), database_url=f"sqlite:///{folder / 'w.db'}")
    runtime.change_schema = True
    api = Api(module.app, {"anonymous": ANONYMOUS})
    yield api
    api.close()
