"""What a mail becomes: no header beginning that nobody meant, whatever is written into it."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest

from stanchion.mail import Letter
from stanchion.mail.letter import message_of
from stanchion.relay import Mailbox

ANN, SHOP = Mailbox("ann@example.com", "Ann"), Mailbox("hello@pizza.example", "Pizzeria")
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding",
}  # fmt: skip


def headers(letter: Letter) -> dict[str, str]:
    """The headers as whoever gets it reads them."""
    raw = message_of(letter, SHOP, "j1").as_bytes()
    found = message_from_bytes(raw, policy=default)
    assert set(found.keys()) <= HEADERS and len(found.keys()) == len(set(found.keys()))
    return {name: str(value) for name, value in found.items()}


def test_a_letter_is_a_message_of_two_parts() -> None:
    message = message_of(Letter(ANN, "Wölfe", "Hallo, Ännchen", "<p>Hallo</p>"), SHOP, "j1")
    again = message_from_bytes(message.as_bytes(), policy=default)
    assert str(again["To"]) == "Ann <ann@example.com>"
    assert again["Subject"] == "Wölfe"
    assert again["Message-ID"] == "<j1@pizza.example>"
    assert [part.get_content_type() for part in again.iter_parts()] == ["text/plain", "text/html"]
    body = again.get_body(("plain",))
    assert body is not None and body.get_content().strip() == "Hallo, Ännchen"


BREAKS = [
    "\r\nBcc: eve@example.com", "\nBcc: eve@example.com", "\rBcc: eve@example.com",
    "\u2028Bcc: eve@example.com", "\x85Bcc: eve@example.com", "\r\n\r\n<h1>Hi</h1>",
]  # fmt: skip


@pytest.mark.parametrize("text", BREAKS)
def test_a_subject_is_one_line(text: str) -> None:
    found = headers(Letter(ANN, f"Your order{text}", "x"))
    assert found["Subject"].startswith("Your order ")
    assert "Bcc" not in found


@pytest.mark.parametrize("text", BREAKS)
def test_an_address_or_name_that_ends_a_line_is_refused(text: str) -> None:
    for to in (Mailbox(f"ann@example.com{text}"), Mailbox("ann@example.com", f"Ann{text}"),
               Mailbox(f"ann{text}@example.com")):  # fmt: skip
        with pytest.raises(ValueError, match="no address"):
            message_of(Letter(to, "Hi", "x"), SHOP, "j1")


@pytest.mark.parametrize("address", ["a@b.example, c@d.example", "<a@b.example>", "a b@c.example"])
def test_two_addresses_are_none(address: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        message_of(Letter(Mailbox(address), "Hi", "x"), SHOP, "j1")


def test_addresses_of_all_alphabets() -> None:
    assert headers(Letter(Mailbox("ann@bücher.example"), "Hi", "x"))["To"] == (
        "ann@xn--bcher-kva.example"
    )
    raw = message_of(Letter(Mailbox("ännchen@example.com"), "Hi", "x"), SHOP, "j1").as_bytes()
    assert "ännchen@example.com".encode() in raw
    quoted = headers(Letter(Mailbox("ann@example.com", 'Ann "A, B" <x>'), "Hi", "x"))["To"]
    assert quoted.endswith("<ann@example.com>")
