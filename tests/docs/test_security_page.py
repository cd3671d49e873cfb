"""What the page on security tells of sign-in is what the code does."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from stanchion import App, Provider, Rules, Settings, SignIn, UserRecord
from stanchion.auth.passwords import judge_password
from stanchion.declare.sign_in import LIMITED
from stanchion.testing import client

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")
TIMES = ("idle_days", "session_days", "key_days", "most_key_days")


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def defaults(title: str) -> dict[str, str]:
    """What a section says that is set unless an app says otherwise."""
    return dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", section(title), re.MULTILINE))


SET = {field.name: str(field.default) for field in fields(SignIn)}


def test_limits_of_sign_in_are_told_with_their_defaults() -> None:
    assert defaults("Tries") == {name: SET[name] for name in LIMITED}


def test_lifetimes_of_sessions_are_told() -> None:
    assert defaults("Sessions") == {name: SET[name] for name in TIMES}


def test_every_way_in_is_told() -> None:
    """Every route whose answer begins a session; the way back from a provider is a redirect."""
    pytest.importorskip("authlib")
    policy = SignIn(
        register="open", codes_by_mail=True, keys=True, totp=True, passkeys=True,
        providers=(Provider.google(),),
    )  # fmt: skip
    clients = json.dumps({"google": {"id": "shop", "secret": "a secret of both"}})
    app = App("Shop", settings=Settings(public_url="https://s.example", oauth_clients=clients))

    @app.collection("users")
    class User(UserRecord):
        sign_in = policy
        rules = Rules()

    with client(app) as http:
        document = http.get("/openapi.json").json()
    begins = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method, told in methods.items()
        if "SessionStarted" in json.dumps(told["responses"])
    }
    back = "GET /api/auth/oauth/{provider}/callback"
    assert back.partition(" ")[2] in document["paths"]
    rows = [line for line in section("Ways in").splitlines() if line.startswith("| ")]
    assert {found for row in rows for found in re.findall("`([A-Z]+ /[^`]+)`", row)} == {
        *begins, back
    }  # fmt: skip


@pytest.mark.parametrize(
    "password", ["Napoli-26", "Shop-shop1", "ann@shop.example", "Margherita", "NAPOLIshop"]
)
def test_words_that_are_told_are_refused(password: str) -> None:
    words = re.search(r"SignIn\(words=\(([^)]*)\)\)", section("Passwords"))
    assert words is not None
    given = [*json.loads(f"[{words[1]}]"), "Shop & Co", "ann@shop.example"]
    refused = judge_password(password, given, "/password")
    assert refused is not None and refused.code in ("password.context", "password.common")
