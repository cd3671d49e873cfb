"""A pizzeria on its own database, and a browser that watches what the page does.

Skips by name where Playwright or the system's Chromium is missing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "examples" / "pizzeria" / "app.py"
PASSWORD = "zebra fox lamp"
PATIENCE_MS = 20_000  # what is right is there at once, where the machine has nothing else to do
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


@dataclass(frozen=True, slots=True)
class Shop:
    """The running pizzeria, and what a test may ask it beside the page."""

    url: str
    token: str = ""  # of the customer whose browser `context` is

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        token = self.token if token is None else token
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, sent, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def order(self, lines: list[dict[str, Any]], total: int) -> Any:
        return self.ask("POST", "/checkout", {"id": str(uuid4()), "lines": lines, "total": total})

    def register(self, name: str) -> str:
        """A new customer; the token of their session."""
        new = {"email": f"{name}@example.com", "password": PASSWORD, "name": name.title()}
        made = self.ask("POST", "/api/auth/register", {**new, "as": "token"}, token="")
        return str(made["token"])

    def browser_of(self, token: str) -> Any:
        """What a browser keeps of somebody who is signed in: the cookie, and that there is one."""
        cookie = {"name": "__Host-session", "value": token, "domain": "127.0.0.1", "path": "/"}
        more = {"expires": -1, "httpOnly": True, "secure": True, "sameSite": "Lax"}
        kept = [{"name": "pizzeria.signed-in", "value": "yes"}]
        return {
            "cookies": [{**cookie, **more}],
            "origins": [{"origin": self.url, "localStorage": kept}],
        }

    def count_orders(self) -> int:
        (item,) = self.get("/api/orders/_aggregate?count=true")["items"]
        count: int = item["count"]
        return count

    def find_size(self, pizza: str, size: str) -> Any:
        menu = self.get("/api/pizzas?expand=sizes&limit=50")["items"]
        sizes = next(entry["sizes"]["items"] for entry in menu if entry["name"] == pizza)
        return next(entry for entry in sizes if entry["size"] == size)

    def sell_out(self, pizza: str, size: str) -> None:
        """Order until nothing is left, as other customers would."""
        found = self.find_size(pizza, size)
        left = found["stock"]
        while left:
            quantity = min(left, 50)
            line = {"size": found["id"], "quantity": quantity}
            self.order([line], found["price"] * quantity)
            left -= quantity


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("pizzeria")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "stanchion", "serve", str(APP), "--port", str(port)],
            env={**os.environ, "STANCHION_DATABASE_URL": f"sqlite:///{folder}/shop.db"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, server, log)
            yield Shop(url, Shop(url).register("ann"))
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 90  # on a machine that is busy with something else
    while time.monotonic() < give_up and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    pytest.fail(f"the pizzeria did not get ready:\n{log.read_text('utf-8', 'replace')[-3000:]}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("the system has no Chromium")
    with api.sync_playwright() as playwright:
        api.expect.set_options(timeout=PATIENCE_MS)
        running = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield running
        running.close()


@dataclass  # without slots: Playwright keeps a note on the object whose method it calls
class Watch:
    """What a page must never do: complain, fail, or ask anybody but its own server.

    Chromium writes a console line for each answer that is no 2xx and each lost connection; such
    lines are kept apart, because a test that asks for a refusal gets one.
    """

    url: str
    complaints: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        context.on("console", self.note_line)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", self.note_request)

    def note_line(self, line: ConsoleMessage) -> None:
        if line.text.startswith("Clear-Site-Data header on "):
            return  # what signing out asks of the browser, and it did
        refused = re.match(r"Failed to load resource: (the server responded|net::)", line.text)
        (self.refusals if refused else self.complaints).append(line.text)

    def note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.outside.append(request.url)


@pytest.fixture
def watch(shop: Shop) -> Watch:
    return Watch(shop.url)


@pytest.fixture
def context(browser: Browser, shop: Shop, watch: Watch) -> Iterator[BrowserContext]:
    """A browser of one customer, who is signed in. It ends with: nothing on the console, nobody
    else asked."""
    yield from browse(browser, shop, watch, shop.browser_of(shop.token))


@pytest.fixture
def stranger(browser: Browser, shop: Shop, watch: Watch) -> Iterator[Page]:
    """A page in a browser of somebody who is not signed in; it ends as `context` does."""
    for context in browse(browser, shop, watch, None):
        yield context.new_page()


def browse(browser: Browser, shop: Shop, watch: Watch, kept: Any) -> Iterator[BrowserContext]:
    own = browser.new_context(
        base_url=shop.url, viewport={"width": 1280, "height": 800}, storage_state=kept
    )
    own.set_default_timeout(PATIENCE_MS)
    watch.follow(own)
    yield own
    own.close()
    assert watch.complaints == [], watch.refusals
    assert watch.outside == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
