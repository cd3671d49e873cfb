"""Whether an address has an account is told to its owner alone: answers and work are the same."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stanchion.auth.asking import Asking
from stanchion.auth.letters import LetterWriter
from stanchion.settings import Settings
from stanchion.testing import Client, Response, client
from tests.smtp_server import mail_server

from .test_by_mail import ANN, BOB, GOOD, join, login, make_app, post, rows

UNKNOWN, UNPROVEN = "nobody@example.com", "later@example.com"
VARIES = ("x-request-id", "date")


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        join(running)
        yield running


@contextmanager
def statements(http: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The texts of all that the engine is asked meanwhile."""
    seen: list[str] = []
    kind = type(http.app.runtime.engine)

    def watched(job: Any) -> Any:
        def steps() -> Generator[Any, Any, Any]:
            inner = job()
            try:
                ask = next(inner)
                while True:
                    seen.extend([each.text for each in getattr(ask, "asks", [ask])])
                    ask = inner.send((yield ask))
            except StopIteration as stop:
                return stop.value

        return steps

    with monkeypatch.context() as patched:
        for name in ("find", "fetch"):
            patched.setattr(kind, name, _noting(getattr(kind, name), seen))
        write = kind.write
        patched.setattr(kind, "write", lambda self, job, *more: write(self, watched(job), *more))
        yield seen


def _noting(method: Any, seen: list[str]) -> Any:
    async def call(self: Any, text: str, *more: Any) -> Any:
        if "_ended" not in text:  # asked by the clock, not by a request
            seen.append(text)
        return await method(self, text, *more)

    return call


def asked(http: Client, path: str, email: str) -> Response:
    return post(http, path, email=email)


def as_told(answer: Response) -> Any:
    """What a stranger sees; the text that goes with a code is as long each time."""
    body = answer.json()
    if "request" in body:
        body["request"] = len(body["request"])
    headers = {k: v for k, v in answer.headers.items() if k not in VARIES}
    return answer.status, body, headers


PATHS = ["/register", "/reset", "/code"]


@pytest.mark.parametrize("path", PATHS)
def test_answers_are_the_same_for_every_address(http: Client, path: str) -> None:
    told = [as_told(asked(http, path, email)) for email in (ANN, UNKNOWN) * 10]
    assert told[0][0] == 202
    assert all(each == told[0] for each in told)


@pytest.mark.parametrize("path", PATHS)
def test_the_same_statements_run_for_every_address(
    http: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    asked(http, path, BOB)  # what is done once is done
    ran = []
    for email in (ANN, UNKNOWN):
        with statements(http, monkeypatch) as seen:
            asked(http, path, email)
        ran.append(list(seen))
    assert ran[0] == ran[1] and any("insert into _jobs" in text for text in ran[0])


def test_a_login_runs_the_same_statements_for_every_address(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of an owner who came from here before one count less is made, see `Attempts.password`
    post(http, "/logout", join(http, BOB))
    login(http, "no password of theirs", UNKNOWN)
    ran = []
    for email in (BOB, UNKNOWN):
        with statements(http, monkeypatch) as seen:
            assert login(http, "no password of theirs", email).status == 401
        ran.append([text for text in seen if "_audit" not in text])  # written by the clock
    assert ran[0] == ran[1] and any("from _passwords" in text for text in ran[0])


def test_what_asks_the_database_first_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault, planted: the mail is asked for only where somebody has the address."""
    honest = Asking.ask_password

    async def hasty(self: Asking, email: str) -> None:
        if await self._accounts.user_of(email) is not None:
            await honest(self, email)

    monkeypatch.setattr(Asking, "ask_password", hasty)
    asked(http, "/reset", BOB)
    ran = []
    for email in (ANN, UNKNOWN):
        with statements(http, monkeypatch) as seen:
            asked(http, "/reset", email)
        ran.append(list(seen))
    assert ran[0] != ran[1]


def done_later(http: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> list[list[str]]:
    """The statements of the jobs, of an address that has an account and of one that has none."""
    asked(http, path, BOB)
    http.run_jobs()
    ran = []
    for email in (ANN, UNKNOWN):
        asked(http, path, email)
        with statements(http, monkeypatch) as seen:
            http.run_jobs()
        ran.append(list(seen))
    return ran


@pytest.mark.parametrize("path", PATHS)
def test_the_same_is_written_later_for_every_address(
    http: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Whoever asks, and then times their own next request, learns nothing of it."""
    known, unknown = done_later(http, monkeypatch, path)
    assert known == unknown and any("insert into _codes" in text for text in known)


@pytest.mark.parametrize("path", ["/reset", "/code"])
def test_a_mail_of_nobody_goes_to_the_mail_server_and_no_further(path: str) -> None:
    """How long the app speaks with it could be seen too: it speaks, and takes all back."""
    with mail_server() as server:
        app = make_app(
            settings=Settings(
                mail_url=f"smtp://localhost:{server.port}", mail_from="shop@example.com",
                public_url="https://shop.example",
            )
        )  # fmt: skip
        with client(app) as http:
            assert asked(http, path, UNKNOWN).status == 202
            assert http.run_jobs() == 1
        assert (server.begun, server.taken) == (["shop@example.com"], [])


def test_a_job_that_ends_where_nobody_has_the_address_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = LetterWriter._to_owner

    async def hasty(self: LetterWriter, purpose: str, email: str, request: str, id: str) -> None:
        if await self._accounts.user_of(email) is not None:
            await honest(self, purpose, email, request, id)

    monkeypatch.setattr(LetterWriter, "_to_owner", hasty)
    known, unknown = done_later(http, monkeypatch, "/reset")
    assert known != unknown


def test_a_code_of_nobody_signs_nobody_in(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stanchion.auth.codes.secrets.randbelow", lambda most: 428_913)
    request = asked(http, "/code", UNKNOWN).json()["request"]
    http.run_jobs()
    answer = post(http, "/code/confirm", request=request, code="428913")
    assert (answer.status, answer.json()["code"]) == (401, "auth.wrong_mail_code")


def test_the_jobs_of_all_addresses_are_alike(http: Client) -> None:
    before = len(rows(http, "select id from _jobs"))
    for path in PATHS:
        for email in (ANN, UNKNOWN):
            asked(http, path, email)
    found = rows(http, "select name,arguments from _jobs order by id")[before:]
    alike = [text.replace(ANN, "?").replace(UNKNOWN, "?") for _, text in found]
    assert {name for name, _ in found} == {"stanchion.sign_in"}
    for known, unknown in zip(alike[::2], alike[1::2], strict=True):
        assert len(known) == len(unknown)


def test_a_sign_in_by_code_tells_nothing_of_an_address(http: Client) -> None:
    told = []
    for email in (ANN, UNKNOWN):
        request = asked(http, "/code", email).json()["request"]
        http.run_jobs()
        told.append(as_told(post(http, "/code/confirm", request=request, code="wrong")))
    assert told[0] == told[1] and told[0][0] == 401


def test_only_who_has_an_account_gets_a_mail_of_it(http: Client) -> None:
    before = len(http.mails)
    for path in ("/reset", "/code"):
        asked(http, path, UNKNOWN)
    http.run_jobs()
    assert len(http.mails) == before
    assert login(http, GOOD).status == 200
