"""Passwords: which ones are taken, for how long, and how our pages ask for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from stanchion import App, Rules, SignIn, UserRecord
from stanchion.auth.passwords import SHORTEST, judge_password
from stanchion.engines import Ask
from stanchion.errors import DeclarationError
from stanchion.testing import Client, client

from .test_by_mail import ANN, GOOD, mail, post, token_in


def make_app() -> App:
    app = App("Notebook")

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open", keys=True, words=("Sorrento",))
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def test_none_of_the_most_common_passwords_is_taken() -> None:
    """Of the 3,000 most common ones that are long enough, each tenth."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]  # no types

    long_enough = (word for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST)
    asked = list(islice(long_enough, 0, 3000, 10))
    assert len(asked) == 300
    for word in asked:
        for typed in (word, word.capitalize(), f"{word}1"):
            refused = judge_password(typed, ["Notebook", ANN], "/password")
            assert refused is not None and refused.code == "password.common", typed
    assert judge_password(GOOD, ["Notebook", ANN], "/password") is None


def test_words_of_the_app_are_refused(http: Client) -> None:
    for password in ("Sorrento-2", "mySORRENTO"):
        answer = http.post("/api/auth/register", {"email": ANN, "password": password})
        assert answer.status == 422
        assert answer.json()["errors"][0]["code"] in ("password.context", "password.common")
    for words in ("Sorrento", ("",), (1,)):
        with pytest.raises(DeclarationError):
            SignIn(words=words)  # type: ignore[arg-type]  # that is what is refused


def test_a_password_does_not_grow_old(http: Client) -> None:
    """One that was set in 2001."""
    assert http.post("/api/auth/register", {"email": ANN, "password": GOOD}).status == 201
    old = ("2001-01-01T00:00:00.000000Z",)

    def steps() -> Any:
        return (yield Ask("update _passwords set changed=?1 returning user_id", old))

    assert len(http.run(http.app.runtime.engine.write(steps))) == 1
    answer = http.post("/api/auth/login", {"email": ANN, "password": GOOD})
    assert answer.status == 200 and "password" not in answer.text


INPUT = re.compile(r"<input [^>]*>")


def test_fields_of_passwords_hide_them_and_let_programs_fill_them_in(http: Client) -> None:
    began = http.post("/api/auth/register", {"email": ANN, "password": GOOD})
    cookie = {"cookie": began.headers["set-cookie"].partition(";")[0]}
    post(http, "/reset", email=ANN)
    token = token_in(mail(http))
    seen = []
    for path in ("/auth/sign-in", "/auth/register", "/auth/account", f"/auth/reset?token={token}"):
        page = http.get(path, headers=cookie).text
        assert "<script" not in page and not re.search(r"\son\w+=", page), path
        for field in INPUT.findall(page):
            name = re.search(r' name="(\w+)"', field)
            if name is None:  # for programs that fill in: whose password it is
                assert 'autocomplete="username"' in field
            elif name[1] in ("password", "current", "new"):
                seen.append((path.partition("?")[0], name[1]))
                assert ' type="password"' in field, field
                assert re.search(r' autocomplete="(current|new)-password"', field), field
            else:
                assert 'autocomplete="off"' not in field
    assert set(seen) >= {
        ("/auth/sign-in", "password"), ("/auth/register", "password"),
        ("/auth/account", "current"), ("/auth/account", "new"), ("/auth/reset", "password"),
    }  # fmt: skip
