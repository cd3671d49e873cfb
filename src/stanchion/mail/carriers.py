"""The ways a message goes: to a mail server, into a folder (`dev`), into a list (tests).

In: a message.   Out: it is gone, or an error that the job tells.
Called by `mailer`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .. import clock
from ..relay import Relay

if TYPE_CHECKING:
    from email.message import EmailMessage

    from aiosmtplib import SMTP

TIMEOUT_S = 30.0
"""Seconds in which a mail server has to answer each step."""
KEPT = 200
"""Mails that a folder keeps."""


class Carrier(Protocol):
    """A way for a message to go."""

    async def carry(self, message: EmailMessage) -> None:
        """Take it away, or raise."""

    async def go_empty(self, message: EmailMessage) -> None:
        """Do as much as for this message, as far as somebody could measure it, and take nothing."""


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. Its certificate is checked wherever it is spoken to through TLS."""

    relay: Relay

    async def carry(self, message: EmailMessage) -> None:
        """One connection for each: mails are few, and a kept one would have to be watched."""
        async with self._connected() as server:
            await server.send_message(message)

    async def go_empty(self, message: EmailMessage) -> None:
        """Begin a message and take it back."""
        message.as_bytes()
        async with self._connected() as server:
            await server.mail(message["From"].addresses[0].addr_spec)
            await server.rset()

    def _connected(self) -> SMTP:
        from aiosmtplib import SMTP

        relay = self.relay
        return SMTP(
            hostname=relay.host,
            port=relay.port,
            username=relay.user or None,
            password=relay.password or None,
            use_tls=relay.encryption == "tls",
            start_tls=relay.encryption == "starttls",  # never None: that goes on without it
            timeout=TIMEOUT_S,
        )


@dataclass(slots=True)
class Outbox:
    """A list, for tests."""

    messages: list[EmailMessage] = field(default_factory=list)

    async def carry(self, message: EmailMessage) -> None:
        """Keep it."""
        self.messages.append(message)

    async def go_empty(self, message: EmailMessage) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A mail of a folder; `id` names it."""

    id: str
    message: EmailMessage


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder with a file for each mail, as mail programs open it. It outlives the processes of
    `dev`, of which each change of the code makes a new one."""

    path: Path

    async def carry(self, message: EmailMessage) -> None:
        """Write it down; the oldest goes when there are too many."""
        await asyncio.to_thread(self._write, message.as_bytes())

    async def go_empty(self, message: EmailMessage) -> None:
        """Write nothing: this folder is that of `dev`, where nobody else asks."""

    def _write(self, raw: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / f"{clock.uuid7()}.eml").write_bytes(raw)
        for old in self._files()[KEPT:]:
            old.unlink(missing_ok=True)

    def read(self) -> list[KeptMail]:
        """What is there, the newest first."""
        return [kept for file in self._files() if (kept := _read(file)) is not None]

    def find(self, id: str) -> KeptMail | None:
        """One of them."""
        return next((_read(file) for file in self._files() if file.stem == id), None)

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("*.eml"), reverse=True)


def _read(file: Path) -> KeptMail | None:
    from email import message_from_bytes
    from email.policy import SMTP

    try:
        found = message_from_bytes(file.read_bytes(), policy=SMTP)
    except OSError:  # another process took it away
        return None
    return KeptMail(file.stem, found)
