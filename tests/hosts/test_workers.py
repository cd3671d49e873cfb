"""`stanchion serve --workers` on PostgreSQL: one schema, one port, wake-ups from one to another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import Running
from tests.postgres import Postgres

PATIENCE_S = 60.0
APP = '''
    import asyncio, os
    from stanchion import App, Field, Record, Rules, public

    app = App("Workers")

    @app.collection("notes")
    class Note(Record):
        text: str = Field(unique=True)
        rules = Rules(read=public, write=public)

    @app.seed
    async def first(tx):
        await tx.create(Note(text="the first"))

    @app.get("/pid")
    async def pid() -> int:
        return os.getpid()

    @app.get("/next")
    async def next_change(reader: str) -> list:
        """The process that heard of the next change, and its text."""
        async with app.changes(reader, Note) as changes:
            change = await asyncio.wait_for(anext(changes), 30)
            return [os.getpid(), change.after["text"]]
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    return tmp_path


@pytest.fixture
def start(server: Postgres, database: str, folder: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def run(*arguments: str, **env: str) -> Running:
        env = {"STANCHION_DATABASE_URL": server.url(database), **env}
        started.append(Running.start("serve", *arguments, folder=folder, **env))
        return started[-1]

    yield run
    for each in started:
        each.end()


def test_hosts_that_start_at_once_make_one_schema(
    start: Callable[..., Running], server: Postgres, database: str
) -> None:
    """Four servers with two workers each on one empty database, seeded once."""
    servers = [start("--workers", "2") for _ in range(4)]
    for each in servers:
        each.wait_for("  Open      ")
    for each in servers:
        assert each.call("GET", "/api/notes?total=true")[1]["total"] == 1
    assert server.sql("select count(*) from notes", database) == "1"
    assert "None" not in servers[0].err
    assert f"127.0.0.1:{server.port}/{database}" in servers[0].err
    assert [each.stop() for each in servers] == [0] * 4


def test_workers_share_port_log_and_keys(start: Callable[..., Running]) -> None:
    running = start("--workers", "3").ready()
    pids: set[int] = set()
    ends = time.monotonic() + PATIENCE_S
    while pids != set(running.children()):
        assert time.monotonic() < ends, "one of them is never asked"
        pids.add(running.call("GET", "/pid")[1])

    readers = [ask_aside(running, f"/next?reader=r{n}") for n in range(4)]
    time.sleep(1)  # they are there when the change comes; who is not reads it a little later
    for number in range(60):
        assert running.call("POST", "/api/notes", {"text": f"{number}"})[0] == 201
        if all(reader.poll() is not None for reader in readers):
            break
        time.sleep(0.2)
    heard = [json.loads(reader.communicate(timeout=PATIENCE_S)[0]) for reader in readers]
    assert len(heard) == 4
    assert {pid for pid, _ in heard} <= pids

    killed = running.children()[0]
    os.kill(killed, signal.SIGKILL)
    running.wait_for("took its place")
    ends = time.monotonic() + PATIENCE_S
    while running.call("GET", "/pid")[1] not in set(running.children()) - pids:
        assert time.monotonic() < ends
    assert running.stop() == 0


def ask_aside(running: Running, path: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["curl", "-sS", "--max-time", "60", running.url + path], stdout=subprocess.PIPE
    )


def test_connections_stay_within_what_is_set(
    start: Callable[..., Running], server: Postgres, database: str
) -> None:
    running = start("--workers", "2", STANCHION_DATABASE_CONNECTIONS="2").ready()
    asks: list[Any] = []
    for number in range(24):
        asks.append(ask_aside(running, f"/api/notes?total=true&filter=text!='{number}'"))
        asks.append(ask_aside(running, "/next?reader=same"))
        running.call("POST", "/api/notes", {"text": f"{number}"})
    open_now = int(server.sql(f"select count(*) from pg_stat_activity where datname='{database}'"))
    assert 2 <= open_now <= 2 * (3 * 2 + 1)
    for each in asks:
        each.kill()
        each.communicate()
    assert running.stop() == 0


def test_more_connections_than_there_are_is_told_at_the_start(
    start: Callable[..., Running],
) -> None:
    running = start("--workers", "4").ready()
    assert (
        "warning[database.connections]: 4 workers may open 124 connections, the database has 97"
    ) in running.err
    assert "hint: STANCHION_DATABASE_CONNECTIONS=7" in running.err
    few = start("--workers", "4", STANCHION_DATABASE_CONNECTIONS="7").ready()
    assert "database.connections" not in few.err
