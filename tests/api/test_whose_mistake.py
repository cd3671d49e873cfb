"""A mistake in an app's own code is a 500 with file, line and fix in the log; a mistake in what the
caller sent is a 4xx, also where the app handed it on."""

from __future__ import annotations

import asyncio
import inspect
import linecache
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pydantic
import pytest
from fastapi import Depends, HTTPException

from stanchion import (
    App,
    Create,
    Field,
    Record,
    Rules,
    Settings,
    Update,
    calc,
    events,
    public,
    rule,
)
from stanchion.errors import Conflict, Invalid, WrongUse
from stanchion.testing import Client, Response, client
from stanchion.transaction import Transaction

KEY = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"


class Pizza(Record):
    name: str = Field(max_length=20, unique=True, search=True)
    price: int = Field(default=1, ge=0)
    until: int = 10
    cost: int = Field(default=0, write=False)
    chef: str = Field(default="", write=rule("record.name == 'signed'"))
    rules = Rules(read=public, write=public)

    @pydantic.model_validator(mode="after")
    def _ends_after_it_starts(self) -> Pizza:
        if self.price > self.until:
            raise ValueError("dearer than it may be")
        return self


class Wanted(pydantic.BaseModel):
    name: str = "Funghi"
    price: int = 1


def mistaken(pizza: str) -> dict[str, Callable[[App], Any]]:
    """Routes whose code is wrong whatever the caller sends, by what is wrong."""

    def having(step: Callable[[Any], Any]) -> Callable[[App], Any]:
        def route(app: App) -> Any:
            async def answer() -> None:
                async with app.transaction() as tx:
                    await step(tx)  # the line

            return answer

        return route

    def set_late(tx: Any) -> Any:
        made = Pizza(name="a")
        made.price = -1
        return tx.create(made)

    return {
        "filter": having(lambda tx: tx.list(Pizza, "nosuch == 1")),
        "syntax": having(lambda tx: tx.list(Pizza, "price ==")),
        "sort": having(lambda tx: tx.list(Pizza, sort="nosuch")),
        "expand": having(lambda tx: tx.list(Pizza, expand="name")),
        "fields": having(lambda tx: tx.get(Pizza, pizza, fields="nosuch")),
        "limit": having(lambda tx: tx.list(Pizza, limit=5000)),
        "no param": having(lambda tx: tx.list(Pizza, "price == $n")),
        "param": having(lambda tx: tx.list(Pizza, "price == $n", n="one")),
        "constant": having(lambda tx: tx.create(Pizza(name="a", price=-7))),
        "assigned": having(set_late),
        "missing": having(lambda tx: tx.create(Pizza())),  # type: ignore[call-arg]
        "not for the app": having(lambda tx: tx.create(Pizza(name="a", cost=7))),
        "update": having(lambda tx: tx.update(Pizza, pizza, price=-7)),
        "unknown": having(lambda tx: tx.update(Pizza, pizza, nosuch=7)),
        "nothing": having(lambda tx: tx.update_where(Pizza, "", {})),
        "together": having(lambda tx: tx.update(Pizza, pizza, price=11)),
        "where": having(lambda tx: tx.update_where(Pizza, "nosuch == 1", {"price": 1})),
        "computed": having(lambda tx: tx.update_where(Pizza, "", {"price": calc("name")})),
    }


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    app = App(
        "Whose", settings=Settings(transaction_ms=60_000)
    )  # a busy machine is not the subject
    app.collection("pizzas")(Pizza)
    for name, make in mistaken(KEY).items():
        app.get(f"/wrong/{name}")(make(app))

    @app.post("/create")
    async def create(wanted: Wanted) -> str:
        async with app.transaction() as tx:
            return (await tx.create(Pizza(name=wanted.name, price=wanted.price))).id

    @app.post("/update/{price}")
    async def update(price: int) -> None:
        async with app.transaction() as tx:
            await tx.update(Pizza, KEY, price=price)

    @app.post("/double")
    async def double(wanted: Wanted) -> None:
        async with app.transaction() as tx:
            await tx.create(Pizza(name="b", price=wanted.price * 2))

    @app.post("/body")
    async def body(pizza: Create[Pizza]) -> str:
        async with app.transaction() as tx:
            return (await tx.create(pizza)).id

    @app.post("/change")
    async def change(changes: Update[Pizza]) -> None:
        async with app.transaction() as tx:
            await tx.update(Pizza, KEY, changes)

    @app.get("/list")
    async def listed(
        filter: str = "", q: str | None = None, sort: str = "", limit: int = 9, name: str = "a"
    ) -> int:
        async with app.transaction() as tx:
            await tx.list(Pizza, "name == $n", n=name)
            return len(await tx.list(Pizza, filter, q=q, sort=sort, limit=limit))

    @app.get("/forgotten")
    async def forgotten() -> None:
        async with app.transaction() as tx:
            await tx.create(Pizza(name="before"))
            tx.create(Pizza(name="forgotten"))  # type: ignore[unused-coroutine]  # the mistake

    async def opened() -> AsyncIterator[Transaction]:
        async with app.transaction() as tx:
            yield tx

    @app.get("/forgotten/dependency")
    async def forgotten_in_a_dependency(tx: Transaction = Depends(opened)) -> None:  # noqa: B008  # as FastAPI has it
        tx.create(Pizza(name="forgotten"))  # type: ignore[unused-coroutine]  # the mistake

    @app.get("/later")
    async def later() -> None:
        async with app.transaction() as tx:
            names = [f"later {n}" for n in range(200)]
            await asyncio.gather(*[tx.create(Pizza(name=name)) for name in names])

    @app.get("/caught")
    async def caught() -> None:
        async with app.transaction() as tx:
            try:
                await tx.update(Pizza, KEY, price=-1)
            except Invalid as refused:
                raise HTTPException(418, "caught") from refused

    @app.get("/own")
    async def own() -> None:
        raise Conflict("sold_out", "It is sold out.")

    @app.get("/other")
    async def other() -> None:
        Wanted.model_validate({"price": "x"})

    with client(app) as caller:
        assert caller.post("/api/pizzas", json={"id": KEY, "name": "Kept"}).status == 201
        yield caller


def told(http: Client, ask: Callable[[], Response]) -> tuple[Response, list[events.RequestFailed]]:
    """The answer, and what the log was told."""
    seen: list[events.Event] = []
    stop = events.subscribe(seen.append)
    try:
        return ask(), [event for event in seen if isinstance(event, events.RequestFailed)]
    finally:
        stop()


@pytest.mark.parametrize("name", mistaken(KEY))
def test_a_mistake_of_the_app_is_a_500_and_its_line_in_the_log(http: Client, name: str) -> None:
    answer, failed = told(http, lambda: http.get(f"/wrong/{name}"))
    assert (answer.status, answer.json()["code"]) == (500, "server.error")
    assert "nosuch" not in answer.text and "price" not in answer.text
    (event,) = failed
    assert isinstance(event.error, WrongUse)
    origin = event.error.origin
    assert origin is not None and origin.file == __file__
    lines, first = inspect.getsourcelines(mistaken)
    assert first < origin.line < first + len(lines)
    assert event.error.hint and f"{__file__}:{origin.line}" in str(event.error)


@pytest.mark.parametrize("path", ["/forgotten", "/forgotten/dependency"])
def test_a_call_that_nobody_awaited_is_a_500_and_nothing_is_stored(http: Client, path: str) -> None:
    answer, failed = told(http, lambda: http.get(path))
    assert (answer.status, answer.json()["code"]) == (500, "server.error")
    (event,) = failed
    assert isinstance(event.error, WrongUse) and event.error.code == "transaction.not_awaited"
    origin = event.error.origin
    assert origin is not None and "tx.create(" in linecache.getline(origin.file, origin.line)
    names = [item["name"] for item in http.get("/api/pizzas?limit=200").json()["items"]]
    assert not {"before", "forgotten"} & set(names)


def test_calls_that_are_awaited_together_are_none_of_those(http: Client) -> None:
    answer, failed = told(http, lambda: http.get("/later"))
    assert (answer.status, failed) == (200, [])


@pytest.mark.parametrize(
    ("path", "json", "status", "pointer"),
    [
        ("/create", {"price": -7}, 422, "/price"),
        ("/create", {"name": "much too long for a pizza"}, 422, "/name"),
        ("/create", {"name": "Kept"}, 409, "/name"),
        ("/create", {"price": 99}, 422, None),
        ("/update/-7", {}, 422, "/price"),
        ("/update/11", {}, 422, None),
        ("/body", {"name": "x", "price": -7}, 422, "/price"),
        ("/body", {"name": "x", "cost": 3}, 422, "/cost"),
        ("/body", {"name": "x", "chef": "me"}, 403, "/chef"),
        ("/body", {"name": "Kept"}, 409, "/name"),
        ("/change", {"price": 11}, 422, None),
        ("/change", {"price": -7}, 422, "/price"),
    ],
)
def test_what_the_caller_sent_stays_the_callers(
    http: Client, path: str, json: Any, status: int, pointer: str | None
) -> None:
    answer, failed = told(http, lambda: http.post(path, json=json))
    assert (answer.status, failed) == (status, [])
    assert pointer in [error.get("pointer") for error in answer.json().get("errors", [{}])]


@pytest.mark.parametrize(
    "query", ["filter=nosuch%3D%3D1", "q=x", "sort=nosuch", "limit=5000", "name=%00"]
)
def test_a_query_that_was_handed_on_stays_the_callers(http: Client, query: str) -> None:
    answer, failed = told(http, lambda: http.get(f"/list?{query}"))
    assert (answer.status, failed) == (400, [])


def test_a_value_that_the_app_computed_is_the_apps(http: Client) -> None:
    answer, failed = told(http, lambda: http.post("/double", json={"price": -7}))
    assert answer.status == 500
    assert isinstance(failed[0].error, WrongUse)
    assert "Create[" in failed[0].error.hint


def test_what_the_app_says_itself_is_left_alone(http: Client) -> None:
    assert http.get("/caught").status == 418
    assert http.get("/own").status == 409


def test_other_models_fail_as_in_fastapi(http: Client) -> None:
    answer, failed = told(http, lambda: http.get("/other"))
    assert answer.status == 500
    assert isinstance(failed[0].error, pydantic.ValidationError)
