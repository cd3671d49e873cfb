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

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def order(self, lines: list[dict[str, Any]], total: int) -> Any:
        body = json.dumps({"id": str(uuid4()), "lines": lines, "total": total}).encode()
        request = urllib.request.Request(
            f"{self.url}/checkout", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

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
            yield Shop(url)
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 30
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
    """A browser of one customer. It ends with: nothing on the console, nobody else asked."""
    own = browser.new_context(base_url=shop.url, viewport={"width": 1280, "height": 800})
    own.set_default_timeout(8_000)
    watch.follow(own)
    yield own
    own.close()
    assert watch.complaints == []
    assert watch.outside == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
