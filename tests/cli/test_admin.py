"""`stanchion admin`: what who runs an app does to its users, seen by the process that serves it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mintotp
import pytest
from click.testing import CliRunner, Result

from stanchion import App, Field, Rules, SignIn, UserRecord, clock
from stanchion.cli import stanchion
from stanchion.testing import Client, as_actor, client
from tests.authenticator import Authenticator

ANN, GOOD, BETTER = "ann@example.com", "zebra fox lamp", "seven quiet harbours"
Headers = dict[str, str]
Admin = Callable[..., Result]


def make_app() -> App:
    app = App("Notes")

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50, default="")
        sign_in = SignIn(register="open", totp=True, passkeys=True)
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("STANCHION_SECRET_KEY", "0123456789abcdef-a-key-of-a-test")
    monkeypatch.setenv("STANCHION_PUBLIC_URL", "http://localhost:8000")
    with client(make_app()) as running:
        yield running


@pytest.fixture
def admin(http: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Admin]:
    """Runs `stanchion admin` on the database of `http`, with an app of its own."""
    (tmp_path / "notes.py").write_text(
        "from tests.cli.test_admin import make_app\napp = make_app()"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("STANCHION_DATABASE_URL", http.app.runtime.settings.database_url)

    def run(what: str, *arguments: str, typed: str = "") -> Result:
        sys.modules.pop("notes", None)
        return CliRunner().invoke(
            stanchion, ["admin", what, *arguments, "notes:app"], input=typed + "\n"
        )

    yield run
    sys.modules.pop("notes", None)


def register(http: Client, email: str = ANN) -> Headers:
    body = {"email": email, "password": GOOD, "as": "token"}
    answer = http.post("/api/auth/register", body)
    assert answer.status == 201, answer.text
    headers = {"authorization": f"Bearer {answer.json()['token']}"}
    assert http.get("/api/auth/me", headers=headers).status == 200  # it is remembered now
    return headers


def is_admin(http: Client, password: str = GOOD) -> bool | None:
    """Whether Ann is one; None where she does not come in."""
    body = {"email": ANN, "password": password, "as": "token"}
    answer = http.post("/api/auth/login", body)
    if answer.status != 200:
        return None
    sent = {"authorization": f"Bearer {answer.json()['token']}"}
    return bool(http.get("/api/auth/me", headers=sent).json()["admin"])


def test_an_admin_is_made_and_is_one(http: Client, admin: Admin) -> None:
    done = admin("create", ANN, "--set", "name=Ann", typed=BETTER)
    assert done.exit_code == 0, done.output
    assert done.output == f"{ANN} is a new admin of Notes.\n"
    assert is_admin(http, BETTER) is True


def test_somebody_who_is_there_becomes_one_and_is_signed_out_elsewhere(
    http: Client, admin: Admin
) -> None:
    ann = register(http)
    assert http.get("/api/auth/me", headers=ann).json()["admin"] is False
    done = admin("create", ANN, typed=BETTER)
    assert done.output == (
        f"{ANN} is now an admin of Notes, has this password, and is signed out everywhere.\n"
    )
    assert gone(http, ann)
    assert is_admin(http) is None and is_admin(http, BETTER) is True


@pytest.mark.parametrize("typed", ["short", "password1", "notes-ann"])
def test_a_password_that_others_try_makes_no_admin(http: Client, admin: Admin, typed: str) -> None:
    done = admin("create", ANN, typed=typed)
    assert done.exit_code == 1 and "error[body.invalid]" in str(done.exception)
    assert is_admin(http, typed) is None


def test_where_no_password_comes_in_it_says_how(admin: Admin) -> None:
    done = admin("create", ANN)
    assert "error[admin.no_password]" in str(done.exception)
    assert f"| stanchion admin create {ANN}" in str(done.exception)


def gone(http: Client, headers: Headers) -> bool:
    """Whether a session opens nothing, in the process that serves: it asks four times a second."""
    return any(http.get("/api/auth/me", headers=headers).status == 401 for _ in range(2000))


# who is locked out


def with_factor(http: Client, headers: Headers) -> None:
    begun = http.post("/api/auth/totp", headers=headers).json()
    code = mintotp.hotp(begun["secret"], clock.now_ns() // 30_000_000_000)
    body = {"ticket": begun["ticket"], "code": code}
    assert http.post("/api/auth/totp/confirm", body, headers=headers).status == 200


def with_passkey(http: Client, headers: Headers) -> None:
    given = http.post("/api/auth/passkeys/options", headers=headers).json()
    made = Authenticator("http://localhost:8000").make(given["options"])
    body = {"ticket": given["ticket"], "name": "Phone", "credential": made}
    assert http.post("/api/auth/passkeys", body, headers=headers).status == 201


def as_system(http: Client, method: str, url: str, body: Any = None) -> Any:
    with as_actor(http.app, http.app.system()):
        answer = http.request(method, url, body)
    assert answer.status == 200, answer.text
    return answer.json()


@pytest.fixture
def locked_out(http: Client) -> Headers:
    """Ann, whose address is proven, with an authenticator and a passkey that she has lost."""
    ann = register(http)
    user = http.get("/api/auth/me", headers=ann).json()["user"]["id"]
    as_system(http, "PATCH", f"/api/users/{user}", {"verified": True})
    with_factor(http, ann)
    with_passkey(http, ann)
    http.run_jobs()
    http.mails.clear()
    return ann


def kinds(http: Client, kind: str) -> list[tuple[str, str]]:
    items = as_system(http, "GET", f"/api/_audit?kind={kind}")["items"]
    return [(each["kind"], each["actor"]) for each in items]


def passkeys_of(http: Client) -> int:
    rows = http.run(http.app.runtime.engine.fetch("select count(*) from _passkeys", ()))
    return int(rows[0][0])


@pytest.mark.parametrize("passkeys", [False, True])
def test_a_lost_second_factor_is_taken_away(
    http: Client, admin: Admin, locked_out: Headers, passkeys: bool
) -> None:
    body = {"email": ANN, "password": GOOD}
    assert "second_factor" in http.post("/api/auth/login", body).json()
    done = admin("remove-factors", ANN, *(["--passkeys"] if passkeys else []))
    assert done.exit_code == 0, (done.output, done.exception)
    removed = "2 factors" if passkeys else "1 factor"
    assert done.output == f"{ANN}: {removed} removed, 1 session ended.\n"
    assert gone(http, locked_out)
    assert "user" in http.post("/api/auth/login", body).json(), "a password is enough again"
    assert passkeys_of(http) == (0 if passkeys else 1)
    assert kinds(http, "factor.removed") == [("factor.removed", "system")]
    assert ("session.ended", "system") in kinds(http, "session.ended")
    codes = http.run(http.app.runtime.engine.fetch("select count(*) from _recovery", ()))
    assert list(codes) == [(0,)]


def test_nothing_is_taken_away_where_there_is_nothing(http: Client, admin: Admin) -> None:
    ann = register(http)
    for email, said in ((ANN, "has no second factor"), ("bob@example.com", "Nobody has")):
        done = admin("remove-factors", email)
        assert done.exit_code == 1 and said in str(done.exception)
    assert http.get("/api/auth/me", headers=ann).status == 200
    assert kinds(http, "factor.removed") == []


def test_somebody_is_signed_out_everywhere_and_comes_in_again(http: Client, admin: Admin) -> None:
    ann, bob = register(http), register(http, "bob@example.com")
    done = admin("sign-out", ANN)
    assert done.output == f"{ANN}: 1 session ended.\n"
    assert gone(http, ann)
    assert http.get("/api/auth/me", headers=bob).status == 200
    assert is_admin(http) is False, "the password is as it was"
    assert admin("sign-out", "nobody@example.com").exit_code == 1


def test_everybody_is_signed_out(http: Client, admin: Admin) -> None:
    people = [register(http, f"p{n}@example.com") for n in range(3)]
    done = admin("sign-out", "everybody")
    assert done.output == "everybody: 3 sessions ended.\n"
    assert all(gone(http, each) for each in people)
    assert len(kinds(http, "session.ended")) == 3
