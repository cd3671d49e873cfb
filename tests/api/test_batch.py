"""`POST /api/_batch`: several writes in one transaction, all of them or none."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from stanchion import App, Field, Record, Ref, Rules, nobody, public, signed_in
from stanchion.settings import Settings
from stanchion.testing import Client, Response, client

A = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"
B = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e90"
C = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e91"


def make_app() -> App:
    app = App("Batch", settings=replace(Settings(), array_limit=20))

    @app.collection("orders")
    class Order(Record):
        name: str = Field(unique=True)
        open: bool = True
        rules = Rules(read=public, write=public)

    @app.collection("lines")
    class Line(Record):
        order: Ref[Order]
        count: int = Field(default=1, ge=1)
        code: str | None = Field(default=None, unique=True)
        rules = Rules(read=public, write=public, create="record.order.open")

    @app.collection("drops")
    class Drop(Record):
        name: str
        rules = Rules(read=nobody, create=public, delete=signed_in)

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as http:
        yield http


def step(method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    found = {"method": method, "path": f"/api/{path}", **more}
    return found if method == "DELETE" else {**found, "body": body}


def batch(http: Client, *steps: Any) -> Response:
    return http.post("/api/_batch", {"steps": list(steps)})


def told(answer: Response) -> tuple[int, dict[str | None, str]]:
    return answer.status, {e.get("pointer"): e["code"] for e in answer.json()["errors"]}


def changes(http: Client) -> list[Any]:
    async def fetch() -> list[Any]:
        return await http.app.runtime.engine.fetch(
            "select collection,operation,version,tx from _changes order by seq", ()
        )

    return http.run(fetch())


def test_steps_are_done_in_order_in_one_transaction(http: Client) -> None:
    answer = batch(
        http,
        step("POST", "orders", {"id": A, "name": "one"}),
        step("POST", "lines", [{"order": A, "code": "x"}, {"order": A, "count": 2}]),
        step("PATCH", f"orders/{A}", {"open": False}),
        step("PUT", f"orders/{B}", {"name": "two"}),
        step("PUT", f"orders/{A}", {"name": "uno"}),
        step("DELETE", f"orders/{B}"),
    )
    assert answer.status == 200, answer.text
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [201, 201, 200, 201, 200, 204]
    assert [set(item) for item in items] == [{"status", "etag", "body"}] * 6
    assert items[4]["etag"] == http.get(f"/api/orders/{A}").headers["etag"]
    assert items[4]["body"] == http.get(f"/api/orders/{A}").json()
    assert items[2]["body"]["open"] is False and items[2]["body"]["version"] == 2
    assert [line["order"] for line in items[1]["body"]["items"]] == [A, A]
    assert items[1]["etag"] is None
    assert items[5] == {"status": 204, "etag": None, "body": None}
    logged = changes(http)
    assert [entry[:3] for entry in logged] == [
        ("orders", "create", 1), ("lines", "create", 1), ("lines", "create", 1),
        ("orders", "update", 2), ("orders", "create", 1), ("orders", "update", 3),
        ("orders", "delete", 2),
    ]  # fmt: skip
    assert len({entry[3] for entry in logged}) == 1, "one transaction"


REFUSED = [
    (step("POST", "orders", {"name": 5, "nope": 1}), 422,
     {"/steps/1/body/name": "string_type", "/steps/1/body/nope": "unknown_field"}),
    (step("POST", "orders", 5), 422, {"/steps/1/body": "object_type"}),
    (step("POST", "orders", [{"name": "x"}, {}]), 422, {"/steps/1/body/1/name": "missing"}),
    (step("POST", "orders", {"name": "one"}), 409, {"/steps/1/body/name": "unique"}),
    (step("POST", "orders", {"id": A, "name": "x"}), 409, {"/steps/1/body/id": "unique"}),
    (step("POST", "lines", {"order": B}), 409, {"/steps/1/body/order": "reference.not_found"}),
    (step("PATCH", f"orders/{B}", {}), 404, {"/steps/1": "record.not_found"}),
    (step("PATCH", f"orders/{A}", {"open": 1}), 422, {"/steps/1/body/open": "bool_type"}),
    (step("PATCH", f"orders/{A}", {"open": False}, if_match='"7-x"'), 412,
     {"/steps/1": "record.stale"}),
    (step("PUT", f"orders/{B}", {}), 422, {"/steps/1/body/name": "missing"}),
    (step("DELETE", f"drops/{A}"), 401, {"/steps/1": "access.sign_in"}),
    (step("POST", "nope", {}), 404, {"/steps/1": "route.not_found"}),
    (step("POST", "orders/_x", {}), 404, {"/steps/1": "route.not_found"}),
    (step("POST", f"orders/{A}", {}), 405, {"/steps/1": "route.method"}),
    (step("DELETE", "orders"), 405, {"/steps/1": "route.method"}),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "status", "errors"), REFUSED)
def test_one_refused_step_takes_back_all_and_says_which(
    http: Client, bad: Any, status: int, errors: Any
) -> None:
    answer = batch(http, step("POST", "orders", {"id": A, "name": "one"}), bad)
    assert told(answer) == (status, errors)
    assert answer.headers["content-type"] == "application/problem+json"
    assert http.get("/api/orders").json()["items"] == [] and changes(http) == []


def test_the_first_refused_step_is_told(http: Client) -> None:
    answer = batch(http, step("DELETE", f"orders/{A}"), step("POST", "orders", {"name": 5}))
    assert told(answer) == (404, {"/steps/0": "record.not_found"})


def test_a_clash_is_judged_beside_what_the_steps_before_it_made(http: Client) -> None:
    http.post("/api/orders", {"id": B, "name": "before"})
    http.post("/api/lines", {"order": B, "code": "x"})
    answer = batch(
        http,
        step("POST", "orders", {"id": A, "name": "one"}),
        step("POST", "lines", {"order": A, "code": "x"}),
    )
    assert told(answer) == (409, {"/steps/1/body/code": "unique"})


def test_a_rule_of_a_later_step_sees_what_an_earlier_one_made(http: Client) -> None:
    answer = batch(
        http,
        step("POST", "orders", {"id": A, "name": "one", "open": False}),
        step("POST", "lines", {"order": A}),
    )
    assert told(answer) == (403, {"/steps/1": "access.refused"})


def test_a_step_whose_record_is_hidden_answers_the_key_alone(http: Client) -> None:
    (item,) = batch(http, step("POST", "drops", {"id": A, "name": "x"})).json()["items"]
    assert item == {"status": 201, "etag": None, "body": {"id": A}}


WRONG = [
    ([], {"": "object_type"}),
    ({}, {"/steps": "missing"}),
    ({"steps": {}}, {"/steps": "list_type"}),
    ({"steps": []}, {"/steps": "too_short"}),
    ({"steps": [1]}, {"/steps/0": "object_type"}),
    ({"steps": [step("POST", "orders", {})], "atomic": True}, {"/atomic": "unknown_field"}),
    ({"steps": [step("POST", "orders", {}, headers={})]}, {"/steps/0/headers": "unknown_field"}),
    ({"steps": [{}]}, {"/steps/0/method": "missing", "/steps/0/path": "missing"}),
    ({"steps": [{"method": "POST", "path": "/api/orders"}]}, {"/steps/0/body": "missing"}),
    ({"steps": [{"method": 1, "path": 2}]},
     {"/steps/0/method": "string_type", "/steps/0/path": "string_type"}),
    ({"steps": [step("GET", "orders")]}, {"/steps/0/method": "literal_error"}),
    ({"steps": [step("POST", "orders?x=1", {})]}, {"/steps/0/path": "batch.path"}),
    ({"steps": [{"method": "DELETE", "path": "orders"}]}, {"/steps/0/path": "batch.path"}),
    ({"steps": [step("DELETE", f"orders/{A}", if_match=1)]}, {"/steps/0/if_match": "string_type"}),
    ({"steps": [step("POST", "orders", {}, if_match="*")]}, {"/steps/0/if_match": "batch.member"}),
    ({"steps": [{**step("DELETE", f"orders/{A}"), "body": {}}]}, {"/steps/0/body": "batch.member"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "errors"), WRONG)
def test_what_is_no_batch_is_told_at_its_pointers(http: Client, body: Any, errors: Any) -> None:
    assert told(http.post("/api/_batch", body)) == (422, errors)


def test_a_batch_writes_as_many_records_as_an_array(http: Client) -> None:
    many = [step("POST", "orders", {"name": str(n)}) for n in range(21)]
    assert batch(http, *many).status == 413
    rows = [{"name": str(n)} for n in range(20)]
    assert batch(http, step("POST", "orders", rows), many[0]).status == 413
    assert batch(http, step("POST", "orders", rows)).status == 200


def test_the_batch_takes_post_alone(http: Client) -> None:
    answer = http.get("/api/_batch")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
    options = http.request("OPTIONS", "/api/_batch")
    assert (options.status, options.headers["allow"]) == (204, "POST, OPTIONS")
    assert http.post("/api/_batch?x=1", {"steps": []}).status == 400


@pytest.mark.unordered
def test_batches_that_cross_each_other_are_all_done(http: Client) -> None:
    """Each changes the same four records, in an order of its own."""
    made = http.post("/api/orders", [{"name": str(n)} for n in range(4)]).json()["items"]
    keys = [order["id"] for order in made]

    def change(number: int) -> int:
        order = [keys[(number * (1 + number % 2) + n) % 4] for n in range(4)][:: 1 - number % 2 * 2]
        steps = [step("PATCH", f"orders/{key}", {"name": f"{number} {key}"}) for key in order]
        return batch(http, *steps).status

    with ThreadPoolExecutor(24) as threads:
        assert list(threads.map(change, range(24))) == [200] * 24
    read = http.get("/api/orders").json()["items"]
    assert [order["version"] for order in read] == [25] * 4
    assert len({order["name"].split()[0] for order in read}) == 1, "the last batch is whole"
