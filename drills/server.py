"""A real `stanchion serve` in a process group of its own: started, waited for, always ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .connection import Closed, Connection, Refused

HERE = Path(__file__).parent
START_S = 60.0


@dataclass
class Server:
    """A serving process; `folder` has the database, `err` what it says."""

    process: subprocess.Popen[bytes]
    database: Path
    err: Path
    port: int
    healthy_s: float  # from the start to the first good answer of /ready

    @property
    def workers(self) -> list[int]:
        """The pids that serve."""
        return _children(self.process.pid)

    def connect(self, timeout: float = 30.0, source: str = "") -> Connection:
        """A new connection, made when it is first used; from `source`, one of the addresses of this
        machine."""
        return Connection(self.port, timeout, source)

    def kill(self) -> None:
        """`kill -9` of the whole process group."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def stop(self, seconds: float = 30.0) -> tuple[int, float]:
        """SIGTERM; the exit code and the seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        return code, time.monotonic() - begun


@contextmanager
def serving(
    data: Path,
    logs: Path,
    *,
    workers: int = 1,
    plant: str = "",
    before: Sequence[str] = (),
    settings: dict[str, str] | None = None,
    stdout: Path | None = None,
    app: str = "app.py",
) -> Iterator[Server]:
    """An app of the drills on the database in `data`. `plant` names a fault of `planted`, `before`
    is a command that runs the server."""
    server = start(data, logs, workers, plant, before, settings or {}, stdout, app)
    try:
        yield server
    finally:
        server.kill()


def start(
    data: Path,
    logs: Path,
    workers: int,
    plant: str,
    before: Sequence[str],
    settings: dict[str, str],
    stdout: Path | None,
    app: str = "app.py",
) -> Server:
    database = data / "drill.db"
    err = logs / "server.log"
    program = [str(HERE / "planted.py"), plant] if plant else ["-m", "stanchion"]
    serve = ["serve", str(HERE / app), "--port", "0", "--workers", str(workers)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STANCHION_")}
    begun = time.monotonic()
    with err.open("wb") as out_err, (stdout or Path(os.devnull)).open("wb") as out:
        process = subprocess.Popen(
            [*before, sys.executable, *program, *serve],
            env={
                **kept,
                "STANCHION_DATABASE_URL": f"sqlite:///{database}",
                "STANCHION_ACCESS_LOG": "0",
                **settings,
            },
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out_err,
            start_new_session=True,
        )
    server = Server(process, database, err, 0, 0.0)
    try:
        server.port = _wait_for_port(server)
        _wait_until_ready(server)
    except BaseException:
        server.kill()
        raise
    server.healthy_s = time.monotonic() - begun
    return server


def _wait_for_port(server: Server) -> int:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        said = re.search(r"^  App +http://\S+:(\d+)/$", server.err.read_text(), re.MULTILINE)
        if said is not None:
            return int(said[1])
        if server.process.poll() is not None:
            break
        time.sleep(0.005)
    raise AssertionError(f"the server did not come up:\n{server.err.read_text()}")


def _wait_until_ready(server: Server) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        connection = server.connect(5)
        try:
            if connection.ask("GET", "/ready").status == 200:
                return
        except (Refused, Closed):
            pass
        finally:
            connection.close()
        time.sleep(0.005)
    raise AssertionError(f"the server is not ready:\n{server.err.read_text()}")


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]
