"""S14: what a page of another site makes a browser send, with the cookie of who is signed in.

Each form in which a browser sends without asking first, to each route that changes something; what
is counted is what changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from stanchion import Settings
from stanchion.auth.gate import Gate
from stanchion.http import browsers
from stanchion.testing import Client, client

from .app import ANN, BETTER, COOKIE, EVE, GOOD, cookie_of, make_app, own_id, post, register

JSON, FORM, PLAIN = "application/json", "application/x-www-form-urlencoded", "text/plain"
LISTED = "https://admin.shop.example"
FROM: dict[str, dict[str, str]] = {
    "another site": {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    "a subdomain": {"origin": "http://evil.testserver", "sec-fetch-site": "same-site"},
    "a host that begins alike": {"origin": "http://testserver.evil.example"},
    "a user before the host": {"origin": "http://testserver@evil.example"},
    "another port": {"origin": "http://testserver:8080"},
    "a frame without an origin": {"origin": "null"},
    "a sandboxed frame": {"origin": "null", "sec-fetch-site": "cross-site"},
    "a link": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    "an old browser": {"origin": "https://evil.example"},
}


def requests(user: str) -> list[tuple[str, str, Any]]:
    """Everything that changes something: method, path, body."""
    note = {"owner": user, "text": "x"}
    step = {"method": "POST", "path": "/api/notes", "body": note}
    return [
        ("POST", "/api/notes", note),
        ("PATCH", f"/api/users/{user}", {"name": "changed"}),
        ("PUT", f"/api/users/{user}", {"name": "changed", "email": ANN}),
        ("POST", "/api/_batch", {"steps": [step]}),
        ("POST", "/api/auth/password", {"current": GOOD, "new": BETTER}),
        ("POST", "/api/auth/email", {"email": EVE, "password": GOOD}),
        ("POST", "/api/auth/keys", {"name": "k", "scopes": ["*:write"]}),
        ("POST", "/api/auth/totp", None),
        ("POST", "/payout", None),
        ("DELETE", f"/api/users/{user}", None),
        ("DELETE", "/api/auth/sessions", None),
        ("POST", "/auth/account/password", {"current": GOOD, "new": BETTER}),
        ("POST", "/auth/sign-out", {}),
        ("POST", "/api/auth/logout", None),
    ]


def encoded(kind: str, body: Any) -> bytes:
    """A body as a page sends it; what claims to be a form or plain text may be JSON inside."""
    if body is None:
        return b""
    return urlencode(body).encode() if kind == FORM else json.dumps(body).encode()


TABLES = ("users", "notes", "_passwords", "_api_keys", "_sessions", "_codes", "_jobs", "_tickets")


def state(http: Client) -> list[Any]:
    """Everything that such a request might change."""

    async def rows() -> list[Any]:
        find = http.app.runtime.engine.find
        return [await find(f"select * from {table} order by 1", ()) for table in TABLES]

    return http.run(rows())


def changed(http: Client, cookie: dict[str, str], user: str, named: str) -> list[str]:
    """The requests that had an effect. What ends the session comes last."""
    found = []
    for method, path, body in requests(user):
        for kind in (JSON, PLAIN, FORM):
            before = state(http)
            headers = {**cookie, **FROM[named], "content-type": kind}
            answer = http.request(method, path, headers=headers, content=encoded(kind, body))
            if answer.status < 400 or state(http) != before:
                found.append(f"{method} {path} as {kind}: {answer.status}")
    return found


@pytest.fixture
def ann(http: Client) -> Iterator[tuple[dict[str, str], str]]:
    answer = post(http, "/login", email=ANN, password=GOOD)
    if answer.status != 200:
        register(http)
        answer = post(http, "/login", email=ANN, password=GOOD)
    cookie = cookie_of(answer)
    yield cookie, own_id(http, cookie)


@pytest.mark.parametrize("named", FROM)
def test_a_page_of_another_site_changes_nothing(
    http: Client, ann: tuple[dict[str, str], str], named: str
) -> None:
    cookie, user = ann
    assert changed(http, cookie, user, named) == []
    assert own_id(http, cookie) == user


def test_nobody_is_signed_in_by_another_site(http: Client, ann: Any) -> None:
    """Else a victim would work in the account of whoever wrote the page."""
    named, whole = {"email": ANN}, {"email": ANN, "password": GOOD}
    for path, body in (
        ("/login", whole),
        ("/register", whole),
        ("/reset", named),
        ("/code", named),
    ):
        for headers in FROM.values():
            answer = post(http, path, headers, **body)
            assert answer.status == 403 and "set-cookie" not in answer.headers


def test_the_same_from_a_page_of_ours_changes_something(
    http: Client, ann: tuple[dict[str, str], str]
) -> None:
    """The requests themselves are good, so that it was the site that was refused."""
    cookie, user = ann
    here = {**cookie, "sec-fetch-site": "same-origin", "content-type": JSON}
    for method, path, body in requests(user)[:2]:
        before = state(http)
        answer = http.request(method, path, headers=here, content=encoded(JSON, body))
        assert answer.status < 300 and state(http) != before


def test_a_gate_that_asks_for_no_site_would_be_seen(
    ann: tuple[dict[str, str], str], http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gate, "refuse_other_sites", lambda *_: None)
    cookie, user = ann
    assert len(changed(http, cookie, user, "another site")) >= 10


# reading across sites


def read_by(http: Client, origin: str) -> bool:
    """Whether a page of this origin gets to see what the user it is shown to may see."""
    answer = http.get("/api/prices", headers={"origin": origin})
    allowed = answer.headers.get("access-control-allow-origin")
    return allowed in (origin, "*")


STRANGERS = (
    "https://evil.example", "null", f"{LISTED}.evil.example", "https://eviladmin.shop.example",
    "https://shop.example", "http://admin.shop.example", f"{LISTED}:8443", f"{LISTED}/",
    "https://ADMIN.shop.example", f"{LISTED} https://evil.example", "",
)  # fmt: skip


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    with client(make_app(Settings(cors_origins=LISTED))) as running:
        yield running


def test_no_page_reads_but_those_of_listed_sites(shared: Client) -> None:
    assert read_by(shared, LISTED)
    assert [origin for origin in STRANGERS if read_by(shared, origin)] == []


def test_an_origin_that_is_merely_repeated_would_be_seen(
    shared: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repeat(self: browsers.Browsers, scope: Any) -> Any:
        return [(b"access-control-allow-origin", browsers._origin(scope))]

    monkeypatch.setattr(browsers.Browsers, "_shared", repeat)
    assert [origin for origin in STRANGERS if read_by(shared, origin)] == list(STRANGERS)


def test_the_cookie_goes_to_nobody_else() -> None:
    assert COOKIE.startswith("__Host-"), "no subdomain sets or reads it"
