"""The pizzeria over HTTP: menu, checkout, stock; what must be there and what must not."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from .conftest import Server


def menu(server: Server) -> dict[tuple[str, str], dict[str, Any]]:
    """Every size of the menu by pizza code and size."""
    _, page = server.get("/api/sizes?expand=pizza&limit=1000")
    return {(s["pizza"]["code"], s["size"]): s for s in page["items"]}


def cart(*lines: tuple[dict[str, Any], int], total: int | None = None) -> dict[str, Any]:
    shown = sum(size["price"] * quantity for size, quantity in lines)
    return {
        "id": str(uuid.uuid4()),
        "lines": [{"size": size["id"], "quantity": quantity} for size, quantity in lines],
        "total": shown if total is None else total,
    }


def counts(server: Server) -> tuple[int, int]:
    _, orders = server.get("/api/orders/_aggregate?count=true")
    _, lines = server.get("/api/order_lines/_aggregate?count=true")
    return orders["items"][0]["count"], lines["items"][0]["count"]


def test_menu_is_loaded_once_with_two_workers(two_workers: Server) -> None:
    _, pizzas = two_workers.get("/api/pizzas?total=true&limit=1")
    assert pizzas["total"] == 32
    _, sizes = two_workers.get("/api/sizes/_aggregate?count=true&sum=stock")
    assert sizes["items"] == [{"group": {}, "count": 91, "sum": {"stock": 91 * 2_000}}]


def test_order_is_placed_with_prices_of_the_database(pizzeria: Server) -> None:
    sizes = menu(pizzeria)
    large, small = sizes["hawaiian", "L"], sizes["bbq_ckn", "S"]
    order = cart((large, 2), (small, 1))
    status, placed = pizzeria.post("/checkout", order)
    assert status == 201
    assert placed["total"] == 2 * large["price"] + small["price"]
    assert [(n["quantity"], n["unit_price"]) for n in placed["lines"]] == [
        (2, large["price"]), (1, small["price"])
    ]  # fmt: skip
    assert counts(pizzeria) == (1, 2)
    assert menu(pizzeria)["hawaiian", "L"]["stock"] == 1_998


def test_same_id_again_answers_the_first_order(pizzeria: Server) -> None:
    order = cart((menu(pizzeria)["hawaiian", "L"], 2))
    first = pizzeria.post("/checkout", order)
    again = pizzeria.post("/checkout", order)
    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert counts(pizzeria) == (1, 1)


def test_same_id_at_once_places_one_order(two_workers: Server) -> None:
    order = cart((menu(two_workers)["hawaiian", "L"], 2))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: two_workers.post("/checkout", order), range(16)))
    assert sorted(status for status, _ in answers) == [200] * 15 + [201]
    assert counts(two_workers) == (1, 1)
    assert menu(two_workers)["hawaiian", "L"]["stock"] == 1_998


def test_another_total_is_price_changed_and_nothing_written(pizzeria: Server) -> None:
    size = menu(pizzeria)["hawaiian", "L"]
    status, problem = pizzeria.post("/checkout", cart((size, 1), total=1))
    assert (status, problem["code"], problem["total"]) == (409, "price_changed", size["price"])
    assert problem["errors"][0]["pointer"] == "/total"
    assert counts(pizzeria) == (0, 0)
    assert menu(pizzeria)["hawaiian", "L"]["stock"] == 2_000


def test_sold_out_names_the_line_and_nothing_is_written(pizzeria: Server) -> None:
    sizes = menu(pizzeria)
    large, small = sizes["hawaiian", "L"], sizes["bbq_ckn", "S"]
    for _ in range(40):
        assert pizzeria.post("/checkout", cart((large, 50)))[0] == 201
    status, problem = pizzeria.post("/checkout", cart((small, 3), (large, 1)))
    assert (status, problem["code"]) == (409, "sold_out")
    assert [e["pointer"] for e in problem["errors"]] == ["/lines/1"]
    assert "Hawaiian" in problem["detail"]
    assert counts(pizzeria) == (40, 40)
    assert menu(pizzeria)["bbq_ckn", "S"]["stock"] == 2_000


def test_last_pizzas_are_never_oversold(two_workers: Server) -> None:
    size = menu(two_workers)["hawaiian", "L"]
    for _ in range(39):
        assert two_workers.post("/checkout", cart((size, 50)))[0] == 201
    with ThreadPoolExecutor(24) as pool:
        answers = list(
            pool.map(lambda _: two_workers.post("/checkout", cart((size, 1))), range(80))
        )
    assert sum(status == 201 for status, _ in answers) == 50
    assert {status for status, _ in answers} == {201, 409}
    assert menu(two_workers)["hawaiian", "L"]["stock"] == 0


def test_nobody_writes_past_checkout(pizzeria: Server) -> None:
    size = menu(pizzeria)["hawaiian", "L"]
    for token, told in (("", 401), (pizzeria.signed_in(), 403)):
        for path, body in (
            ("/api/orders", {"number": "X", "total": 0}),
            ("/api/sizes", {"pizza": size["pizza"]["id"], "size": "S"}),
        ):
            assert pizzeria.ask("POST", path, body, token)[0] == told
    assert pizzeria.ask("POST", "/checkout", cart((size, 1)))[0] == 401
    assert counts(pizzeria) == (0, 0)


def test_bad_carts_are_refused_with_pointers(pizzeria: Server) -> None:
    size = menu(pizzeria)["hawaiian", "L"]
    good = cart((size, 1))
    for changed, pointer in [
        ({"id": "x"}, "/id"),
        ({"lines": []}, "/lines"),
        ({"lines": [{"size": size["id"], "quantity": 0}]}, "/lines/0/quantity"),
        ({"lines": [{"size": size["id"], "quantity": "1"}]}, "/lines/0/quantity"),
        ({"total": 1.5}, "/total"),
        ({"price": 1}, "/price"),
    ]:
        status, problem = pizzeria.post("/checkout", {**good, **changed})
        assert status == 422, problem
        assert pointer in [e.get("pointer") for e in problem["errors"]]
    status, problem = pizzeria.post("/checkout", cart(({**size, "id": str(uuid.uuid4())}, 1)))
    assert (status, problem["errors"][0]["pointer"]) == (409, "/lines/0/size")
    assert counts(pizzeria) == (0, 0)


def test_shop_window_is_served_with_a_strict_policy(pizzeria: Server) -> None:
    import http.client

    for path in ("/", "/orders/abc"):
        connection = http.client.HTTPConnection("127.0.0.1", pizzeria.port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        assert answer.status == 200
        assert "default-src 'none'" in (answer.getheader("Content-Security-Policy") or "")
        assert "http://" not in body.replace("http://www.w3.org", "")
        connection.close()


def test_search_finds_by_word_and_category(pizzeria: Server) -> None:
    only = quote('category == "chicken"')
    _, page = pizzeria.get(f"/api/pizzas?q=barb&filter={only}&expand=sizes")
    assert [p["name"] for p in page["items"]] == ["Barbecue Chicken"]
    assert {s["size"] for s in page["items"][0]["sizes"]["items"]} == {"S", "M", "L"}
