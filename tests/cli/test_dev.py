"""`stanchion dev`: what is saved is served, what is wrong is said, and nobody is refused."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import APP, change
from .processes import Running

Start = Callable[..., Running]
TIME = r"\d\d:\d\d:\d\d"


def test_first_lines_say_what_is_served_and_from_where(start: Start, folder: Path) -> None:
    server = start("dev").ready().wait_for("notes (create)\n")
    url = re.escape(server.url)
    assert re.fullmatch(
        rf"Stanchion \S+  Notes  ready in \d+\.\d\d s\n"
        rf"  App       {url}/\n"
        rf"  API docs  {url}/docs\n"
        rf"  Database  {re.escape(str(folder))}/data/stanchion.db  \(created, 2 collections\)\n"
        r"  Open      1 of 2 collections is readable by everyone: notes; "
        r"writable by everyone: notes \(create\)\n",
        server.out,
    )
    server.call("GET", "/api/notes")
    server.wait_for("GET /api/notes")
    assert re.search(rf"^{TIME}  GET /api/notes  200  \d+\.\d ms$", server.out, re.M)
    assert server.stop() == 0


def test_who_connects_as_soon_as_the_lines_are_there_is_served(start: Start) -> None:
    server = start("dev")
    while "  Open      " not in server.out:
        assert server.process.poll() is None, server.err
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_app_link_leads_to_what_runs_in_dev_and_nowhere_in_production(
    start: Start, folder: Path
) -> None:
    server = start("dev").ready()
    with urllib.request.urlopen(server.url + "/", timeout=10) as answer:
        assert "<title>Notes in dev</title>" in answer.read().decode()
    assert server.stop() == 0
    change(folder / "app.py", '@app.get("/pid")', '@app.get("/")\n@app.get("/pid")')
    assert isinstance(start("dev").ready().call("GET", "/")[1], int), "the app's own goes first"
    change(folder / "app.py", '@app.get("/")\n', "")
    assert start("serve").ready().call("GET", "/")[0] == 404


def test_changes_are_served_and_mistakes_leave_the_last_good_code(
    start: Start, folder: Path
) -> None:
    app = folder / "app.py"
    server = start("dev").ready()
    server.call("POST", "/api/notes", {"text": "before"})

    # safe: the database follows
    change(app, "    rules", "    note: str | None = None\n    rules")
    server.wait_for("applied in")
    assert re.search(
        rf"^{TIME}  app\.py changed: notes \+ field `note` \(text, optional\)  applied in \d+ ms$",
        server.out, re.M,
    )  # fmt: skip
    stored = server.call("GET", "/api/notes")[1]["items"]
    assert [(one["text"], one["note"]) for one in stored] == [("before", None)]

    # code that does not even parse
    change(app, "async def slow(", "async def slow((")
    server.wait_for("the code before it keeps serving")
    assert "error[app.syntax]" in server.err
    assert f"  --> {app}:" in server.err
    assert server.call("GET", "/api/notes")[0] == 200
    change(app, "async def slow((", "async def slow(")
    server.wait_for("app.py changed: ready in")

    # a rule that names a field that is not there
    change(app, "read=public, create", "read=\"record.txt == 'x'\", create")
    server.wait_for("the code before it keeps serving", times=2)
    assert "error[rule.unknown_field]" in server.err
    assert server.call("GET", "/api/notes")[0] == 200
    change(app, "read=\"record.txt == 'x'\", create", "read=public, create")
    server.wait_for("app.py changed: ready in", times=2)

    # destructive: refused, nothing is lost
    change(app, "    note: str | None = None\n", "")
    change(app, "    text: str = Field(max_length=100)\n", "    text: int\n")
    server.wait_for("the code before it keeps serving", times=3)
    assert "error[schema.differs]: the database does not match the code" in server.err
    assert "  notes: drop field `note` (0 rows hold a value)" in server.err
    stored = server.call("GET", "/api/notes")[1]["items"]
    assert [one["text"] for one in stored] == ["before"]

    # and back
    app.write_text(APP.replace("    rules", "    note: str | None = None\n    rules"))
    server.wait_for("app.py changed: ready in", times=3)
    assert server.call("POST", "/api/notes", {"text": "after", "note": "x"})[0] == 201
    assert server.stop() == 0


def test_first_mistake_is_told_and_the_next_save_serves(start: Start, folder: Path) -> None:
    app = folder / "app.py"
    change(app, "Field(max_length=100)", "Feild(max_length=100)")
    server = start("dev").wait_for(f"waiting for a change in {folder}")
    assert "error[app.failed]: " in server.err
    assert "NameError: name 'Feild' is not defined" in server.err
    assert f"  --> {app}:11 in Note\n11 |     text: str = Feild(max_length=100)\n" in server.err
    assert "site-packages" not in server.err
    change(app, "Feild", "Field")
    server.wait_for("app.py changed: ready in")
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("line", "raised"),
    [
        (
            'tx.update(Note, "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f", text="x")',
            "404 record.not_found",
        ),
        ('asyncio.to_thread(open, "no such file")', "FileNotFoundError: "),
    ],
)
def test_seed_that_fails_is_told_with_its_line_and_not_as_a_fault_of_the_database(
    start: Start, folder: Path, line: str, raised: str
) -> None:
    with (folder / "app.py").open("a") as app:
        app.write(f"\n\n@app.seed\nasync def plant(tx):\n    await {line}\n")
    server = start("dev").wait_for(f"waiting for a change in {folder}")
    assert server.err.startswith("error[app.failed]: app.py raised ")
    assert raised in server.err and "database.unusable" not in server.err
    assert " in plant\n" in server.err and f" |     await {line}\n" in server.err
    assert server.stop() == 0


def test_seed_that_takes_long_is_told_and_can_be_ended(start: Start, folder: Path) -> None:
    with (folder / "app.py").open("a") as app:
        app.write("\n\n@app.seed\nasync def plant(tx):\n    await asyncio.sleep(60)\n")
    server = start("dev").wait_for("the seed `plant` runs; nothing is served before it ends")
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 4


def test_reload_refuses_no_connection(start: Start, folder: Path) -> None:
    server = start("dev").ready()
    first = server.call("GET", "/pid")[1]
    statuses: list[int] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            statuses.append(server.call("GET", "/api/notes")[0])

    asking = threading.Thread(target=ask)
    asking.start()
    change(folder / "app.py", "the oven is cold", "the oven is hot")
    server.wait_for("app.py changed: ready in")
    second = server.call("GET", "/pid")[1]
    done.set()
    asking.join()
    assert second != first
    assert len(statuses) > 2
    assert set(statuses) == {200}


def test_dead_server_process_is_told_and_the_next_save_serves(start: Start, folder: Path) -> None:
    server = start("dev").ready()
    os.kill(server.call("GET", "/pid")[1], signal.SIGKILL)
    server.wait_for("error[server.ended]")
    change(folder / "app.py", "the oven is cold", "the oven is hot")
    server.wait_for("app.py changed: ready in")
    assert server.call("GET", "/api/notes")[0] == 200


def test_server_process_ends_with_the_one_that_watches(start: Start) -> None:
    server = start("dev").ready()
    children = server.children()
    server.stop(signal.SIGKILL)
    server.wait_until_gone(children)


def test_failed_request_prints_its_traceback_with_the_request_id(start: Start) -> None:
    server = start("dev").ready()
    status, problem = server.call("GET", "/broken")
    assert (status, problem["code"]) == (500, "server.error")
    assert "oven" not in str(problem)
    server.wait_for("GET /broken")
    assert f"request={problem['request']}" in server.err
    assert "RuntimeError: the oven is cold" in server.err
    assert re.search(rf"GET /broken  500  .*{problem['request']}$", server.out, re.M)


def test_file_that_is_deleted_is_told_and_the_next_change_serves_a_new_one(
    start: Start, folder: Path
) -> None:
    server = start("dev").ready()
    assert server.call("POST", "/api/notes", {"text": "before"})[0] == 201
    (folder / "data" / "stanchion.db").unlink()
    server.wait_for("[database.gone]")
    assert f"{folder}/data/stanchion.db was deleted" in server.err
    assert "start the server again" in server.err
    assert server.call("POST", "/api/notes", {"text": "lost"})[0] == 503
    assert server.call("GET", "/ready")[0] == 503
    (folder / "app.py").write_text(APP + "\n")
    server.wait_for("ready in", times=2)
    assert server.call("POST", "/api/notes", {"text": "after"})[0] == 201
    assert [one["text"] for one in server.call("GET", "/api/notes")[1]["items"]] == ["after"]
    assert (folder / "data" / "stanchion.db").exists()
    assert server.stop() == 0
