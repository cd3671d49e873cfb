"""`stanchion serve`: several processes on one file, and no end that cuts a request."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stanchion.cli.serve import _Crew

from .conftest import change
from .processes import Running, run

Start = Callable[..., Running]


def pids(server: Running, tries: int = 60) -> set[int]:
    return {server.call("GET", "/pid")[1] for _ in range(tries)}


def test_two_workers_serve_one_new_database(start: Start, folder: Path) -> None:
    server = start("serve", "--workers", "2").ready()
    assert re.search(r"^Stanchion \S+  Notes  2 workers ready in \d+\.\d\d s$", server.err, re.M)
    assert f"  Database  {folder}/data/stanchion.db  (created, 2 collections)\n" in server.err
    assert (
        "  Open      1 of 2 collections is readable by everyone: notes; "
        "writable by everyone: notes (create)\n"
    ) in server.err
    assert pids(server) == set(server.children())

    for number in range(20):
        assert server.call("POST", "/api/notes", {"text": f"{number}"})[0] == 201
    status, page = server.call("GET", "/api/notes?total=true")
    assert (status, page["total"]) == (200, 20)
    assert server.stop() == 0
    again = start("serve").ready()
    assert "stanchion.db  (2 collections)" in again.err
    assert again.call("GET", "/api/notes?total=true")[1]["total"] == 20


def test_app_is_imported_once_however_many_workers_it_has(start: Start, folder: Path) -> None:
    app = folder / "app.py"
    app.write_text(
        app.read_text() + 'with open("imported", "a") as told:\n    told.write("once ")\n'
    )
    server = start("serve", "--workers", "3").ready()
    assert len(server.children()) == 3
    assert (folder / "imported").read_text() == "once "
    assert server.stop() == 0


def test_one_worker_serves_unless_more_are_asked_for(start: Start) -> None:
    server = start("serve").ready()
    assert len(server.children()) == 1
    assert pids(server, 5) == set(server.children())


def test_access_lines_are_json_on_stdout_and_nothing_else_is(start: Start) -> None:
    server = start("serve").ready()
    server.call("GET", "/api/notes")
    server.call("GET", "/broken")
    server.call("GET", "/x%0A%7B%22forged%22:1%7D%1b%5b2J")
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.out.splitlines()]
    lines = [line for line in lines if line["path"] not in ("/pid", "/ready")]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("GET", "/api/notes", 200),
        ("GET", "/broken", 500),
        ("GET", '/x\n{"forged":1}\x1b[2J', 404),
    ]
    assert "\x1b" not in server.out
    failed = next(json.loads(line) for line in server.err.splitlines() if "request.failed" in line)
    assert failed["request"] == lines[1]["request"]
    assert "the oven is cold" in failed["traceback"]


def test_access_lines_can_be_switched_off(start: Start) -> None:
    server = start("serve", STANCHION_ACCESS_LOG="0").ready()
    server.call("GET", "/api/notes")
    assert server.stop() == 0
    assert server.out == ""


def test_killed_worker_is_replaced_and_told(start: Start) -> None:
    server = start("serve", "--workers", "2").ready()
    victim = server.children()[0]
    os.kill(victim, signal.SIGKILL)
    server.wait_for(f"(pid {victim}) was ended by SIGKILL")
    deadline = time.monotonic() + 10
    while len(pids(server)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(pids(server)) == 2
    assert victim not in pids(server)
    assert server.stop() == 0


def test_worker_that_dies_again_at_once_ends_the_server(start: Start) -> None:
    server = start("serve").ready()
    os.kill(server.children()[-1], signal.SIGKILL)
    server.wait_for("took its place")
    os.kill(server.children()[-1], signal.SIGKILL)
    assert server.process.wait(10) == 1
    assert "error[server.crashes]: a worker died again right after it was replaced" in server.err


def test_workers_that_die_in_turn_are_replaced_ten_times_a_minute() -> None:
    crew = _Crew(None, None, 2, 0)  # type: ignore[arg-type]  # only counted here
    assert "could not start" in (crew.bury(1) or "")
    crew.when_complete(lambda: None)
    os.write(crew._report_write, b"..")
    crew._complete.wait(5)
    crew._deaths.clear()
    assert [crew.bury(2) for _ in range(5)] == [None] * 5
    assert "11 workers died within 60 s" in (crew.bury(1) or "")


def test_app_that_cannot_start_ends_the_server_with_its_own_lines(
    start: Start, folder: Path
) -> None:
    (folder / "app.py").write_text(
        "from contextlib import asynccontextmanager\nfrom stanchion import App\n\n\n"
        "@asynccontextmanager\nasync def lifespan(app):\n"
        '    raise RuntimeError("no oven")\n    yield\n\n\n'
        'app = App("Cold", lifespan=lifespan)\n'
    )
    server = start("serve", "--workers", "2")
    assert server.process.wait(10) == 1
    assert "error[app.failed]: app.py raised RuntimeError: no oven" in server.err
    assert (
        f'  --> {folder}/app.py:7 in lifespan\n7 |     raise RuntimeError("no oven")' in server.err
    )
    assert "error[server.start]: a worker could not start" in server.err


def test_workers_end_when_their_parent_is_killed(start: Start) -> None:
    server = start("serve", "--workers", "2").ready()
    children = server.children()
    server.stop(signal.SIGKILL)
    server.wait_until_gone(children)


def test_differing_schema_is_refused_with_the_plan(start: Start, folder: Path) -> None:
    server = start("serve").ready()
    server.call("POST", "/api/notes", {"text": "keep me"})
    server.stop()

    change(folder / "app.py", "    text: str = Field(max_length=100)\n", "    body: str | None\n")
    refused = run("serve", "--port", "0", cwd=folder)
    assert refused.returncode == 3
    assert refused.stdout == ""
    assert refused.stderr.splitlines()[:3] == [
        "error[schema.differs]: the database does not match the code",
        "  notes: drop field `text` (1 row holds a value)",
        "hint: " + refused.stderr.partition("hint: ")[2].rstrip(),
    ]

    change(folder / "app.py", "    body: str | None\n",
           "    text: str = Field(max_length=100)\n    body: str | None = None\n")  # fmt: skip
    refused = run("serve", "--port", "0", cwd=folder)
    assert refused.returncode == 3
    assert "  notes: + field `body` (text, optional)\n" in refused.stderr
    assert "`stanchion dev` applies it" in refused.stderr


def test_taken_port_names_its_holder_and_a_free_one(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        for command in ("serve", "dev"):
            refused = run(command, "--port", str(port), cwd=folder)
            assert refused.returncode == 4
            first, hint = refused.stderr.splitlines()
            assert re.fullmatch(
                rf"error\[port.taken\]: 127.0.0.1:{port} is used by \S+ \(pid {os.getpid()}\)",
                first,
            )
            assert re.fullmatch(rf"hint: stanchion {command} --port \d+", hint)


def test_wrong_setting_is_refused(folder: Path) -> None:
    refused = run("serve", "--port", "0", cwd=folder, STANCHION_GRACE_S="soon")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error[setting.invalid]: STANCHION_GRACE_S: 'soon'")
    assert "Traceback" not in refused.stderr


def test_unusable_database_is_refused_without_a_traceback(folder: Path) -> None:
    (folder / "data").write_text("a file where the folder should be")
    refused = run("serve", "--port", "0", cwd=folder)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"error[database.folder]: {folder}/data/stanchion.db: ")
    assert "Traceback" not in refused.stderr


class Caller(threading.Thread):
    """Writes notes one after the other on a connection, until it is closed."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.where = urlsplit(url).netloc
        self.answers: list[int] = []
        self.cut = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.where, timeout=10)
        body = json.dumps({"text": "under load"})
        try:
            while True:
                connection.request("POST", "/api/notes", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                self.answers.append(answer.status)
                if len(answer.read()) != int(answer.headers["content-length"]):
                    self.cut += 1
                if answer.headers.get("connection") == "close":
                    return
        except http.client.IncompleteRead:
            self.cut += 1
        except (OSError, http.client.HTTPException):
            pass  # closed between two requests: nothing of this one was answered or done
        finally:
            connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGTERM])
def test_stop_under_load_cuts_no_request(
    start: Start, folder: Path, number: signal.Signals
) -> None:
    server = start("serve", "--workers", "2").ready()
    callers = [Caller(server.url) for _ in range(16)]
    for caller in callers:
        caller.start()
    slow: list[tuple[int, object]] = []
    waiter = threading.Thread(target=lambda: slow.append(server.call("GET", "/slow?seconds=0.8")))
    waiter.start()
    time.sleep(0.5)
    assert server.stop(number) == 0
    for thread in (*callers, waiter):
        thread.join(10)

    answered = sum(len(caller.answers) for caller in callers)
    assert {status for caller in callers for status in caller.answers} == {201}
    assert sum(caller.cut for caller in callers) == 0
    assert slow == [(200, "done")]
    # every request that was begun was finished, answered and logged, and is in the database once
    logged = [json.loads(line) for line in server.out.splitlines()]
    assert sum(line["path"] == "/api/notes" for line in logged) == answered
    assert sum(line["path"] == "/slow" for line in logged) == 1
    again = start("serve").ready()
    assert again.call("GET", "/api/notes?total=true&limit=1")[1]["total"] == answered


def test_request_that_outlives_the_grace_is_cut_and_told(start: Start) -> None:
    server = start("serve", STANCHION_GRACE_S="1").ready()
    with socket.create_connection(urlsplit(server.url).netloc.split(":")) as connection:
        connection.sendall(b"GET /slow?seconds=30 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 5
    assert "warning[stop.cut]: worker 1 had requests open after 1 s" in server.err


def test_replaced_database_file_is_told_and_nothing_is_written(start: Start, folder: Path) -> None:
    server = start("serve", "--workers", "2").ready()
    assert server.call("POST", "/api/notes", {"text": "before"})[0] == 201
    path = folder / "data" / "stanchion.db"
    (folder / "backup.db").write_bytes(path.read_bytes())
    (folder / "backup.db").rename(path)
    server.wait_for('"event":"database.gone"', times=2)
    assert f"another file was put in the place of {path}" in server.err
    refusals = [server.call("POST", "/api/notes", {"text": "lost"}) for _ in range(4)]
    assert {(status, body["code"]) for status, body in refusals} == {(503, "server.database_gone")}
    assert server.call("GET", "/ready")[0] == 503
    before = path.read_bytes()
    assert server.stop() == 0
    assert path.read_bytes() == before
