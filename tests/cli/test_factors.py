"""Second factors and passkeys under `serve`, which needs a key and a site, and under `dev`, which
needs neither."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .processes import Running, run

APP = """
from stanchion import App, SignIn, UserRecord

app = App("Shop")

@app.collection("users")
class User(UserRecord):
    sign_in = SignIn(register="open", totp=True, passkeys=True)
"""
KEY, SITE = "0123456789-abcdefghijklmnop-canary", "https://shop.example"
PERSON = {"email": "ann@example.com", "password": "zebra fox lamp", "as": "token"}


def post(server: Running, path: str, body: Any = None, token: str = "") -> Any:
    """What is answered; a machine that is busy turns some requests away."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{server.url}/api/auth/{path}", json.dumps(body).encode() if body else b"", headers
    )
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                assert error.code == 503, error.read()
            time.sleep(0.2)
    raise AssertionError("it turned a hundred requests away")


@pytest.mark.parametrize(
    ("missing", "settings"),
    [
        ("STANCHION_SECRET_KEY", {"STANCHION_PUBLIC_URL": SITE}),
        ("STANCHION_PUBLIC_URL", {"STANCHION_SECRET_KEY": KEY}),
    ],
)
def test_serve_says_what_is_missing(tmp_path: Path, missing: str, settings: dict[str, str]) -> None:
    (tmp_path / "app.py").write_text(APP)
    told = run("serve", "--port", "0", cwd=tmp_path, **settings)
    assert told.returncode == 1
    assert told.stderr.startswith(f"error[setting.invalid]: {missing}: it is not set")
    assert "hint: " in told.stderr and KEY not in told.stderr


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("dev", {}),
        ("serve", {"STANCHION_PUBLIC_URL": SITE, "STANCHION_SECRET_KEY": KEY}),
    ],
)
def test_an_authenticator_is_set_up(
    start: Callable[..., Running], folder: Path, command: str, settings: dict[str, str]
) -> None:
    (folder / "app.py").write_text(APP)
    server = start(command, **settings).ready()
    made = post(server, "register", PERSON)
    assert len(post(server, "totp", token=made["token"])["secret"]) == 32
    site = "shop.example" if settings else "localhost"
    assert post(server, "login/passkey/options")["options"]["rpId"] == site
    assert server.stop() == 0
    assert KEY not in server.out + server.err
