"""The database file is deleted, moved away or replaced under a running app: nobody is told that a
write is on disk which nobody would find there."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stanchion import App, Record, Rules, events, public
from stanchion.engines import Ask, Steps, watch
from stanchion.errors import Unavailable
from stanchion.testing import Client, client

pytestmark = pytest.mark.needs("a file")


@pytest.fixture
def app() -> App:
    app = App("Gone")

    @app.collection("notes")
    class Note(Record):
        text: str
        rules = Rules(read=public, write=public)

    app.state.note = Note
    return app


@pytest.fixture
def http(app: App) -> Iterator[Client]:
    with client(app) as caller:
        assert caller.post("/api/notes", json={"text": "first"}).status == 201
        yield caller


def file_of(app: App) -> Path:
    path = app.runtime.database.path
    assert path is not None
    return path


def delete(path: Path) -> None:
    path.unlink()


def move_away(path: Path) -> None:
    path.rename(f"{path}.away")


def replace(path: Path) -> None:
    """As somebody does who restores a backup."""
    shutil.copy(path, f"{path}.backup")
    Path(f"{path}.backup").rename(path)


@pytest.mark.parametrize("lose", [delete, move_away, replace])
def test_writes_are_refused_and_the_probe_says_no(
    app: App, http: Client, lose: Callable[[Path], None]
) -> None:
    assert http.get("/ready").status == 200
    lose(file_of(app))
    refused = http.post("/api/notes", json={"text": "lost"})
    assert (refused.status, refused.json()["code"]) == (503, "server.database_gone")
    assert "start the server again" in refused.json()["hint"]
    assert refused.headers["retry-after"] and str(file_of(app)) not in refused.text
    assert [one["text"] for one in http.get("/api/notes").json()["items"]] == ["first"]
    ready = http.get("/ready")
    assert (ready.status, ready.json()["code"]) == (503, "server.not_ready")
    assert "deleted or replaced" in ready.json()["detail"] and ready.json()["hint"]
    assert http.get("/health").status == 200


@pytest.mark.parametrize("beside", ["-wal", "-shm"])
@pytest.mark.parametrize("lose", [delete, move_away, replace])
def test_writes_are_refused_when_the_log_is_gone(
    app: App, http: Client, lose: Callable[[Path], None], beside: str
) -> None:
    """It holds the newest writes, and nobody else would find what is added to it."""
    lose(Path(f"{file_of(app)}{beside}"))
    refused = http.post("/api/notes", json={"text": "lost"})
    assert (refused.status, refused.json()["code"]) == (503, "server.database_gone")
    assert [one["text"] for one in http.get("/api/notes").json()["items"]] == ["first"]
    assert http.get("/ready").status == 503


@pytest.mark.parametrize("beside", [["-wal"], ["-shm"], ["-wal", "-shm"]])
def test_a_log_without_a_name_is_moved_into_the_database_at_the_end(
    app: App, http: Client, beside: list[str]
) -> None:
    for end in beside:
        delete(Path(f"{file_of(app)}{end}"))
    assert http.post("/api/notes", json={"text": "lost"}).status == 503
    http.run(app.runtime.close())
    assert [one["text"] for one in http.get("/api/notes").json()["items"]] == ["first"]
    assert http.post("/api/notes", json={"text": "second"}).status == 201


def test_writes_go_on_when_the_file_is_put_back(app: App, http: Client) -> None:
    path = file_of(app)
    move_away(path)
    assert http.post("/api/notes", json={"text": "lost"}).status == 503
    Path(f"{path}.away").rename(path)
    assert http.post("/api/notes", json={"text": "second"}).status == 201
    assert http.get("/ready").status == 200
    texts = [one["text"] for one in http.get("/api/notes").json()["items"]]
    assert texts == ["first", "second"]


def test_a_transaction_of_the_app_is_refused_too(app: App, http: Client) -> None:
    async def block() -> None:
        async with app.transaction() as tx:
            await tx.create(app.state.note(text="lost"))
            delete(file_of(app))

    with pytest.raises(Unavailable) as refused:
        http.run(block())
    assert refused.value.code == "server.database_gone"


def test_a_file_that_goes_during_the_commit_is_noticed(app: App, http: Client) -> None:
    """Between the look before the commit and its end."""
    engine = app.runtime.engine
    connection = engine._connect()[1].connection  # type: ignore[attr-defined]  # SQLite's
    connection.set_commit_hook(lambda: bool(delete(file_of(app))))

    def steps() -> Steps[None]:
        yield Ask("insert into _once (name,time) values ('a','b')")

    with pytest.raises(Unavailable) as refused:
        http.run(engine.write(steps))
    assert refused.value.code == "server.database_gone"


def test_a_disk_that_fails_is_not_a_file_that_is_gone(
    app: App, http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing fsync has to end the process, so COMMIT has to be reached."""
    known, path = os.stat, str(file_of(app))

    def failing(asked: object, **more: Any) -> os.stat_result:
        if asked == path:
            raise OSError(errno.EIO, "Input/output error")
        return known(asked, **more)  # type: ignore[arg-type]  # whatever it was asked

    monkeypatch.setattr(os, "stat", failing)
    assert http.post("/api/notes", json={"text": "second"}).status == 201


def test_the_log_of_the_new_file_is_left_alone(app: App) -> None:
    """SQLite removes the log by its name when it disconnects, and that name has a new owner."""
    with client(app) as http:
        http.post("/api/notes", json={"text": "first"})
        path = file_of(app)
        delete(path)
        for beside in ("-wal", "-shm"):
            Path(f"{path}{beside}").unlink()
        with sqlite3.connect(path) as other:
            other.execute("pragma journal_mode=wal")
            other.execute("create table t (x)")
            other.commit()
            http.run(app.runtime.close())
            assert Path(f"{path}-wal").stat().st_size > 0
        other.close()


def test_damaged_pages_are_told_as_such_and_their_neighbours_are_served(app: App) -> None:
    with client(app) as http:
        http.post("/api/notes", json=[{"text": f"{n} {'x' * 400}"} for n in range(100)])
        kept = http.get("/api/notes?limit=1").json()["items"][0]["id"]
        http.run(app.runtime.close())
        path = file_of(app)
        content = path.read_bytes()
        found = re.search(rb'[^"]99 xxx', content)  # in the log of changes it stands in quotes
        assert found is not None
        at = found.start() // 4096 * 4096
        path.write_bytes(content[:at] + b"\xff" * 4096 + content[at + 4096 :])
        for refused in (http.get("/api/notes?limit=1000"), http.get("/api/notes?sort=-text")):
            assert (refused.status, refused.json()["code"]) == (500, "server.database_damaged")
            assert "backup" in refused.json()["hint"]
        assert http.get(f"/api/notes/{kept}").status == 200


def test_it_is_told_once_and_so_is_the_end_of_it(
    app: App, http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "EVERY_S", 0.01)
    seen: list[events.Event] = []
    stop = events.subscribe(seen.append)
    path = file_of(app)

    async def look() -> None:
        watching = asyncio.create_task(watch.watch_file(app.runtime.engine))
        await asyncio.sleep(0.05)
        move_away(path)
        await asyncio.sleep(0.1)
        Path(f"{path}.away").rename(path)
        await asyncio.sleep(0.05)
        watching.cancel()

    http.run(look())
    stop()
    assert [type(event) for event in seen] == [events.DatabaseGone, events.DatabaseBack]
    assert str(path) in seen[0].message  # type: ignore[attr-defined]  # of DatabaseGone
