"""What the access matrix says of an app is what its API does: every cell is tried, on two records,
by somebody of each kind with a session of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from stanchion import App, Field, Record, Ref, Rules, UserRecord, owner, public, role, signed_in
from stanchion import rule as written
from stanchion.access.cells import condition_of
from stanchion.expr.evaluate import Env, evaluate
from stanchion.testing import Client, Response, access_matrix, as_actor, client

app = App("Shop")


@app.collection("users")
class User(UserRecord):
    role: Literal["customer", "cook", "boss"] = "customer"
    rules = Rules(read=signed_in)


@app.collection("orders")
class Order(Record):
    customer: Ref[User] = Field(frozen=True)
    state: str = "new"
    note: str = Field(default="-", read=owner("customer") | role("boss"))
    price: int = Field(default=1, write=role("boss"))
    margin: int = Field(default=2, read=role("boss"), write=False)
    rules = Rules(
        read=owner("customer") | role("boss") | role("cook") & written("record.state != 'done'"),
        create=owner("customer"),
        update=role("cook") | role("boss") | owner("customer") & written("record.state == 'new'"),
        delete=role("boss") & written("record.state == 'done'"),
    )


@app.collection("menu")
class Dish(Record):
    name: str
    rules = Rules(read=public, write=role("cook") | role("boss"))


@app.collection("hidden")
class Hidden(Record):
    text: str = ""
    rules = Rules(update=public, delete=public, create=public)


ORDERS = {
    name: f"00000000-0000-7000-8000-00000000000{at}" for at, name in enumerate(("new", "done"), 1)
}
DISH, SECRET = "00000000-0000-7000-8000-000000000003", "00000000-0000-7000-8000-000000000004"
BOB = "00000000-0000-7000-8000-00000000000b"
CALLERS = ("anonymous", "role=customer", "role=cook", "role=boss", "admin")
FIELDS = {"state": "new", "note": "x", "price": 3}


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(app) as caller:
        yield caller


@pytest.fixture(scope="module")
def people(http: Client) -> dict[str, Client]:
    found = {"anonymous": http, "admin": http.as_user(admin=True)}
    for name in ("customer", "cook", "boss"):
        found[f"role={name}"] = http.as_user(role=name)
    return found


@pytest.fixture(autouse=True)
def stored(http: Client, people: dict[str, Client]) -> Iterator[None]:
    """A new order of the customer, one of Bob's that is done, a dish and a secret; each time."""
    ann = people["role=customer"].user
    assert ann is not None
    orders = {state: f"/api/orders/{key}" for state, key in ORDERS.items()}
    with as_actor(app, app.system()):
        http.put(f"/api/users/{BOB}", {"email": "bob@example.com"})
        for state, customer in (("new", ann.id), ("done", BOB)):
            http.put(orders[state], {"customer": str(customer), "state": state})
        http.put(f"/api/menu/{DISH}", {"name": "Margherita"})
        http.put(f"/api/hidden/{SECRET}", {})
    yield
    with as_actor(app, app.system()):
        for path in (*orders.values(), f"/api/menu/{DISH}", f"/api/hidden/{SECRET}"):
            http.delete(path)


def said(http: Client, cell: str, place: tuple[str, str], record: Any, caller: Client) -> bool:
    """What a cell says of this record and caller."""
    collection, operation = place
    schema = app.runtime.model.schema
    condition = condition_of(cell, schema, schema.collection[collection], operation)
    assert condition is not None
    auth = None if caller.user is None else {"id": str(caller.user.id)}
    env = Env(record=record, old=None if operation == "create" else record, auth=auth)
    return evaluate(condition, env) is True


def fine(answer: Response) -> bool:
    assert answer.status in (200, 201, 204, 401, 403, 404, 422), answer.text
    return answer.status < 300


@pytest.mark.parametrize("state", ["new", "done"])
@pytest.mark.parametrize("name", CALLERS)
def test_orders(http: Client, people: dict[str, Client], name: str, state: str) -> None:
    matrix, caller = access_matrix(app), people[name]
    with as_actor(app, app.system()):
        record = http.get(f"/api/orders/{ORDERS[state]}").json()
    path = f"/api/orders/{ORDERS[state]}"

    def cell(operation: str, field: str | None = None) -> bool:
        text = matrix.cell(name, operation, "orders", field)
        return said(http, text, ("orders", operation), record, caller)

    got = caller.get(path)
    assert fine(got) == cell("read")
    for field in ("note", "margin", "price"):
        assert (field in got.json()) == cell("read", field), field
    for field, value in FIELDS.items():
        changed = record[field] if field == "state" else value
        assert fine(caller.patch(path, {field: changed})) == cell("update", field), field
    assert fine(caller.patch(path, {"margin": 5})) == cell("update", "margin")
    assert fine(caller.patch(path, {"customer": BOB})) == cell("update", "customer")
    assert fine(caller.patch(path, {})) == cell("update")
    new = {"customer": record["customer"]}
    assert fine(caller.post("/api/orders", new)) == cell("create")
    assert fine(caller.post("/api/orders", {**new, "price": 4})) == cell("create", "price")
    assert fine(caller.delete(path)) == cell("delete")


@pytest.mark.parametrize("name", CALLERS)
def test_what_says_yes_or_no_whatever_the_record(people: dict[str, Client], name: str) -> None:
    matrix, caller = access_matrix(app), people[name]
    for collection, key, body in (("menu", DISH, {"name": "Pesto"}), ("hidden", SECRET, {})):
        path = f"/api/{collection}"
        tried = {
            "read": caller.get(f"{path}/{key}"),
            "create": caller.post(path, body),
            "update": caller.patch(f"{path}/{key}", body),
            "delete": caller.delete(f"{path}/{key}"),
        }
        for operation, answer in tried.items():
            cell = matrix.cell(name, operation, collection)
            assert {True: "yes", False: "no"}[fine(answer)] == cell, (collection, operation)


def test_every_caller_was_somebody() -> None:
    assert access_matrix(app).callers == CALLERS
