"""Secrets are planted everywhere a caller can put one, and then looked for in all that comes out:
log lines, answers, the change log, the audit log, every table, and a copy of the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stanchion import App, CurrentUser, Rules, Settings, SignIn, UserRecord, events, lines
from stanchion.auth import notices, trail
from stanchion.cli import stanchion
from stanchion.store.audit import note as real_note
from stanchion.testing import Client, Response, as_actor, client

ANN = "ann@example.com"
PASSWORD, NEXT, WRONG = "canary password one", "canary password two", "canary wrong three"
CODE = "canary-code-428913"
TABLES = {
    "sqlite": "select name from sqlite_master where type='table'",
    "postgresql": "select table_name from information_schema.tables "
    "where table_schema=any(current_schemas(false))",
}
PATIENT = Settings(transaction_ms=60_000, write_deadline_ms=60_000)


def make_app() -> App:
    app = App("Canaries", settings=PATIENT)

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open", keys=True)
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id")

    @app.get("/fails")
    async def fails(user: CurrentUser) -> None:
        raise RuntimeError("for no reason")

    return app


class Output:
    """All that came out: lines of both styles, and answers but for those that hand a secret out."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def hear(self, event: events.Event) -> None:
        if isinstance(event, events.RequestDone):
            self.texts += [lines.access_json(event), lines.access_text(event)]
            return
        for human in (True, False):
            told = lines.told_of(event, human=human)
            if told is not None:
                self.texts += [lines.told_json(told), lines.told_text(told)]

    def answer(self, answer: Response) -> Response:
        self.texts += [answer.text, repr(answer.headers)]
        return answer

    def found(self, secrets: list[str], also: str = "") -> list[str]:
        everything = "\n".join(self.texts) + also
        return [secret for secret in secrets if secret in everything]


@pytest.fixture
def output() -> Iterator[Output]:
    out = Output()
    ends = events.subscribe(out.hear)
    yield out
    ends()


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(trail, "WINDOW_S", 1e9)  # however slow the machine is
    with client(make_app()) as running:
        yield running


def live(http: Client, output: Output) -> list[str]:
    """A life of an account, with every mistake that people make; the secrets of it."""
    body = {"email": ANN, "password": PASSWORD, "as": "token"}
    first = http.post("/api/auth/register", body).json()["token"]
    kept = http.post("/api/auth/login", {"email": ANN, "password": PASSWORD})
    cookie = kept.headers["set-cookie"].partition(";")[0].partition("=")[2]
    ann = {"authorization": f"Bearer {first}"}
    made = {"name": "reports", "scopes": ["*:read"]}
    key = http.post("/api/auth/keys", made, headers=ann).json()["token"]
    by_key = {"authorization": f"Bearer {key}"}
    by_cookie = {"cookie": f"__Host-session={cookie}"}
    change = {"current": WRONG, "new": NEXT}
    user = http.get("/api/auth/me", headers=ann).json()["user"]["id"]
    for answer in (
        http.post("/api/auth/login", {"email": ANN, "password": WRONG}),
        http.post("/api/auth/login", {"email": PASSWORD, "password": ANN}),
        http.post("/api/auth/login", {"email": ANN, "password": PASSWORD, "code": CODE}),
        http.post("/api/auth/login", {"email": ANN, "password": [PASSWORD]}),
        http.post("/api/auth/login", content=f'{{"password": "{PASSWORD}"'.encode(),
                  headers={"content-type": "application/json"}),
        http.post("/api/auth/register", {"email": ANN, "password": WRONG}),
        http.post("/api/auth/password", change, headers=ann),
        http.post("/api/auth/password", {**change, "current": PASSWORD}, headers=by_key),
        http.get("/api/auth/me", headers=ann),
        http.get("/api/auth/sessions", headers=by_cookie),
        settled(http, lambda: http.get("/api/auth/keys", headers=ann)),
        http.get("/api/users", headers=by_key),
        http.get(f"/api/users?token={key}&code={CODE}", headers=ann),
        http.get("/api/users", headers={"authorization": f"Bearer {key[:-1]}x"}),
        http.get("/api/users", headers={"authorization": f"Bearer {first}x"}),
        http.get("/fails", headers=ann),
        http.get("/fails", headers=by_key),
        http.patch(f"/api/users/{user}", {"email": "x@y.org"}, headers=by_key),
        http.post("/api/auth/password", {"current": PASSWORD, "new": NEXT}, headers=ann),
    ):  # fmt: skip
        output.answer(answer)
    return [PASSWORD, NEXT, WRONG, CODE, first, cookie, key, key[:-7], first[3:]]


def settled(http: Client, ask: Callable[[], Response]) -> Response:
    """An answer after the writes that nobody waits for."""
    assert http.app.runtime.gate is not None
    http.run(http.app.runtime.gate.sessions.settle())
    return ask()


def everything(http: Client) -> str:
    """What every table holds."""

    async def dump() -> str:
        engine = http.app.runtime.engine
        assert http.app.runtime.gate is not None
        await http.app.runtime.gate.trail.finish()
        found = []
        for (table,) in await engine.find(TABLES[engine.name], ()):
            rows = await engine.find(f'select * from "{table}"', ())
            found.append(f"{table}: {rows!r}")
        return "\n".join(found)

    return http.run(dump())


def test_no_secret_comes_out(http: Client, output: Output) -> None:
    secrets = live(http, output)
    everything(http)  # what was refused is written
    with as_actor(http.app, http.app.system()):
        output.answer(http.get("/api/_audit?limit=1000"))
    tables = everything(http)
    for name in ("_passwords", "_sessions", "_api_keys", "_changes", "_audit"):
        assert f"{name}: [" in tables and f"{name}: []" not in tables, name
    assert output.found(secrets, tables) == []
    assert any('"audit"' in text for text in output.texts)


@pytest.mark.needs("a file")
def test_no_secret_is_in_the_file_or_in_a_copy(
    http: Client, output: Output, tmp_path: Path
) -> None:
    secrets = live(http, output)
    everything(http)
    source = http.app.runtime.database.path
    assert source is not None
    copied = tmp_path / "copy.db"
    done = CliRunner().invoke(stanchion, ["copy", f"sqlite:///{source}", f"sqlite:///{copied}"])
    assert done.exit_code == 0, done.output
    files = [*source.parent.glob(source.name + "*"), *tmp_path.glob("copy.db*")]
    assert len(files) >= 2
    raw = b"".join(file.read_bytes() for file in files)
    moved = b"".join(file.read_bytes() for file in tmp_path.glob("copy.db*"))
    assert b"session.started" in moved, "the audit log moves along"
    assert [secret for secret in secrets if secret.encode() in raw] == []


def test_a_secret_in_the_audit_log_would_be_found(
    http: Client, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaky(kind: str, user: str, source: Any, **facts: Any) -> events.Audited:
        return real_note(kind, user, source, typed=NEXT, **facts)

    monkeypatch.setattr(notices, "note", leaky)
    secrets = live(http, output)
    assert NEXT in output.found(secrets)
    assert [secret for secret in secrets if secret in everything(http)] == [NEXT]
