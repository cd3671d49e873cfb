"""Mails as jobs: with the transaction or not at all, through a real mail server, tried again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion import App, Field, Record, Rules, Settings, clock, public
from stanchion.engines import Ask
from stanchion.errors import WrongUse
from stanchion.testing import Client, client
from tests.smtp_server import (
    PASSWORD,
    USER,
    MailServer,
    mail_server,
    make_certificate,
    needs_openssl,
)

FROM = "Pizzeria <hello@pizza.example>"
TEXT = "Subject: Order {{ order }}\n\n{{ name }}, see {{ link('/orders/' ~ order) }}\n"
HTML = '{% extends "layout.html" %}{% block body %}<p>{{ name }}</p>{% endblock %}'


def make_app(folder: Path, **settings: Any) -> App:
    app = App("Pizzeria", settings=Settings(**settings))
    app.runtime.base = folder
    templates = folder / "templates" / "mail"
    templates.mkdir(parents=True, exist_ok=True)
    (templates / "order.txt").write_text(TEXT)
    (templates / "order.html").write_text(HTML)
    app.runtime.mailer.templates = type(app.runtime.mailer.templates)(folder)

    @app.collection("orders")
    class Order(Record):
        code: str = Field(max_length=20)
        rules = Rules(read=public)

    async def order(code: str, email: str, name: str, fail: bool = False) -> str:
        async with app.transaction(actor=app.system()) as tx:
            await tx.create(Order(code=code))
            sent: str = await tx.send_mail("order", to=email, order=code, name=name)
            if fail:
                raise RuntimeError("the oven is cold")
        return sent

    @app.post("/orders")
    async def ordered() -> str:
        return await order("7", "ann@example.com", "Ann")

    app.state.order = order
    return app


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Client]:
    with client(make_app(tmp_path)) as running:
        yield running


def rows(http: Client, columns: str = "state,tries,error") -> list[Any]:
    engine = http.app.runtime.engine

    def steps() -> Any:
        return (yield Ask(f"select {columns} from _jobs order by id"))

    return http.run(engine.write(steps))  # type: ignore[no-any-return]  # rows


def place(
    http: Client, code: str = "7", email: str = "ann@example.com", name: str = "Ann", **more: Any
) -> str:
    return http.run(http.app.state.order(code, email, name, **more))


def test_a_mail_is_sent_after_its_transaction(http: Client) -> None:
    place(http)
    assert http.mails == []
    assert http.run_jobs() == 1
    (mail,) = http.mails
    assert (mail["To"], mail["Subject"]) == ("Ann <ann@example.com>", "Order 7")
    text = mail.get_body(("plain",))
    assert text is not None and text.get_content() == "Ann, see http://localhost/orders/7\n"


def test_without_the_commit_there_is_no_mail(http: Client) -> None:
    with pytest.raises(RuntimeError):
        place(http, fail=True)
    assert rows(http) == [] and http.run_jobs() == 0 and http.mails == []


def test_the_host_of_a_request_is_in_no_link(http: Client) -> None:
    evil = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil"}
    assert http.post("/orders", headers=evil).status == 200
    http.run_jobs()
    assert b"evil" not in http.mails[0].as_bytes()
    assert b"http://localhost/orders/7" in http.mails[0].as_bytes()


@pytest.mark.parametrize(
    "email", ["ann", "ann@example.com\r\nBcc: eve@example.com", "a@b.example,c@d.example", ""]
)
def test_what_is_no_address_gets_no_mail(http: Client, email: str) -> None:
    with pytest.raises(WrongUse) as refused:
        place(http, email=email)
    assert refused.value.code == "mail.address"
    assert refused.value.origin is not None and refused.value.origin.file == __file__
    assert rows(http) == []


def test_what_people_type_adds_no_header(http: Client) -> None:
    with pytest.raises(WrongUse, match="no name that can stand in a header"):
        place(http, name="Ann\r\nBcc: eve@example.com")
    place(http, code="7\r\nBcc: eve@x")
    http.run_jobs()
    (mail,) = http.mails
    assert mail["Bcc"] is None and mail["Subject"] == "Order 7"


def test_an_app_that_sends_no_mail_says_so(tmp_path: Path) -> None:
    with client(make_app(tmp_path)) as http:
        http.app.runtime.mail_place.carrier = None
        with pytest.raises(WrongUse) as refused:
            place(http)
        assert refused.value.code == "mail.off"
        assert "STANCHION_MAIL_URL" in refused.value.hint


# through a server


def sending(folder: Path, server: MailServer, scheme: str = "smtp", login: str = "") -> App:
    return make_app(
        folder, mail_from=FROM, public_url="https://pizza.example/shop",
        mail_url=f"{scheme}://{login}localhost:{server.port}",
    )  # fmt: skip


def test_a_mail_server_gets_the_mail(tmp_path: Path) -> None:
    with mail_server() as server, client(sending(tmp_path, server)) as http:
        id = place(http)
        assert http.run_jobs() == 1
        assert server.envelopes == [("hello@pizza.example", ["ann@example.com"])]
        (mail,) = server.taken
        assert str(mail["From"]) == FROM and mail["Message-ID"] == f"<{id}@pizza.example>"
        text = mail.get_body(("plain",))
        assert text is not None and "https://pizza.example/shop/orders/7" in text.get_content()
        assert http.run_jobs() == 0 and len(server.taken) == 1
        assert http.mails == []


def test_a_mail_that_is_refused_is_tried_again_and_is_the_same(tmp_path: Path) -> None:
    with mail_server() as server, client(sending(tmp_path, server)) as http:
        server.refuse = ["451 Come back later"]
        id = place(http)
        with pytest.raises(Exception, match="Come back later"):
            http.run_jobs()
        ((state, tries, error),) = rows(http)
        assert (state, tries) == ("waiting", 1) and "Come back later" in error
        later = clock.now_ns() + 3600 * 10**9
        clock.use(lambda: later)
        try:
            assert http.run_jobs() == 1
        finally:
            clock.use(None)
        assert server.taken[0]["Message-ID"] == f"<{id}@pizza.example>"
        assert rows(http) == [("done", 2, None)]


def test_a_mail_that_nobody_takes_ends_as_a_dead_letter(tmp_path: Path) -> None:
    with mail_server() as server, client(sending(tmp_path, server)) as http:
        kind = http.app.runtime.mailer.kind
        assert kind.retries == 10
        object.__setattr__(kind, "retries", 0)
        server.refuse = ["550 Nobody lives here"]
        place(http)
        with pytest.raises(Exception, match="Nobody lives here"):
            http.run_jobs()
        assert [(state, tries) for state, tries, _ in rows(http)] == [("dead", 1)]


def test_a_mail_waits_for_a_server_that_is_away(tmp_path: Path) -> None:
    with mail_server() as server:
        app = sending(tmp_path, server)
    with client(app) as http:
        place(http)
        with pytest.raises(OSError):
            http.run_jobs()
        assert rows(http)[0][0] == "waiting"


@needs_openssl
@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_password_goes_through_tls_to_a_known_server_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    tls = make_certificate(tmp_path)
    login = f"{USER}:{PASSWORD.replace(':', '%3A').replace('/', '%2F').replace('@', '%40')}@"
    with (
        mail_server(tls, implicit=scheme == "smtps", auth=True) as server,
        client(sending(tmp_path, server, scheme, login)) as http,
    ):
        place(http)
        with pytest.raises(Exception, match=r"(?i)certificate|Error connecting to localhost"):
            http.run_jobs()
        assert server.users == [] and server.taken == [], "nobody vouches for it"
        monkeypatch.setenv("SSL_CERT_FILE", str(tls / "cert.pem"))
        later = clock.now_ns() + 3600 * 10**9
        clock.use(lambda: later)
        try:
            assert http.run_jobs() == 1
        finally:
            clock.use(None)
        assert (server.users, server.encrypted) == ([USER], [True])


def test_starttls_is_not_left_out_for_a_server_without_it(tmp_path: Path) -> None:
    with mail_server() as server, client(sending(tmp_path, server, "smtp+starttls")) as http:
        place(http)
        with pytest.raises(Exception, match="STARTTLS"):
            http.run_jobs()
        assert server.taken == []


def test_mails_wait_where_nobody_can_send_them(tmp_path: Path) -> None:
    with client(make_app(tmp_path)) as http:
        place(http)
        http.app.runtime.mail_place.carrier = None
        assert http.run_jobs() == 0
        assert [row[0] for row in rows(http)] == ["waiting"]


def test_settings_win_over_a_place(tmp_path: Path) -> None:
    app = make_app(tmp_path)
    app.runtime._settings = replace(app.runtime.settings, public_url="https://pizza.example")
    with client(app) as http:
        place(http)
        http.run_jobs()
        assert b"https://pizza.example/orders/7" in http.mails[0].as_bytes()
