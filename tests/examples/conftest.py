"""A running pizzeria for tests: `stanchion serve` on a fresh database, stopped by pid.

Its `get` and `post` are those of one customer, who is registered when they are first needed.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
APP = ROOT / "examples" / "pizzeria" / "app.py"
PASSWORD = "zebra fox lamp"


@dataclass
class Server:
    """One `stanchion serve` of the pizzeria."""

    database: Path
    port: int
    workers: int = 1
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    customer: str = ""  # the token of who asks, where nobody else is named

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return f"sqlite:////{str(self.database).lstrip('/')}"

    def start(self) -> None:
        environ = {
            **os.environ,
            "STANCHION_DATABASE_URL": self.database_url,
            "STANCHION_ACCESS_LOG": "0",
        }
        command = [sys.executable, "-m", "stanchion", "serve", str(APP), "--port", str(self.port)]
        log = self.database.with_suffix(".log").open("ab")
        self.process = subprocess.Popen(
            [*command, "--workers", str(self.workers)],
            env=environ, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.ask("GET", "/ready")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"no start: {self.database.with_suffix('.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """`kill -9` of the server and its workers at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()

    def get(self, path: str) -> tuple[int, Any]:
        return self.ask("GET", path, token=self.signed_in())

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        return self.ask("POST", path, body, token=self.signed_in())

    def signed_in(self) -> str:
        self.customer = self.customer or self.register("guest")
        return self.customer

    def register(self, name: str) -> str:
        """A new customer; the token of their session."""
        new = {"email": f"{name}@example.com", "password": PASSWORD, "name": name, "as": "token"}
        status, told = self.ask("POST", "/api/auth/register", new)
        assert status == 201, told
        return str(told["token"])

    def login(self, email: str) -> str:
        who = {"email": email, "password": PASSWORD, "as": "token"}
        status, told = self.ask("POST", "/api/auth/login", who)
        assert status == 200, told
        return str(told["token"])

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        """As whoever has this token; as nobody without one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            sent = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": "application/json"} if sent else {}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def pizzeria(tmp_path: Path) -> Iterator[Server]:
    """One worker."""
    server = Server(tmp_path / "pizzeria.db", free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def two_workers(tmp_path: Path) -> Iterator[Server]:
    """Two workers on one file."""
    server = Server(tmp_path / "pizzeria.db", free_port(), workers=2)
    try:
        server.start()
        yield server
    finally:
        server.stop()
