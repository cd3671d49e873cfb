"""D11 for sign-in: no header, spelling, path or page gives more tries of a password. That of
writes and routes of an app are in `tests/api/test_limits.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest

from stanchion import App, Rules, SignIn, UserRecord
from stanchion.http.asgi import listed_header
from stanchion.testing import Client, Response, client

from .app import ANN

MAY = 10
TRIES = 30
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


def make_app() -> App:
    app = App("Evaded")

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open", attempts=f"{MAY}/15min")
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def log_in(
    http: Client, email: str = ANN, path: str = "/api/auth/login", **headers: str
) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.post(path, {"email": email, "password": "wrong lamp"}, headers=named)


def by_page(http: Client, number: int) -> Response:
    sent = urlencode({"email": ANN, "password": "wrong lamp"}).encode()
    return http.request("POST", "/auth/sign-in", headers=FORM, content=sent)


SPELLED = (ANN.upper(), f" {ANN}", f"{ANN} ", f"\t{ANN}", ANN.title(), f"{ANN}\n", f"\u3000{ANN}")
WAYS: dict[str, Callable[[Client, int], Response]] = {
    "X-Forwarded-For": lambda http, n: log_in(http, x_forwarded_for=f"203.0.113.{n}"),
    "Forwarded": lambda http, n: log_in(http, forwarded=f"for=203.0.113.{n}"),
    "X-Real-IP": lambda http, n: log_in(http, x_real_ip=f"203.0.113.{n}"),
    "CF-Connecting-IP": lambda http, n: log_in(http, cf_connecting_ip=f"203.0.113.{n}"),
    "the user agent": lambda http, n: log_in(http, user_agent=f"Reader/{n}"),
    "a cookie": lambda http, n: log_in(http, cookie=f"__Host-session=st_{n}"),
    "a token": lambda http, n: log_in(http, authorization=f"Basic {n}"),
    "an idempotency key": lambda http, n: log_in(http, idempotency_key=f"k{n}"),
    "the spelling of the address": lambda http, n: log_in(http, SPELLED[n % len(SPELLED)]),
    "a query": lambda http, n: log_in(http, path=f"/api/auth/login?n={n}"),
    "a slash": lambda http, n: log_in(http, path="/api/auth/login" + "/" * (n % 2)),
    "the page": by_page,
    "the page and the route": lambda http, n: by_page(http, n) if n % 2 else log_in(http),
}


def judged(http: Client, way: Callable[[Client, int], Response]) -> int:
    """How many passwords were compared: each of those is told 401."""
    return sum(way(http, number).status == 401 for number in range(TRIES))


@pytest.mark.parametrize("way", WAYS)
def test_no_way_gives_more_tries(http: Client, way: str) -> None:
    assert judged(http, WAYS[way]) <= MAY


def leftmost(scope: object, settings: object) -> str:
    said = listed_header(scope, b"x-forwarded-for")  # type: ignore[arg-type]  # a scope
    return said.partition(",")[0] if said else "127.0.0.1"


def test_a_header_that_is_believed_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stanchion.http.sign_in.shared.client_of", leftmost)
    assert judged(http, WAYS["X-Forwarded-For"]) == TRIES


def test_an_address_that_is_counted_as_it_was_typed_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stanchion.auth.accounts.Accounts.name_of", lambda self, email: email)
    assert judged(http, WAYS["the spelling of the address"]) > MAY
