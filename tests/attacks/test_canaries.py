"""S22: secrets that come by mail, from an authenticator and from the settings; those of passwords,
sessions and keys are in `tests/api/test_canaries.py`, with the faults that are found.

Each is used well and badly; then all that came out is looked through: lines of the log in both
styles, answers and pages, every table, and a copy of the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import mintotp
import pytest

from stanchion import Settings, clock, events
from stanchion.auth import letters
from stanchion.testing import Client, client
from tests.api.test_canaries import Output, everything
from tests.smtp_server import mail_server

from .app import (
    ANN,
    BETTER,
    GOOD,
    PATIENT,
    cookie_of,
    make_app,
    post,
    register,
    token_in,
)  # fmt: skip

KEY = "canary-secret-key-0123456789-abcdef-0123"
MAIL_PASSWORD = "canary-mail-password"
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


@pytest.fixture
def output() -> Iterator[Output]:
    out = Output()
    ends = events.subscribe(out.hear)
    yield out
    ends()


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Those of an app with a mail server that is away now, so that its errors are told too."""
    with mail_server() as server:
        port = server.port
    yield Settings(
        transaction_ms=PATIENT.transaction_ms, write_deadline_ms=PATIENT.write_deadline_ms,
        secret_key=KEY, mail_url=f"smtp://shop:{MAIL_PASSWORD}@localhost:{port}",
        mail_from="shop@example.com", public_url="http://localhost:8000",
    )  # fmt: skip


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app(Settings(transaction_ms=60_000, secret_key=KEY))) as running:
        yield running


def text_of(http: Client) -> str:
    http.run_jobs()
    part = http.mails[-1].get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def live(http: Client, output: Output) -> list[str]:
    """Everything that a mail or an authenticator brings, used badly and then well."""
    ann = register(http)
    secrets = [KEY, ann["authorization"].removeprefix("Bearer ")]

    def used(path: str, headers: dict[str, str] | None = None, **body: str) -> None:
        """Wrongly beside something that is not asked for, then as it is."""
        output.answer(post(http, path, headers, **body, more=body.get("token", "x")))
        output.answer(post(http, path, headers, **body))
        output.answer(post(http, path, headers, **body))
        token = body.get("token")
        if token:
            output.answer(http.get(f"/auth/reset?token={token}"))
            output.answer(http.get(f"/api/users?token={token}", headers=ann))
            output.answer(http.get("/mine", headers={"authorization": f"Bearer {token}"}))
            form = urlencode({"token": token, "password": GOOD}).encode()
            output.answer(http.request("POST", "/auth/reset", headers=FORM, content=form))

    output.answer(post(http, "/verification", ann))
    secrets.append(token_in(text_of(http)))
    used("/verify", ann, token=secrets[-1])
    begun = post(http, "/totp", ann).json()
    step = clock.now_ns() // 30_000_000_000
    good, wrong = mintotp.hotp(begun["secret"], step), "canary"
    output.answer(post(http, "/totp/confirm", ann, ticket=begun["ticket"], code=wrong))
    done = post(http, "/totp/confirm", ann, ticket=begun["ticket"], code=good)
    secrets += [begun["secret"], begun["ticket"], *done.json()["recovery_codes"]]
    for code in (wrong, done.json()["recovery_codes"][0], done.json()["recovery_codes"][0]):
        ticket = post(http, "/login", email=ANN, password=GOOD).json()["ticket"]
        secrets.append(ticket)
        answer = post(http, "/login/code", ticket=ticket, code=code)
        output.answer(answer) if answer.status >= 400 else secrets.append(
            cookie_of(answer)["cookie"].partition("=")[2]
        )
    request = post(http, "/code", email=ANN).json()["request"]
    text = text_of(http)
    secrets += [request, token_in(text)]
    output.answer(post(http, "/code/confirm", request=request, code="000000"))
    output.answer(post(http, "/link", token=token_in(text), password=BETTER))
    output.answer(post(http, "/reset", email=ANN))
    secrets.append(token_in(text_of(http)))
    used("/reset/confirm", token=secrets[-1], password=BETTER)
    secrets.append(BETTER)
    request = post(http, "/code", email=ANN).json()["request"]  # stays as it is
    text = text_of(http)
    return [*secrets, request, token_in(text)]


def test_nothing_that_a_mail_or_an_authenticator_brought_comes_out(
    http: Client, output: Output, tmp_path: Path
) -> None:
    secrets = live(http, output)
    tables = everything(http)
    for name in ("_codes", "_factors", "_recovery", "_jobs", "_audit"):
        assert f"{name}: [" in tables and f"{name}: []" not in tables, name
    assert output.found(secrets, tables) == []
    source = http.app.runtime.database.path
    assert source is not None
    raw = b"".join(file.read_bytes() for file in source.parent.glob(source.name + "*"))
    assert [secret for secret in secrets if secret.encode() in raw] == []


def test_what_stands_in_the_settings_is_not_told_when_it_fails(
    output: Output, settings: Settings
) -> None:
    with client(make_app(settings)) as http:
        register(http)
        post(http, "/reset", email=ANN)
        with pytest.raises(OSError, match="connect"):
            http.run_jobs()
        assert output.found([MAIL_PASSWORD, KEY], everything(http)) == []
        assert any("job" in text for text in output.texts), "the failure is told"


def test_a_link_that_is_written_into_the_queue_would_be_seen(
    http: Client, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a queue holds it whose mails are written when they are asked for."""
    send = letters.LetterWriter._send

    async def queue(self: letters.LetterWriter, template: str, email: str, values: object,
                    id: str, **more: bool) -> None:  # fmt: skip
        asked = self.asked("verify", email, data=str(values))

        def steps() -> object:
            from stanchion.jobs import enqueue

            return (yield from enqueue(asked))

        await self._engine.write(steps)  # type: ignore[arg-type]  # steps of a job
        await send(self, template, email, values, id, **more)  # type: ignore[arg-type]  # the same

    monkeypatch.setattr(letters.LetterWriter, "_send", queue)
    secrets = live(http, output)
    assert output.found(secrets, everything(http))
