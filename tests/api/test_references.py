"""A reference to a record that the caller may not read tells nothing of that record, whatever the
rule of the row that refers to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from stanchion import App, Field, Record, Ref, Rules, UserRecord, owner, public
from stanchion.query import Actor
from stanchion.testing import Client, as_actor, client

NOWHERE = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"


def make_app() -> App:
    app = App("Orders")

    @app.collection("users")
    class User(UserRecord):
        rules = Rules(read=public)

    @app.collection("orders")
    class Order(Record):
        customer: Ref[User]
        state: Literal["open", "paid"]
        rules = Rules(read=owner("customer"), create=public)

    @app.collection("lines")
    class Line(Record):
        order: Ref[Order]
        code: str = Field(default="", unique=True)
        rules = Rules(
            read=public,
            create="record.order.state == 'open'",
            update="record.order.state == 'open'",
        )

    @app.collection("notes")
    class Note(Record):
        order: Ref[Order]
        code: str = Field(default="", unique=True)
        points: int = Field(default=0, write="record.order.state == 'open'")
        rules = Rules(read=public, create=public)

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as caller:
        yield caller


def make(http: Client, path: str, **body: object) -> str:
    made = http.post(f"/api/{path}", json=body)
    assert made.status == 201, made.text
    return str(made.json()["id"])


def test_hidden_open_hidden_paid_and_missing_orders_look_alike(http: Client) -> None:
    with as_actor(http.app, http.app.system()):
        ann, bob = (make(http, "users", email=f"{name}@example.org") for name in ("ann", "bob"))
        hidden_open = make(http, "orders", customer=ann, state="open")
        hidden_paid = make(http, "orders", customer=ann, state="paid")
        own_open = make(http, "orders", customer=bob, state="open")
        own_paid = make(http, "orders", customer=bob, state="paid")
        make(http, "lines", order=hidden_open, code="taken")
    with as_actor(http.app, Actor("user", {"id": bob, "email": "bob@example.org"})):
        line = make(http, "lines", order=own_open, code="mine")
        answers = []
        for order in (hidden_open, hidden_paid, NOWHERE):
            for code in ("free", "taken"):
                answers.append(http.post("/api/lines", json={"order": order, "code": code}))
            answers.append(http.patch(f"/api/lines/{line}", {"order": order}))
        assert {answer.status for answer in answers} == {409}
        told = [[(e["pointer"], e["code"]) for e in a.json()["errors"]] for a in answers]
        assert all(errors == [("/order", "reference.not_found")] for errors in told)
        assert http.post("/api/lines", json={"order": own_paid, "code": "x"}).status == 403
        assert http.get(f"/api/lines/{line}").json()["order"] == own_open


def test_a_field_rule_through_a_hidden_order_tells_nothing_of_it(http: Client) -> None:
    with as_actor(http.app, http.app.system()):
        ann, bob = (make(http, "users", email=f"{name}@example.org") for name in ("ann", "bob"))
        hidden = [make(http, "orders", customer=ann, state=state) for state in ("open", "paid")]
        make(http, "notes", order=hidden[0], code="taken")
    with as_actor(http.app, Actor("user", {"id": bob, "email": "bob@example.org"})):
        told = [
            (answer.status, [(e["pointer"], e["code"]) for e in answer.json()["errors"]])
            for order in (*hidden, NOWHERE)
            for code in ("free", "taken")
            for answer in [
                http.post("/api/notes", json={"order": order, "code": code, "points": 3})
            ]
        ]
    assert told == [(409, [("/order", "reference.not_found")])] * 6
