"""The pages of sign-in in Chromium, which runs no script for them: from a stranger to an account,
out and in again, and a new password, by keyboard; each page on a large and a small screen."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

from playwright.sync_api import expect

from .conftest import PASSWORD, PATIENCE_MS, Watch, wait_until_ready
from .test_overview import no_sideways_scrolling, readable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

APP = """\
from stanchion import App, Field, Record, Ref, Rules, SignIn, UserRecord, owner, public

app = App("Garden & Co")


@app.collection("users")
class User(UserRecord):
    name: str = Field(max_length=50)
    sign_in = SignIn(register="verified", codes_by_mail=True, totp=True, keys=True)
    rules = Rules(read=owner("id"), update=owner("id"))


@app.collection("plants")
class Plant(Record):
    gardener: Ref[User] = Field(on_delete="cascade")
    name: str
    rules = Rules(read=public, write=owner("gardener"))
"""
ANN = "ann@example.com"
BETTER = "seven quiet harbours"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as `stanchion dev` serves it, which keeps its mails at `/_mail`."""
    folder = tmp_path_factory.mktemp("garden")
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
            yield served
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page in a browser that runs no script."""
    watch = Watch(url)
    context = browser.new_context(
        base_url=url, viewport={"width": 1280, "height": 800}, java_script_enabled=False
    )
    context.set_default_timeout(PATIENCE_MS)
    watch.follow(context)
    yield context.new_page()
    context.close()
    assert (watch.complaints, watch.outside) == ([], [])


FAULTS = """() => {
  const faults = [], all = (what) => [...document.querySelectorAll(what)];
  const say = (what, element) => faults.push(what + ": " + element.outerHTML.slice(0, 80));
  if (!document.documentElement.lang || !document.title) faults.push("no language or no title");
  if (all("h1").length !== 1 || all("main").length !== 1) faults.push("not one h1 and one main");
  let level = 1;
  for (const heading of all("h1, h2, h3")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) say("a level is left out", heading);
    level = own;
  }
  for (const field of all("input:not([type=hidden], [hidden])")) {
    if (field.labels.length !== 1 || !field.labels[0].textContent.trim()) say("no label", field);
    for (const id of (field.getAttribute("aria-describedby") || "").split(" ").filter(Boolean))
      if (!document.getElementById(id)) say("described by nothing", field);
    if (field.getBoundingClientRect().height < 24) say("too small", field);
  }
  for (const one of all("a[href], button")) {
    if (!one.textContent.trim()) say("no name", one);
    const inText = one.closest("p, li") && !one.matches(".button, button");
    if (!inText && one.getBoundingClientRect().height < 24) say("too small", one);
  }
  for (const link of all("a[href^='#']"))
    if (!document.getElementById(link.hash.slice(1))) say("leads nowhere", link);
  const ids = all("[id]").map((one) => one.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1)
    faults.push("twice: " + id);
  return faults;
}"""


def look(page: Page, name: str) -> None:
    """What every page keeps, on either screen; a picture of it where pictures are asked for."""
    for width in (375, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(FAULTS) == [], name
        page.emulate_media(color_scheme="dark")
        readable(page)
        page.emulate_media(color_scheme="light")
        readable(page)
        no_sideways_scrolling(page)
        if folder := os.environ.get("PICTURES_IN"):
            page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)


def follow_mail(page: Page, subject: str) -> None:
    """Open the newest mail of this subject, once it is there, and go where its link leads."""
    mails, give_up = page.get_by_role("link", name=subject), time.monotonic() + PATIENCE_MS / 1000
    page.goto("/_mail")
    while mails.count() == 0 and time.monotonic() < give_up:
        page.goto("/_mail")
    mails.first.press("Enter")
    page.locator("pre a").first.press("Enter")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until a link or button is reached; what is reached is seen to be."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            style = "getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(style) != "none", name
            return
    pytest.fail(f"the keyboard does not reach {name!r}")


def go_to(page: Page, name: str) -> None:
    """Follow a link, or press a button, by keyboard."""
    tab_to(page, name)
    page.keyboard.press("Enter")


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("E-mail address").fill(ANN)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_a_stranger_registers_signs_in_and_forgets_the_password(page: Page) -> None:
    page.goto("/auth/sign-in?next=/auth/account")
    look(page, "sign-in")
    go_to(page, "Make an account")
    heading(page, "Make an account")
    look(page, "register")
    page.get_by_label("E-mail address").fill(ANN)
    page.get_by_label("Name").fill("Ann" * 20)
    page.keyboard.press("Enter")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    look(page, "register-mistake")
    go_to(page, "Name")
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_accessible_description(re.compile("50 or fewer"))
    page.get_by_label("Name").fill("Ann")
    page.keyboard.press("Enter")
    heading(page, "Look into your mail")
    expect(page.get_by_role("status")).to_contain_text(ANN)
    look(page, "register-mailed")
    follow_mail(page, "Confirm your address")
    heading(page, "Confirm your address")
    link = page.url
    look(page, "verify")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Your address is confirmed.")
    look(page, "verify-done")
    page.goto(link)
    expect(page.get_by_role("alert")).to_contain_text("good no longer")
    look(page, "verify-ended")
    page.goto("/auth/account")
    expect(page.get_by_text(f"You are signed in as {ANN}")).to_be_visible()
    look(page, "account")
    go_to(page, "Sign out")
    heading(page, "Sign in")

    sign_in(page, "another password")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("E-mail address")).to_have_value(ANN)
    look(page, "sign-in-mistake")
    sign_in(page, PASSWORD)
    heading(page, "Your account")  # the app has no page at `/`
    page.goto("/auth/account")
    go_to(page, "Sign out")
    heading(page, "Sign in")

    go_to(page, "Forgotten your password?")
    heading(page, "Forgotten password")
    look(page, "forgot")
    page.get_by_label("E-mail address").fill(ANN)
    page.keyboard.press("Enter")
    heading(page, "Look into your mail")
    look(page, "forgot-mailed")
    follow_mail(page, "A new password")
    heading(page, "A new password")
    look(page, "reset")
    page.get_by_label("Password").fill("password1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    look(page, "reset-mistake")
    page.get_by_label("Password").fill(BETTER)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Your new password is set.")
    look(page, "reset-done")
    go_to(page, "Sign in")
    sign_in(page, BETTER)
    heading(page, "Your account")
    page.goto("/auth/account")
    expect(page.get_by_text(f"You are signed in as {ANN}")).to_be_visible()

    page.get_by_label("What it is for").fill("watering")
    page.get_by_label("What it opens").fill("plant:read")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("plants:read")
    look(page, "account-mistake")
    expect(page.get_by_label("What it is for")).to_have_value("watering")
    page.get_by_label("What it opens").fill("plants:read")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("watering: stk_")
    look(page, "account-key")
    page.get_by_role("button", name="Set one up").press("Enter")
    expect(page.get_by_role("heading", name="Your authenticator")).to_be_visible()
    look(page, "authenticator")
    page.get_by_label("The code that it shows").fill("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
    expect(page.get_by_label("The code that it shows")).to_be_visible()
    look(page, "authenticator-mistake")
    go_to(page, "Sign out")
    heading(page, "Sign in")

    go_to(page, "Sign in by mail, without a password")
    heading(page, "Sign in by mail")
    look(page, "code")
    page.get_by_label("E-mail address").fill(ANN)
    page.keyboard.press("Enter")
    heading(page, "Type the code")
    look(page, "code-asked")
    page.get_by_label("Code").fill("12345")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("another one")
    look(page, "code-mistake")
    follow_mail(page, "Your code")
    heading(page, "Sign in")
    look(page, "link")
    go_to(page, "Sign in")
    expect(page.get_by_role("status")).to_have_text("You are signed in.")


def test_what_is_wrong_with_a_page_would_be_seen(browser: Browser, url: str) -> None:
    page = browser.new_page(base_url=url, bypass_csp=True)
    page.goto("/auth/sign-in")
    page.evaluate(
        """document.querySelector("label").remove();
        document.querySelector("h1").outerHTML = "<h3 id='password'>Sign in</h3>";"""
    )
    found = "\n".join(page.evaluate(FAULTS))
    for fault in ("not one h1", "a level is left out", "no label", "twice: password"):
        assert fault in found
    page.close()
