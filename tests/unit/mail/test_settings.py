"""The mail server and the sender, as an operator writes them."""

from __future__ import annotations

import pytest

from stanchion import Settings
from stanchion.errors import SettingError
from stanchion.relay import Mailbox, Relay, is_address, is_name, read_relay, read_sender


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://localhost", Relay("localhost", 25, "none")),
        ("smtp://relay.internal:2525", Relay("relay.internal", 2525, "none")),
        ("smtps://mail.example", Relay("mail.example", 465, "tls")),
        (
            "smtp+starttls://shop:a%40b%2Fc@mail.example",
            Relay("mail.example", 587, "starttls", "shop", "a@b/c"),
        ),
        ("smtp://shop:tea@127.0.0.1:25", Relay("127.0.0.1", 25, "none", "shop", "tea")),
    ],
)
def test_a_mail_server_is_read(url: str, relay: Relay) -> None:
    assert read_relay(url) == relay


@pytest.mark.parametrize(
    "url",
    [
        "mail.example", "http://mail.example", "smtp://", "smtp://mail.example:0",
        "smtp://mail.example:99999", "smtps://mail.example/inbox", "smtps://mail.example?tls=no",
        "smtp://shop:se#cret@mail.example", "smtp://shop:secret@mail.example",
    ],
)  # fmt: skip
def test_what_is_no_mail_server_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingError) as refused:
        Settings(mail_url=url, mail_from="a@b.example")
    assert refused.value.name == "STANCHION_MAIL_URL"
    assert "secret" not in str(refused.value) and "mail.example" not in refused.value.detail


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("hello@pizza.example", Mailbox("hello@pizza.example")),
        ("Pizzeria <hello@pizza.example>", Mailbox("hello@pizza.example", "Pizzeria")),
        ('"Pizza, Pasta" <hello@pizza.example>', Mailbox("hello@pizza.example", "Pizza, Pasta")),
    ],
)
def test_a_sender_is_read(text: str, sender: Mailbox) -> None:
    assert read_sender(text) == sender


@pytest.mark.parametrize(
    "text",
    [
        "Pizzeria", "a@b, c@d", "<a@b> <c@d>", "A <a@b>\r\nBcc: c@d", "A\n<a@b>", "a@b\r\nBcc: c@d",
        "A <a@b",
    ],
)  # fmt: skip
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="STANCHION_MAIL_FROM"):
        Settings(mail_from=text)


def test_a_mail_server_needs_a_sender() -> None:
    with pytest.raises(SettingError, match="mails need a sender"):
        Settings(mail_url="smtp://localhost")


CONTROLS = ["\r\nBcc: b@x", "\n", "\r", "\0", "\u2028x", "\x85", "\v", "\x1b[2J"]


@pytest.mark.parametrize("tail", CONTROLS)
def test_nothing_ends_a_line_in_an_address_or_a_name(tail: str) -> None:
    assert not is_address(f"ann@example.com{tail}") and not is_address(f"ann{tail}@example.com")
    assert not is_name(f"Ann{tail}")
