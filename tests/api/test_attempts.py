"""How often a password may be tried, and that nobody locks somebody else out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from stanchion import App, Rules, Settings, SignIn, UserRecord, clock
from stanchion.auth import attempts
from stanchion.errors import DeclarationError
from stanchion.testing import Client, Response, client

ANN, BOB, GOOD = "ann@example.com", "bob@example.com", "zebra fox lamp"


def make_app(**limits: Any) -> App:
    # the client of tests comes from a loopback address, which stands for the proxy here
    settings = Settings(trusted_proxies="127.0.0.1")
    app = App("Attempts", settings=settings)

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open", **limits)
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    """The time stands still: what is told of it is told alike."""
    moment = clock.now_ns()
    clock.use(lambda: moment)
    try:
        yield from _running()
    finally:
        clock.use(None)


def _running() -> Iterator[Client]:
    with client(make_app(attempts_from_anywhere="30/day")) as running:
        yield running


def register(http: Client, email: str = ANN, network: str = "10.1.1.1") -> Response:
    body = {"email": email, "password": GOOD, "as": "token"}
    return http.post("/api/auth/register", body, headers=came(network))


def login(
    http: Client, email: str = ANN, password: str = "wrong", network: str = "10.1.1.1"
) -> Response:
    body = {"email": email, "password": password}
    return http.post("/api/auth/login", body, headers=came(network))


def came(network: str) -> dict[str, str]:
    return {"x-forwarded-for": network}


def test_one_network_tries_an_account_ten_times(http: Client) -> None:
    register(http)
    told = [login(http).status for _ in range(12)]
    assert told == [401] * 10 + [429] * 2
    refused = login(http, password=GOOD)
    assert (refused.status, refused.json()["code"]) == (429, "limit.exceeded")
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert login(http, BOB).status == 401, "another account is another count"


@pytest.mark.parametrize("email", [ANN.upper(), f" {ANN}", f"{ANN}\t", "Ann@Example.Com"])
def test_another_spelling_is_the_same_account(http: Client, email: str) -> None:
    register(http)
    for _ in range(10):
        login(http)
    assert login(http, email, GOOD).status == 429


def test_many_networks_together_try_no_more(http: Client) -> None:
    """Two hundred networks, one thousand tries."""
    register(http)
    told: Counter[int] = Counter()
    for n in range(200):
        for _ in range(5):
            told[login(http, network=f"10.2.{n}.1").status] += 1
    assert told == {401: 30, 429: 970}
    owner = login(http, password=GOOD)
    assert owner.status == 200, "who came from there before is let in"


def test_an_unknown_address_is_counted_alike(http: Client) -> None:
    told = [login(http, "nobody@example.com").status for _ in range(11)]
    assert told == [401] * 10 + [429]


def test_one_network_tries_many_accounts(http: Client) -> None:
    told = Counter(login(http, f"a{n}@example.com").status for n in range(80))
    assert told == {401: 60, 429: 20}


def test_ipv6_of_one_owner_is_one_network(http: Client) -> None:
    told = [login(http, network=f"2001:db8:1:2::{n:x}").status for n in range(1, 13)]
    assert told == [401] * 10 + [429] * 2


def test_one_network_makes_twenty_accounts(http: Client) -> None:
    told = [register(http, f"a{n}@example.com").status for n in range(22)]
    assert told == [201] * 20 + [429] * 2
    assert register(http, network="10.9.9.9").status == 201


def test_a_session_that_was_left_open_guesses_no_password(http: Client) -> None:
    headers = {"authorization": f"Bearer {register(http).json()['token']}"}
    body = {"current": "wrong", "new": "seven quiet harbours"}
    told = [
        http.post("/api/auth/password", body, headers={**headers, **came(f"10.3.{n}.1")}).status
        for n in range(12)
    ]
    assert told == [403] * 10 + [429] * 2


def test_attempts_that_are_not_counted_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr(attempts.Attempts, "password", nothing)
    assert {login(http).status for _ in range(15)} == {401}


@pytest.mark.parametrize("name", ["attempts", "registrations"])
def test_a_limit_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError):
        SignIn(**{name: "often"})
