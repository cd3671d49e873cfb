"""`idempotent=True`: a route of the app has one effect and one answer for each key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import HTTPException, Response
from fastapi.responses import StreamingResponse

from stanchion import App, Module, Record, Rules, public
from stanchion.testing import Client, client
from stanchion.testing import Response as Answer


def make_app() -> App:
    app = App("Routes")
    menu = Module("menu")
    app.state.calls = 0

    @app.collection("orders")
    class Order(Record):
        name: str
        rules = Rules(read=public, write=public)

    @app.post("/orders", status_code=201, idempotent=True)
    async def order(body: dict[str, Any]) -> dict[str, Any]:
        app.state.calls += 1
        async with app.transaction() as tx:
            made = await tx.create(Order(name=body["name"]))
        if body["name"] == "late":
            raise HTTPException(402, "no money")
        return {"id": made.id}

    @app.post("/twice", idempotent=True)
    async def twice() -> dict[str, Any]:
        for name in ("a", "b"):
            async with app.transaction() as tx:
                await tx.create(Order(name=name))
        return {"orders": 2}

    @app.post("/nothing", idempotent=True)
    async def nothing() -> dict[str, Any]:
        app.state.calls += 1
        return {"calls": app.state.calls}

    @app.post("/stream", idempotent=True)
    async def stream() -> Response:
        async with app.transaction() as tx:
            await tx.create(Order(name="s"))
        return StreamingResponse(iter([b"x"]))

    @app.post("/fails", idempotent=True)
    async def fails() -> Response:
        async with app.transaction() as tx:
            await tx.create(Order(name="f"))
        return Response(b"broken", 503)

    @menu.post("/menu", idempotent=True)
    async def module_route() -> dict[str, Any]:
        async with app.transaction() as tx:
            return {"id": (await tx.create(Order(name="m"))).id}

    app.include(menu)
    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as http:
        yield http


def orders(http: Client) -> int:
    return len(http.get("/api/orders").json()["items"])


def send(http: Client, path: str, body: Any, key: str) -> Answer:
    return http.post(path, body, headers={"idempotency-key": key})


def test_route_sent_again_answers_the_first_answer(http: Client) -> None:
    key = str(uuid4())
    first, again = (send(http, "/orders", {"name": "x"}, key) for _ in range(2))
    assert (first.status, again.status) == (201, 201) and first.body == again.body
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert orders(http) == 1 and http.app.state.calls == 1
    other = send(http, "/orders", {"name": "y"}, key)
    assert (other.status, other.json()["code"]) == (422, "idempotency.reused")


def test_route_without_a_key_is_an_ordinary_one(http: Client) -> None:
    for _ in range(2):
        assert http.post("/orders", {"name": "x"}).status == 201
    assert orders(http) == 2


def test_error_after_the_block_takes_the_effect_back_and_keeps_no_key(http: Client) -> None:
    key = str(uuid4())
    for _ in range(2):
        assert send(http, "/orders", {"name": "late"}, key).status == 402
    assert orders(http) == 0 and http.app.state.calls == 2
    assert http.post("/api/orders", {"name": "the writer is free"}).status == 201


def test_answer_of_500_and_above_takes_the_effect_back(http: Client) -> None:
    assert send(http, "/fails", {}, str(uuid4())).status == 503
    assert orders(http) == 0


def test_several_blocks_are_one_transaction(http: Client) -> None:
    key = str(uuid4())
    assert send(http, "/twice", {}, key).body == send(http, "/twice", {}, key).body
    assert orders(http) == 2


def test_route_without_an_effect_keeps_nothing(http: Client) -> None:
    key = str(uuid4())
    assert [send(http, "/nothing", {}, key).json()["calls"] for _ in range(2)] == [1, 2]


def test_stream_cannot_be_kept(http: Client) -> None:
    assert send(http, "/stream", {}, str(uuid4())).status == 500
    assert orders(http) == 0


def test_routes_of_modules_take_keys(http: Client) -> None:
    key = str(uuid4())
    assert send(http, "/menu", {}, key).body == send(http, "/menu", {}, key).body
    assert orders(http) == 1


def test_anonymous_key_is_a_uuid(http: Client) -> None:
    answer = send(http, "/orders", {"name": "x"}, "guess-me")
    assert (answer.status, answer.json()["code"]) == (400, "idempotency.key")


@pytest.mark.unordered
def test_fifty_twins_have_one_effect(http: Client) -> None:
    key = str(uuid4())

    async def all_at_once() -> list[Answer]:
        loop = asyncio.get_running_loop()
        calls = [
            loop.run_in_executor(None, send, http, "/orders", {"name": "x"}, key) for _ in range(50)
        ]
        return await asyncio.gather(*calls)

    answers = asyncio.run(all_at_once())
    assert {(a.status, a.body) for a in answers} == {(201, answers[0].body)}
    assert orders(http) == 1


def test_document_names_the_key(http: Client) -> None:
    operation = http.get("/openapi.json").json()["paths"]["/orders"]["post"]
    assert [p["name"] for p in operation["parameters"]] == ["Idempotency-Key"]
