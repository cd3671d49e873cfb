"""HTTP: methods, limits, headers, an app's own routes, and a real server's connections."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import HTTPException
from fastapi.responses import PlainTextResponse
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from stanchion import App, events
from stanchion.errors import Conflict, FieldError
from stanchion.testing import client
from tests.conformance.engines import url

from .conftest import SHOP, Answer, Api, checked

P = "/api/products"
JSON = [("content-type", "application/json")]


# methods


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", P, "GET, HEAD, OPTIONS, POST"), ("DELETE", P, "GET, HEAD, OPTIONS, POST"),
        ("PATCH", P, "GET, HEAD, OPTIONS, POST"), ("TRACE", P, "GET, HEAD, OPTIONS, POST"),
        ("BREW", P, "GET, HEAD, OPTIONS, POST"),
        ("POST", f"{P}/{{id}}", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("TRACE", f"{P}/{{id}}", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("POST", f"{P}/_aggregate", "GET, HEAD, OPTIONS"),
        ("DELETE", f"{P}/_aggregate", "GET, HEAD, OPTIONS"),
    ],
)  # fmt: skip
def test_unknown_method_is_405_with_allow(
    api: Api, shop: ModuleType, method: str, path: str, allow: str
) -> None:
    answer = api.ask(method, path.format(id=shop.make_id(shop.PRODUCT, 1)))
    assert (answer.status, answer.code) == (405, "route.method")
    assert sorted(answer.headers["allow"].split(", ")) == allow.split(", ")
    assert answer.hint.endswith(f"{answer.headers['allow']}.")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        (P, "GET, HEAD, OPTIONS, POST"), (f"{P}/x", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        (f"{P}/_aggregate", "GET, HEAD, OPTIONS"),
    ],
)  # fmt: skip
def test_options_names_the_methods(api: Api, path: str, allow: str) -> None:
    answer = api.ask("OPTIONS", path)
    assert answer.status == 204
    assert sorted(answer.headers["allow"].split(", ")) == allow.split(", ")


@pytest.mark.parametrize(
    "path",
    [P, f"{P}?expand=reviews&total=true", f"{P}/{{id}}", f"{P}/_aggregate?count=true", "/health",
     f"{P}?limit=0", f"{P}/x", "/api/nope", "/api/ledger", "/nope"],
)  # fmt: skip
def test_head_is_get_without_its_body(api: Api, shop: ModuleType, path: str) -> None:
    path = path.format(id=shop.make_id(shop.PRODUCT, 1))
    got, head = api.ask("GET", path), api.ask("HEAD", path)
    assert head.status == got.status
    assert head.body == b"" and got.body != b""

    def others(answer: Answer) -> dict[str, str]:
        return {name: value for name, value in answer.headers.items() if name != "x-request-id"}

    assert others(head) == others(got)


def test_headers_of_an_answer(api: Api) -> None:
    answer = api.get(P, limit=2)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "Authorization, Cookie"
    assert answer.headers["x-content-type-options"] == "nosniff"
    wrong = api.get(P, limit=0)
    assert wrong.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] != wrong.headers["x-request-id"]


# limits


def ask_with(
    api: Api, headers: list[tuple[bytes, bytes]], version: str = "1.1", **more: Any
) -> Answer:
    """A request with exactly these headers; reading its body fails the test."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": version, "method": "GET",
        "scheme": "http", "path": P, "raw_path": P.encode(), "query_string": b"",
        "root_path": "", "client": None, "server": None, "headers": headers, **more,
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        assert sent, "nothing is read before the answer"
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    api.runner.run(api.app(scope, receive, send))
    return checked(scope["method"], sent)


HOST = (b"host", b"shop.example")


def test_url_has_a_limit(api: Api) -> None:
    fits = 16_384 - len(P) - 2
    assert api.ask("GET", f"{P}?q={'a' * fits}").status == 200
    over = api.ask("GET", f"{P}?q={'a' * (fits + 1)}")
    assert (over.status, over.code) == (413, "request.url")
    assert over.headers["connection"] == "close"
    assert api.ask("GET", f"/{'a' * 20_000}").status == 413


def test_headers_have_a_limit(api: Api) -> None:
    assert ask_with(api, [HOST, (b"x", b"a" * 32_000)]).status == 200
    over = ask_with(api, [HOST, (b"x", b"a" * 33_000)])
    assert (over.status, over.code) == (413, "request.headers")
    many = ask_with(api, [HOST, *((b"x-%d" % n, b"a" * 400) for n in range(90))])
    assert many.status == 413


def test_request_names_exactly_one_host(api: Api) -> None:
    assert ask_with(api, [HOST]).status == 200
    for hosts in ([], [HOST, HOST], [(b"host", b"")]):
        answer = ask_with(api, hosts)
        assert (answer.status, answer.code) == (400, "request.host")
    assert ask_with(api, [], version="1.0").status == 200
    assert ask_with(api, [], version="2").status == 200


@pytest.mark.parametrize("length", [b"1048577", b"1073741824", b"9" * 5000])
@pytest.mark.parametrize("path", [P, "/health", "/nope"])
def test_large_body_is_refused_before_it_is_read(api: Api, length: bytes, path: str) -> None:
    headers = [HOST, (b"content-type", b"application/json"), (b"content-length", length)]
    answer = ask_with(api, headers, method="POST", path=path, raw_path=path.encode())
    assert (answer.status, answer.code) == (413, "body.too_large")
    assert answer.headers["connection"] == "close"
    assert "STANCHION_BODY_LIMIT" in answer.hint


def chunks(api: Api, path: str, count: int, size: int, headers: Any = ()) -> tuple[Answer, int]:
    """POST a body in chunks; the answer, and how many chunks were taken before it."""
    sent: list[Any] = []
    taken = 0
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "client": None, "server": None,
        "headers": [HOST, (b"content-type", b"application/json"), *headers],
    }  # fmt: skip

    async def receive() -> Any:
        nonlocal taken
        if not sent:
            taken += 1
        return {"type": "http.request", "body": b" " * size, "more_body": taken < count}

    async def send(message: Any) -> None:
        sent.append(message)

    api.runner.run(api.app(scope, receive, send))
    return checked("POST", sent), taken


@pytest.mark.parametrize("path", [P, "/echo"])
def test_large_body_of_unknown_length_is_refused_on_the_way(routes: Api, path: str) -> None:
    chunked = ((b"transfer-encoding", b"chunked"),)
    answer, taken = chunks(routes, path, 1000, 65_536, chunked)
    assert (answer.status, answer.code) == (413, "body.too_large")
    assert taken == 17
    fits, _ = chunks(routes, path, 3, 1000, chunked)
    assert fits.status in (400, 422)


def test_client_that_leaves_in_the_middle_changes_nothing(api: Api) -> None:
    before = api.rows()
    sent: list[Any] = []
    messages = iter(
        [
            {"type": "http.request", "body": b'{"name":', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": P, "raw_path": P.encode(), "query_string": b"", "root_path": "",
        "client": None, "server": None, "headers": [HOST, (b"content-type", b"application/json")],
    }  # fmt: skip

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    api.runner.run(api.app(scope, receive, send))
    assert checked("POST", sent).code == "body.incomplete"
    assert api.rows() == before


def test_limits_are_settings(shop: ModuleType, tmp_path: Path) -> None:
    limits = {
        "body_limit": 100, "json_depth": 3, "array_limit": 2, "url_limit": 100,
        "header_limit": 200, "filter_limit": 20,
        "answer_limit": 2000,
    }  # fmt: skip
    app = shop.make_app(tmp_path / "shop.db", **limits)
    api = Api(app, shop.callers(app))

    def post(body: bytes) -> Answer:
        return api.ask("POST", P, "system", JSON, body)

    assert post(b" " * 101).code == "body.too_large"
    assert post(b'{"a":[{"b":[]}]}').code == "body.depth"
    assert post(b"[{},{},{}]").code == "body.too_many"
    assert api.get(P, q="a" * 100).code == "request.url"
    assert api.ask("GET", P, headers=[("x", "a" * 200)]).code == "request.headers"
    assert api.get(P, filter="stock > 1000 && true").status == 200
    refused = api.get(P, filter="stock > 10000 && true")
    assert refused.code == "filter.too_long"
    assert refused.json["detail"] == "The filter has 21 characters; 20 is the limit."
    assert api.get(P, limit=1, fields="id").status == 200
    assert api.get(P).code == "query.too_much"
    api.close()


# the app's own routes


@pytest.fixture(scope="module")
def routes(shop: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    app: App = shop.make_app(tmp_path_factory.mktemp("routes") / "shop.db")

    @app.post("/echo")
    async def echo(body: dict[str, int]) -> dict[str, int]:
        return body

    @app.get("/numbers/{number}")
    async def numbers(number: int, wanted: bool = False) -> int:
        return number

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "I am a teapot", headers={"X-Tea": "green"})

    @app.get("/gone")
    async def gone() -> None:
        raise HTTPException(404, "No such page")

    @app.get("/sold-out")
    async def sold_out() -> None:
        errors = [FieldError("/lines/0", "sold_out", "Only 1 is left.")]
        raise Conflict("sold_out", "Not enough.", errors=errors, extra={"left": 1})

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the secret of the house")

    @app.put("/api/products")
    async def own() -> str:
        return "own"

    @app.get("/api/products/{key}/label")
    async def label(key: str) -> PlainTextResponse:
        return PlainTextResponse(key)

    api = Api(app, shop.callers(app))
    yield api
    api.close()


def test_errors_of_routes_are_problems(routes: Api) -> None:
    tea = routes.get("/teapot")
    assert (tea.status, tea.json["detail"], tea.headers["x-tea"]) == (418, "I am a teapot", "green")
    assert routes.get("/gone").json["detail"] == "No such page"
    sold = routes.get("/sold-out")
    assert (sold.status, sold.code, sold.json["left"]) == (409, "sold_out", 1)
    assert sold.json["errors"][0]["pointer"] == "/lines/0"


def test_handlers_of_the_app_take_the_place_of_ours(shop: ModuleType, tmp_path: Path) -> None:
    app: App = shop.make_app(tmp_path / "shop.db")

    @app.exception_handler(HTTPException)
    async def own(request: Any, error: HTTPException) -> PlainTextResponse:
        return PlainTextResponse(f"mine: {error.detail}", error.status_code)

    @app.get("/gone")
    async def gone() -> None:
        raise HTTPException(404, "No such page")

    with client(app) as http:
        answer = http.get("/gone")
        assert (answer.status, answer.text) == (404, "mine: No such page")
        assert http.get(f"{P}?limit=0").json()["code"] == "query.limit", (
            "the data API keeps its own"
        )


def test_validation_of_routes_is_422_with_places(routes: Api) -> None:
    body = routes.send("POST", "/echo", {"a": "x"})
    assert (body.status, body.code) == (422, "body.invalid")
    assert body.json["errors"][0]["pointer"] == "/a"
    path = routes.get("/numbers/x", wanted="maybe")
    assert path.status == 422 and len(path.json["errors"]) == 2
    assert all("pointer" not in error for error in path.json["errors"])
    broken = routes.ask("POST", "/echo", "anonymous", JSON, b"{")
    assert (broken.status, broken.code) == (400, "body.syntax")


def test_unknown_path_and_method_outside_of_the_data_api(routes: Api) -> None:
    nothing = routes.get("/nothing")
    assert (nothing.status, nothing.code) == (404, "route.not_found")
    method = routes.ask("DELETE", "/echo")
    assert (method.status, method.headers["allow"]) == (405, "POST")


def test_route_beside_the_generated_ones_is_reached(routes: Api) -> None:
    assert routes.ask("PUT", P).json == "own"
    assert routes.ask("GET", f"{P}/x/label").body == b"x"
    answer = routes.ask("DELETE", P)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST, PUT"
    asked = routes.ask("OPTIONS", P)
    assert (asked.status, asked.headers["allow"]) == (204, answer.headers["allow"])


def test_fault_is_a_500_that_tells_nothing(routes: Api) -> None:
    seen: list[events.Event] = []
    stop = events.subscribe(seen.append)
    answer = routes.get("/broken")
    stop()
    assert (answer.status, answer.code) == (500, "server.error")
    assert "secret" not in answer.body.decode()
    assert answer.json["request"] == answer.headers["x-request-id"]
    failed = [event for event in seen if isinstance(event, events.RequestFailed)]
    assert [str(event.error) for event in failed] == ["the secret of the house"]
    done = [event for event in seen if isinstance(event, events.RequestDone)]
    assert [(event.status, event.path) for event in done] == [(500, "/broken")]


def test_middleware_of_the_app_is_around_the_data_api(shop: ModuleType, tmp_path: Path) -> None:
    app: App = shop.make_app(tmp_path / "shop.db")
    app.user_middleware.append(
        Middleware(CORSMiddleware, allow_origins=["https://a.example"], allow_methods=["GET"])
    )
    api = Api(app, shop.callers(app))
    asked = [("origin", "https://a.example"), ("access-control-request-method", "GET")]
    preflight = api.ask("OPTIONS", P, headers=asked)
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    answer = api.ask("GET", P, headers=[asked[0]])
    assert answer.headers["access-control-allow-origin"] == "https://a.example"
    assert api.ask("OPTIONS", P).status == 204, "without an origin it is no preflight"
    api.close()


def test_app_that_is_mounted_answers_below_its_prefix(shop: ModuleType, tmp_path: Path) -> None:
    from fastapi import FastAPI

    inner = shop.make_app(tmp_path / "shop.db")
    outer = FastAPI()
    outer.mount("/shop", inner)
    api = Api(inner, shop.callers(inner))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": f"/shop{P}", "raw_path": f"/shop{P}".encode(),
        "query_string": b"limit=1", "root_path": "", "client": None, "server": None,
        "headers": [HOST],
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    api.runner.run(outer(scope, receive, send))
    assert len(checked("GET", sent).json["items"]) == 1
    api.close()


# a real server

SERVE = """
import asyncio, importlib.util, sys
spec = importlib.util.spec_from_file_location("served_shop", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["served_shop"] = module
spec.loader.exec_module(module)
app = module.make_app(sys.argv[2])
from granian.constants import Interfaces
from granian.server.embed import Server
server = Server(app, address="127.0.0.1", port=int(sys.argv[3]), interface=Interfaces.ASGI)
asyncio.run(server.serve())
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    script = folder / "serve.py"
    script.write_text(SERVE)
    command = [sys.executable, str(script), str(SHOP), url(folder / "shop.db"), str(number)]
    environment = {**os.environ, "PYTHONPATH": str(SHOP.parents[3])}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        for _ in range(1200):
            try:
                socket.create_connection(("127.0.0.1", number), 0.2).close()
                break
            except OSError:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield number
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def talk(port: int, data: bytes, answers: int = 1) -> tuple[list[Answer], bool]:
    """Send bytes, read that many answers; whether the server closed the connection then."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(data)
        found, left = [], b""
        for _ in range(answers):
            answer, left = _take(connection, left)
            found.append(answer)
        assert left == b"", "nothing more than was asked for"
        connection.settimeout(0.3)
        try:
            closed = connection.recv(1) == b""
        except TimeoutError:
            closed = False
        except ConnectionError:
            closed = True
    return found, closed


def _take(connection: socket.socket, left: bytes) -> tuple[Answer, bytes]:
    """One answer from what was received, and the bytes after it."""
    while b"\r\n\r\n" not in left:
        left += _received(connection)
    head, _, left = left.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    length = int(headers["content-length"])
    while len(left) < length:
        left += _received(connection)
    return Answer(int(first.split(" ")[1]), headers, left[:length]), left[length:]


def _received(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    assert data, "the server closed the connection in the middle"
    return data


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.example", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def test_body_of_a_gigabyte_is_refused_at_once(port: int) -> None:
    announced = ["Content-Type: application/json", f"Content-Length: {2**30}"]
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request("POST", P, *announced) + b"{")
        start = connection.recv(65_536)
    assert time.monotonic() - started < 1
    assert start.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in start.lower()
    assert b'"code":"body.too_large"' in start
    assert talk(port, request("GET", P))[0][0].status == 200


def test_client_that_sends_before_it_reads_gets_its_413(port: int) -> None:
    for size in (2_000_000, 8_000_000):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("POST", P, b"x" * size, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["code"]) == (413, "body.too_large")
        connection.close()


def test_body_that_nobody_reads_does_not_shift_the_next_request(port: int) -> None:
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    for first, status in (
        (request("POST", f"{P}?x=1", "Content-Type: application/json", body=smuggled), 400),
        (request("POST", P, "Content-Type: text/plain", body=smuggled), 415),
        (request("GET", f"{P}?limit=1", body=smuggled), 200),
        (request("DELETE", f"{P}/x", body=smuggled), 401),
    ):
        data = first + request("GET", f"{P}?limit=1&fields=name")
        found, _ = talk(port, data, answers=2)
        assert [answer.status for answer in found] == [status, 200]
        assert found[1].json["items"] == [{"name": "Assam"}]


def test_requests_on_one_connection_are_answered_in_order(port: int) -> None:
    paths = [f"{P}?limit={n}&fields=id" for n in (3, 0, 1, 2000, 2)]
    found, closed = talk(port, b"".join(request("GET", path) for path in paths), len(paths))
    assert [answer.status for answer in found] == [200, 400, 200, 400, 200]
    assert [len(found[at].json["items"]) for at in (0, 2, 4)] == [3, 1, 2]
    assert not closed


def test_host_rules_hold_on_the_wire(port: int) -> None:
    for head in (b"", b"Host: a\r\nHost: b\r\n"):
        found, closed = talk(port, b"GET /api/products HTTP/1.1\r\n" + head + b"\r\n")
        assert found[0].code == "request.host" and closed
    (old,), _ = talk(port, b"GET /api/products?limit=1 HTTP/1.0\r\n\r\n")
    assert old.status == 200


def test_slashes_and_zeros_in_an_id_reach_us_as_they_were_sent(port: int) -> None:
    for key, told in (("a%2Fb", "a/b"), ("%00", "\\x00"), ("..%2F..", "../..")):
        (answer,), _ = talk(port, request("GET", f"{P}/{key}"))
        assert (answer.status, answer.code) == (404, "record.not_found")
        assert told in answer.json["detail"]


def test_head_on_the_wire(port: int) -> None:
    (got,), _ = talk(port, request("GET", f"{P}?limit=1"))
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request("HEAD", f"{P}?limit=1") + request("GET", f"{P}/x"))
        told = b""
        while told.count(b"\r\n\r\n") < 2:
            more = connection.recv(65_536)
            assert more, told
            told += more
    head, _, rest = told.partition(b"\r\n\r\n")
    assert f"content-length: {got.headers['content-length']}".encode() in head
    assert rest.startswith(b"HTTP/1.1 404 "), "no body stands between"


def test_past_the_limits_of_the_server_its_bare_answers_stand(port: int) -> None:
    """What it never hands on, nothing of ours can answer."""
    for data, status in (
        (request("GET", f"{P}?q={'a' * 70_000}"), b"414"),
        (request("GET", P, *(f"X-{n}: y" for n in range(150))), b"431"),
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(data)
            assert connection.recv(65_536).split(b" ")[1] == status
    (mine,), _ = talk(port, request("GET", f"{P}?q={'a' * 20_000}"))
    assert mine.code == "request.url"


# what is read of a body that is refused


@pytest.mark.parametrize(
    ("length", "most"), [(5_000_000, 5_000_000), (16_777_217, 65_536), (10**12, 65_536)]
)
def test_refused_body_is_taken_to_its_end_only_where_that_is_near(
    api: Api, length: int, most: int
) -> None:
    sent: list[Any] = []
    taken = 0

    async def receive() -> Any:
        nonlocal taken
        assert sent, "the answer comes first"
        part = min(16_384, length - taken)
        taken += part
        return {"type": "http.request", "body": b" " * part, "more_body": taken < length}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": P, "raw_path": P.encode(), "query_string": b"", "root_path": "",
        "client": ("127.0.0.1", 1), "server": None,
        "headers": [
            (b"host", b"a"), (b"content-type", b"application/json"),
            (b"content-length", b"%d" % length),
        ],
    }  # fmt: skip
    api.runner.run(api.app(scope, receive, send))
    assert checked("POST", sent).code == "body.too_large"
    assert taken == most
