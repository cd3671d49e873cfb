"""Mail, as the commands say where it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.smtp_server import mail_server

from .processes import PATIENCE_S, Running, run

APP = """\
from stanchion import App, Record, Rules, public

app = App("Pizzeria")


@app.collection("notes")
class Note(Record):
    text: str
    rules = Rules(read=public)


@app.post("/order")
async def order() -> str:
    async with app.transaction(actor=app.system()) as tx:
        return await tx.send_mail("order", to="ann@example.com", name="Ann")
"""
FROM = "Pizzeria <hello@pizza.example>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    templates = tmp_path / "templates" / "mail"
    templates.mkdir(parents=True)
    (templates / "order.txt").write_text(
        "Subject: Your order\n\nDear {{ name }}, {{ link('/o') }}\n"
    )
    return tmp_path


@pytest.mark.parametrize("command", ["serve", "work"])
def test_mail_without_a_public_url_is_no_start(folder: Path, command: str) -> None:
    settings = {"STANCHION_MAIL_URL": "smtp://localhost", "STANCHION_MAIL_FROM": FROM}
    ended = run(command, cwd=folder, **settings)
    assert ended.returncode == 2
    assert "error[mail.public_url]" in ended.stderr
    assert "STANCHION_PUBLIC_URL=https://" in ended.stderr


def test_a_server_without_a_sender_is_no_start(folder: Path) -> None:
    ended = run("serve", cwd=folder, STANCHION_MAIL_URL="smtp://localhost")
    assert ended.returncode == 2 and "STANCHION_MAIL_FROM" in ended.stderr


def test_dev_keeps_mails_and_shows_them(folder: Path, start: Callable[..., Running]) -> None:
    server = start("dev").ready()
    server.wait_for(f"  Mail      {server.url}/_mail")
    assert server.call("POST", "/order")[0] == 200
    page = wait_for_page(server, "/_mail", "Your order")
    (file,) = (folder / "data" / "mail").glob("*.eml")
    assert f"/_mail/{file.stem}" in page
    assert f"{server.url}/o" in read(server, f"/_mail/{file.stem}")


def test_serve_sends_them(folder: Path, start: Callable[..., Running]) -> None:
    with mail_server() as mails:
        server = start(
            "serve", STANCHION_MAIL_URL=f"smtp://localhost:{mails.port}", STANCHION_MAIL_FROM=FROM,
            STANCHION_PUBLIC_URL="https://pizza.example",
        ).ready()  # fmt: skip
        _, sent = server.call("POST", "/order")
        deadline = time.monotonic() + PATIENCE_S
        while not mails.taken:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (mail,) = mails.taken
        assert mail["Message-ID"] == f"<{sent}@pizza.example>"
        text = mail.get_body(("plain",))
        assert text is not None and "https://pizza.example/o" in text.get_content()


def wait_for_page(server: Running, path: str, text: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while text not in (page := read(server, path)):
        assert time.monotonic() < deadline, page
        time.sleep(0.1)
    return page


def read(server: Running, path: str) -> str:
    with urlopen(f"{server.url}{path}", timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


SIGNS_IN = """\
from stanchion import App, SignIn, UserRecord

app = App("Pizzeria")


@app.collection("users")
class User(UserRecord):
    sign_in = SignIn(register="verified")
"""


def test_registering_by_mail_needs_mail(folder: Path, start: Callable[..., Running]) -> None:
    (folder / "app.py").write_text(SIGNS_IN)
    ended = run("serve", cwd=folder)
    assert ended.returncode == 2 and "error[mail.needed]" in ended.stderr
    assert "STANCHION_MAIL_URL" in ended.stderr
    server = start("dev").ready()
    assert server.call("POST", "/api/auth/register", {"email": "ann@example.com"})[0] == 202
    wait_for_page(server, "/_mail", "Confirm your address for Pizzeria")
