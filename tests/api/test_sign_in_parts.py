"""What sign-in consists of where an app offers all: accounts, sessions, questions, pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stanchion import App, Field, Rules, SignIn, UserRecord
from stanchion.testing import Client, as_actor, client

ANN, GOOD = "ann@example.com", "zebra fox lamp"


def make_app() -> App:
    app = App("Notebook")

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50, default="")
        sign_in = SignIn(
            register="open", codes_by_mail=True, keys=True, totp=True, passkeys=True,
            attempts="1000/h", attempts_of_client="1000/h",
        )  # fmt: skip
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def test_a_new_app_has_no_accounts(http: Client) -> None:
    """The first test of this file: nobody was there yet."""
    with as_actor(http.app, http.app.system()):
        assert http.get("/api/users?total=true").json()["total"] == 0
    for name in ("admin", "root", "sa", "admin@example.com"):
        for password in ("", "admin", "password", name):
            answer = http.post("/api/auth/login", {"email": name, "password": password})
            assert answer.status == 401


def test_each_sign_in_has_its_own_token_and_ends_no_other(http: Client) -> None:
    body = {"email": ANN, "password": GOOD, "as": "token"}
    tokens = [http.post("/api/auth/register", body).json()["token"]]
    for _ in range(12):
        sent = {"authorization": f"Bearer {tokens[-1]}"}  # what one has is not taken over
        tokens.append(http.post("/api/auth/login", body, headers=sent).json()["token"])
    assert len(set(tokens)) == 13
    for token in tokens:
        sent = {"authorization": f"Bearer {token}"}
        assert http.get("/api/auth/me", headers=sent).status == 200
    assert len(http.get("/api/auth/sessions", headers=sent).json()["items"]) == 13


def test_an_idempotency_key_keeps_no_answer_of_sign_in(http: Client) -> None:
    http.post("/api/auth/register", {"email": "cat@example.com", "password": GOOD})
    body = {"email": "cat@example.com", "password": GOOD, "as": "token"}
    sent = {"idempotency-key": "6f1f0f0c-6a3e-4c0e-9f5b-0a4f3b2c1d0e"}
    answers = [http.post("/api/auth/login", body, headers=sent) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json()["token"] != answers[1].json()["token"]


SENT = {
    "as", "code", "credential", "current", "days", "email", "end_keys", "name", "new", "password",
    "request", "scopes", "ticket", "token",
}  # fmt: skip


def test_no_hint_and_no_question_stands_in_for_a_password(http: Client) -> None:
    """All that the routes of sign-in take, and nothing else."""
    document = http.get("/openapi.json").json()
    schemas = document["components"]["schemas"]

    def names(schema: Any) -> set[str]:
        if "$ref" in schema:
            return names(schemas[schema["$ref"].rpartition("/")[2]])
        found = set(schema.get("properties", {}))
        return found.union(*(names(each) for each in schema.get("anyOf", ())))

    taken = set()
    for path, methods in document["paths"].items():
        for told in methods.values() if path.startswith("/api/auth/") else ():
            for content in told.get("requestBody", {}).get("content", {}).values():
                taken |= names(content["schema"])
    assert taken == SENT


def test_the_page_of_an_account_lets_people_sign_out(http: Client) -> None:
    body = {"email": "bob@example.com", "password": GOOD}
    began = http.post("/api/auth/register", body)
    cookie = {"cookie": began.headers["set-cookie"].partition(";")[0]}
    page = http.get("/auth/account", headers=cookie).text
    form, _, rest = page.partition('action="/auth/sign-out"')
    assert form and '<button type="submit">Sign out</button>' in rest[:120]
    assert http.post("/auth/sign-out", headers=cookie).status == 303
    assert http.get("/auth/account", headers=cookie).status == 303
