"""A record that is made again under the id of a deleted one: no old ETag fits it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stanchion import App, Field, Record, Ref, Rules, public
from stanchion.changelog.trim import Keep, trim
from stanchion.testing import Client, client

KEY = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"
OTHER = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e90"


@pytest.fixture
def http() -> Iterator[Client]:
    app = App("Again")

    @app.collection("things")
    class Thing(Record):
        name: str
        rules = Rules(read=public, write=public)

    @app.collection("parts")
    class Part(Record):
        thing: Ref[Thing] = Field(on_delete="cascade")
        rules = Rules(read=public, write=public)

    app.state.thing = Thing

    with client(app) as caller:
        yield caller


@pytest.mark.parametrize("way", ["POST", "PUT"])
def test_an_etag_of_the_deleted_record_does_not_fit_the_new_one(http: Client, way: str) -> None:
    url = f"/api/things/{KEY}"
    old = http.post("/api/things", json={"id": KEY, "name": "first"}).headers["etag"]
    assert http.delete(url).status == 204
    if way == "POST":
        made = http.post("/api/things", json={"id": KEY, "name": "second"})
    else:
        made = http.put(url, json={"name": "second"})
    assert made.status == 201
    assert made.json()["version"] > 1
    assert http.patch(url, json={"name": "lost"}, headers={"If-Match": old}).status == 412
    assert http.get(url).json()["name"] == "second"
    fits = http.patch(url, json={"name": "third"}, headers={"If-Match": made.headers["etag"]})
    assert fits.status == 200


def test_a_key_that_was_never_there_starts_at_one(http: Client) -> None:
    assert http.post("/api/things", json={"id": KEY, "name": "first"}).json()["version"] == 1
    assert http.post("/api/things", json={"name": "other"}).json()["version"] == 1


def test_a_record_that_went_with_another_counts_on_too(http: Client) -> None:
    http.post("/api/things", json={"id": KEY, "name": "first"})
    http.post("/api/parts", json={"id": OTHER, "thing": KEY})
    http.delete(f"/api/things/{KEY}")
    assert http.post("/api/things", json={"id": KEY, "name": "again"}).json()["version"] == 3
    assert http.post("/api/parts", json={"id": OTHER, "thing": KEY}).json()["version"] == 3


def test_it_counts_on_within_one_batch_and_in_a_transaction(http: Client) -> None:
    path = f"/api/things/{KEY}"
    steps = [
        {"method": "POST", "path": "/api/things", "body": {"id": KEY, "name": "first"}},
        {"method": "DELETE", "path": path},
        {"method": "PUT", "path": path, "body": {"name": "second"}},
    ]
    items = http.post("/api/_batch", json={"steps": steps}).json()["items"]
    assert [items[0]["body"]["version"], items[2]["body"]["version"]] == [1, 3]
    thing = http.app.state.thing

    async def again() -> int:
        async with http.app.transaction() as tx:
            await tx.delete(thing, KEY)
            made: int = (await tx.create(thing(id=KEY, name="third"))).version
            return made

    assert http.run(again()) == 5


@pytest.mark.parametrize(
    "again", [lambda made: made, copy.copy, copy.deepcopy, lambda made: made.model_copy()]
)
def test_an_instance_that_is_created_twice_counts_on(
    http: Client, again: Callable[[Any], Any]
) -> None:
    thing = http.app.state.thing(name="mine")  # its id was made with it
    twin = again(thing)

    async def twice() -> list[int]:
        async with http.app.transaction() as tx:
            first = await tx.create(thing)
            await tx.delete(type(thing), thing.id)
            return [first.version, (await tx.create(twin)).version]

    assert http.run(twice()) == [1, 3]


@pytest.mark.needs("reads in this process")
def test_a_record_with_an_id_of_our_making_asks_nothing_more(http: Client) -> None:
    """The price of it all, for the usual create: not one statement."""
    asked: list[str] = []
    writer = http.app.runtime.engine._connect()[1]
    writer.connection.set_exec_trace(lambda _, text, __: asked.append(text) or True)
    assert http.post("/api/things", json={"name": "usual"}).status == 201
    usual = [text for text in asked if "_versions" in text]
    asked.clear()
    assert http.post("/api/things", json={"id": KEY, "name": "chosen"}).status == 201
    chosen = [text for text in asked if "_versions" in text]
    assert (len(usual), len(chosen)) == (0, 1)


def test_no_old_etag_fits_after_the_log_was_trimmed(http: Client) -> None:
    url = f"/api/things/{KEY}"
    http.post("/api/things", json={"id": KEY, "name": "first"})
    old = http.patch(url, json={"name": "second"}).headers["etag"]
    http.delete(url)
    rows = forgotten(http)
    assert rows == [("things", 3)] and logged(http) == 0
    assert http.post("/api/things", json={"id": KEY, "name": "third"}).json()["version"] == 4
    assert http.patch(url, json={"name": "lost"}, headers={"If-Match": old}).status == 412
    http.delete(url)
    assert forgotten(http) == [("things", 5)], "the greatest stays"
    assert http.post("/api/things", json={"name": "of our making"}).json()["version"] == 1


def forgotten(http: Client) -> list[Any]:
    """Trim the whole log; what is kept of it."""

    async def run() -> list[Any]:
        engine = http.app.runtime.engine
        await engine.write(lambda: trim(Keep(7, 1), engine.name))
        return await engine.fetch("select collection,version from _versions", ())

    return http.run(run())


def logged(http: Client) -> int:
    async def run() -> int:
        rows = await http.app.runtime.engine.fetch("select count(*) from _changes", ())
        number: int = rows[0][0]
        return number

    return http.run(run())
