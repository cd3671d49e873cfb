"""An app that gets users while `dev` serves it: what is said to who writes it."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from stanchion import App, SignIn, UserRecord
from stanchion.cli.address import Address
from stanchion.cli.sign_in import sign_in_lines
from stanchion.testing import client
from tests.inside import run_here

from .processes import Running

NOTES = """\
from stanchion import App, Record, Ref, Rules, SignIn, UserRecord, owner

app = App("Notes")
"""
USERS = """
@app.collection("users")
class User(UserRecord):
    sign_in = SignIn(register="open", totp=True, passkeys=True)
    rules = Rules(read="record.id == auth.id")


@app.collection("notes")
class Note(Record):
    author: Ref[User]
    rules = Rules(read=owner("author"), create=owner("author"))
"""


def test_an_app_gets_users(
    start: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = tmp_path / "app.py"
    app.write_text(NOTES)
    server = start("dev").ready()
    told = server.call("POST", "/api/auth/login", {})[1]
    assert told["detail"] == "Nothing is at /api/auth/login: this app has no users."
    assert "class User(UserRecord)" in told["hint"]
    assert "Sign-in" not in server.out and "Admin" not in server.out

    app.write_text(NOTES + USERS)
    server.wait_for("once)\n")
    assert f"\n  Sign-in   {server.url}/auth/register  /auth/sign-in  /auth/account\n" in server.out
    assert re.search(r"\n  Admin     \S+/auth/first-admin\?token=\S+  \(makes", server.out)

    sent = {"email": "ann@example.com", "password": "zebra fox lamp", "as": "token"}
    ann = server.call("POST", "/api/auth/register", sent)[1]
    refused = server.call("GET", f"/api/notes/{ann['user']['id']}", token=ann["token"])
    assert refused[0] == 404
    server.wait_for("stanchion explain")
    command = server.out.rpartition("  stanchion explain ")[2].splitlines()[0]
    assert command.endswith(f" --as {ann['user']['id']}")
    done = run_here("explain", *shlex.split(command), cwd=tmp_path)
    assert "Answer  404  record.not_found" in done.stdout, done.stderr
    assert "ann@example.com" in done.stdout

    monkeypatch.setattr("sys.stdin", io.StringIO("amber chair moon\n"))
    made = run_here("admin", "create", "boss@example.com", cwd=tmp_path)  # no key is here either
    assert made.stdout == "boss@example.com is a new admin of Notes.\n", made.stderr


@pytest.mark.parametrize(
    ("path", "option"),
    [
        ("/api/auth/totp", "totp=True"),
        ("/api/auth/login/code", "totp=True"),
        ("/api/auth/passkeys/options", "passkeys=True"),
        ("/api/auth/code", "codes_by_mail=True"),
        ("/api/auth/oauth/google", "providers=(…)"),
        ("/auth/register", 'register="open"'),
    ],
)
def test_what_is_not_offered_says_what_would_add_it(path: str, option: str) -> None:
    app = App("Notes")

    @app.collection("users")
    class User(UserRecord):
        pass

    with client(app) as http:
        told = http.get(path).json()
        assert (told["code"], told["hint"]) == (
            "route.not_found", f"`SignIn({option})` in the class of the users adds it."
        )  # fmt: skip
        assert http.get("/api/auth/loginn").json()["hint"] == "See /docs for what there is."


@pytest.mark.parametrize(
    ("host", "public_url", "warned"),
    [
        ("127.0.0.1", "", False),
        ("::1", "", False),
        ("0.0.0.0", "", True),
        ("192.0.2.7", "http://127.0.0.1:8000", True),
        ("192.0.2.7", "https://shop.example", False),
    ],
)
def test_a_start_says_where_people_come_in_and_that_they_need_tls(
    host: str, public_url: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANCHION_PUBLIC_URL", public_url)
    app = App("Notes")

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="closed")

    first, *more = sign_in_lines(app, Address(host, 8000))
    assert first.endswith(":8000/auth/sign-in  /auth/account")
    assert ["https only" in line for line in more] == ([True] if warned else [])
