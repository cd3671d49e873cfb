"""What browsers are told with every answer; pages of other sites (TRUST S14)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request, WebSocket
from fastapi.responses import HTMLResponse
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from stanchion import App, Record, Rules, Settings, UserRecord, public
from stanchion.errors import Unavailable
from stanchion.http import front
from stanchion.testing import Client, Response, as_actor, client

ID = "0190a000-0000-7000-8000-000000000001"
NOTE = f"/api/notes/{ID}"
POLICY = "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
HSTS = "strict-transport-security"
ALLOWED = "https://admin.shop.example"
EVIL = (
    "https://evil.example", "null", "http://admin.shop.example", "https://admin.shop.example:8443",
    "https://admin.shop.example.evil.example", "https://evil.admin.shop.example", "*",
    "https://admin.shop.example https://evil.example", "HTTPS://ADMIN.SHOP.EXAMPLE",
    "https://admin.shop.exampl", "https://eviladmin.shop.example",
)  # fmt: skip


class Note(Record):
    text: str
    rules = Rules(read=public, write=public)


class User(UserRecord):
    rules = Rules(read=public)


def make_app(settings: Settings | None = None, **options: Any) -> App:
    app = App("Notes", settings=settings or Settings(), **options)
    app.collection("notes")(Note)
    app.collection("users")(User)

    @app.get("/shop")
    async def shop() -> HTMLResponse:
        return HTMLResponse("<h1>Shop</h1>")

    @app.get("/framed")
    async def framed() -> HTMLResponse:
        own = {
            "Content-Security-Policy": "frame-ancestors https://partner.example",
            "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
            "Strict-Transport-Security": "max-age=1",
        }  # fmt: skip
        return HTMLResponse("<h1>Framed</h1>", headers=own)

    @app.get("/mine")
    async def mine(request: Request) -> str:
        await app.runtime.identify(request.scope)
        return "secret"

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the oven is cold")

    return app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        running.post("/api/notes", {"id": ID, "text": "a"})
        yield running


EVERY_KIND = {
    "record": ("GET", NOTE, 200), "list": ("GET", "/api/notes", 200),
    "groups": ("GET", "/api/notes/_aggregate?count=true", 200),
    "schema": ("GET", "/api/_schema", 200), "problem": ("GET", "/api/notes/x", 404),
    "no collection": ("GET", "/api/x", 404), "no route": ("GET", "/x", 404),
    "no method": ("TRACE", "/api/notes", 405), "too long": ("GET", "/" + "x" * 20_000, 413),
    "a page": ("GET", "/docs", 200), "errors": ("GET", "/docs/errors", 200),
    "the document": ("GET", "/openapi.json", 200), "health": ("GET", "/health", 200),
    "route of the app": ("GET", "/shop", 200), "head": ("HEAD", NOTE, 200),
    "options": ("OPTIONS", "/api/notes", 204), "parameters": ("GET", "/api/notes?x=1", 400),
    "crash": ("GET", "/broken", 500),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status"), EVERY_KIND.values(), ids=list(EVERY_KIND))
def test_every_kind_of_answer_is_safe_in_a_browser(
    http: Client, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path)
    assert answer.status == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    for part in ("base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy
    assert "object-src 'none'" in policy or "default-src 'none'" in policy
    assert HSTS not in answer.headers, "it was no https"
    data = path.startswith("/api/") and method in ("GET", "HEAD")
    assert not data or answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert data or status != 200 or "referrer-policy" in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    if data:
        assert answer.headers["cache-control"] == ("no-cache" if status == 200 else "no-store")


def test_writes_and_what_is_replayed_and_gone_are_kept_by_nobody(http: Client) -> None:
    key = {"idempotency-key": ID}
    made = [http.post("/api/notes", {"text": "b"}, headers=key) for _ in range(2)]
    assert made[1].headers["idempotent-replayed"] == "true"
    one = f"/api/notes/{made[0].json()['id']}"
    for answer in (*made, http.patch(one, {"text": "c"}), http.delete(one)):
        assert answer.status in (200, 201, 204)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == POLICY
    assert http.get(NOTE, headers={"if-none-match": "*"}).status == 304


def test_what_a_caller_who_is_known_reads_is_kept_by_nobody(http: Client) -> None:
    ann = User(email="ann@example.com")
    http.run(make_user(http.app, ann))
    with as_actor(http.app, ann):
        for path in (NOTE, "/api/notes", "/api/notes/_aggregate?count=true", "/api/_schema"):
            answer = http.get(path)
            assert answer.headers["cache-control"] == "no-store"
            again = http.get(path, headers={"if-none-match": answer.headers["etag"]})
            assert (again.status, again.headers["cache-control"]) == (304, "no-store")
        # a route of the app that asked who is there
        assert http.get("/mine").headers["cache-control"] == "no-store"
        assert "cache-control" not in http.get("/shop").headers
    assert "cache-control" not in http.get("/mine").headers
    assert http.get(NOTE).headers["cache-control"] == "no-cache"


async def make_user(app: App, user: User) -> None:
    async with app.transaction(actor=app.system()) as tx:
        await tx.create(user)


def test_what_a_route_says_itself_stays(http: Client) -> None:
    answer = http.get("/framed")
    assert answer.headers["content-security-policy"] == "frame-ancestors https://partner.example"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers[HSTS] == "max-age=1"


def test_what_a_middleware_says_itself_stays() -> None:
    app = make_app()

    @app.middleware("http")
    async def own(request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["content-security-policy"] = "default-src 'self'"
        response.headers["cross-origin-resource-policy"] = "cross-origin"
        return response

    with client(app) as http:
        for path in ("/shop", "/api/notes"):
            answer = http.get(path)
            assert answer.headers["content-security-policy"] == "default-src 'self'"
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


def test_a_server_that_is_overloaded_is_safe_too(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()
    app.runtime.sheds_load = True
    with client(app) as http:
        monkeypatch.setattr(front.Overload, "refuses", lambda *_: True)
        answer = http.get(NOTE)
    assert (answer.status, answer.json()["code"]) == (Unavailable.status, "server.overloaded")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"


# https


def hsts(answer: Response) -> str | None:
    return answer.headers.get(HSTS)


def test_hsts_is_sent_where_people_reach_the_app_by_https() -> None:
    with client(make_app(Settings(public_url="https://shop.example"))) as http:
        for path in (NOTE, "/shop", "/x", "/docs"):
            assert hsts(http.get(path)) == "max-age=31536000"
    with client(make_app(Settings(public_url="http://localhost:8000"))) as http:
        assert hsts(http.get("/shop")) is None


def test_hsts_is_sent_where_a_trusted_proxy_speaks_https_and_says_what_is_set() -> None:
    secure = {"x-forwarded-proto": "https"}
    policy = "max-age=600; includeSubDomains"
    with client(make_app(Settings(trusted_proxies="127.0.0.1", hsts=policy))) as http:
        for path in ("/api/notes", "/shop"):
            assert hsts(http.get(path, headers=secure)) == policy
            assert hsts(http.get(path)) is None
    with client(make_app()) as http:
        assert hsts(http.get("/shop", headers=secure)) is None


# pages of other sites


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    settings = Settings(cors_origins=f"{ALLOWED}, http://localhost:5173")
    with client(make_app(settings)) as running:
        running.post("/api/notes", {"id": ID, "text": "a"})
        yield running


def preflight(http: Client, origin: str, method: str = "PATCH") -> Response:
    asked = {
        "origin": origin, "access-control-request-method": method,
        "access-control-request-headers": "authorization,content-type,if-match",
    }  # fmt: skip
    return http.request("OPTIONS", NOTE, headers=asked)


def test_a_listed_site_may_call(shared: Client) -> None:
    for origin in (ALLOWED, "http://localhost:5173"):
        answer = preflight(shared, origin)
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        assert answer.headers["access-control-allow-headers"] == (
            "authorization,content-type,if-match"
        )
        assert answer.headers["vary"] == "Origin"
        for path, status in (("/api/notes", 200), ("/shop", 200), ("/x", 404), (f"{NOTE}x", 404)):
            answer = shared.get(path, headers={"origin": origin})
            assert answer.status == status
            assert answer.headers["access-control-allow-origin"] == origin
            assert "ETag" in answer.headers["access-control-expose-headers"]
            assert answer.headers["vary"].endswith("Origin")


@pytest.mark.parametrize("origin", EVIL)
def test_any_other_site_may_not(shared: Client, origin: str) -> None:
    refused = preflight(shared, origin)
    assert (refused.status, refused.json()["code"]) == (403, "request.origin")
    for answer in (refused, *(shared.get(p, headers={"origin": origin}) for p in (NOTE, "/shop"))):
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["vary"].endswith("Origin"), "a cache keeps them apart"


def test_without_a_list_no_site_may_and_the_app_may_answer_itself(http: Client) -> None:
    assert preflight(http, ALLOWED).headers.keys() & {"access-control-allow-origin"} == set()
    own = Middleware(CORSMiddleware, allow_origins=[ALLOWED], allow_methods=["PATCH"])
    with client(make_app(middleware=[own])) as theirs:
        assert preflight(theirs, ALLOWED).headers["access-control-allow-origin"] == ALLOWED


def test_a_site_that_both_list_is_said_once() -> None:
    own = Middleware(CORSMiddleware, allow_origins=[ALLOWED])
    app = make_app(Settings(cors_origins=ALLOWED), middleware=[own])
    with client(app) as http:
        sent = http.run(headers_of(app, [(b"origin", ALLOWED.encode())]))
    assert [value for name, value in sent if name == b"access-control-allow-origin"] == [
        ALLOWED.encode()
    ]


async def headers_of(app: App, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """All headers of an answer, those that stand twice too."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope_of("http", headers), nothing, send)
    found: list[tuple[bytes, bytes]] = sent[0]["headers"]
    return found


async def nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


def scope_of(kind: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {
        "type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "ws" if kind == "websocket" else "http", "path": "/socket", "root_path": "",
        "raw_path": b"/socket", "query_string": b"", "client": ("127.0.0.1", 1), "server": None,
        "headers": [(b"host", b"shop.example"), *headers],
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "a/b"])
def test_what_a_page_may_send_without_asking_changes_nothing(http: Client, kind: str) -> None:
    before = http.get("/api/notes?total=true").json()["total"]
    told = {"origin": "https://evil.example", **({"content-type": kind} if kind else {})}
    answer = http.request("POST", "/api/notes", content=b'{"text": "x"}', headers=told)
    assert answer.status == 415
    assert http.get("/api/notes?total=true").json()["total"] == before


# WebSockets


def connect(settings: Settings, *headers: tuple[str, str]) -> list[str]:
    """The kinds of messages that a handshake is answered with."""
    app = App("Sockets", settings=settings)

    @app.websocket("/socket")
    async def socket(ws: WebSocket) -> None:
        await ws.accept()
        await ws.close()

    sent: list[str] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    given = [(name.encode(), value.encode()) for name, value in headers]
    asyncio.run(app(scope_of("websocket", given), receive, send))
    return sent


OPENED = ["websocket.accept", "websocket.close"]
REFUSED = ["websocket.close"]


def test_a_socket_opens_for_our_pages_for_listed_sites_and_for_no_browser() -> None:
    listed = Settings(cors_origins=ALLOWED)
    assert connect(Settings()) == OPENED
    for origin in ("http://shop.example", "https://shop.example"):
        assert connect(Settings(), ("origin", origin)) == OPENED
    assert connect(listed, ("origin", ALLOWED)) == OPENED
    assert connect(listed, ("origin", ALLOWED), ("sec-fetch-site", "same-site")) == OPENED
    assert connect(Settings(), ("sec-fetch-site", "same-origin")) == OPENED


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://evil.shop.example"])
def test_a_socket_is_refused_to_pages_of_other_sites(origin: str) -> None:
    assert connect(Settings(), ("origin", origin)) == REFUSED
    assert connect(Settings(cors_origins=ALLOWED), ("origin", origin)) == REFUSED
    assert connect(Settings(), ("origin", origin), ("sec-fetch-site", "cross-site")) == REFUSED
