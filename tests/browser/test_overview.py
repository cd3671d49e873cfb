"""The page of `dev` at `/`, in a real browser: it is styled, it needs no script, and the keyboard
and a small screen reach all of it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from playwright.sync_api import expect

from .conftest import Watch, wait_until_ready

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

APP = '''\
from stanchion import App, Record, Ref, Rules, UserRecord, owner, public

app = App("Books & <Letters>")


@app.collection("users")
class User(UserRecord):
    rules = Rules(read=owner("id"))


@app.collection("books")
class Book(Record):
    """What is on the <shelves>."""

    title: str
    rules = Rules(read=public)


@app.collection("orders")
class Order(Record):
    customer: Ref[User]
    rules = Rules(read=owner("customer"), update="record.customer == auth.id && 'x' == 'x'")


@app.get("/a/route/with/a/name/that/is/long/enough/to/leave/the/edge/of/a/small/screen/far/behind")
async def far() -> int:
    return 1
'''


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as `stanchion dev` serves it, after some refused calls."""
    folder = tmp_path_factory.mktemp("books")
    (folder / "app.py").write_text(APP)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "dev.log"
    env = {k: v for k, v in os.environ.items() if not k.startswith("STANCHION_")}
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "stanchion", "dev", "--port", str(port)],
            cwd=folder, env=env, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            served = f"http://127.0.0.1:{port}"
            wait_until_ready(served, server, log)
            for path in ("orders?sort=-created", f"books?filter={'a' * 300}==1", "books/%3Cb%3E"):
                with pytest.raises(urllib.error.HTTPError):
                    urllib.request.urlopen(f"{served}/api/{path}", timeout=10)
            yield served
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_overview_leads_to_the_reasons_of_a_refusal(
    browser: Browser, url: str, width: int, scheme: str
) -> None:
    watch = Watch(url)
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(8_000)
    watch.follow(context)
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("heading", level=1, name="Books & <Letters>")).to_be_visible()
    expect(page.get_by_role("article", name="books")).to_contain_text("open to everyone")
    expect(page.get_by_text("Plan cache: the first request of this shape makes")).to_be_visible()
    expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    no_sideways_scrolling(page)
    readable(page)
    page.get_by_role("link", name=re.compile("^Why GET .api.orders")).click()
    expect(page.get_by_role("heading", name="orders.read can never be true")).to_be_visible()
    expect(page.get_by_text("nobody is signed in").first).to_be_visible()
    no_sideways_scrolling(page)
    readable(page)
    context.close()
    assert (watch.complaints, watch.refusals, watch.outside) == ([], [], [])


def test_keyboard_reaches_the_text_and_every_link(browser: Browser, url: str) -> None:
    page = browser.new_page(base_url=url)
    page.goto("/")
    reached = []
    for _ in range(page.locator("a[href]").count()):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('href')"))
    assert reached[0] == "#main"
    assert [link for link in reached if link] == page.locator("a[href]").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    page.close()


def no_sideways_scrolling(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


CONTRASTS = """() => {
  const parts = (text) => (text.match(/[0-9.]+/g) || []).map(Number);
  const shine = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const rgb = parts(getComputedStyle(at).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own) continue;
    const pair = [shine(parts(getComputedStyle(element).color)), shine(behind(element))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) poor.push([element.textContent.trim().slice(0, 40), ratio]);
  }
  return poor;
}"""


def readable(page: Page) -> None:
    """Every text stands out from what is behind it, as WCAG 2.2 AA asks."""
    assert page.evaluate(CONTRASTS) == []


def test_poor_contrast_would_be_seen(browser: Browser, url: str) -> None:
    page = browser.new_page(base_url=url, bypass_csp=True)
    page.goto("/")
    page.evaluate("document.querySelector('h1').style.color = '#ccc'")
    assert [text for text, _ in page.evaluate(CONTRASTS)] == ["Books & <Letters>"]
    page.close()


def test_policy_lets_no_script_run(url: str) -> None:
    with urllib.request.urlopen(url + "/", timeout=10) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = answer.read().decode()
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "<script" not in text and "<Letters>" not in text and "style=" not in text
