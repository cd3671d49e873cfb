"""The mailbox of `dev` at `/_mail`: to this machine only, and a mail stays in its frame."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from fastapi.responses import PlainTextResponse

from stanchion import App, Record, UserRecord
from stanchion.http.overview.mails import add_mails, linked
from stanchion.mail import Folder, Letter
from stanchion.mail.carriers import KEPT
from stanchion.mail.letter import message_of
from stanchion.relay import Mailbox
from stanchion.testing import Client, Response, client

HERE = {"host": "localhost:8000"}
EVIL = "<script>alert(1)</script><form action=/x><a href='https://shop.example/a?b=1&c=2'>open</a>"


def message(
    number: int = 0, text: str = "See https://shop.example/x?token=ab&b=1."
) -> EmailMessage:
    letter = Letter(Mailbox("ann@example.com", "<b>Ann</b>"), f"Order {number} <i>", text, EVIL)
    return message_of(letter, Mailbox("app@localhost", "Shop"), f"j{number}")


@pytest.fixture
def box(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "mail")


@pytest.fixture
def http(box: Folder) -> Iterator[Client]:
    app = App("Shop")

    @app.collection("notes")
    class Note(Record):
        text: str

    @app.get("/{anything:path}")
    async def everything(anything: str) -> PlainTextResponse:
        return PlainTextResponse("the app")

    add_mails(app, box)
    with client(app) as running:
        yield running


def get(http: Client, path: str) -> Response:
    return http.get(path, headers=HERE)


def test_mails_are_listed_the_newest_first(http: Client, box: Folder) -> None:
    assert "None yet" in get(http, "/_mail").text
    for number in (1, 2):
        asyncio.run(box.carry(message(number)))
    page = get(http, "/_mail").text
    assert page.index("Order 2 &lt;i&gt;") < page.index("Order 1 &lt;i&gt;")
    assert "ann@example.com" in page and "<b>Ann" not in page


def test_a_mail_shows_its_text_with_links_and_its_html_in_a_frame(
    http: Client, box: Folder
) -> None:
    asyncio.run(box.carry(message()))
    (kept,) = box.read()
    answer = get(http, f"/_mail/{kept.id}")
    assert answer.status == 200 and "<script" not in answer.text
    link = "https://shop.example/x?token=ab&amp;b=1"
    assert f'<a href="{link}">{link}</a>.' in answer.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    frame = get(http, f"/_mail/{kept.id}/html")
    assert "<script>" in frame.text and '<base target="_blank">' in frame.text
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups") and "default-src 'none'" in policy
    assert "allow-scripts" not in policy and "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy and "form-action 'none'" in policy


def test_a_mail_that_is_not_there_is_404(http: Client, box: Folder) -> None:
    for path in ("/_mail/nothing", "/_mail/..%2Fapp", "/_mail/nothing/html"):
        assert get(http, path).status == 404 or get(http, path).text == "the app"


@pytest.mark.parametrize("headers", [{"host": "shop.example"}, {**HERE, "origin": "https://x.y"}])
def test_nobody_else_sees_the_mailbox(http: Client, headers: dict[str, str]) -> None:
    assert http.get("/_mail", headers=headers).text == "the app"


def test_the_oldest_mails_go(box: Folder) -> None:
    box.path.mkdir()
    for number in range(KEPT + 3):
        (box.path / f"{number:04}.eml").write_bytes(b"Subject: x\n\n")
    asyncio.run(box.carry(message()))
    found = box.read()
    assert len(found) == KEPT and found[-1].id == "0004"


def test_a_link_ends_where_it_ends() -> None:
    assert linked('go to https://a.example/b"<c') == (
        'go to <a href="https://a.example/b">https://a.example/b</a>&quot;&lt;c'
    )
    assert linked("javascript:alert(1)") == "javascript:alert(1)"


def test_users_are_written_to() -> None:
    app = App("Shop")
    assert not app.runtime.has_mails

    @app.collection("users")
    class User(UserRecord):
        pass

    assert app.runtime.has_mails
