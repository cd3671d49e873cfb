"""The mail server, as an operator writes it, and who the mails are from.

In: the texts of settings.   Out: frozen values.
Refuses, when the settings are read, what is no address, and a password that would travel in the
open. A text with a password in it is never repeated. Read by `settings` and `mail/`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote, urlsplit

from .errors import SettingError
from .origins import is_this_machine

Encryption = Literal["none", "starttls", "tls"]
_SCHEMES: dict[str, tuple[Encryption, int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}
_EXAMPLE = (
    "smtp+starttls://user:password@smtp.example.com:587, smtps://user:password@smtp.example.com, "
    "or smtp://localhost; in a password write @ as %40, : as %3A, / as %2F, # as %23, % as %25"
)


@dataclass(frozen=True, slots=True)
class Relay:
    """The server that takes our mails."""

    host: str
    port: int
    encryption: Encryption
    user: str = ""
    password: str = ""


@lru_cache(64)
def read_relay(text: str) -> Relay | None:
    """The server of `STANCHION_MAIL_URL`; None where it is not set."""
    if not text:
        return None
    name = "STANCHION_MAIL_URL"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise SettingError(name, "it is no address of a mail server", hint=_EXAMPLE) from None
    beyond = parts.path not in ("", "/") or parts.query or parts.fragment
    if parts.scheme not in _SCHEMES or not parts.hostname or beyond or port == 0:
        raise SettingError(name, "it is no address of a mail server", hint=_EXAMPLE)
    encryption, usual = _SCHEMES[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if password and encryption == "none" and not is_this_machine(parts.hostname):
        raise SettingError(
            name, "the password would travel unencrypted",
            hint="smtp+starttls:// or smtps://; smtp:// with a password is for localhost alone",
        )  # fmt: skip
    return Relay(parts.hostname, port or usual, encryption, user, password)


# addresses

_ATOM = r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+"
_ADDRESS = re.compile(rf"{_ATOM}@{_ATOM}")
_NAMED = re.compile(rf"\s*(?:([^<>@]*?)\s*<({_ATOM}@{_ATOM})>|({_ATOM}@{_ATOM}))\s*")
LONGEST_ADDRESS = 254
LONGEST_NAME = 100
ENCODED = "=?"
"""How an encoded word begins. Python's `email` decodes it when it writes a header, and what comes
of `=?utf-8?q?=0d=0a?=` ends the line: the next header is then that of who typed it."""


def is_address(text: str) -> bool:
    """Whether a text is one address, and nothing that a mail server could take for two.

    >>> is_address("ann@example.com"), is_address("ann@example.com, bob@example.com")
    (True, False)
    """
    plain = len(text) <= LONGEST_ADDRESS and text.isprintable() and ENCODED not in text
    return plain and _ADDRESS.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether a text can stand beside an address: one line, nothing that is not printed, and
    nothing that a header is decoded from.

    >>> is_name("Ann"), is_name("Ann\\r\\nBcc: bob@example.com"), is_name("=?utf-8?q?=0d=0a?=")
    (True, False, False)
    """
    return len(text) <= LONGEST_NAME and text.isprintable() and ENCODED not in text


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address, and the name of who has it."""

    address: str
    name: str = ""


@lru_cache(64)
def read_sender(text: str) -> Mailbox | None:
    """Who mails are from, of `STANCHION_MAIL_FROM`; None where it is not set.

    >>> read_sender("Pizzeria <hello@pizza.example>")
    Mailbox(address='hello@pizza.example', name='Pizzeria')
    """
    if not text:
        return None
    found = _NAMED.fullmatch(text) if text.isprintable() else None
    if found is not None:
        name, address = (found[1] or "").strip().strip('"'), found[2] or found[3]
        if is_name(name) and is_address(address):
            return Mailbox(address, name)
    raise SettingError(
        "STANCHION_MAIL_FROM", f"{text!r} is no address", hint="Pizzeria <hello@pizza.example>"
    )


def check_mail(url: str, sender: str) -> None:
    """Refuse settings of mail that do not belong together."""
    relay, mailbox = read_relay(url), read_sender(sender)
    if relay is not None and mailbox is None:
        raise SettingError(
            "STANCHION_MAIL_FROM", "STANCHION_MAIL_URL is set, and mails need a sender",
            hint="STANCHION_MAIL_FROM='Pizzeria <hello@pizza.example>'",
        )  # fmt: skip
