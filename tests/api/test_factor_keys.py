"""The key that seals the secrets of authenticators: it must be there, and can be changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mintotp
import pytest

from stanchion import App, Settings, SignIn, UserRecord, clock
from stanchion.auth.passwords import SLIGHT
from stanchion.errors import Forbidden, Problem, SettingError, Unavailable
from stanchion.testing import Client, client

EMAIL, GOOD = "ann@example.com", "zebra fox lamp"
OLD, NEW, OTHER = (f"0123456789abcdef-{name}-0123456789abcdef" for name in ("old", "new", "other"))


def make_app(secret_key: str = "", *, totp: bool = True) -> App:
    app = App("Keys", settings=Settings(secret_key=secret_key))

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open", totp=totp)

    return app


class Kept:
    """A database with one authenticator in it, sealed with `OLD`, and servers that open it."""

    def __init__(self, http: Client, recovery: list[str], secret: str, user: str) -> None:
        self.http = http
        self.recovery = recovery
        self.secret = secret
        self.user = user

    def serve(self, secret_key: str, *, in_dev: bool = False, code: str = "") -> Any:
        """What a server with these keys says of a code: its kind, or the problem; and which keys
        seal something afterwards. What it raises at its start is raised here."""
        app = make_app(secret_key)
        url = self.http.app.runtime.settings.database_url
        app.runtime._settings = replace(app.runtime.settings, database_url=url)
        app.runtime.in_dev = in_dev

        async def ask() -> Any:
            try:
                await app.runtime.records()
                assert app.runtime.gate is not None
                app.runtime.gate.accounts.hasher.cost = SLIGHT  # as the client's app hashes
                try:
                    now = clock.now_ns() // 30_000_000_000
                    sent = code or mintotp.hotp(self.secret, now + 1)
                    said: Any = (await app.runtime.gate.factors.judge(self.user, sent)).kind
                except Problem as problem:
                    said = type(problem)
                rows = await app.runtime.engine.fetch("select distinct key from _factors", ())
                return said, [row[0] for row in rows]
            finally:
                await app.runtime.close()

        return self.http.run(ask())


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    with client(make_app(getattr(request, "param", OLD))) as http:
        body = {"email": EMAIL, "password": GOOD, "as": "token"}
        made = http.post("/api/auth/register", body).json()
        headers = {"authorization": f"Bearer {made['token']}"}
        user = http.get("/api/auth/me", headers=headers).json()["user"]["id"]
        begun = http.post("/api/auth/totp", headers=headers).json()
        now = clock.now_ns() // 30_000_000_000
        body = {"ticket": begun["ticket"], "code": mintotp.hotp(begun["secret"], now)}
        answer = http.post("/api/auth/totp/confirm", body, headers=headers)
        yield Kept(http, answer.json()["recovery_codes"], begun["secret"], user)


def test_a_key_is_changed_in_two_starts(kept: Kept) -> None:
    assert kept.serve(OLD)[0] == "totp"
    said, keys = kept.serve(f"{NEW}, {OLD}")
    assert said == "totp" and len(keys) == 1
    assert kept.serve(NEW) == ("totp", keys), "the old one may go"
    with pytest.raises(SettingError):
        kept.serve(OLD)


def test_a_key_that_is_missing_stops_the_start(kept: Kept) -> None:
    with pytest.raises(SettingError, match="1 authenticators were sealed with a key that is not"):
        kept.serve(OTHER)
    assert kept.serve(OLD)[0] == "totp", "nothing was changed"


def test_where_a_key_is_missing_a_recovery_code_works(kept: Kept) -> None:
    assert kept.serve(OTHER, in_dev=True)[0] is Unavailable
    assert kept.serve(OTHER, in_dev=True, code=kept.recovery[0])[0] == "recovery"
    assert kept.serve(OTHER, in_dev=True, code="aaaaa-aaaaa")[0] is Forbidden


@pytest.mark.parametrize("kept", [""], indirect=True)
def test_what_dev_has_sealed_without_a_key_is_sealed_by_the_first_start_with_one(
    kept: Kept,
) -> None:
    before = kept.serve("", in_dev=True)
    assert before[0] == "totp"
    said, keys = kept.serve(NEW)
    assert said == "totp" and keys != before[1]


def test_a_server_that_keeps_secrets_does_not_start_without_a_key(kept: Kept) -> None:
    with pytest.raises(SettingError, match="STANCHION_SECRET_KEY"):
        kept.serve("")
    app = make_app(totp=False)
    app.runtime._settings = kept.http.app.runtime.settings
    kept.http.run(opened_and_closed(app))


async def opened_and_closed(app: App) -> None:
    try:
        await app.runtime.records()
    finally:
        await app.runtime.close()


@pytest.mark.parametrize("text", ["short", "a" * 64, f"{OLD},{OLD}", f"{OLD},short"])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="STANCHION_SECRET_KEY") as refused:
        Settings(secret_key=text)
    assert text not in str(refused.value)
