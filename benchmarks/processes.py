"""Start, watch and stop the servers that are measured.

In: a Command.   Out: a Server with its process id, CPU time and memory.
Refuses: a server that does not answer in time (`NotStarted`, with the end of its output).
Everything that was started is stopped by its id, whatever happened.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 30


class NotStarted(Exception):
    """A contestant's server did not come up."""


class BadAnswer(Exception):
    """A contestant answered something else than was asked for."""


@dataclass(frozen=True)
class Command:
    """How a server is started."""

    argv: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None


@dataclass(frozen=True)
class Server:
    """A running server and where it listens."""

    process: subprocess.Popen[bytes]
    port: int
    seconds: float  # from the start of the process to its first 200

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in reversed(tree(self.process.pid)):
                _kill(pid)
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(command: Command, port: int, path: str, log: Path, token: str = "") -> Server:
    """Start a server and wait until `path` answers 200."""
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command.argv, env={**os.environ, **command.environ}, cwd=command.cwd,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        while time.monotonic() - begun < START_SECONDS and process.poll() is None:
            if _answers(port, path, token):
                return Server(process, port, time.monotonic() - begun)
            time.sleep(0.005)
        said = log.read_text(errors="replace")[-800:]
        raise NotStarted(f"{command.argv[0]} did not answer {path}: {said}")
    except BaseException:
        Server(process, port, 0).stop()
        raise


def _answers(port: int, path: str, token: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path, headers={"Authorization": token} if token else {})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def call(
    port: int, method: str, path: str, body: object = None, token: str = "", timeout: float = 60
) -> object:
    """One request; its JSON, or BadAnswer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Authorization": token} if token else {}
    text = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        text = json.dumps(body)
    try:
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        raw = answer.read()
    except (OSError, http.client.HTTPException) as reason:
        raise BadAnswer(f"{method} {path}: {reason!r}") from reason
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise BadAnswer(f"{method} {path}: {answer.status} {raw[:300]!r}")
    return json.loads(raw) if raw else None


def tree(pid: int) -> list[int]:
    """A process and everything below it."""
    found, waiting = [], [pid]
    while waiting:
        at = waiting.pop()
        found.append(at)
        try:
            for task in Path(f"/proc/{at}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, ValueError):
            continue
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children so far."""
    ticks = 0
    for at in tree(pid):
        try:
            parts = Path(f"/proc/{at}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[float, float]:
    """The largest process's share (PSS) and the whole tree's, in MB."""
    shares = []
    for at in tree(pid):
        try:
            lines = Path(f"/proc/{at}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        shares += [int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")]
    return (max(shares), sum(shares)) if shares else (0.0, 0.0)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
