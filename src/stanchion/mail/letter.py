"""A letter: what one mail says, to whom; and the message that it becomes.

In: an address, a name, a subject, a text and its HTML.   Out: an `EmailMessage`.
Refuses: an address or name in which a header could begin (`ValueError`). The message class of
Python refuses line breaks in headers as well; nothing is joined to one here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import clock
from ..relay import Mailbox, is_address, is_name

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
    return message


def one_line(text: str) -> str:
    """A text in which nothing ends a line: a subject is made of values that people choose."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def _address(mailbox: Mailbox) -> Address:
    if not is_address(mailbox.address) or not is_name(mailbox.name):
        raise ValueError(f"{mailbox.address[:100]!r} is no address that a mail can go to")
    local, _, domain = mailbox.address.rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")
    from email.headerregistry import Address

    return Address(display_name=mailbox.name, username=local, domain=domain)
