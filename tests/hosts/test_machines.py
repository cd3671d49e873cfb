"""Two hosts in network namespaces behind nginx, PostgreSQL and a replica: one host is killed.

nginx runs with the file that docs/scaling.md shows.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from tests.postgres import Postgres, free_port, serving, why_not
from tests.standby import following

from .conftest import VERSION

NGINX = Path("/usr/sbin/nginx")
SCALING = Path(__file__).parents[2] / "docs" / "scaling.md"
WRITERS = 6
KILLS = 1
FAIL_TIMEOUT_S = 2.0
"""As the file of nginx says."""
START_S = 60.0
APP = """
    from stanchion import App, Field, Record, Rules, public

    app = App("Machines")

    @app.collection("notes")
    class Note(Record):
        text: str = Field(unique=True)
        rules = Rules(read=public, write=public)
"""


def lacking() -> str:
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if shutil.which("ip") is None:
        return "needs iproute2"
    if not NGINX.exists():
        return "needs nginx"
    tried = f"st-try-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", tried], capture_output=True).returncode != 0:
        return "needs CAP_NET_ADMIN for network namespaces"
    run("ip", "netns", "del", tried)
    return why_not(VERSION)


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


@dataclass
class Host:
    """A namespace with a server in it; `gateway` is this end of the wire."""

    number: int
    folder: Path
    settings: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def space(self) -> str:
        return f"st{os.getpid()}-{self.number}"

    @property
    def address(self) -> str:
        return f"10.231.{self.number}.2"

    @property
    def gateway(self) -> str:
        return f"10.231.{self.number}.1"

    def wire(self) -> None:
        here, there = f"stv{os.getpid() % 100000}-{self.number}", "eth0"
        run("ip", "netns", "add", self.space)
        run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", self.space)
        run("ip", "addr", "add", f"{self.gateway}/30", "dev", here)
        run("ip", "link", "set", here, "up")
        for command in (
            f"ip addr add {self.address}/30 dev {there}", f"ip link set {there} up",
            "ip link set lo up", f"ip route add default via {self.gateway}",
        ):  # fmt: skip
            run("ip", "netns", "exec", self.space, *command.split())

    def start(self) -> None:
        command = [sys.executable, "-m", "stanchion", "serve", str(self.folder / "app.py")]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("STANCHION_")}
        with (self.folder / f"host{self.number}.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.space, *command, "--host", self.address,
                 "--port", "8000", "--workers", "2"],
                env={**kept, **self.settings, "STANCHION_ACCESS_LOG": "0"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + START_S
        while ask(self.address, 8000, "GET", "/ready")[0] != 200:
            assert time.monotonic() < until, (self.folder / f"host{self.number}.log").read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        """`kill -9` of every process of the server at once."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def unwire(self) -> None:
        self.kill()
        subprocess.run(["ip", "netns", "del", self.space], capture_output=True, timeout=30)


def ask(
    host: str, port: int, method: str, path: str, body: object = None
) -> tuple[int, dict[str, object]]:
    """Status and JSON of an answer; status 0 if there was none."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text.startswith(b"{") else {}
    except (OSError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()


@contextmanager
def in_front(hosts: list[Host], folder: Path) -> Iterator[int]:
    """nginx with the file of the documentation; its port."""
    found = re.search(r"<!-- nginx -->\n```nginx\n(.*?)```", SCALING.read_text(), re.DOTALL)
    assert found is not None
    port, text = free_port(), found[1]
    for host in hosts:
        text = text.replace(f"10.0.0.1{host.number}:8000", f"{host.address}:8000")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    assert "10.0.0." not in text
    (folder / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.err;\n"
        f"user root;\nevents {{}}\nhttp {{\naccess_log off;\n{text}\n}}\n"
    )
    process = subprocess.Popen(
        [str(NGINX), "-p", str(folder), "-c", "nginx.conf"], stdin=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_S
        while ask("127.0.0.1", port, "GET", "/ready")[0] != 200:
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)


@dataclass
class Ledger:
    """What the writers were told; each writer has one request under way at most."""

    port: int
    acknowledged: dict[str, str] = field(default_factory=dict)
    refused: list[int] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        while not self.stop.is_set():
            key = str(uuid4())
            status, _ = ask("127.0.0.1", self.port, "POST", "/api/notes", {"id": key, "text": key})
            if status != 201:
                self.refused.append(status)
                continue
            self.acknowledged[key] = key
            status, note = ask("127.0.0.1", self.port, "GET", f"/api/notes/{key}")
            if note.get("text") != key:
                self.unread.append(f"{status} {note}")


@pytest.fixture
def database() -> Iterator[Callable[[list[Host]], tuple[Postgres, Postgres]]]:
    """A primary and a replica that these hosts can reach."""
    with ExitStack() as stack:

        def open_for(hosts: list[Host]) -> tuple[Postgres, Postgres]:
            listen = "listen_addresses=" + ",".join(["127.0.0.1", *(h.gateway for h in hosts)])
            primary = stack.enter_context(serving(VERSION, listen))
            with (primary.folder / "data" / "pg_hba.conf").open("a") as rules:
                rules.write("host all all 10.231.0.0/16 trust\n")
            primary.sql("select pg_reload_conf()")
            primary.create("machines")
            return primary, stack.enter_context(following(primary, listen))

        yield open_for


def test_killing_a_host_loses_nothing_that_was_acknowledged(
    tmp_path: Path, database: Callable[[list[Host]], tuple[Postgres, Postgres]]
) -> None:
    if reason := lacking():
        pytest.skip(reason)  # no network namespaces, nginx or server are here
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    tmp_path.chmod(0o755)
    hosts = [Host(number, tmp_path, {}) for number in (1, 2)]
    try:
        for host in hosts:
            host.wire()
        primary, standby = database(hosts)
        for host in hosts:
            url = f"postgresql://stanchion@{host.gateway}"
            host.settings = {
                "STANCHION_DATABASE_URL": f"{url}:{primary.port}/machines",
                "STANCHION_DATABASE_REPLICAS": f"{url}:{standby.port}/machines",
                "STANCHION_DATABASE_CONNECTIONS": "5",
            }
            host.start()
        with in_front(hosts, tmp_path) as port:
            ledger = Ledger(port)
            writers = [threading.Thread(target=ledger.write) for _ in range(WRITERS)]
            for writer in writers:
                writer.start()
            try:
                for number in range(KILLS):
                    wait_for_more(ledger, 60)
                    hosts[number % 2].kill()
                    wait_for_more(ledger, 60)  # the other one goes on alone
                    hosts[number % 2].start()
                    time.sleep(2 * FAIL_TIMEOUT_S)  # nginx leaves it alone for so long yet
                wait_for_more(ledger, 30)
            finally:
                ledger.stop.set()
                for writer in writers:
                    writer.join(60)
        there = primary.sql("select id from notes", "machines").split()
    finally:
        for host in hosts:
            host.unwire()
    print(f"{len(ledger.acknowledged)} acknowledged, refused {len(ledger.refused)}")
    assert set(ledger.acknowledged) - set(there) == set()
    assert len(ledger.refused) <= KILLS * WRITERS, (tmp_path / "nginx.err").read_text()[:4000]
    assert len(there) - len(ledger.acknowledged) <= len(ledger.refused)
    assert len(ledger.unread) <= KILLS * WRITERS and not [u for u in ledger.unread if "404" in u]


def wait_for_more(ledger: Ledger, many: int) -> None:
    """Until so many more writes were acknowledged."""
    wanted, until = len(ledger.acknowledged) + many, time.monotonic() + START_S
    while len(ledger.acknowledged) < wanted:
        assert time.monotonic() < until, f"nobody answers: {ledger.refused[-10:]}"
        time.sleep(0.02)
