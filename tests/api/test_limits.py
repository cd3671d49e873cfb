"""Limits: exact however many ask at once, told truly, and not got round (TRUST D11)."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import PlainTextResponse

from stanchion import App, Limits, Module, Record, Rules, Settings, UserRecord, clock, limit, public
from stanchion.http import clients, limited
from stanchion.http.asgi import listed_header
from stanchion.testing import Client, Response, as_actor, client

Q = 5
ID = "0190a000-0000-7000-8000-0000000000{:02d}"
MINUTE = 60 * 1_000_000_000


class Note(Record):
    text: str = ""
    rules = Rules(read=public, write=public)
    limits = Limits(create=f"{Q}/min", write="20/min, 100/day")


class Letter(Record):
    text: str = ""
    rules = Rules(read=public, write=public)
    limits = Limits(update="2/10s", delete="1/h")


class Free(Record):
    text: str = ""
    rules = Rules(read=public, write=public)


class User(UserRecord):
    rules = Rules(read=public)


menu = Module("menu")


@menu.get("/menu", dependencies=[limit("2/min")])
async def read_menu() -> str:
    return "menu"


def make_app(settings: Settings | None = None) -> App:
    app = App("Notes", settings=settings or Settings())
    for name, record in (("notes", Note), ("letters", Letter), ("free", Free), ("users", User)):
        app.collection(name)(record)

    several, often = ["GET", "HEAD", "POST"], [limit(f"{Q}/min")]

    @app.api_route("/contact", methods=several, dependencies=often, include_in_schema=False)
    async def contact() -> PlainTextResponse:
        return PlainTextResponse("thanks")

    @app.post("/a/{id}", dependencies=[limit("2/min", name="mails")])
    async def a(id: str) -> str:
        return id

    @app.post("/b", dependencies=[limit("2/min", name="mails")])
    async def b(request: Request) -> str:
        return "b"

    twice = [limit("3/min", name="first"), limit("9/h", name="second")]

    @app.get("/twice", dependencies=twice, include_in_schema=False)
    async def counted_twice() -> str:
        return "twice"

    app.include(menu)
    app.include_router(menu, prefix="/again", dependencies=[limit("9/min")])
    return app


@pytest.fixture
def moment() -> Iterator[list[int]]:
    """The moment in nanoseconds; it stands still until a test moves it."""
    now = [time.time_ns() // 1_000_000_000 * 1_000_000_000]
    clock.use(lambda: now[0])
    yield now
    clock.use(None)


@pytest.fixture
def http(moment: list[int]) -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def count(http: Client, collection: str = "notes") -> int:
    return int(http.get(f"/api/{collection}?total=true").json()["total"])


def left(answer: Response) -> list[tuple[str, int, int]]:
    """What `RateLimit` says: name, what is left, seconds."""
    said = answer.headers["ratelimit"].split(", ")
    found = [re.fullmatch(r'"([^"]+)";r=(\d+);t=(\d+)', each) for each in said]
    return [(each[1], int(each[2]), int(each[3])) for each in found if each is not None]


# what is told


def test_what_is_left_is_told_with_every_answer_and_429_says_when(
    http: Client, moment: list[int]
) -> None:
    for number in range(1, Q + 1):
        made = http.post("/api/notes", {"text": "a"})
        assert made.status == 201
        assert made.headers["ratelimit-policy"] == (
            f'"notes.create";q={Q};w=60, "notes.write.60";q=20;w=60, '
            '"notes.write.86400";q=100;w=86400'
        )
        assert left(made)[0] == ("notes.create", Q - number, 60 - 7 * (number - 1))
        assert left(made)[1][1:] == (20 - number, 60 - 7 * (number - 1))
        assert left(made)[2][1] == 100 - number
        assert "retry-after" not in made.headers
        moment[0] += 7_000_000_000
    refused = http.post("/api/notes", {"text": "a"})
    assert refused.status == 429
    problem = refused.json()
    assert problem["code"] == "limit.exceeded"
    assert problem["violated-policies"] == ["notes.create"]
    assert refused.headers["content-type"] == "application/problem+json"
    seconds = int(refused.headers["retry-after"])
    assert seconds == 60 - 7 * Q and problem["hint"] == f"Try again in {seconds} s."
    assert left(refused)[0] == ("notes.create", 0, seconds)
    assert count(http) == Q
    moment[0] += seconds * 1_000_000_000 - 1_000_000
    assert http.post("/api/notes", {"text": "a"}).status == 429
    moment[0] += 1_000_000
    again = http.post("/api/notes", {"text": "a"})
    assert again.status == 201 and left(again)[0] == ("notes.create", Q - 1, 60)
    assert left(again)[2][1] == 100 - Q - 1, "what was refused took nothing of the others"


def test_what_is_limited_counts_and_nothing_else(http: Client) -> None:
    one = http.post("/api/letters", {"text": "a"})
    assert "ratelimit" not in one.headers
    path = f"/api/letters/{one.json()['id']}"
    assert "ratelimit" not in http.get(path).headers
    assert [http.patch(path, {"text": "b"}).status for _ in range(3)] == [200, 200, 429]
    assert [http.put(path, {"text": "b"}).status for _ in range(1)] == [429]
    assert [http.delete(path).status for _ in range(2)] == [204, 429]
    assert "ratelimit" not in http.post("/api/free", {"text": "a"}).headers


def test_what_is_wrong_with_a_request_counts_too_once_it_is_understood(http: Client) -> None:
    assert [http.post("/api/notes", {"text": 1}).status for _ in range(Q + 1)] == [422] * Q + [429]
    assert http.post("/api/notes", content=b"{", headers={"content-type": "application/json"}
                     ).status == 400  # fmt: skip


def test_more_at_once_than_there_ever_is_says_how_many(http: Client) -> None:
    answer = http.post("/api/notes", [{"text": "a"}] * (Q + 1))
    assert answer.status == 429
    assert answer.json()["hint"] == f"At most {Q} at once, so send it in parts."
    assert http.post("/api/notes", [{"text": "a"}] * Q).status == 201
    assert count(http) == Q


def test_a_window_that_a_wrong_clock_began_ends(http: Client, moment: list[int]) -> None:
    moment[0] += 3600 * 1_000_000_000
    assert http.post("/api/notes", [{}] * Q).status == 201
    moment[0] -= 3600 * 1_000_000_000
    assert http.post("/api/notes", [{}] * Q).status == 201


def test_a_replayed_write_counts(http: Client) -> None:
    key = {"idempotency-key": ID.format(1)}
    told = [http.post("/api/notes", {}, headers=key).status for _ in range(Q + 1)]
    assert told == [201] * Q + [429] and count(http) == 1


def test_an_explained_write_does_not_count(http: Client) -> None:
    from stanchion.cli.explain import read_request
    from stanchion.explain import explain_request
    from stanchion.http.rehearse import answer_with
    from stanchion.query import ANONYMOUS

    asked = read_request("POST", "/api/notes", '{"text": "a"}', ())
    runtime = http.app.runtime

    async def explain() -> Any:
        records = await runtime.records()
        return await explain_request(asked, records, ANONYMOUS, answer_with(asked, runtime))

    for _ in range(Q + 1):
        http.run(explain())
    assert http.post("/api/notes", {}).status == 201


# who is counted


def test_a_user_is_one_from_everywhere_and_networks_are_apart(moment: list[int]) -> None:
    app = make_app(Settings(trusted_proxies="127.0.0.1"))
    with client(app) as http:
        ann, bob = User(email="ann@example.com"), User(email="bob@example.com")
        http.run(make_users(app, ann, bob))

        def write(network: str) -> int:
            return http.post("/api/notes", {}, headers={"x-forwarded-for": network}).status

        with as_actor(app, ann):
            told = [write(f"203.0.113.{n}") for n in range(Q + 1)]
            assert told == [201] * Q + [429]
        with as_actor(app, bob):
            assert write("203.0.113.1") == 201
        assert [write("203.0.113.1") for _ in range(Q + 1)] == [201] * Q + [429]
        assert write("203.0.113.2") == 201


async def make_users(app: App, *users: User) -> None:
    async with app.transaction(actor=app.system()) as tx:
        for user in users:
            await tx.create(user)


# routes


def test_a_route_is_limited_by_a_dependency(http: Client) -> None:
    for number in range(1, Q + 1):
        answer = http.get("/contact")
        assert (answer.status, answer.text) == (200, "thanks")
        assert left(answer) == [("GET HEAD POST /contact", Q - number, 60)]
    refused = http.get("/contact")
    assert (refused.status, refused.json()["code"]) == (429, "limit.exceeded")
    assert refused.headers["retry-after"] == "60"


def test_routes_of_one_name_are_counted_together(http: Client) -> None:
    assert [http.post(path).status for path in ("/a/1", "/b", "/a/2")] == [200, 200, 429]


def test_a_route_of_a_module_is_limited_wherever_it_is_included(http: Client) -> None:
    assert http.get("/again/menu").status == 200
    assert left(http.get("/menu")) == [("GET /menu", 0, 60)]
    again = http.get("/again/menu")
    assert again.status == 429 and again.json()["violated-policies"] == ["GET /menu"]


def test_several_limits_of_a_route_are_told_in_one_line(http: Client) -> None:
    answer = http.get("/twice")
    assert [name for name, _, _ in left(answer)] == ["first", "second"]
    assert answer.headers["ratelimit-policy"] == '"first";q=3;w=60, "second";q=9;w=3600'


def test_the_document_tells_of_limits(http: Client) -> None:
    document = http.get("/openapi.json").json()
    told = {
        (path, method)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "429" in operation["responses"]
    }
    assert told == {
        ("/api/notes", "post"), ("/api/notes/{id}", "put"), ("/api/notes/{id}", "patch"),
        ("/api/notes/{id}", "delete"), ("/api/letters/{id}", "put"),
        ("/api/letters/{id}", "patch"), ("/api/letters/{id}", "delete"), ("/api/_batch", "post"),
        ("/a/{id}", "post"), ("/b", "post"), ("/menu", "get"), ("/again/menu", "get"),
    }  # fmt: skip
    response = document["components"]["responses"]["TooManyRequests"]
    assert "Retry-After" in response["headers"] and "RateLimit" in response["headers"]


# D11: nobody gets round them. Each way sends a request that is understood as a write, or says how
# many of its writes were done.


def sent(**headers: str) -> Callable[[Client, int], int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def way(http: Client, n: int) -> int:
        told = {name: value.format(n) for name, value in named.items()}
        return int(http.post("/api/notes", {}, headers=told).status == 201)

    return way


def path(text: str) -> Callable[[Client, int], int]:
    return lambda http, n: int(http.post(text.format(n), {}).status == 201)


def method(name: str) -> Callable[[Client, int], int]:
    def way(http: Client, n: int) -> int:
        at = f"/api/notes/{ID.format(n + 50)}"
        return int(http.request(name, at, {}).status in (200, 201))

    return way


def batch(*steps: str) -> Callable[[Client, int], int]:
    def way(http: Client, n: int) -> int:
        bodies = {
            "POST": {"method": "POST", "path": "/api/notes", "body": {}},
            "PUT": {"method": "PUT", "path": f"/api/notes/{ID.format(n + 70)}", "body": {}},
            "ARRAY": {"method": "POST", "path": "/api/notes", "body": [{}, {}]},
        }
        answer = http.post("/api/_batch", {"steps": [bodies[step] for step in steps]})
        return (len(steps) + steps.count("ARRAY")) if answer.status == 200 else 0

    return way


DAYS = itertools.count(2, 2)
WAYS = {
    "as one does": sent(),
    "X-Forwarded-For": sent(x_forwarded_for="203.0.113.{}"),
    "Forwarded": sent(forwarded="for=203.0.113.{}"),
    "other names of a client": sent(
        x_real_ip="203.0.113.{}", x_client_ip="203.0.113.{}", cf_connecting_ip="203.0.113.{}",
        true_client_ip="203.0.113.{}", x_cluster_client_ip="203.0.113.{}", via="1.1 x{}",
    ),
    "another Host": sent(host="shop{}.example"),
    "other cookies, agents, ids": sent(
        cookie="session={}", user_agent="agent {}", x_request_id="r_{}", x_api_key="{}"
    ),
    "another key": sent(idempotency_key="0190a000-0000-7000-8000-0000000001{:02d}"),
    "a query": path("/api/notes?x={}"),
    "an empty query": path("/api/notes?"),
    "a trailing slash": path("/api/notes/"),
    "two slashes": path("/api//notes"),
    "capitals": path("/api/Notes"),
    "capitals of the prefix": path("/API/notes"),
    "an encoded name": path("/api/%6eotes"),
    "a dot": path("/api/./notes"),
    "a semicolon": path("/api/notes;x={}"),
    "PUT": method("PUT"),
    "POST at a record": method("POST"),
    "a method of one's own": method("post"),
    "a batch": batch("POST"),
    "a batch of many": batch("POST", "POST"),
    "a batch of PUT": batch("PUT"),
    "a batch of arrays": batch("ARRAY"),
    "a mixed batch": batch("POST", "PUT", "ARRAY"),
    "an array": lambda http, n: 2 * int(http.post("/api/notes", [{}, {}]).status == 201),
    "an overridden method": lambda http, n: int(
        http.post("/api/notes", {}, headers={"x-http-method-override": "PUT"}).status == 201
    ),
}  # fmt: skip


def past_the_limit(way: Callable[[Client, int], int], http: Client) -> int:
    """Records that were made beyond the limit, when it is used up and then this way is tried."""
    assert http.post("/api/notes", [{}] * Q).status == 201
    before = count(http)
    told = sum(way(http, n) for n in range(2 * Q))
    assert told == count(http) - before
    return told


@pytest.fixture(scope="module")
def one_app() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_no_way_leads_round_a_limit(
    way: Callable[[Client, int], int], one_app: Client, moment: list[int]
) -> None:
    moment[0] += next(DAYS) * 86_400_000_000_000  # whatever was used before is back
    assert past_the_limit(way, one_app) == 0


@pytest.mark.parametrize("way", [w for n, w in WAYS.items() if "batch" in n or "array" in n])
def test_a_fresh_caller_gets_no_more_that_way_than_any_other(
    way: Callable[[Client, int], int], http: Client
) -> None:
    done = sum(way(http, n) for n in range(2 * Q))
    assert 0 < done == count(http) <= Q


def test_reading_under_another_method_counts_as_reading(http: Client) -> None:
    told = [http.request(("GET", "HEAD", "POST")[n % 3], "/contact").status for n in range(Q + 2)]
    assert told == [200] * Q + [429] * 2


@pytest.mark.parametrize("spelled", ["/contact/", "/Contact", "/%63ontact", "//contact"])
def test_no_spelling_of_a_route_leads_round_its_limit(http: Client, spelled: str) -> None:
    for _ in range(Q):
        assert http.get("/contact").status == 200
    assert http.get(spelled).status in (404, 429)


def test_addresses_of_one_network_are_one_caller(moment: list[int]) -> None:
    with client(make_app(Settings(trusted_proxies="127.0.0.1"))) as http:

        def write(address: str) -> int:
            return http.post("/api/notes", {}, headers={"x-forwarded-for": address}).status

        told = [write(f"2001:db8:0:7:{n:x}::{n}") for n in range(Q + 1)]
        assert told == [201] * Q + [429]
        assert write("2001:db8:0:8::1") == 201
        assert [write("203.0.113.7") for _ in range(Q)] == [201] * Q
        for same in ("::ffff:203.0.113.7", "203.0.113.7:4711", "[::ffff:203.0.113.7]:1"):
            assert write(same) == 429
        assert write("198.51.100.1, 203.0.113.7") == 429, "the last one is the proxy's own word"


# faults, each of which is found


def leftmost(scope: Any, settings: Any) -> str:
    said = listed_header(scope, b"x-forwarded-for")
    return said.partition(",")[0] if said else "127.0.0.1"


def without_steps(self: Any, scope: Any, actor: Any, asks: Any) -> Any:
    return counting(self, scope, actor, asks if len(tuple(asks)) == 1 and not asks[0].many else ())


counting = limited.LimitedWrites.count


def test_a_header_that_is_believed_is_found(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "client_of", leftmost)
    assert past_the_limit(WAYS["X-Forwarded-For"], http) > 0


def test_steps_that_nobody_counts_are_found(
    http: Client, moment: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited.LimitedWrites, "count", without_steps)
    assert past_the_limit(WAYS["a batch of many"], http) > 0
    moment[0] += MINUTE
    assert past_the_limit(WAYS["an array"], http) > 0


def test_a_put_that_counts_as_an_update_alone_is_found(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limited.KINDS, "put", ("update", "write"))
    assert past_the_limit(WAYS["PUT"], http) > 0


def test_whole_addresses_are_found(moment: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "IPV6_PREFIX", 128)
    with pytest.raises(AssertionError):
        test_addresses_of_one_network_are_one_caller(moment)


# many at once


@pytest.mark.unordered
def test_of_twenty_clients_at_once_exactly_as_many_pass_as_may(http: Client) -> None:
    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(call(http.app) for _ in range(20)))

    told = http.run(all_at_once())
    assert sorted(told) == [201] * Q + [429] * (20 - Q)
    assert count(http) == Q


async def call(app: App) -> int:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/api/notes", "raw_path": b"/api/notes", "query_string": b"",
        "root_path": "", "client": ("127.0.0.1", 1), "server": None,
        "headers": [(b"host", b"x"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await app(scope, receive, send)
    return int(sent[0]["status"])
