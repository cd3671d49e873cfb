"""`stanchion admin`: what who runs an app does to its users, seen by the process that serves it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stanchion import App, Field, Rules, SignIn, UserRecord
from stanchion.cli import stanchion
from stanchion.testing import Client, client

ANN, GOOD, BETTER = "ann@example.com", "zebra fox lamp", "seven quiet harbours"
Headers = dict[str, str]
Admin = Callable[..., Result]


def make_app() -> App:
    app = App("Notes")

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50, default="")
        sign_in = SignIn(register="open")
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture
def http() -> Iterator[Client]:
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
    return {"authorization": f"Bearer {answer.json()['token']}"}


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
    assert done.output == f"{ANN} is now an admin of Notes.\n"
    assert gone(http, ann)
    assert is_admin(http) is None and is_admin(http, BETTER) is True


@pytest.mark.parametrize("typed", ["", "short", "password1", "notes-ann"])
def test_a_password_that_others_try_makes_no_admin(http: Client, admin: Admin, typed: str) -> None:
    done = admin("create", ANN, typed=typed)
    assert done.exit_code == 1 and "error[body.invalid]" in str(done.exception)
    assert is_admin(http, typed) is None


def gone(http: Client, headers: Headers) -> bool:
    """Whether a session opens nothing, in the process that serves: it asks four times a second."""
    return any(http.get("/api/auth/me", headers=headers).status == 401 for _ in range(2000))
