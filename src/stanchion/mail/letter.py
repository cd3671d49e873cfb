"""A letter: what one mail says, to whom; and the message that it becomes.

In: an address, a name, a subject, a text and its HTML.   Out: an `EmailMessage`.
Refuses: an address or name in which a header could begin (`ValueError`). The message class of
Python refuses line breaks in headers as well, but not those that it decodes itself, so the headers
are looked at once more as they are sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import clock
from ..relay import ENCODED, Mailbox, is_address, is_name

if TYPE_CHECKING:
    from email.headerregistry import Address
    from email.message import EmailMessage

LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Letter:
    """What one mail says. The text is its whole content; the HTML says the same once more."""

    to: Mailbox
    subject: str
    text: str
    html: str = ""


def message_of(letter: Letter, sender: Mailbox, id: str) -> EmailMessage:
    """The message. It has the same id each time it is tried, so a server that took it twice may
    know it again."""
    from email.message import EmailMessage
    from email.policy import SMTP, SMTPUTF8
    from email.utils import format_datetime

    to, author = _address(letter.to), _address(sender)
    ascii_only = to.addr_spec.isascii() and author.addr_spec.isascii()
    message = EmailMessage(policy=SMTP if ascii_only else SMTPUTF8)
    message["From"] = author
    message["To"] = to
    message["Subject"] = one_line(letter.subject)[:LONGEST_SUBJECT]
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{id}@{author.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # so that no out-of-office note answers it
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    _refuse_more_headers(message)
    return message


def _refuse_more_headers(message: EmailMessage) -> None:
    """Look at the headers as they are sent. WHY-NOT at their values: words that are encoded become
    what they are when they are written (in Python before 3.11.10 and 3.12.5, line ends as well)."""
    head, _, _ = message.as_bytes().partition(b"\r\n\r\n")
    sent = [line.partition(b":")[0] for line in head.splitlines() if line[:1] not in (b" ", b"\t")]
    if sent != [name.encode() for name in message.keys()]:  # noqa: SIM118  # each as often as it is there
        raise ValueError("the headers of this mail are more than were set")


def one_line(text: str) -> str:
    """A text in which nothing ends a line, nor is decoded to something that does: a subject is made
    of values that people choose."""
    plain = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return plain.replace(ENCODED, "= ?")


def _address(mailbox: Mailbox) -> Address:
    if not is_address(mailbox.address) or not is_name(mailbox.name):
        raise ValueError(f"{mailbox.address[:100]!r} is no address that a mail can go to")
    local, _, domain = mailbox.address.rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")
    from email.headerregistry import Address

    return Address(display_name=mailbox.name, username=local, domain=domain)
