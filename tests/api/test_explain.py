"""`GET /api/_explain`: admins ask why a request is answered as it is, and nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from stanchion import App, Field, Record, Ref, Rules, UserRecord, nobody, owner, signed_in
from stanchion.testing import Client, Response, as_actor, client

pytestmark = pytest.mark.unordered  # each engine has its own statements and plans

ANN, BO = "00000000-0000-7000-8000-00000000000a", "00000000-0000-7000-8000-00000000000b"
ORDER = "00000000-0000-7000-8000-000000000001"

app = App("Shop")


@app.collection("users")
class User(UserRecord):
    pin: str = Field(default="0815-secret", read=nobody)
    rules = Rules(read="record.id == auth.id")


@app.collection("orders")
class Order(Record):
    customer: Ref[User]
    total: int = 0
    note: str = Field(default="", write="record.total < 100")
    margin: int = Field(default=7_777_123, read=nobody)
    rules = Rules(read=owner("customer"), update=owner("customer"), create=signed_in)


@app.post("/fill")
async def fill() -> None:
    async with app.transaction(actor=app.system()) as tx:
        await tx.create(User(id=ANN, email="ann@x.example"))
        await tx.create(User(id=BO, email="bo@x.example"))
        await tx.create(Order(id=ORDER, customer=ANN, total=500))


ADMIN = User(email="boss@x.example", admin=True)


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(app) as caller:
        assert caller.post("/fill").status == 200
        yield caller


def ask(http: Client, path: str, who: str = "anonymous", **more: str) -> Response:
    with as_actor(app, ADMIN):
        return http.get("/api/_explain", params={"path": path, "as": who, **more})


def explained(http: Client, path: str, who: str = "anonymous", **more: str) -> Any:
    answer = ask(http, path, who, **more)
    assert answer.status == 200, answer.text
    return answer.json()


def outcomes(found: Any) -> dict[str, str]:
    return {f"{r['name']} {r['on']}".strip(): r["outcome"] for r in found["rules"]}


def test_which_rule_refuses_and_which_part_of_it(http: Client) -> None:
    found = explained(http, f"/api/orders/{ORDER}", "bo@x.example")
    assert found["actor"] == f"user {BO} bo@x.example"
    assert found["answer"]["status"] == 404
    (rule,) = found["rules"]
    assert (rule["name"], rule["outcome"]) == ("orders.read", "does not hold")
    assert rule["part"]["values"] == [f'record.customer is "{ANN}"', f'auth.id is "{BO}"']
    assert rule["place"]["file"] == "test_explain.py", "not where it lies on the server"
    assert explained(http, f"/api/orders/{ORDER}", ANN)["answer"]["document"]["total"] == 500


def test_a_list_with_its_query_and_its_statement(http: Client) -> None:
    found = explained(http, "/api/orders?sort=-total&fields=total", "ann@x.example")
    assert found["answer"]["document"]["items"] == [{"total": 500}]
    assert found["request"]["query"] == "sort=-total&fields=total"
    assert [one["title"] for one in found["statements"]] == ["the list"]
    assert found["fields"][0]["field"] == "margin"


def test_a_write_is_tried_and_taken_back(http: Client) -> None:
    path, body = f"/api/orders/{ORDER}", '{"total": 1}'
    found = explained(http, path, "ann@x.example", method="PATCH", body=body)
    assert found["answer"]["status"] == 200
    assert outcomes(found) == {
        "orders.read the stored record": "holds",
        "orders.update the stored record": "holds",
        "orders.update the record as it would be": "holds",
    }
    refused = explained(http, path, "bo@x.example", method="PATCH", body=body)
    assert refused["answer"]["status"] == 404
    with as_actor(app, app.system()):
        assert http.get(path).json()["total"] == 500
        assert http.get("/api/users", params={"total": "true"}).json()["total"] == 2


def test_a_field_that_may_not_be_set_is_told(http: Client) -> None:
    found = explained(
        http, f"/api/orders/{ORDER}", "ann@x.example", method="PATCH", body='{"note": "x"}'
    )
    assert found["answer"]["document"]["code"] == "access.field_refused"
    assert ("note", "write", "may be set where record.total < 100") in [
        (one["field"], one["side"], one["effect"]) for one in found["fields"]
    ]


def test_what_nobody_may_read_is_not_told_to_admins_either(http: Client) -> None:
    created = {"customer": ANN, "total": 3}
    for answer in (
        ask(http, f"/api/orders/{ORDER}", "admin"),
        ask(http, f"/api/users/{ANN}", "ann@x.example"),
        ask(http, "/api/orders", ANN, method="POST", body=str(created).replace("'", '"')),
    ):
        assert answer.status == 200
        assert "7777123" not in answer.text
        assert "0815-secret" not in answer.text
    refused = ask(http, f"/api/orders/{ORDER}", "system")
    assert (refused.status, refused.json()["code"]) == (400, "explain.who")


def test_nobody_but_admins_is_answered(http: Client) -> None:
    url = f"/api/_explain?path={quote('/api/orders', safe='')}"
    assert http.get(url).status == 401
    with as_actor(app, User(id=ANN, email="ann@x.example")):
        refused = http.get(url)
    assert (refused.status, refused.json()["code"]) == (403, "access.refused")
    with as_actor(app, ADMIN):
        allowed = http.get(url)
        assert allowed.status == 200
        assert "no-store" in allowed.headers["cache-control"]
        assert http.post(url).status == 405


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"path": "/fill"}, 400, "explain.route"),
        ({"path": "/api/nothing"}, 400, "explain.route"),
        ({"path": "/api/auth/me"}, 400, "explain.route"),
        ({"path": "/api/_explain"}, 400, "explain.route"),
        ({"path": "//evil.example/api/orders/x", "as": "nobody@x.example"}, 400, "explain.who"),
        ({"path": "/api/orders", "as": "nobody@x.example"}, 400, "explain.who"),
        ({"path": "/api/orders", "method": "POST", "body": "{"}, 400, "body.syntax"),
        ({"path": "/api/orders", "method": "TRACE"}, 422, "body.invalid"),
        ({}, 422, "body.invalid"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    http: Client, more: dict[str, str], status: int, code: str
) -> None:
    with as_actor(app, ADMIN):
        answer = http.get("/api/_explain", params=more)
    assert (answer.status, answer.json()["code"]) == (status, code)


def test_explaining_leaves_the_plans_of_the_server_as_they_are(http: Client) -> None:
    records = app.runtime.opened
    assert records is not None
    before = dict(records.plans.by_shape)
    explained(http, "/api/orders?sort=total&limit=7", "ann@x.example")
    assert records.plans.by_shape == before
    assert type(records.plans.by_shape) is dict


def test_the_document_tells_of_it(http: Client) -> None:
    operation = http.get("/openapi.json").json()["paths"]["/api/_explain"]["get"]
    assert [p["name"] for p in operation["parameters"]] == ["path", "method", "as", "body"]
    assert operation["security"] == [{"session": []}, {"cookie": []}]


def test_an_app_without_users_has_none() -> None:
    plain = App("Plain")

    @plain.collection("notes")
    class Note(Record):
        rules = Rules()

    with client(plain) as caller:
        assert caller.get("/api/_explain?path=/api/notes").status == 404
