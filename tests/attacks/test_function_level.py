"""S6: every operation of the OpenAPI document, asked by nobody, by its user, and by another user.

The table says of each operation what a stranger may, written down from what the guides promise and
not read from the code. An operation that stands in the document and not in the table fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from stanchion.auth import sessions
from stanchion.http.sign_in.shared import AuthRoutes
from stanchion.testing import Client

from .app import ANN, BETTER, EVE, GOOD, as_system, bearer, own_id, post, register

ENDING = ("POST /api/auth/logout", "DELETE /api/auth/sessions", "POST /api/auth/password")
OPEN, CLOSED, OWN = "anybody", "who is signed in", "its owner"
OPERATIONS: dict[str, tuple[str, Any]] = {
    # the data
    "GET /api/users": (CLOSED, None),
    "POST /api/users": ("nobody", {"email": "made@example.com"}),
    "GET /api/users/{id}": (OWN, None),
    "PATCH /api/users/{id}": (OWN, {"name": "changed"}),
    "PUT /api/users/{id}": (OWN, {"email": ANN, "name": "changed"}),
    "DELETE /api/users/{id}": ("nobody", None),
    "GET /api/users/_aggregate": (CLOSED, None),
    "GET /api/notes": (CLOSED, None),
    "POST /api/notes": (OWN, {"owner": "{user}", "text": "x"}),
    "GET /api/notes/{id}": (OWN, None),
    "PATCH /api/notes/{id}": (OWN, {"text": "changed"}),
    "PUT /api/notes/{id}": (OWN, {"owner": "{user}", "text": "changed"}),
    "DELETE /api/notes/{id}": (OWN, None),
    "GET /api/notes/_aggregate": (CLOSED, None),
    "GET /api/prices": (OPEN, None),
    "POST /api/prices": ("nobody", {"amount": 1}),
    "GET /api/prices/{id}": (OPEN, None),
    "PATCH /api/prices/{id}": ("nobody", {"amount": 2}),
    "PUT /api/prices/{id}": ("nobody", {"amount": 2}),
    "DELETE /api/prices/{id}": ("nobody", None),
    "GET /api/prices/_aggregate": (OPEN, None),
    "POST /api/_batch": (
        OWN,
        {"steps": [{"method": "PATCH", "path": "/api/users/{user}", "body": {"name": "b"}}]},
    ),
    "GET /api/_schema": (OPEN, None),
    "GET /api/_explain": ("nobody", None),
    "GET /api/_audit": ("nobody", None),
    # sign-in: what lets somebody in, or asks for a mail
    "POST /api/auth/register": (OPEN, {"email": "x{n}@example.com", "password": GOOD}),
    "POST /api/auth/login": (OPEN, {"email": ANN, "password": GOOD}),
    "POST /api/auth/logout": (OPEN, None),
    "POST /api/auth/reset": (OPEN, {"email": ANN}),
    "POST /api/auth/code": (OPEN, {"email": ANN}),
    # what takes a secret that a stranger has not
    "POST /api/auth/login/code": ("a secret", {"ticket": "tk_x", "code": "000000"}),
    "POST /api/auth/reset/confirm": ("a secret", {"token": "ml_x", "password": BETTER}),
    "POST /api/auth/verify": ("a secret", {"token": "ml_x", "password": BETTER}),
    "POST /api/auth/link": ("a secret", {"token": "ml_x"}),
    "POST /api/auth/code/confirm": ("a secret", {"request": "cr_x", "code": "000000"}),
    "POST /api/auth/email/confirm": ("a secret", {"token": "ml_x"}),
    # one's own account
    "GET /api/auth/me": (CLOSED, None),
    "POST /api/auth/password": (CLOSED, {"current": GOOD, "new": GOOD + "!"}),
    "GET /api/auth/sessions": (CLOSED, None),
    "DELETE /api/auth/sessions": (CLOSED, None),
    "DELETE /api/auth/sessions/{session}": (OWN, None),
    "GET /api/auth/keys": (CLOSED, None),
    "POST /api/auth/keys": (CLOSED, {"name": "k", "scopes": ["*:read"]}),
    "DELETE /api/auth/keys/{key}": (OWN, None),
    "GET /api/auth/factors": (CLOSED, None),
    "POST /api/auth/totp": (CLOSED, None),
    "POST /api/auth/totp/confirm": ("a secret", {"ticket": "tk_x", "code": "000000"}),
    "DELETE /api/auth/totp": ("a secret", None),
    "POST /api/auth/recovery-codes": ("a secret", None),
    "POST /api/auth/proof": (CLOSED, {"password": GOOD}),
    "POST /api/auth/verification": (CLOSED, None),
    "POST /api/auth/email": (CLOSED, {"email": "y@example.com", "password": GOOD}),
    # the app's own
    "GET /menu": (OPEN, None),
    "GET /mine": (CLOSED, None),
    "POST /payout": (CLOSED, None),
    "POST /close": ("nobody", None),
}


NUMBERS = count()


@dataclass
class Things:
    """What belongs to Ann, and who asks."""

    user: str
    note: str
    price: str
    session: str
    key: str
    callers: dict[str, dict[str, str]]


def make_things(http: Client) -> Things:
    """Ann with one of everything, and Eve. Whatever was there before is gone."""
    for old in as_system(http, "GET", "/api/users").json()["items"]:
        as_system(http, "DELETE", f"/api/users/{old['id']}")
    ann, eve = register(http), register(http, EVE)
    user = own_id(http, ann)
    note = http.post("/api/notes", {"owner": user, "text": "hers"}, headers=ann).json()["id"]
    price = as_system(http, "POST", "/api/prices", {"amount": 7}).json()["id"]
    key = post(http, "/keys", ann, name="k", scopes=["*:read"]).json()["key"]["id"]
    bearer(post(http, "/login", email=ANN, password=GOOD, **{"as": "token"}))
    sessions = http.get("/api/auth/sessions", headers=ann).json()["items"]
    session = next(each["id"] for each in sessions if not each["current"])
    return Things(user, note, price, session, key, {"nobody": {}, "ann": ann, "eve": eve})


def filled(value: Any, things: Things) -> Any:
    """A path or body with Ann's ids in it."""
    if isinstance(value, str):
        for name in ("user", "note", "price", "session", "key"):
            value = value.replace(f"{{{name}}}", getattr(things, name))
        return value.replace("{n}", str(next(NUMBERS)))
    if isinstance(value, list):
        return [filled(each, things) for each in value]
    if isinstance(value, dict):
        return {name: filled(each, things) for name, each in value.items()}
    return value


def path_of(operation: str, things: Things) -> str:
    path = operation.partition(" ")[2]
    for collection, key in (("users", "user"), ("notes", "note"), ("prices", "price")):
        path = path.replace(f"/{collection}/{{id}}", f"/{collection}/{{{key}}}")
    asked = {"_aggregate": "?count=true", "_explain": "?path=/api/notes"}
    return str(filled(path, things)) + asked.get(path.rpartition("/")[2], "")


def ask(http: Client, things: Things, operation: str, caller: str) -> int:
    method, body = operation.partition(" ")[0], filled(OPERATIONS[operation][1], things)
    path, headers = path_of(operation, things), things.callers[caller]
    return http.request(method, path, body, headers=headers).status


def unexpected(http: Client, operations: list[str]) -> list[str]:
    """The answers that are not what the table says, of a stranger first, then of another user, and
    of Ann last, who may."""
    things, found = make_things(http), []
    for operation in operations:
        may = OPERATIONS[operation][0]
        for caller in ("nobody", "eve", "ann"):
            status = ask(http, things, operation, caller)
            good = may == OPEN or (may == CLOSED and caller != "nobody")
            good = good or (may == OWN and caller == "ann")
            refused = (401, 403, 404) if may != OWN else (401, 403, 404, 409)
            if not (status < 300 if good else status in refused):
                found.append(f"{operation} by {caller}: {status}")
        if operation in ENDING:
            things = make_things(http)
    return found


def documented(http: Client) -> set[str]:
    paths = http.get("/openapi.json").json()["paths"]
    methods = ("get", "post", "put", "patch", "delete")
    return {f"{m.upper()} {path}" for path, ways in paths.items() for m in ways if m in methods}


def test_every_operation_of_the_document_is_in_the_table(http: Client) -> None:
    assert documented(http) - {"GET /health", "GET /ready"} == set(OPERATIONS)


def test_nobody_gets_more_than_the_table_says(http: Client) -> None:
    found = unexpected(http, list(OPERATIONS))
    assert found == [], "\n".join(found)


def test_a_route_that_does_not_ask_who_calls_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = make_things(http)
    held = http.app.runtime.identify

    async def anybody(self: AuthRoutes, request: Any, **more: Any) -> Any:
        token = things.callers["ann"]["authorization"].encode()
        return await held({"type": "http", "headers": [(b"authorization", token)]}, keys=True)

    monkeypatch.setattr(AuthRoutes, "_signed_in", anybody)
    assert ask(http, things, "GET /api/auth/sessions", "nobody") == 200


def test_a_session_that_anybody_ends_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sessions, "_END", "delete from _sessions where id=?1 and ?2<>'' returning id"
    )
    told = unexpected(http, ["DELETE /api/auth/sessions/{session}"])
    assert "DELETE /api/auth/sessions/{session} by eve: 204" in told
