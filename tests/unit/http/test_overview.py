"""The page of `dev` at `/`: it tells what runs and why calls were refused, to this machine only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.responses import PlainTextResponse
from starlette.routing import Mount, Route

from stanchion import App, Field, Record, Rules, Settings, UserRecord, owner, public, signed_in
from stanchion.cli.overview import changed_settings, gather, with_overview, without_password
from stanchion.cli.target import Target
from stanchion.explain import noting
from stanchion.http.overview import is_near
from stanchion.http.overview.recorder import LONGEST, MOST
from stanchion.query import ANONYMOUS, ReadQuery
from stanchion.testing import Client, Response, as_actor, client

HERE = {"host": "localhost:8000"}
TARGET = Target("app", None, Path.cwd() / "app.py", Path.cwd())


class User(UserRecord):
    rules = Rules(read=owner("id"))


class Note(Record):
    """What everybody may read."""

    text: str = Field(max_length=100, index=True)
    rules = Rules(read=public, create="record.text != '<b>' && auth == null", delete=signed_in)


class Secret(Record):
    text: str
    rules = Rules()


def notebook(**options: Any) -> App:
    app = App("Notes & <Letters>", **options)
    app.collection("users")(User)
    app.collection("notes")(Note)
    app.collection("secrets")(Secret)

    @app.get("/prices")
    async def prices() -> int:
        return 1

    @app.post("/checkout/{order}")
    async def checkout(order: str) -> int:
        return 1

    return app


@contextmanager
def served(app: App) -> Iterator[Client]:
    """The app as `dev` serves it, asked from this machine."""
    with client(app) as http:
        http.app = with_overview(app, TARGET)  # type: ignore[assignment]  # the server calls it too
        yield http


@pytest.fixture
def http() -> Iterator[Client]:
    with served(notebook()) as running:
        yield running


def home(http: Client) -> str:
    answer = http.get("/", headers=HERE)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return answer.text


def text_of(page: str) -> str:
    """What a person reads of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def why(http: Client, refused: Response) -> Response:
    return http.get(f"/docs/why/{refused.headers['x-request-id']}", headers=HERE)


# what runs


def test_page_tells_collections_rules_routes_and_database(http: Client) -> None:
    page = home(http)
    text = text_of(page)
    assert "<title>Notes &amp; &lt;Letters&gt; in dev</title>" in page
    assert "notes What everybody may read. read public open to everyone" in text
    assert "create record.text != '<b>' && auth == null open to everyone for some records" in text
    assert "update nobody delete signed_in" in text
    assert "secrets read, create, update, delete nobody" in text
    assert 'href="/api/notes">List of notes' in page
    assert 'href="/docs#/notes">Docs of notes' in page
    assert '<a href="/prices"><code>GET /prices</code></a>' in page
    assert "<code>POST /checkout/{order}</code>" in page
    assert "test.db" in text


def test_page_holds_no_script_and_asks_nobody_else(http: Client) -> None:
    answer = http.get("/", headers=HERE)
    assert "<script" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    for link in re.findall(r'(?:href|src)="([^"]+)"', answer.text):
        assert link.startswith(("/", "#", "data:,")), link
    for link in re.findall(r'href="(/[^"#]*)"', answer.text):
        assert http.get(link, headers=HERE).status in (200, 401), link


def test_settings_that_are_not_their_defaults_are_told() -> None:
    settings = Settings(body_limit=5_000, access_log=False)
    assert [(s.name, s.value, s.default) for s in changed_settings(settings)] == [
        ("STANCHION_BODY_LIMIT", "5000", "1048576"),
        ("STANCHION_ACCESS_LOG", "0", "1"),
    ]
    assert list(changed_settings(Settings())) == []


def test_secret_settings_are_told_to_be_set_and_no_more() -> None:
    """Also those that are texts of several parts, in which no password can be left out."""
    secret = "canary-0123456789-abcdefghijklmnop"
    settings = Settings(
        secret_key=f"{secret},{secret}-2",
        oauth_clients=f'{{"google": {{"id": "shop", "secret": "{secret}"}}}}',
        database_replicas=f"postgresql://a:{secret}@one/shop,postgresql://a:{secret}@two/shop",
    )
    told = list(changed_settings(settings))
    assert [line.name for line in told] == [
        "STANCHION_DATABASE_REPLICAS", "STANCHION_SECRET_KEY", "STANCHION_OAUTH_CLIENTS"
    ]  # fmt: skip
    assert secret not in repr(told) and secret not in repr(settings)


def test_password_of_a_database_is_not_shown() -> None:
    shown = without_password("postgresql://me:hunter2@db.example:5432/shop")
    assert shown == "postgresql://me:…@db.example:5432/shop"
    assert without_password("sqlite:///data/x.db") == "sqlite:///data/x.db"


def test_app_without_anything_has_a_page_too(tmp_path: Path) -> None:
    with served(App("Empty")) as http:
        text = text_of(home(http))
    assert "The app declares none." in text
    assert "The app has none of its own." in text
    empty = App("Empty")
    empty.runtime.base = tmp_path  # beside this file stand the records of other tests
    assert gather(empty).findings == ()


# who sees it


def test_app_that_dev_does_not_serve_has_no_such_page() -> None:
    with client(notebook()) as http:
        assert http.get("/", headers=HERE).status == 404


def own_route(app: App) -> None:
    app.get("/", response_class=PlainTextResponse)(lambda: "mine")


def own_mount(app: App) -> None:
    app.router.routes.append(Mount("/", PlainTextResponse("mine")))


def own_catch_all(app: App) -> None:
    app.router.routes.append(Route("/{page:path}", lambda request: PlainTextResponse("mine")))


@pytest.mark.parametrize("declare", [own_route, own_mount, own_catch_all])
def test_what_the_app_has_at_the_root_goes_first(declare: Callable[[App], None]) -> None:
    app = notebook()
    declare(app)
    with served(app) as http:
        assert http.get("/", headers=HERE).text == "mine"
        refused = http.get("/api/secrets", headers=HERE)
        assert "secrets.read can never be true" in text_of(why(http, refused).text)


@pytest.mark.parametrize(
    ("client", "host", "near"),
    [
        ("127.0.0.1", "localhost:8000", True),
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("::1", "[::1]:8000", True),
        ("::ffff:127.0.0.1", "shop.localhost", True),
        ("192.168.0.7", "localhost:8000", False),
        ("192.168.0.7", "192.168.0.2:8000", False),
        ("127.0.0.1", "evil.example", False),  # a name that was pointed at this machine
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "", False),
        ("unix", "localhost", False),
    ],
)
def test_only_this_machine_by_its_own_name_is_near(client: str, host: str, near: bool) -> None:
    scope = {"client": (client, 5), "headers": [(b"host", host.encode())]}
    assert is_near(scope) is near
    assert not is_near({"client": None, "headers": [(b"host", b"localhost")]})


def test_others_find_nothing_here(http: Client) -> None:
    refused = http.get("/api/secrets", headers=HERE)
    for headers in ({"host": "evil.example"}, {**HERE, "origin": "https://evil.example"}):
        for path in ("/", f"/docs/why/{refused.headers['x-request-id']}"):
            answer = http.get(path, headers=headers)
            assert (answer.status, answer.json()["code"]) == (404, "route.not_found")


# refusals


def test_refusal_is_listed_and_explained_with_its_command(http: Client) -> None:
    refused = http.get("/api/secrets?sort=text", headers=HERE)
    page = home(http)
    text = text_of(page)
    assert "GET /api/secrets?sort=text 401 access.sign_in" in text
    assert f'href="/docs/why/{refused.headers["x-request-id"]}"' in page
    found = text_of(why(http, refused).text)
    assert "stanchion explain GET '/api/secrets?sort=text'" in found
    assert "secrets.read can never be true for this caller nobody" in found
    assert "Asked by anonymous" in found


def test_what_was_not_refused_is_not_kept(http: Client) -> None:
    http.get("/api/notes", headers=HERE)
    http.get("/nowhere", headers=HERE)
    assert "No call of the data API" in text_of(home(http))


def test_explanation_asks_the_running_app(http: Client) -> None:
    http.post("/api/notes", {"text": "tea"}, headers=HERE)
    refused = http.get("/api/notes/0190ffff-0000-7000-8000-000000000001", headers=HERE)
    assert refused.status == 404
    assert "Plan cache hit" in text_of(why(http, refused).text)
    refused = http.get("/api/notes?filter=txt == 'a'", headers=HERE)
    assert "not used" in text_of(why(http, refused).text)


def test_refused_write_is_explained_with_its_body_and_changes_nothing(http: Client) -> None:
    refused = http.post("/api/notes", {"text": "<b>"}, headers=HERE)
    assert refused.status == 403
    page = why(http, refused).text
    assert 'record.text is "<b>"' in text_of(page) and "<b>" not in page
    assert "--body '{…}'" in text_of(page)
    assert http.get("/api/notes").json()["items"] == []


def test_answer_that_would_be_another_now_is_told(http: Client) -> None:
    key = "0190ffff-0000-7000-8000-000000000001"
    refused = http.get(f"/api/notes/{key}", headers=HERE)
    http.post("/api/notes", {"id": key, "text": "tea"}, headers=HERE)
    assert "Asked again now, it is answered 200" in text_of(why(http, refused).text)


def test_body_that_is_no_json_is_explained(http: Client) -> None:
    kind = {**HERE, "content-type": "application/json"}
    refused = http.request("POST", "/api/notes", content=b'{"text": \xff', headers=kind)
    assert refused.status == 400
    assert f"400 {refused.json()['code']}" in text_of(why(http, refused).text)


def test_caller_is_asked_again_as_who_it_was() -> None:
    app = notebook()
    with served(app) as http:
        user = User(email="ann@example.com")
        with as_actor(app, user):
            refused = http.patch(f"/api/users/{user.id}", {"email": "x@example.com"}, headers=HERE)
        found = text_of(why(http, refused).text)
        assert "Asked by user" in found and "--as ann@example.com" in found


HOSTILE = "/api/notes/<script>alert(1)</script>?filter=<img src=x onerror=alert(1)>'\"&x=</code>"


def test_hostile_request_is_text(http: Client) -> None:
    refused = http.get(quote(HOSTILE, safe="/?=&"), headers=HERE)
    raw = {**HERE, "if-match": '"<script>"'}
    http.request("DELETE", "/api/notes/%3Cb%3E%00%1b[31m", headers=raw)
    for page in (home(http), why(http, refused).text):
        assert not re.search(r"<script|<img|<b>|[\x00\x1b]", page)
        assert (
            "<script>alert(1)</script>" in text_of(page).replace("< ", "<") or "&lt;script" in page
        )


def test_memory_is_bounded(http: Client) -> None:
    first = http.get("/api/secrets", headers=HERE)
    for _ in range(MOST):
        http.get("/api/secrets", headers=HERE)
    assert home(http).count("/docs/why/") == MOST
    gone = why(http, first)
    assert gone.status == 404 and "No such call here" in gone.text


def test_body_too_long_to_keep_is_told(http: Client) -> None:
    refused = http.post("/api/notes", {"text": "x" * LONGEST}, headers=HERE)
    assert refused.status == 422
    page = text_of(why(http, refused).text)
    assert "422 body.invalid" in page and "--body @file.json" in page


def test_path_that_is_no_collection_is_told_without_an_explanation(http: Client) -> None:
    refused = http.get("/api/nites", headers=HERE)
    text = text_of(home(http))
    assert "GET /api/nites 404 route.not_found" in text
    assert "stanchion explain" not in text
    assert "notes" in text_of(why(http, refused).text)


def test_slow_call_is_kept_and_refusals_do_not_push_it_out(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stanchion.http.overview.recorder.SLOW_MS", 0)
    slow = http.get("/api/notes?sort=-text", headers=HERE)
    for _ in range(MOST + 1):
        http.get("/api/secrets", headers=HERE)
    text = text_of(home(http))
    assert re.search(r"GET /api/notes\?sort=-text 200 slow: \d+ ms", text)
    page = text_of(why(http, slow).text)
    assert "Answered at" in page and "notes.text.index" in page


MADE = "the first request of this shape makes the plan"


def test_each_call_tells_whether_its_own_plan_was_kept(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stanchion.http.overview.recorder.SLOW_MS", 0)
    first, *_ = [http.get(f"/api/notes?filter=text == '{x}'", headers=HERE) for x in "ab"]
    http.get("/api/notes?filter=txt == 'c'", headers=HERE)
    refused, found, made = re.findall(r"Plan cache: (.*?) \d\d:", text_of(home(http)))
    assert made.startswith(MADE) and found == "hit: a request of the same shape was here before"
    assert refused == "not used: the answer was known before a plan was needed"
    assert f"Plan cache {made} Asked again now: {found}" in text_of(why(http, first).text)


def test_plans_are_noted_where_dev_serves_only() -> None:
    app = notebook()
    with client(app) as http:
        assert http.get("/api/notes", headers=HERE).status == 200
        assert type(plans_of(app)) is dict
        http.app = with_overview(app, TARGET)  # type: ignore[assignment]  # the server calls it too
        assert http.get("/api/notes", headers=HERE).status == 200
        assert type(plans_of(app)) is not dict


def plans_of(app: App) -> dict[object, Any]:
    assert app.runtime.opened is not None
    return app.runtime.opened.plans.by_shape


def test_a_plan_that_another_request_makes_is_not_noted(http: Client) -> None:
    app = http.app.app  # type: ignore[attr-defined]  # what the recorder is around
    records = app.runtime.opened

    async def ask(text: str, turn: asyncio.Barrier) -> str:
        with noting(records) as noted:
            await turn.wait()
            await records.read_list(ReadQuery("notes", filters=(text,)), ANONYMOUS)
            await turn.wait()
            return noted.said

    async def together() -> list[str]:
        turn = asyncio.Barrier(2)
        await ask("text == 'a'", asyncio.Barrier(1))
        return await asyncio.gather(ask("text == 'b'", turn), ask("text != 'b'", turn))

    kept, made = asyncio.run_coroutine_threadsafe(together(), http._loop).result(10)
    assert kept.startswith("hit") and made.startswith(MADE)


def test_quick_calls_are_not_kept(http: Client) -> None:
    http.get("/api/notes", headers=HERE)
    assert "/docs/why/" not in home(http)


def test_links_lead_below_a_root_path() -> None:
    with served(notebook()) as http:
        inner = http.app

        async def below(scope: Any, receive: Any, send: Any) -> None:
            await inner({**scope, "root_path": "/shop"}, receive, send)

        http.app = below  # type: ignore[assignment]  # as a server with --root-path calls it
        refused = http.get("/shop/api/secrets", headers=HERE)
        answer = http.get("/shop/", headers=HERE)
        for link in re.findall(r'href="(/[^"#]*)"', answer.text):
            assert link.startswith("/shop/"), link
        assert "GET /api/secrets 401" in text_of(answer.text)
        page = http.get(f"/shop/docs/why/{refused.headers['x-request-id']}", headers=HERE)
        assert "secrets.read can never be true" in text_of(page.text)


def test_credentials_are_on_no_page(http: Client) -> None:
    sent = {**HERE, "authorization": "Bearer hunter2", "cookie": "session=hunter3"}
    refused = http.get("/api/secrets", headers=sent)
    assert refused.status == 401
    for page in (home(http), why(http, refused).text):
        assert "hunter2" not in page and "hunter3" not in page
