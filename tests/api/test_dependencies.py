"""`app.transaction()` in a FastAPI dependency: what it wrote is on disk when the answer begins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware

from stanchion import App, Record, Rules, Settings, Transaction, public
from stanchion.testing import Client, client


class Thing(Record):
    name: str
    rules = Rules(read=public, write=public)


class Seen:
    """What the test sees of the app: the names stored when an answer began, and notes."""

    def __init__(self) -> None:
        self.stored: list[int] = []
        self.notes: list[str] = []


def make_app(**settings: Any) -> App:
    app = App("Dependencies", settings=Settings(access_log=False, **settings))
    app.collection("things")(Thing)
    seen = app.state.seen = Seen()

    async def open_tx() -> AsyncIterator[Transaction]:
        async with app.transaction() as tx:
            yield tx
        seen.notes.append("ended")

    tx_of: Any = Depends(open_tx)
    short_of: Any = Depends(open_tx, scope="function")
    router = APIRouter()

    async def plain(tx: Transaction = tx_of) -> str:
        return str((await tx.create(Thing(name="x"))).id)

    async def short(tx: Transaction = short_of) -> str:
        return str((await tx.create(Thing(name="x"))).id)

    app.post("/plain")(plain)
    app.post("/short")(short)
    app.post("/once", idempotent=True)(plain)
    app.post("/once-short", idempotent=True)(short)
    router.post("/routed")(plain)
    app.include_router(router)
    inner = FastAPI()
    inner.post("/plain")(plain)
    app.mount("/inner", inner)

    @app.post("/joined")
    async def joined(tx: Transaction = tx_of) -> str:
        async with app.transaction() as same:
            return str((await same.create(Thing(name="x"))).id)

    @app.post("/caught")
    async def caught(tx: Transaction = tx_of) -> str:
        try:
            async with app.transaction() as same:
                await same.create(Thing(name="x"))
                raise ValueError
        except ValueError:
            return "half of it"

    @app.post("/raises")
    async def raises(tx: Transaction = tx_of) -> str:
        await tx.create(Thing(name="x"))
        raise HTTPException(409, "sold")

    @app.post("/refuses", status_code=201, idempotent=True)
    async def refuses(tx: Transaction = tx_of) -> Any:
        await tx.create(Thing(name="x"))
        return JSONResponse({}, 503)

    @app.post("/slow")
    async def slow(tx: Transaction = tx_of) -> str:
        made = await tx.create(Thing(name="x"))
        await asyncio.sleep(0.3)
        return str(made.id)

    @app.post("/stream")
    async def stream(tx: Transaction = tx_of) -> StreamingResponse:
        await tx.create(Thing(name="x"))

        async def rows() -> AsyncIterator[str]:
            yield "first"
            yield "second"

        return StreamingResponse(rows())

    @app.post("/reading-stream")
    async def reading_stream(tx: Transaction = tx_of) -> StreamingResponse:
        async def rows() -> AsyncIterator[str]:
            for thing in await tx.list(Thing):
                yield thing.name

        return StreamingResponse(rows())

    @app.post("/later")
    async def later(tasks: BackgroundTasks, tx: Transaction = tx_of) -> str:
        async def also() -> None:
            async with app.transaction() as own:
                await own.create(Thing(name="later"))

        tasks.add_task(also)
        return str((await tx.create(Thing(name="x"))).id)

    @app.post("/beside")
    async def beside() -> str:
        async def work() -> None:
            async with app.transaction() as own:
                await own.create(Thing(name="half"))
                begun.set()
                await asyncio.sleep(0.2)
                raise ValueError

        begun = asyncio.Event()
        app.state.task = asyncio.create_task(work())
        await begun.wait()
        return "the task goes on"

    return app


class Watch:
    """The server's side: notes how many things are stored when the first byte of an answer goes."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = scope["app"]  # a mounted app puts itself there

        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                rows = await app.runtime.engine.fetch("select count(*) from things", ())
                app.state.seen.stored.append(rows[0][0])
            await send(message)

        await self.app(scope, receive, watched)


@pytest.fixture
def http() -> Iterator[Client]:
    app = make_app()
    app.add_middleware(Watch)
    with client(app) as http:
        yield http


def things(http: Client) -> int:
    return len(http.get("/api/things").json()["items"])


WRITING = ("/plain", "/short", "/once", "/once-short", "/routed", "/inner/plain", "/joined")


@pytest.mark.parametrize("path", [*WRITING, "/stream", "/later"])
def test_write_of_a_dependency_is_stored_when_its_answer_begins(http: Client, path: str) -> None:
    answer = http.post(path)
    assert (answer.status, http.app.state.seen.stored) == (200, [1])
    assert things(http) == (2 if path == "/later" else 1)
    assert http.app.state.seen.notes == ["ended"]


@pytest.mark.parametrize("path", ["/once", "/once-short"])
def test_key_of_a_route_covers_the_transaction_of_its_dependency(http: Client, path: str) -> None:
    key = {"idempotency-key": str(uuid4())}
    first, again = (http.post(path, headers=key) for _ in range(2))
    assert (first.status, again.status) == (200, 200) and first.body == again.body
    assert again.headers["idempotent-replayed"] == "true"
    assert things(http) == 1


@pytest.mark.parametrize(("path", "status"), [("/raises", 409), ("/caught", 500)])
def test_error_takes_back_what_a_dependency_holds(http: Client, path: str, status: int) -> None:
    assert http.post(path).status == status
    assert things(http) == 0 and http.app.state.seen.notes == []
    assert http.post("/api/things", {"name": "the writer is free"}).status == 201


def test_answer_of_500_under_a_key_takes_back_what_a_dependency_holds(http: Client) -> None:
    assert http.post("/refuses", headers={"idempotency-key": str(uuid4())}).status == 503
    assert things(http) == 0


def test_commit_that_fails_is_the_answer() -> None:
    app = make_app(transaction_ms=100)
    with client(app) as http:
        answer = http.post("/slow")
        assert (answer.status, answer.json()["code"]) == (503, "transaction.timeout")
        assert things(http) == 0 and app.state.seen.notes == []


def test_stream_that_wants_the_transaction_still_is_an_error_and_no_cut_answer(
    http: Client,
) -> None:
    answer = http.post("/reading-stream")
    assert (answer.status, answer.json()["code"]) == (500, "server.error")


def test_middleware_of_the_app_sees_the_answer_after_the_commit() -> None:
    app = make_app()

    async def through(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    app.add_middleware(BaseHTTPMiddleware, dispatch=through)
    app.add_middleware(Watch)
    with client(app) as http:
        assert http.post("/plain").status == 200
        assert app.state.seen.stored == [1]


def test_transaction_of_a_task_beside_the_route_is_its_own(http: Client) -> None:
    assert http.post("/beside").status == 200

    async def ended() -> BaseException | None:
        await asyncio.wait([http.app.state.task])
        error: BaseException | None = http.app.state.task.exception()
        return error

    assert isinstance(http.run(ended()), ValueError)
    assert things(http) == 0
