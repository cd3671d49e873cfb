"""Probes and pages: health tells of the process, readiness of the database, docs work offline."""

from __future__ import annotations

import asyncio
import gzip
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from starlette.routing import Mount, Route

from stanchion import App, Module, Record, Rules, Settings, public
from stanchion.engines import Ask
from stanchion.http.pages import assets
from stanchion.problems import CATALOGUE, FAMILIES, example_of
from stanchion.testing import Client, Response, client

CHROMIUM = shutil.which("chromium")


class Pizza(Record):
    name: str
    rules = Rules(read=public, write=public)


def pizzeria(title: str = "Pizzeria", **options: Any) -> App:
    app = App(title, **options)
    app.collection("pizzas")(Pizza)
    return app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(pizzeria("Pizza & <Pasta>")) as running:
        yield running


def ask(
    app: Any, path: str, method: str = "GET", root: str = "", headers: dict[str, str] | None = None
) -> Response:
    """One request to an app that nobody started."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": root + path, "raw_path": (root + path).encode(),
        "query_string": b"", "root_path": root, "client": None, "server": ("test", 80), "state": {},
        "headers": [(b"host", b"test")] + [
            (k.lower().encode(), v.encode()) for k, v in (headers or {}).items()
        ],
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    start, *rest = sent
    named = {k.decode().lower(): v.decode() for k, v in start["headers"]}
    return Response(start["status"], named, b"".join(m.get("body", b"") for m in rest))


# probes


@pytest.fixture
def homeless() -> App:
    """An app whose database can be nowhere."""
    return pizzeria(settings=Settings(database_url="sqlite:////dev/null/stanchion.db"))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_never_touches_the_database(homeless: App, method: str) -> None:
    answer = ask(homeless, "/health", method)
    assert answer.status == 200
    assert answer.body == (b"" if method == "HEAD" else b'{"status":"ok"}')
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ready_is_503_while_the_database_cannot_be_used(homeless: App, method: str) -> None:
    answer = ask(homeless, "/ready", method)
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    if method == "GET":
        problem = answer.json()
        assert problem["code"] == "server.not_ready"
        assert "/dev/null" not in answer.text


def test_ready_is_503_while_a_file_is_no_database(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database, however long one looks at it" * 100)
    app = pizzeria(settings=Settings(database_url=f"sqlite:////{str(broken)[1:]}"))
    assert ask(app, "/ready").status == 503
    assert ask(app, "/health").status == 200


def test_ready_is_503_while_the_schema_does_not_fit() -> None:
    app = pizzeria()
    with client(app) as http:
        assert http.get("/ready").json() == {"status": "ok"}
        before = http.run(set_fingerprint(app, "another"))
        answer = http.get("/ready")
        assert answer.status == 503 and answer.json()["code"] == "server.not_ready"
        http.run(set_fingerprint(app, before))
        assert http.request("HEAD", "/ready").status == 200


async def set_fingerprint(app: App, value: str) -> str:
    def steps() -> Any:
        rows = yield Ask("select fingerprint from _schema")
        yield Ask("update _schema set fingerprint=?1", (value,))
        return rows[0][0]

    records = await app.runtime.records()
    return str(await records.engine.write(steps))


def test_probes_and_pages_are_not_in_the_document() -> None:
    assert not [p for p in pizzeria().openapi()["paths"] if not p.startswith("/api/")]


def test_probe_takes_no_other_method(http: Client) -> None:
    refused = http.post("/health", {})
    assert refused.status == 405 and "GET" in refused.headers["allow"]


# who wins


def test_routes_of_the_app_win_where_they_name_the_path() -> None:
    app = pizzeria()

    @app.get("/docs", response_class=PlainTextResponse)
    async def docs() -> str:
        return "my docs"

    @app.get("/health", response_class=PlainTextResponse)
    async def health() -> str:
        return "my health"

    @app.get("/", response_class=PlainTextResponse)
    async def home() -> str:
        return "home"

    assert ask(app, "/docs").text == "my docs"
    assert ask(app, "/health").text == "my health"
    assert ask(app, "/").text == "home"
    assert "<h1>Errors</h1>" in ask(app, "/docs/errors").text
    assert ask(app, "/openapi.json").json()["info"]["title"] == "Pizzeria"


def test_routes_of_a_module_and_mounts_win_too() -> None:
    app = pizzeria()
    module = Module("own", prefix="/docs")

    @module.get("/errors", response_class=PlainTextResponse)
    async def errors() -> str:
        return "my errors"

    app.include(module)
    assert ask(app, "/docs/errors").text == "my errors"
    assert "viewer" in ask(app, "/docs").text
    mounted = pizzeria()
    mounted.mount("/docs", said("my whole docs"))
    assert ask(mounted, "/docs/errors").text == "my whole docs"
    assert ask(mounted, "/health").status == 200


@pytest.mark.parametrize("catch_all", [
    Mount("/", PlainTextResponse("front end")),
    Route("/{page}", lambda request: PlainTextResponse("front end")),
    Route("/{rest:path}", lambda request: PlainTextResponse("front end")),
])  # fmt: skip
def test_route_that_catches_everything_takes_neither_probes_nor_docs(catch_all: Any) -> None:
    app = pizzeria()
    app.router.routes.insert(0, catch_all)
    app.router.routes.append(catch_all)
    assert ask(app, "/elsewhere").text == "front end"
    late = pizzeria()
    late.router.routes.append(catch_all)
    assert ask(late, "/elsewhere").text == "front end"
    assert ask(late, "/health").json() == {"status": "ok"}
    assert "viewer" in ask(late, "/docs").text


def said(text: str) -> Any:
    return PlainTextResponse(text)


def test_pages_below_a_root_path_link_below_it() -> None:
    app = pizzeria()
    page = ask(app, "/docs", root="/shop")
    assert 'data-document="/shop/openapi.json"' in page.text
    for link in re.findall(r'(?:href|src)="(/[^"]+)"', page.text):
        assert link.startswith("/shop/"), link
        assert ask(app, link.removeprefix("/shop"), root="/shop").status == 200, link
    document = ask(app, "/openapi.json", root="/shop").json()
    assert document["servers"] == [{"url": "/shop"}]
    assert "servers" not in ask(app, "/openapi.json").json()


def test_mounted_app_serves_its_pages() -> None:
    outer = FastAPI()
    outer.mount("/inner", pizzeria())
    assert ask(outer, "/inner/health").json() == {"status": "ok"}
    assert 'data-document="/inner/openapi.json"' in ask(outer, "/inner/docs").text


# docs


def test_docs_page_has_no_inline_script_and_a_strict_policy(http: Client) -> None:
    page = http.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "<title>Pizza &amp; &lt;Pasta&gt; API</title>" in page.text
    assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == []
    assert 'href="/docs/errors"' in page.text
    assert "://" not in page.text


def test_assets_are_immutable_and_come_compressed(http: Client) -> None:
    links = re.findall(r'(?:href|src)="(/docs/assets/[^"]+)"', http.get("/docs").text)
    assert len(links) == 4
    for link in links:
        plain = http.get(link)
        assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert plain.headers["vary"] == "Accept-Encoding"
        packed = http.get(link, headers={"Accept-Encoding": "br, gzip;q=0.5"})
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert len(packed.body) < len(plain.body)
        refused = http.get(link, headers={"Accept-Encoding": "gzip;q=0, identity"})
        assert "content-encoding" not in refused.headers


def test_asset_of_another_version_is_not_there(http: Client) -> None:
    for path in ("000000000000/docs.js", f"{assets.mark_of('docs.js')}/../pages.css", "x/y.js"):
        assert http.get(f"/docs/assets/{path}").status == 404


def test_viewer_is_whole_and_has_its_licence() -> None:
    folder = assets.HTTP / "vendor" / assets.VIEWER
    assert (folder / "LICENSE").read_text("utf-8").lstrip().startswith("Apache License")
    assert (folder / "NOTICE").is_file()
    version = assets.VIEWER.rpartition("-")[2]
    assert f'"version": "{version}"' in (folder / "package.json").read_text("utf-8")
    assert all(path.is_file() for path in assets.FILES.values())


@pytest.mark.parametrize(
    ("options", "viewers"),
    [
        ({}, ["/docs"]), ({"docs_url": None}, []), ({"docs_url": "/reference"}, ["/reference"]),
        ({"redoc_url": None}, ["/docs"]), ({"redoc_url": "/redoc"}, ["/docs", "/redoc"]),
        ({"docs_url": None, "redoc_url": "/redoc"}, ["/redoc"]),
        ({"openapi_url": None, "docs_url": "/docs"}, []),
    ],
)  # fmt: skip
def test_docs_are_where_fastapis_own_arguments_put_them(
    options: dict[str, Any], viewers: list[str]
) -> None:
    app = pizzeria(**options)
    paths = ("/docs", "/redoc", "/reference")
    assert [path for path in paths if ask(app, path).status == 200] == viewers
    for path in viewers:
        assert "viewer" in ask(app, path).text and "://" not in ask(app, path).text
    links = re.findall(r'<a href="([^"]*)"[^>]*>API</a>', ask(app, "/docs/errors").text)
    assert links == viewers[:1]


# errors


def test_index_names_every_code_by_family(http: Client) -> None:
    page = http.get("/docs/errors").text
    assert "<script" not in page
    for family in FAMILIES:
        assert f'<h2 id="{family.name}">' in page
    for code in CATALOGUE:
        assert f'href="/docs/errors/{code}"' in page


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_has_a_page(http: Client, code: str) -> None:
    page = http.get(f"/docs/errors/{code}")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src" not in page.headers["content-security-policy"]
    for text in ("What it means", "What to do", f"<code>{code}</code>"):
        assert text in page.text


@pytest.mark.parametrize("accept", [
    "application/problem+json", "application/json", "text/html;q=0.5, application/json",
])  # fmt: skip
def test_programs_get_the_entry_as_json(http: Client, accept: str) -> None:
    found = http.get("/docs/errors/query.cursor", headers={"Accept": accept})
    assert found.headers["content-type"] == "application/json"
    assert found.headers["vary"] == "Accept"
    assert found.json()["example"] == example_of(CATALOGUE["query.cursor"])
    listed = http.get("/docs/errors", headers={"Accept": accept}).json()["items"]
    assert [item["code"] for item in listed] == list(CATALOGUE)


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", ""])
def test_browsers_get_html(http: Client, accept: str) -> None:
    found = http.get("/docs/errors/query.cursor", headers={"Accept": accept})
    assert found.headers["content-type"] == "text/html; charset=utf-8"


def test_unknown_code_is_404_and_is_escaped(http: Client) -> None:
    page = http.get("/docs/errors/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert page.status == 404
    page = http.get("/docs/errors/<b>price_changed")
    assert page.status == 404 and "<b>" not in page.text and "&lt;b&gt;" in page.text
    wanted = {"Accept": "application/json"}
    problem = http.get("/docs/errors/query.cursr", headers=wanted)
    assert problem.status == 404
    assert problem.headers["content-type"] == "application/problem+json"
    assert "query.cursor" in problem.json()["hint"]


def test_type_of_a_real_problem_leads_to_its_page(http: Client) -> None:
    problem = http.get("/api/pizzas?sort=nmae").json()
    assert http.get(problem["type"]).status == 200


# in a browser


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_docs_work_offline_and_a_call_can_be_tried(http: Client, scheme: Any) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    outside: list[str] = []
    said: list[str] = []

    def serve(route: Any) -> None:
        request = route.request
        if not request.url.startswith("http://docs.test/"):
            outside.append(request.url)
            route.abort()
            return
        answer = http.request(
            request.method,
            request.url.removeprefix("http://docs.test"),
            headers={k: v for k, v in request.headers.items() if k in ("accept", "content-type")},
            content=request.post_data_buffer,
        )
        route.fulfill(status=answer.status, headers=dict(answer.headers), body=answer.body)

    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(color_scheme=scheme)
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.route("**/*", serve)
        page.goto("http://docs.test/docs")
        call = page.locator("#operations-pizzas-create_pizzas")
        call.locator(".opblock-summary-control").first.click()
        call.locator(".try-out__btn").click()
        call.locator(".execute").click()
        answer = call.locator(".live-responses-table tbody .response-col_description")
        answer.first.wait_for()
        shown = answer.first.inner_text()
        dark = page.evaluate("document.documentElement.classList.contains('dark-mode')")
        page.get_by_role("link", name="Errors").click()
        page.get_by_role("link", name="record.conflict").click()
        page.get_by_role("heading", name="What is stored forbids it").wait_for()
        browser.close()
    assert outside == [] and said == []
    assert dark is (scheme == "dark")
    assert '"name": "Name"' in shown
    assert http.get('/api/pizzas?filter=name == "Name"').json()["items"]
