"""The shop of the golden cases, asked over ASGI; every answer is held to what all answers share."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from tests.conformance.answers import note

SHOP = Path(__file__).parents[1] / "golden" / "reading" / "shop.py"


def load_shop() -> ModuleType:
    """The module with the shop and its rows."""
    spec = importlib.util.spec_from_file_location("api_shop", SHOP)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])

    @property
    def hint(self) -> str:
        return str(self.json.get("hint", ""))

    def column(self, name: str) -> list[Any]:
        """One field of every item; a hidden one is `...`."""
        return [item.get(name, ...) for item in self.json["items"]]


class Api:
    """An app, a loop of its own, and short ways to ask."""

    def __init__(self, app: Any, callers: Mapping[str, Any]) -> None:
        self.app = app
        self.callers = callers
        self.runner = asyncio.Runner()
        self.records: Any = self.runner.run(app.runtime.records())

    def close(self) -> None:
        self.runner.run(self.app.runtime.close())
        self.runner.close()

    def get(self, path: str, caller: str = "anonymous", **query: Any) -> Answer:
        """GET with parameters that are encoded here; a list repeats its parameter."""
        parts = [
            f"{name}={quote(str(value))}"
            for name, values in query.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        return self.ask("GET", path + ("?" + "&".join(parts) if parts else ""), caller)

    def send(
        self, method: str, path: str, body: Any, caller: str = "system", **headers: str
    ) -> Answer:
        """A request with a JSON body."""
        given = {"content_type": "application/json", **headers}
        pairs = [(name.replace("_", "-"), value) for name, value in given.items()]
        return self.ask(method, path, caller, pairs, json.dumps(body).encode())

    def ask(
        self,
        method: str,
        target: str | bytes,
        caller: str = "anonymous",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer:
        """A request as it is written; the parts of the URL are not touched."""
        raw = target if isinstance(target, bytes) else target.encode()
        path, _, query = raw.partition(b"?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path.decode("latin-1"), "raw_path": path,
            "query_string": query, "root_path": "", "client": ("127.0.0.1", 1), "server": None,
            "headers": [(b"host", b"shop.example")]
            + [(name.encode(), value.encode()) for name, value in headers],
        }  # fmt: skip
        return self.runner.run(self._ask(scope, caller, body))

    async def _ask(self, scope: dict[str, Any], caller: str, body: bytes) -> Answer:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        self.app.runtime.test_actor = self.callers[caller]
        try:
            await self.app(scope, receive, send)
        finally:
            self.app.runtime.test_actor = None
        answer = checked(scope["method"], sent)
        asked = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}"
        note(f"{asked} as {caller}", answer.status, answer.headers, answer.body)
        return answer

    def rows(self) -> list[Any]:
        """How many rows every table holds, the change log included."""
        engine, tables = self.records.engine, [*self.records.schema.collection, "_changes"]
        text = "select " + ",".join(f'(select count(*) from "{table}")' for table in tables)
        return self.runner.run(engine.fetch(text, ()))  # type: ignore[no-any-return]  # rows


def checked(method: str, sent: list[Any]) -> Answer:
    """The answer, after what holds for every answer of ours."""
    start, *rest = sent
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    answer = Answer(start["status"], headers, b"".join(m.get("body", b"") for m in rest))
    assert len(headers) == len(start["headers"]), "no header stands twice"
    assert headers["x-request-id"].startswith("r_")
    if method == "HEAD" or answer.status in (204, 304):
        assert answer.body == b""
    else:
        assert int(headers["content-length"]) == len(answer.body)
    if answer.status >= 400:
        assert headers["content-type"] == "application/problem+json"
    if answer.status >= 400 and method != "HEAD":
        told = answer.json
        assert list(told)[:5] == ["type", "title", "status", "code", "detail"]
        assert told["status"] == answer.status
        assert told["type"] == f"/docs/errors/{told['code']}"
        words = answer.body.decode().lower()
        assert "sqlite" not in words and "postgres" not in words, "an engine's words reach nobody"
    return answer


@pytest.fixture(scope="module")
def shop() -> ModuleType:
    return load_shop()


@pytest.fixture(scope="module")
def api(shop: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    app = shop.make_app(tmp_path_factory.mktemp("api") / "shop.db")
    api = Api(app, shop.callers(app))
    yield api
    api.close()


@pytest.fixture
def fresh(shop: ModuleType, tmp_path: Path) -> Iterator[Api]:
    """A shop of one's own."""
    app = shop.make_app(tmp_path / "shop.db")
    api = Api(app, shop.callers(app))
    yield api
    api.close()
