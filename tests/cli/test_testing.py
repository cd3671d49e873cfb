"""`stanchion.testing`: the client and the actors that an app's own tests use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from stanchion import App, Record, Rules, Transaction, UserRecord, public
from stanchion.testing import as_actor, client


def make_app(tmp_path: Path) -> tuple[App, type[Record], type[UserRecord], list[str]]:
    story: list[str] = []

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        story.append("started")
        yield
        story.append("stopped")

    app = App("Tested", lifespan=lifespan)
    app.runtime.base = tmp_path

    @app.collection("users")
    class User(UserRecord):
        rules = Rules()

    @app.collection("notes")
    class Note(Record):
        text: str
        rules = Rules(read="auth != null", create=public)

    @app.seed
    async def first(tx: Transaction) -> None:
        await tx.create(Note(text="seed"))

    return app, Note, User, story


def test_client_serves_a_database_of_its_own_and_the_lifespan(tmp_path: Path) -> None:
    app, _, _, story = make_app(tmp_path)
    for _ in range(2):  # each time anew
        with client(app) as http, as_actor(app, app.system()):
            assert story[-1] == "started"
            created = http.post("/api/notes", json={"text": "ü"})
            assert created.status == 201
            assert created.headers["content-type"] == "application/json"
            one = http.get(created.headers["location"])
            assert one.json()["text"] == "ü"
            listed = http.get("/api/notes", params={"sort": "text", "total": "true"})
            assert listed.json()["total"] == 2
            assert http.request("DELETE", f"/api/notes/{one.json()['id']}").status == 204
            assert (
                http.post(
                    "/api/notes", content=b"{", headers={"Content-Type": "application/json"}
                ).status
                == 400
            )
        assert story[-1] == "stopped"
    assert list(tmp_path.iterdir()) == []
    assert app.runtime.settings.database_url == ""


def test_as_actor_is_a_user_inside_the_block_only(tmp_path: Path) -> None:
    app, _, user, _ = make_app(tmp_path)
    ann = user(email="ann@example.org")
    with client(app) as http:
        assert http.get("/api/notes").status == 401
        with as_actor(app, ann):
            assert http.get("/api/notes").status == 200
            with as_actor(app, None):
                assert http.get("/api/notes").status == 401
            assert http.get("/api/notes").status == 200
        assert http.get("/api/notes").status == 401


def test_client_works_inside_async_tests_and_runs_coroutines(tmp_path: Path) -> None:
    app, note, _, _ = make_app(tmp_path)

    async def add() -> int:
        async with app.transaction(actor=app.system()) as tx:
            await tx.create(note(text="by code"))
            return len(await tx.list(note))

    async def test() -> None:
        with client(app) as http:
            assert http.run(add()) == 2

    asyncio.run(test())


def test_failing_start_is_raised(tmp_path: Path) -> None:
    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        raise RuntimeError("no oven")
        yield

    app = App("Broken", lifespan=lifespan)
    app.runtime.base = tmp_path
    with pytest.raises(RuntimeError, match="no oven"), client(app):
        pass
