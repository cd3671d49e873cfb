"""What one process ends, another one forgets; and what it remembers meanwhile it may not trust."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from stanchion import App, Field, Rules, SignIn, UserRecord
from stanchion.auth import sessions
from stanchion.engines import Ask
from stanchion.errors import Unauthorized, Unavailable
from stanchion.testing import Client, as_actor, client

EMAIL, GOOD, BETTER = "ann@example.com", "zebra fox lamp", "seven quiet harbours"


def make_app() -> App:
    app = App("Two")

    @app.collection("users")
    class User(UserRecord):
        role: str = Field(default="customer", write="auth.admin")
        sign_in = SignIn(register="open", keys=True)
        rules = Rules(read="record.id == auth.id")

    return app


class Pair:
    """Two processes of one app, as far as their memory goes: `http` asks the one, `other` is the
    second. Somebody is signed in, and both have seen them."""

    def __init__(self, http: Client) -> None:
        self.http = http
        self.other = make_app()
        url = http.app.runtime.settings.database_url
        self.other.runtime._settings = replace(self.other.runtime.settings, database_url=url)
        body = {"email": EMAIL, "password": GOOD, "as": "token"}
        self.first = self._sign_in("/api/auth/register", body)
        self.second = self._sign_in("/api/auth/login", body)
        self.user = self.http.get("/api/auth/me", headers=self.first).json()["user"]["id"]
        for headers in (self.first, self.second):
            assert self.role(headers) == "customer"
            assert self.http.get("/api/auth/me", headers=headers).status == 200

    def _sign_in(self, url: str, body: Any) -> dict[str, str]:
        return {"authorization": f"Bearer {self.http.post(url, body).json()['token']}"}

    def role(self, headers: dict[str, str]) -> str | None:
        """The role that the second process takes somebody to have; None where it lets nobody in."""
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]

        async def ask() -> str | None:
            await self.other.runtime.records()
            try:
                actor = await self.other.runtime.identify({"headers": sent}, keys=True)
            except Unauthorized:
                return None
            assert actor.record is not None
            return str(actor.record["role"])

        return self.http.run(ask())

    def later(self) -> None:
        """So much later that the second process has to ask again."""
        self.http.run(asyncio.sleep(0.3))


@pytest.fixture
def pair() -> Iterator[Pair]:
    with client(make_app()) as http:
        made = Pair(http)
        yield made
        http.run(made.other.runtime.close())


def log_out(pair: Pair) -> None:
    assert pair.http.post("/api/auth/logout", headers=pair.second).status == 204


def end_from_the_list(pair: Pair) -> None:
    assert pair.http.delete("/api/auth/sessions", headers=pair.first).status == 204


def change_password(pair: Pair) -> None:
    body = {"current": GOOD, "new": BETTER}
    assert pair.http.post("/api/auth/password", body, headers=pair.first).status == 204


def disable(pair: Pair) -> None:
    with as_actor(pair.http.app, pair.http.app.system()):
        assert pair.http.patch(f"/api/users/{pair.user}", {"disabled": True}).status == 200


def delete(pair: Pair) -> None:
    with as_actor(pair.http.app, pair.http.app.system()):
        assert pair.http.delete(f"/api/users/{pair.user}").status == 204


WAYS = [log_out, end_from_the_list, change_password, disable, delete]


@pytest.mark.parametrize("end", WAYS)
def test_an_ended_session_is_forgotten_everywhere(pair: Pair, end: Any) -> None:
    end(pair)
    assert pair.http.get("/api/auth/me", headers=pair.second).status == 401, "where it was ended"
    pair.later()
    assert pair.role(pair.second) is None
    kept = end in (log_out, end_from_the_list, change_password)
    assert (pair.role(pair.first) is not None) == kept


def end_key(pair: Pair, key: str) -> None:
    assert pair.http.delete(f"/api/auth/keys/{key}", headers=pair.first).status == 204


def end_by_password(pair: Pair, key: str) -> None:
    body = {"current": GOOD, "new": BETTER, "end_keys": True}
    assert pair.http.post("/api/auth/password", body, headers=pair.first).status == 204


@pytest.mark.parametrize(
    "end", [end_key, end_by_password, lambda p, _: disable(p), lambda p, _: delete(p)]
)
@pytest.mark.parametrize("asks", [True, False], ids=["asks", "planted-does-not-ask"])
def test_an_ended_key_is_forgotten_everywhere(
    pair: Pair, end: Any, asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"name": "reports", "scopes": ["users:read"]}
    made = pair.http.post("/api/auth/keys", body, headers=pair.first).json()
    key = {"authorization": f"Bearer {made['token']}"}
    assert pair.role(key) == "customer"
    if not asks:
        monkeypatch.setattr(sessions, "FRESH_S", 1e9)
    end(pair, made["key"]["id"])
    pair.later()
    assert (pair.role(key) is None) == asks
    assert pair.http.get("/api/users", headers=key).status == 401, "where it was ended"


def test_another_role_is_seen_everywhere(pair: Pair) -> None:
    with as_actor(pair.http.app, pair.http.app.system()):
        assert pair.http.patch(f"/api/users/{pair.user}", {"role": "chief"}).status == 200
    pair.later()
    assert pair.role(pair.second) == "chief"


@pytest.mark.parametrize("end", WAYS)
def test_a_process_that_does_not_ask_would_be_seen(
    pair: Pair, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "FRESH_S", 1e9)
    end(pair)
    pair.later()
    assert pair.role(pair.second) == "customer"


def test_an_end_that_is_told_to_nobody_would_be_seen(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "end_sessions", lambda user, session=None: Ask("select 1"))
    log_out(pair)
    pair.later()
    assert pair.role(pair.second) == "customer"


def test_what_was_not_asked_for_long_is_not_believed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that say what ended are dropped after a while: who slept longer begins anew."""
    log_out(pair)

    async def forget() -> None:
        def steps() -> Any:
            yield Ask("delete from _ended")

        await pair.http.app.runtime.engine.write(steps)

    pair.http.run(forget())
    pair.later()
    assert pair.role(pair.second) == "customer", "the row is gone before it was read"
    monkeypatch.setattr(sessions, "KEPT", sessions.KEPT * 0)
    pair.later()
    assert pair.role(pair.second) is None


def test_what_ends_while_a_session_is_read_is_not_remembered(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row was read before the end and is remembered after it: it must not be."""
    gate = pair.other.runtime.gate
    assert gate is not None
    gate.sessions._kept.clear()
    read = gate.sessions.actor

    async def slowly(user: str, session: str = "") -> Any:
        actor = await read(user, session)
        await gate.sessions.end(user, session)
        await gate.sessions._ask_what_ended()
        return actor

    monkeypatch.setattr(gate.sessions, "actor", slowly)
    assert pair.role(pair.second) == "customer"
    monkeypatch.setattr(gate.sessions, "actor", read)
    assert pair.role(pair.second) is None


@pytest.mark.parametrize("way", ["session", "key"])
def test_where_nobody_can_be_looked_up_it_is_503_and_not_401(
    pair: Pair, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away: who holds a token is neither let in from memory, nor told that it
    opens nothing, on which programs forget it."""
    body = {"name": "reports", "scopes": ["users:read"]}
    made = pair.http.post("/api/auth/keys", body, headers=pair.first).json()
    key = {"authorization": f"Bearer {made['token']}"}
    headers = key if way == "key" else pair.first
    assert pair.http.get("/api/users", headers=headers).status == 200

    async def away(*_: Any) -> Any:
        raise Unavailable("server.database", "The database cannot be reached at this moment.")

    gate = pair.http.app.runtime.gate
    assert gate is not None
    with monkeypatch.context() as patched:
        patched.setattr(type(gate.sessions._engine), "find", away)
        gate.sessions.doubt()
        for forgotten in (False, True):
            if forgotten:
                gate.sessions._kept.clear()
            for path in ("/api/users", "/api/auth/me"):
                answer = pair.http.get(path, headers=headers)
                assert (answer.status, answer.json()["code"]) == (503, "server.database"), path
                assert answer.headers["retry-after"]
    assert pair.http.get("/api/users", headers=headers).status == 200
