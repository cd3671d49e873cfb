"""No session outlives what ends it, whichever of the two was quicker (TRUST S13); on every engine.

There is nothing to rotate: a session has one token from its beginning to its end. So what is raced
is a sign-in against what shuts the account: fifty passwords are found right, then the account is
shut, then each of the fifty goes on. What opens anything afterwards is counted: none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stanchion import App, Rules, Settings, SignIn, UserRecord
from stanchion.auth import accounts, passwords, sessions
from stanchion.store.steps import Steps
from stanchion.testing import Client, Response, as_actor, client
from tests.together import together

ANN, GOOD, BETTER = "ann@example.com", "zebra fox lamp", "seven quiet harbours"
AT_ONCE = 50
MANY = "100000/h"
PATIENT = Settings(transaction_ms=60_000, write_deadline_ms=60_000, read_deadline_ms=60_000)
COOKIE = "__Host-session"


def make_app() -> App:
    app = App("Raced", settings=PATIENT)

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(
            register="open", attempts=MANY, attempts_from_anywhere=MANY, attempts_of_client=MANY
        )
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """As many hashes may wait as are asked for."""
    monkeypatch.setattr(passwords, "WAITING", AT_ONCE)
    with client(make_app()) as running:
        yield running


def register(http: Client) -> dict[str, str]:
    body = {"email": ANN, "password": GOOD, "as": "token"}
    return bearer(http.post("/api/auth/register", body))


def login(http: Client, **headers: str) -> Response:
    return http.post(
        "/api/auth/login", {"email": ANN, "password": GOOD, "as": "token"}, headers=headers
    )


def bearer(answer: Response) -> dict[str, str]:
    assert answer.status in (200, 201), answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def lives(http: Client, headers: dict[str, str]) -> bool:
    return http.get("/api/auth/me", headers=headers).status == 200


# what shuts an account


Shut = Callable[[Client, dict[str, str]], None]


def change_password(http: Client, ann: dict[str, str]) -> None:
    body = {"current": GOOD, "new": BETTER}
    assert http.post("/api/auth/password", body, headers=ann).status == 204


def disable(http: Client, ann: dict[str, str]) -> None:
    assert as_system(http, "PATCH", f"/api/users/{own_id(http, ann)}", {"disabled": True}) == 200


def delete(http: Client, ann: dict[str, str]) -> None:
    assert as_system(http, "DELETE", f"/api/users/{own_id(http, ann)}") == 204


def own_id(http: Client, ann: dict[str, str]) -> str:
    return str(http.get("/api/auth/me", headers=ann).json()["user"]["id"])


def as_system(http: Client, method: str, url: str, body: Any = None) -> int:
    with as_actor(http.app, http.app.system()):
        return http.request(method, url, body).status


SHUT: tuple[Shut, ...] = (change_password, disable, delete)


def alive_after(http: Client, shut: Shut, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many of fifty sign-ins open something, of which each compared its password before the
    account was shut and goes on after it."""
    ann = register(http)
    gate = http.app.runtime.gate
    assert gate is not None
    fits, compared, go_on = gate.accounts.hasher.fits, asyncio.Semaphore(0), asyncio.Event()

    async def wait(kept: str | None, password: str) -> bool:
        found = await fits(kept, password)
        compared.release()
        await go_on.wait()
        return found

    async def all_compared() -> None:
        for _ in range(AT_ONCE):
            await compared.acquire()
        gate.accounts.hasher.fits = fits  # type: ignore[method-assign]  # as it was

    async def release() -> None:
        go_on.set()

    def act(number: int) -> Response | None:
        if number:
            return login(http)
        http.run(all_compared())
        shut(http, ann)
        http.run(release())
        return None

    monkeypatch.setattr(gate.accounts.hasher, "fits", wait)
    told = [answer for answer in together(AT_ONCE + 1, act) if answer is not None]
    assert {answer.status for answer in told} <= {200, 401}
    return sum(lives(http, bearer(answer)) for answer in told if answer.status == 200)


@pytest.mark.unordered
@pytest.mark.parametrize("shut", SHUT, ids=lambda shut: shut.__name__)
def test_a_sign_in_that_was_overtaken_opens_nothing(
    http: Client, monkeypatch: pytest.MonkeyPatch, shut: Shut
) -> None:
    assert alive_after(http, shut, monkeypatch) == 0


@pytest.mark.unordered
def test_a_password_that_is_not_looked_at_again_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_steps(user: str, kept: str) -> Steps[None]:
        yield from ()

    monkeypatch.setattr(accounts, "still_steps", no_steps)
    assert alive_after(http, change_password, monkeypatch) == AT_ONCE


# one session, used fifty times while it is ended


def alive_after_the_end(http: Client) -> int:
    register(http)
    ann = bearer(login(http))
    assert lives(http, ann), "it is remembered"

    def act(number: int) -> int:
        if number == AT_ONCE // 2:
            return http.post("/api/auth/logout", headers=ann).status
        return http.get("/api/auth/me", headers=ann).status

    told = together(AT_ONCE, act)
    assert told.count(204) == 1 and set(told) <= {200, 204, 401}
    return sum(together(AT_ONCE, lambda _: lives(http, ann)))


@pytest.mark.unordered
def test_a_session_that_is_in_use_everywhere_ends_everywhere(http: Client) -> None:
    assert alive_after_the_end(http) == 0


@pytest.mark.unordered
def test_a_process_that_believes_what_it_remembers_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions.Sessions, "doubt", lambda self: None)
    monkeypatch.setattr(sessions, "FRESH_S", 1e9)
    assert alive_after_the_end(http) == AT_ONCE


# fixation


def token_of(answer: Response) -> str:
    return answer.headers["set-cookie"].partition(";")[0].partition("=")[2]


def signed_in_with(http: Client, planted: str) -> str:
    """The session of a victim whose browser somebody gave a cookie before."""
    body = {"email": ANN, "password": GOOD}
    cookie = {"cookie": f"{COOKIE}={planted}"}
    return token_of(http.post("/api/auth/login", body, headers=cookie))


def test_no_cookie_that_was_there_before_becomes_the_session(http: Client) -> None:
    register(http)
    eve = {"email": "eve@example.com", "password": GOOD}
    hers = token_of(http.post("/api/auth/register", eve))
    for planted in ("st_" + "A" * 43, hers, ""):
        made = signed_in_with(http, planted)
        assert made != planted
        assert me(http, made) == ANN
    assert me(http, "st_" + "A" * 43) is None
    assert me(http, hers) == "eve@example.com", "it stays who it was"


def me(http: Client, token: str) -> str | None:
    answer = http.get("/api/auth/me", headers={"cookie": f"{COOKIE}={token}"})
    return None if answer.status == 401 else str(answer.json()["user"]["email"])


def test_a_session_that_takes_its_token_from_the_browser_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = "st_" + "A" * 43
    register(http)
    monkeypatch.setattr(sessions, "new_token", lambda kind: planted)
    assert signed_in_with(http, planted) == planted
    assert me(http, planted) == ANN
