"""The link that `dev` prints, with which the first admin is made."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPMessage
from pathlib import Path
from urllib.parse import urlencode

import pytest

from .processes import Running

Start = Callable[..., Running]
APP = """\
from stanchion import App, Field, Rules, UserRecord

app = App("Notes")


@app.collection("users")
class User(UserRecord):
    name: str = Field(max_length=50)
    rules = Rules(read="record.id == auth.id")
"""
BODY = {"email": "ann@example.com", "password": "zebra fox lamp", "name": "Ann"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def call(url: str, **form: str) -> tuple[int, str, HTTPMessage]:
    opener = urllib.request.build_opener(_Stay)
    sent = urlencode(form).encode() if form else None
    try:
        with opener.open(url, sent, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(), refused.headers


def link_of(server: Running) -> str:
    found = re.search(r"^  Admin     (\S+)  \(makes the first one, once\)$", server.out, re.M)
    assert found is not None, server.out
    return found[1]


def test_the_link_makes_the_first_admin_once(start: Start, folder: Path) -> None:
    server = start("dev").ready().wait_for("once)\n")
    link = link_of(server)
    page, _, token = link.partition("?token=")
    assert page == f"{server.url}/auth/first-admin" and len(token) >= 32
    status, text, _ = call(link)
    assert status == 200 and 'name="name"' in text
    status, text, _ = call(page, token=token, **{**BODY, "password": "short"})
    assert status == 422 and 'id="password-mistake"' in text
    status, _, headers = call(page, token=token, **BODY)
    assert (status, headers["location"]) == (303, "/auth/account")
    session = re.match("__Host-session=([^;]+)", headers["set-cookie"])
    assert session is not None
    me = urllib.request.Request(
        f"{server.url}/api/auth/me", headers={"cookie": f"__Host-session={session[1]}"}
    )
    with urllib.request.urlopen(me, timeout=20) as answer:
        assert b'"admin":true' in answer.read()
    for again in (call(link), call(page, token=token, **{**BODY, "email": "bob@example.com"})):
        assert again[0] == 403 and "This link opens nothing" in again[1]
    assert server.stop() == 0
    server = start("dev").ready().wait_for("Open ")
    assert "Admin" not in server.out


def test_nobody_guesses_it_and_production_has_none(start: Start, folder: Path) -> None:
    server = start("dev").ready().wait_for("once)\n")
    page = link_of(server).partition("?")[0]
    for token in ("", "x", "x" * 32, "é"):
        assert call(page, token=token, **BODY)[0] == 403
    assert call(page)[0] == 403
    assert server.stop() == 0
    assert call(f"{start('serve').ready().url}/auth/first-admin")[0] == 404
