"""Who may do what in the pizzeria: guest, customers, cook and owner, with real sessions.

Each cell of the table is one request on an order, a menu or a user that was made for it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from .conftest import APP, PASSWORD, Server, free_port

GUEST, ANN, BO, CARL, OLGA = PEOPLE = ("guest", "ann", "bo", "carl", "olga")

NOTE = {"note": "second bell"}

# what, on an order of Ann's in this state, and what is told: a guest, Ann, the customer Bo, the
# cook Carl, the owner Olga
TABLE = [
    ("GET /api/orders/{order}", "placed", None, (401, 200, 404, 200, 200)),
    ("GET /api/orders/{order}", "ready", None, (401, 200, 404, 200, 200)),
    ("GET /api/orders/{order}", "closed", None, (401, 200, 404, 404, 200)),
    ("GET /api/orders/{order}", "canceled", None, (401, 200, 404, 404, 200)),
    ("GET /api/order_lines/{line}", "placed", None, (401, 200, 404, 200, 200)),
    ("GET /api/order_lines/{line}", "closed", None, (401, 200, 404, 404, 200)),
    ("PATCH /api/orders/{order}", "placed", NOTE, (401, 200, 404, 403, 403)),
    ("PATCH /api/orders/{order}", "baking", NOTE, (401, 403, 404, 403, 403)),
    ("PATCH /api/orders/{order}", "canceled", NOTE, (401, 403, 404, 404, 403)),
    ("PATCH /api/orders/{order}", "placed", {"state": "baking"}, (401, 403, 404, 200, 403)),
    ("PATCH /api/orders/{order}", "ready", {"state": "closed"}, (401, 403, 404, 200, 403)),
    ("PATCH /api/orders/{order}", "placed", {"state": "canceled"}, (401, 403, 404, 403, 403)),
    ("PATCH /api/orders/{order}", "closed", {"state": "placed"}, (401, 403, 404, 404, 403)),
    ("PATCH /api/orders/{order}", "canceled", {"state": "placed"}, (401, 403, 404, 404, 403)),
    ("PATCH /api/orders/{order}", "placed", {"total": 1}, (401, 422, 404, 422, 422)),
    ("PATCH /api/orders/{order}", "placed", {"customer": "{bo}"}, (401, 422, 404, 422, 422)),
    ("POST /orders/{order}/cancel", "placed", None, (401, 200, 404, 404, 404)),
    ("POST /orders/{order}/cancel", "baking", None, (401, 409, 404, 404, 404)),
    ("POST /orders/{order}/cancel", "canceled", None, (401, 200, 404, 404, 404)),
    ("POST /checkout", "placed", {"id": "{new}", "lines": [{"size": "{size}", "quantity": 1}],
                                  "total": 1200}, (401, 201, 201, 201, 201)),
    ("DELETE /api/orders/{order}", "placed", None, (401, 403, 403, 403, 403)),
    ("POST /api/orders", "placed", {"note": "free"}, (401, 403, 403, 403, 403)),
    ("POST /api/order_lines", "placed", {"order": "{order}"}, (401, 403, 403, 403, 403)),
    ("PATCH /api/order_lines/{line}", "placed", {"quantity": 9}, (401, 403, 403, 403, 403)),
    ("DELETE /api/order_lines/{line}", "placed", None, (401, 403, 403, 403, 403)),
    ("GET /api/sizes/{size}", "placed", None, (200, 200, 200, 200, 200)),
    ("PATCH /api/sizes/{size}", "placed", {"stock": 2000}, (401, 403, 403, 403, 200)),
    ("PATCH /api/sizes/{size}", "placed", {"price": 1200}, (401, 403, 403, 403, 200)),
    ("POST /api/pizzas", "placed", {"code": "{new}", "name": "New", "category": "veggie"},
     (401, 403, 403, 403, 201)),
    ("PATCH /api/pizzas/{pizza}", "placed", {"available": True}, (401, 403, 403, 403, 200)),
    ("DELETE /api/sizes/{spare}", "placed", None, (401, 403, 403, 403, 204)),
    ("GET /api/users/{ann}", "placed", None, (401, 200, 404, 404, 200)),
    ("PATCH /api/users/{ann}", "placed", {"name": "Ann"}, (401, 200, 404, 404, 200)),
    ("PATCH /api/users/{ann}", "placed", {"role": "cook"}, (401, 403, 404, 404, 200)),
    ("PATCH /api/users/{ann}", "placed", {"admin": True}, (401, 422, 404, 404, 422)),
    ("POST /api/users", "placed", {"email": "x@example.com", "name": "x"},
     (401, 403, 403, 403, 403)),
    ("DELETE /api/users/{ann}", "placed", None, (401, 403, 403, 403, 403)),
]  # fmt: skip


@dataclass
class Company:
    """The people of a running pizzeria."""

    server: Server
    admin: str
    tokens: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)  # what a `{name}` of the table stands for

    def ask(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return self.server.ask(method, path, body, self.tokens[who])

    def as_admin(self, method: str, path: str, body: Any = None) -> Any:
        status, told = self.server.ask(method, path, body, self.admin)
        assert status < 300, told
        return told

    def filled(self, given: Any) -> Any:
        """What the table says, with ids in the place of names."""
        if isinstance(given, dict):
            return {name: self.filled(value) for name, value in given.items()}
        if isinstance(given, list):
            return [self.filled(each) for each in given]
        return given.format_map(self.known) if isinstance(given, str) else given

    def order(self, who: str, state: str = "placed", quantity: int = 1) -> str:
        """An order in this state; the id."""
        line = {"size": self.known["size"], "quantity": quantity}
        cart = {"id": str(uuid.uuid4()), "lines": [line], "total": 1200 * quantity}
        status, told = self.ask(who, "POST", "/checkout", cart)
        assert status == 201, told
        if state != "placed":
            self.as_admin("PATCH", f"/api/orders/{told['id']}", {"state": state})
        return str(told["id"])

    def prepare(self, wanted: str, state: str) -> None:
        """What a request needs that wants these names."""
        if "{order}" in wanted or "{line}" in wanted:
            self.known["order"] = order = self.order(ANN, state)
            told = self.as_admin("GET", f"/api/orders/{order}?expand=lines")
            self.known["line"] = told["lines"]["items"][0]["id"]
        if "{spare}" in wanted:  # a size that nobody has ordered
            pizza = {"code": str(uuid.uuid4()), "name": "Spare", "category": "veggie"}
            made = self.as_admin("POST", "/api/pizzas", pizza)["id"]
            size = {"pizza": made, "size": "S", "price": 1, "stock": 1}
            self.known["spare"] = self.as_admin("POST", "/api/sizes", size)["id"]
        if "{ann}" in wanted:
            self.as_admin("PATCH", f"/api/users/{self.known[ANN]}", {"role": "customer"})

    def stock(self) -> int:
        return int(self.ask(ANN, "GET", f"/api/sizes/{self.known['size']}")[1]["stock"])


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """An admin of the command line makes Olga the owner, and she makes Carl a cook."""
    server = Server(tmp_path_factory.mktemp("company") / "pizzeria.db", free_port())
    try:
        server.start()
        made = subprocess.run(
            [sys.executable, "-m", "stanchion", "admin", "create", "root@example.com", str(APP),
             "--set", "name=Root"],
            input=f"{PASSWORD}\n", capture_output=True, text=True, timeout=60,
            env={**os.environ, "STANCHION_DATABASE_URL": server.database_url},
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        people = Company(server, server.login("root@example.com"), {GUEST: ""})
        for name in PEOPLE[1:]:
            people.tokens[name] = server.register(name)
            _, me = people.ask(name, "GET", "/api/auth/me")
            assert me["user"]["role"] == "customer"
            people.known[name] = me["user"]["id"]
        people.as_admin("PATCH", f"/api/users/{people.known[OLGA]}", {"role": "owner"})
        carl = f"/api/users/{people.known[CARL]}"
        assert people.ask(OLGA, "PATCH", carl, {"role": "cook"})[0] == 200
        pizza = people.as_admin("GET", "/api/pizzas?filter=code=='the_greek'&expand=sizes")["items"]
        sizes = {size["size"]: size["id"] for size in pizza[0]["sizes"]["items"]}
        people.known |= {"pizza": pizza[0]["id"], "size": sizes["S"]}
        yield people
    finally:
        server.stop()


@pytest.mark.parametrize(("action", "state", "body", "told"), TABLE, ids=lambda x: str(x)[:40])
def test_who_may_do_what(
    company: Company, action: str, state: str, body: Any, told: tuple[int, ...]
) -> None:
    method, path = action.split(" ")
    found: list[int] = []
    for who in PEOPLE:
        company.known["new"] = str(uuid.uuid4())
        if not found or (found[-1] < 300 and method != "GET"):
            company.prepare(f"{path} {body}", state)
        status, answer = company.ask(who, method, company.filled(path), company.filled(body))
        found.append(status)
        if status >= 400 and "{order}" in path:  # refused: it stands as it stood
            _, left = company.ask(ANN, "GET", company.filled("/api/orders/{order}"))
            assert (left["state"], left["note"], left["total"]) == (state, "", 1200), answer
    assert tuple(found) == told


def test_the_table_is_worth_its_name() -> None:
    assert sum(len(told) for *_, told in TABLE) >= 150


def test_the_cook_may_set_no_field_but_the_state(company: Company) -> None:
    """Every field of an open order, one after the other, with the value of another order."""
    mine, other = company.order(ANN), company.order(BO)
    fields = company.as_admin("GET", f"/api/orders/{other}")
    taken = []
    for name, value in {**fields, "state": "ready", "note": "free"}.items():
        status, _ = company.ask(CARL, "PATCH", f"/api/orders/{mine}", {name: value})
        taken += [name] if status == 200 else []
    assert taken == ["state"]
    left = company.as_admin("GET", f"/api/orders/{mine}")
    assert (left["state"], left["customer"]) == ("ready", company.known[ANN])


def test_a_cook_is_a_customer_of_his_own_orders(company: Company) -> None:
    """He sees them when they are closed too, and opens none again."""
    own = company.order(CARL, "closed")
    assert company.ask(CARL, "GET", f"/api/orders/{own}")[0] == 200
    assert company.ask(CARL, "PATCH", f"/api/orders/{own}", {"state": "placed"})[0] == 403
    baking = company.order(CARL, "baking")
    assert company.ask(CARL, "PATCH", f"/api/orders/{baking}", NOTE)[0] == 403


def test_lists_hold_what_each_may_read(company: Company) -> None:
    def seen(who: str, path: str) -> set[tuple[str, str]]:
        _, page = company.ask(who, "GET", f"/api/{path}?limit=1000&expand=lines")
        return {(order["customer"], order["state"]) for order in page["items"]}

    for who in (ANN, BO):
        for state in ("placed", "baking", "ready", "closed", "canceled"):
            company.order(who, state)
    ann, bo, carl = company.known[ANN], company.known[BO], company.known[CARL]
    states = {"placed", "baking", "ready", "closed", "canceled"}
    assert seen(ANN, "orders") == {(ann, state) for state in states}
    assert seen(BO, "orders") == {(bo, state) for state in states}
    cooks = {pair for pair in seen(CARL, "orders") if pair[0] != carl}
    assert cooks == {(c, s) for c in (ann, bo) for s in ("placed", "baking", "ready")} | {
        pair for pair in cooks if pair[0] == company.known[OLGA] and pair[1] == "placed"
    }
    assert {(c, s) for c in (ann, bo) for s in states} <= seen(OLGA, "orders")
    _, lines = company.ask(BO, "GET", "/api/order_lines?limit=1000&expand=order")
    assert {line["order"]["customer"] for line in lines["items"]} == {bo}


def test_nobody_registers_as_a_cook(company: Company) -> None:
    new = {"email": "eve@example.com", "password": PASSWORD, "name": "Eve", "role": "cook"}
    status, told = company.server.ask("POST", "/api/auth/register", new)
    assert (status, [e["pointer"] for e in told["errors"]]) == (422, ["/role"])


def test_the_id_of_somebody_elses_order_places_nothing(company: Company) -> None:
    order, before = company.order(ANN), company.stock()
    line = {"size": company.known["size"], "quantity": 1}
    cart = {"id": order, "lines": [line], "total": 1200}
    status, told = company.ask(BO, "POST", "/checkout", cart)
    assert status == 409, told
    assert company.stock() == before
    assert company.ask(BO, "GET", f"/api/orders/{order}")[0] == 404


def test_canceling_puts_the_stock_back_once(company: Company) -> None:
    before = company.stock()
    order = company.order(ANN, quantity=7)
    assert company.stock() == before - 7
    with ThreadPoolExecutor(8) as pool:
        path = f"/orders/{order}/cancel"
        answers = list(pool.map(lambda _: company.ask(ANN, "POST", path), range(8)))
    assert {(status, told["state"]) for status, told in answers} == {(200, "canceled")}
    assert company.stock() == before


def test_what_is_in_the_oven_keeps_its_stock(company: Company) -> None:
    order, before = company.order(ANN, "baking"), company.stock()
    status, problem = company.ask(ANN, "POST", f"/orders/{order}/cancel")
    assert (status, problem["code"]) == (409, "too_late")
    assert company.stock() == before


def test_a_note_is_short(company: Company) -> None:
    path = f"/api/orders/{company.order(ANN)}"
    status, told = company.ask(ANN, "PATCH", path, {"note": "x" * 201})
    assert (status, told["errors"][0]["pointer"]) == (422, "/note")
