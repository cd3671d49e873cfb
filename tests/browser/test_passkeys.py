"""Passkeys in Chromium, with its virtual authenticator: another implementation of both sides than
that of tests/api/test_passkeys.py. Nothing is shown: the page is empty, and a script asks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import wait_until_ready

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GOOD = "zebra fox lamp"
APP = """
from fastapi.responses import HTMLResponse
from stanchion import App, Rules, SignIn, UserRecord

app = App("Shop")

@app.collection("users")
class User(UserRecord):
    sign_in = SignIn(register="open", passkeys=True)
    rules = Rules(read="record.id == auth.id")

@app.get("/page")
async def page() -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>Shop</title>")
"""
SEND = """
async function send(method, path, body) {
  const answer = await fetch("/api/auth/" + path, {
    method, headers: {"Content-Type": "application/json"},
    body: body == null ? undefined : JSON.stringify(body),
  });
  return {status: answer.status, body: answer.status === 204 ? null : await answer.json()};
}
"""
MAKE = (
    "async () => {"
    + SEND
    + """
  const asked = (await send("POST", "passkeys/options")).body;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked.options);
  const made = await navigator.credentials.create({publicKey});
  return send("POST", "passkeys", {ticket: asked.ticket, name: "Phone", credential: made.toJSON()});
}"""
)
ENTER = (
    "async () => {"
    + SEND
    + """
  const asked = (await send("POST", "login/passkey/options")).body;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.options);
  const found = await navigator.credentials.get({publicKey});
  return send("POST", "login/passkey", {ticket: asked.ticket, credential: found.toJSON()});
}"""
)
CALL = "async ([method, path, body]) => {" + SEND + "return send(method, path, body); }"


def start(folder: Path, port: int, public_url: str) -> Iterator[str]:
    log = folder / f"{port}.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "stanchion", "serve", str(folder / "app.py"),
             "--port", str(port)],
            env={**os.environ, "STANCHION_DATABASE_URL": f"sqlite:///{folder}/shop.db",
                 "STANCHION_PUBLIC_URL": public_url},
            stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", server, log)
            yield f"http://localhost:{port}"
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("passkeys")
    (folder / "app.py").write_text(APP)
    port = free_port()
    yield from start(folder, port, f"http://localhost:{port}")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same app at an address that is not the one of its settings."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "app.py").write_text(APP)
    port = free_port()
    yield from start(folder, port, "http://localhost:1")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser with a device that unlocks itself. Each has a device of its own."""
    context = browser.new_context()
    made = context.new_page()
    made.set_default_timeout(30_000)
    yield made
    context.close()


def give_device(page: Page, **more: Any) -> Any:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True, **more,
    }  # fmt: skip
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, made["authenticatorId"]


def call(page: Page, method: str, path: str, body: Any = None) -> Any:
    return page.evaluate(CALL, [method, path, body])


def come_in(page: Page, site: str, email: str) -> Any:
    page.goto(f"{site}/page")
    device = give_device(page)
    body = {"email": email, "password": GOOD}
    assert call(page, "POST", "register", body)["status"] == 201
    return device


def test_a_browser_makes_a_passkey_and_signs_in_with_it(page: Page, site: str) -> None:
    session, device = come_in(page, site, "ann@example.com")
    made = page.evaluate(MAKE)
    assert (made["status"], made["body"]["name"]) == (201, "Phone")
    (kept,) = session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert kept["isResidentCredential"] and kept["rpId"] == "localhost"
    assert call(page, "POST", "logout")["status"] == 204
    assert call(page, "GET", "me")["status"] == 401
    for _ in range(2):
        entered = page.evaluate(ENTER)
        assert (entered["status"], entered["body"]["user"]["email"]) == (200, "ann@example.com")
    assert call(page, "GET", "me")["status"] == 200, "the cookie is there"
    listed = call(page, "GET", "sessions")["body"]["items"]
    assert listed[0]["method"] == "passkey"


def test_a_device_makes_one_passkey_for_an_account(page: Page, site: str) -> None:
    come_in(page, site, "bob@example.com")
    assert page.evaluate(MAKE)["status"] == 201
    with pytest.raises(Exception, match=r"InvalidStateError|excluded|already"):
        page.evaluate(MAKE)


def test_a_device_that_nobody_unlocked_makes_nothing(page: Page, site: str) -> None:
    session, device = come_in(page, site, "cleo@example.com")
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    with pytest.raises(Exception, match="NotAllowedError"):
        page.evaluate(MAKE)


def test_a_count_that_went_back_is_refused(page: Page, site: str) -> None:
    """As that of a copy of the device does."""
    session, device = come_in(page, site, "dora@example.com")
    assert page.evaluate(MAKE)["status"] == 201
    for _ in range(3):
        assert page.evaluate(ENTER)["status"] == 200
    (kept,) = session.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert kept["signCount"] >= 3
    session.send("WebAuthn.removeCredential",
                 {"authenticatorId": device, "credentialId": kept["credentialId"]})  # fmt: skip
    session.send("WebAuthn.addCredential",
                 {"authenticatorId": device, "credential": {**kept, "signCount": 1}})  # fmt: skip
    refused = page.evaluate(ENTER)
    assert (refused["status"], refused["body"]["code"]) == (401, "auth.wrong_passkey")


def test_a_page_at_another_address_makes_no_passkey(page: Page, elsewhere: str) -> None:
    come_in(page, elsewhere, "ann@example.com")
    refused = page.evaluate(MAKE)
    assert (refused["status"], refused["body"]["code"]) == (422, "auth.unusable_passkey")
