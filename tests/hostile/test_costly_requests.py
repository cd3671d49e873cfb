"""D7 and D10: requests that ask for more work than they are worth are answered soon, or refused.

The time is the processor time of the whole request in memory. A read is cut off at its
deadline, 2 s by default: test_deadline.py.
"""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from stanchion.http import json_in
from stanchion.http.front import Front
from tests.api.conftest import Api
from tests.cost import counted
from tests.hostile import lenient
from tests.hostile.conftest import Server
from tests.hostile.test_smuggling import exchange

SOON_S = 0.5
ITEMS = "/api/items"


def ask(api: Api, query: str) -> tuple[int, float]:
    with counted() as cost:
        answer = api.ask("GET", query if query.startswith("/") else f"{ITEMS}?{query}")
    return answer.status, cost.seconds


def filtered(text: str) -> str:
    return "filter=" + quote(text)


COSTLY = {
    "deep nesting": filtered("(" * 2000 + "count > 1" + ")" * 2000),
    "many nots": filtered("!" * 4000 + "fragile"),
    "ten thousand ors": filtered(" || ".join(["count == 1"] * 10_000)),
    "as many ors as fit": filtered(" || ".join(f"count=={n}" for n in range(90))),
    "list literal": filtered("count in [" + ",".join(map(str, range(900))) + "]"),
    "wildcards": filtered('name.contains("' + "%a" * 1000 + '")'),
    "regular expression": filtered('name.matches("(a+)+$")'),
    "macros inside macros": filtered(
        "shelf.items.exists(a, a.shelf.items.exists(b, b.shelf.items.exists(c, "
        "c.shelf.items.exists(d, d.count == a.count))))"
    ),
    "macro over all pairs": filtered(
        "shelf.items.all(a, a.shelf.items.exists(b, b.shelf.items.exists(c, c.count > 99)))"
    ),
    "expand in a circle": "expand=" + ",".join(["shelf.items.shelf.items.shelf.items"] * 5),
    "expand without end": "expand=" + "shelf.items." * 400 + "shelf",
    "two to-many inside each other": "expand=shelf.items.shelf&limit=1000",
    "many names to sort by": "sort=" + ",".join(["name", "-count"] * 2000),
    "many fields": "fields=" + ",".join(["name"] * 5000),
    "billion to skip": "offset=1000000000",
    "billion on a page": "limit=1000000000",
    "search for ten thousand words": "q=" + "+".join(["item"] * 3000),
    "long word to search": "q=" + "a" * 10_000,
    "many filters": "&".join([filtered("count > 1")] * 300),
    "groups by everything": f"{ITEMS}/_aggregate?group=name,kind,count,weight,price,bought,checked,"
    "fragile,shelf&count=true&sum=count,price&avg=count,price&min=name,bought&max=name,bought",
}


@pytest.mark.parametrize("name", COSTLY)
def test_costly_query_is_answered_soon(warehouse: Api, name: str) -> None:
    status, took = ask(warehouse, COSTLY[name])
    print(f"{name}: {status} in {took * 1000:.0f} ms")
    assert status in (200, 400, 413)
    assert took < SOON_S


def test_groups_by_everything_are_told(warehouse: Api) -> None:
    """The case above is not one that is refused for a name."""
    answer = warehouse.ask("GET", COSTLY["groups by everything"])
    assert answer.status == 200 and len(answer.json["items"]) > 10


def check_many_keys(warehouse: Api, keys: int) -> None:
    collide = {f"k{number}": 1 for number in range(keys)}
    with counted() as cost:
        answer = warehouse.send("POST", ITEMS, collide, "anonymous")
    assert answer.status == 422 and len(answer.json["errors"]) <= 101
    assert cost.seconds < 0.05 + keys * 20e-6


@pytest.mark.parametrize("keys", [1_000, 4_000, 16_000])
def test_object_of_many_keys_takes_linear_time(warehouse: Api, keys: int) -> None:
    check_many_keys(warehouse, keys)


def test_planted_search_for_each_key_is_seen(
    warehouse: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: list[str] = []
        for key, _ in pairs:
            if key not in seen:
                seen.append(key)
        return dict(pairs)

    monkeypatch.setattr(json_in, "_decoder", json.JSONDecoder(object_pairs_hook=search))
    with pytest.raises(AssertionError):
        check_many_keys(warehouse, 8_000)


def test_tall_body_is_refused_however_it_is_built(warehouse: Api) -> None:
    tall: Any = 1
    for _ in range(60):
        tall = {"a": [tall]}
    for body in (json.dumps(tall), "[" * 500_000, '{"a":' * 200_000, "[" * 100_000 + "]" * 100_000):
        with counted() as cost:
            answer = warehouse.ask(
                "POST", ITEMS, "anonymous", [("content-type", "application/json")], body.encode()
            )
        assert (answer.status, answer.code) == (400, "body.depth")
        assert cost.seconds < SOON_S


def test_numbers_of_the_largest_size_take_no_time(warehouse: Api) -> None:
    for number in ("9" * 400, "-" + "9" * 400, "0." + "9" * 390, "9" * 401, "1e" + "9" * 300):
        body = f'{{"name":"n","count":{number},"weight":{number}}}'.encode()
        with counted() as cost:
            answer = warehouse.ask(
                "POST", ITEMS, "anonymous", [("content-type", "application/json")], body
            )
        assert answer.status in (201, 400, 422)
        assert cost.seconds < 0.1


def check_flood(warehouse: Api) -> None:
    """Many headers are read in no time; large ones are refused."""
    for headers, status in (
        ([(f"x-{number}", "y") for number in range(1000)], 200),
        ([("cookie", "a=b; " * 200)], 200),
        ([("cookie", "x" * 65_536)], 413),
        ([("if-none-match", ",".join([f'"{n}"' for n in range(3000)]))], 200),
        ([("accept-encoding", ",".join(["gzip;q=0.001"] * 2000))], 200),
    ):
        with counted() as cost:
            assert warehouse.ask("GET", ITEMS, "anonymous", headers).status == status
        assert cost.seconds < 0.2


def test_flood_of_headers_and_cookies(warehouse: Api) -> None:
    check_flood(warehouse)


def test_planted_trust_in_headers_is_seen(warehouse: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Front._judge

    def forgive(self: Front, scope: Any, incoming: Any) -> Any:
        problem = judge(self, scope, incoming)
        return None if problem is not None and problem.code == "request.headers" else problem

    monkeypatch.setattr(Front, "_judge", forgive)
    with pytest.raises(AssertionError):
        check_flood(warehouse)


def check_headers_on_the_wire(port: int) -> None:
    """Up to 99 headers are read; past that the HTTP server says 431 and closes, as it does for
    headers larger than its buffer. What it lets through and we refuse is 413, and closed too."""
    for flood, status in (
        ([b"X-%d: y" % number for number in range(98)], 200),
        ([b"X-%d: y" % number for number in range(1_000)], 431),
        ([b"Cookie: " + b"x" * 65_536], 413),
        ([b"Cookie: " + b"x" * 2_000_000], 431),
    ):
        lines = [b"GET /api/items?limit=1 HTTP/1.1", b"Host: a", *flood]
        began = time.perf_counter()
        heard = exchange(port, b"\r\n".join(lines) + b"\r\n\r\n", patience=0.5)
        assert heard.got.startswith(b"HTTP/1.1 %d " % status), heard.got[:300]
        assert heard.closed == (status != 200)
        assert not heard.closed or time.perf_counter() - began < SOON_S


def test_flood_of_headers_on_the_wire(server: Server) -> None:
    check_headers_on_the_wire(server.port)


def test_server_that_takes_every_header_is_seen() -> None:
    with lenient.serving() as port, pytest.raises(AssertionError):
        check_headers_on_the_wire(port)
