"""A real mail server for tests: aiosmtpd on a thread of its own, on a free port of loopback."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

START_S = 20.0
OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="no openssl here")
USER, PASSWORD = "shop", "tea:with/sugar@4"


@dataclass
class MailServer:
    """What came in. `refuse` is what it answers to a message instead of taking it."""

    port: int = 0
    implicit: bool = False
    refuse: list[str] = field(default_factory=list)
    taken: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        self.begun.append(address)
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse.pop(0)
        self.raw.append(envelope.content)
        self.taken.append(BytesParser(EmailMessage, policy=default).parsebytes(envelope.content))
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        self.encrypted.append(self.implicit or session.ssl is not None)
        return "250 Message accepted"

    def check(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        """Whether user and password are right."""
        assert isinstance(data, LoginPassword)
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.users.append(data.login.decode())
        return AuthResult(success=right)


@contextmanager
def mail_server(
    tls: Path | None = None, *, implicit: bool = False, auth: bool = False
) -> Iterator[MailServer]:
    """A server; with the folder of a certificate it wants TLS, from the start if `implicit`."""
    found = MailServer(implicit=implicit)
    context = None if tls is None else server_context(tls)
    loop, ready = asyncio.new_event_loop(), threading.Event()

    transports: list[Any] = []

    class Session(SMTP):
        def connection_made(self, transport: Any) -> None:
            transports.append(transport)
            if self._original_transport is not None:
                # NOTE: it looks for the transport that TLS makes before Python 3.11 and later do
                self.transport = transport
            super().connection_made(transport)

    def session() -> SMTP:
        starting = None if implicit else context
        with warnings.catch_warnings():
            # it warns of passwords without TLS, and does not see TLS that is there from the start
            warnings.filterwarnings("ignore", "Requiring AUTH")
            return Session(
                found, loop=loop, enable_SMTPUTF8=True, hostname="mail.test", tls_context=starting,
                require_starttls=starting is not None, auth_required=auth, auth_require_tls=False,
                authenticator=found.check if auth else None,
            )  # fmt: skip

    ended = asyncio.Event()

    async def serve() -> None:
        tls_now = context if implicit else None
        server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls_now)
        found.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ended.wait()
        server.close()
        await asyncio.sleep(0.05)  # connections that their client closes at this moment
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for transport in transports:
            transport.abort()
        await asyncio.sleep(0)

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run, name="mail-server", daemon=True)
    thread.start()
    assert ready.wait(START_S)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(START_S)


def make_certificate(folder: Path) -> Path:
    """A certificate for localhost that nobody vouches for but itself."""
    assert OPENSSL is not None
    subprocess.run(
        [
            OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ],
        cwd=folder, check=True, capture_output=True, timeout=START_S,
    )  # fmt: skip
    return folder


def server_context(folder: Path) -> ssl.SSLContext:
    """What a server with this certificate speaks."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
