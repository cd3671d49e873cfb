"""`stanchion explain`: the app's own database is asked, and nothing is changed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from stanchion.cli.console import CommandFailed
from stanchion.cli.explain import command_for, read_request
from tests.inside import run_here

from .conftest import APP, change
from .processes import Running, environment, run

NOTE = '{"text": "tea"}'


MAKE = """
import asyncio
import app

async def make():
    app.app.runtime.change_schema = True
    async with app.app.transaction(actor=app.app.system()) as tx:
        await tx.create(app.Note(text="first"))
    await app.app.runtime.close()

asyncio.run(make())
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that holds one note, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    (folder / "app.py").write_text(APP)
    subprocess.run([sys.executable, "-c", MAKE], cwd=folder, env=environment(), check=True)
    return folder


@pytest.fixture
def made(folder: Path, filled: Path) -> Path:
    """The folder with a database that holds one note."""
    shutil.copytree(filled, folder, dirs_exist_ok=True)
    return folder


def test_refused_call_is_explained(made: Path) -> None:
    done = run("explain", "GET", "/api/secrets", cwd=made)
    assert done.returncode == 0, done.stderr
    assert "Answer  401  access.sign_in" in done.stdout
    assert "Rule    secrets.read can never be true for this caller" in done.stdout
    assert f"nobody   {made}/app.py:" in done.stdout


def test_schema_is_explained_though_it_asks_no_rule(made: Path) -> None:
    done = run_here("explain", "GET", "/api/_schema", cwd=made)
    assert done.returncode == 0, done.stderr
    assert "Answer  200" in done.stdout
    assert "Rule " not in done.stdout


def test_plan_cache_is_told_as_a_running_server_has_it(made: Path) -> None:
    done = run_here("explain", "GET", "/api/notes", cwd=made)
    assert "a running server then keeps it" in done.stdout
    assert "miss" not in done.stdout


def test_write_is_tried_and_taken_back(made: Path) -> None:
    found = json.loads(
        run_here("explain", "POST", "/api/notes", "--body", NOTE, "--json", cwd=made).stdout
    )
    assert found["answer"]["status"] == 201
    assert [rule["name"] for rule in found["rules"]] == ["notes.create"]
    database = apsw.Connection(str(made / "data" / "stanchion.db"))
    try:
        assert database.execute("select text from notes").fetchall() == [("first",)]
        assert database.execute("select count(*) from _changes").fetchone() == (1,)
    finally:
        database.close()


def test_it_explains_while_the_app_is_served(folder: Path, start: Callable[..., Running]) -> None:
    server = start("dev").ready()
    done = run_here("explain", "POST", "/api/notes", "--body", NOTE, cwd=folder)
    assert "Answer  201" in done.stdout, done.stderr
    assert server.call("GET", "/api/notes")[1]["items"] == []


def test_admin_and_system_need_no_record(made: Path) -> None:
    for who in ("admin", "system"):
        done = run_here("explain", "GET", "/api/secrets", "--as", who, cwd=made)
        assert "Rule    secrets.read is stepped past by this caller" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("GET", "/pid"), "explain.route"),
        (("GET", "/api/nothing"), "explain.route"),
        (("GET", "/api/notes", "--as", "ann@example.com"), "explain.who"),
        (("POST", "/api/notes", "--body", "{"), "usage.wrong"),
        (("POST", "/api/notes", "--body", "@nowhere"), "usage.wrong"),
        (("GET", "/api/notes", "-H", "nonsense"), "usage.wrong"),
    ],
)
def test_what_cannot_be_explained_is_exit_code_2(
    made: Path, arguments: tuple[str, ...], code: str
) -> None:
    done = run_here("explain", *arguments, cwd=made)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error[{code}]: ")


def test_the_command_of_dev_wants_the_body_that_it_cannot_know() -> None:
    with pytest.raises(CommandFailed) as failed:
        read_request("POST", "/api/notes", "{…}", ())
    assert failed.value.text.endswith("in the place of {…}, or --body @file")


def test_without_a_database_there_is_nothing_to_ask(folder: Path) -> None:
    done = run_here("explain", "GET", "/api/notes", cwd=folder)
    assert done.returncode == 1
    assert "error[database.missing]" in done.stderr
    assert not (folder / "data").exists()


def test_database_of_other_code_is_exit_code_3(made: Path) -> None:
    change(made / "app.py", "    rules", "    note: str | None = None\n    rules")
    done = run_here("explain", "GET", "/api/notes", cwd=made)
    assert done.returncode == 3
    assert "error[schema.differs]" in done.stderr


def test_dev_names_the_command_that_explains_a_refusal(
    folder: Path, start: Callable[..., Running]
) -> None:
    server = start("dev").ready()
    server.call("GET", "/api/secrets?sort=text")
    server.wait_for("stanchion explain")
    line = next(one for one in server.out.splitlines() if "GET /api/secrets" in one)
    found = re.search(r"  401  \S+ ms  (r_[0-9a-f]+)  (stanchion explain .*)$", line)
    assert found is not None, line
    done = run(*shlex.split(found[2])[1:], cwd=folder)
    assert "Answer  401  access.sign_in" in done.stdout, done.stderr


def test_command_of_a_hostile_request_is_one_harmless_word() -> None:
    command = command_for("GET", "/api/notes/$(rm)'; rm", "filter='$(rm)`rm`")
    assert shlex.split(command)[:3] == ["stanchion", "explain", "GET"]
    assert len(shlex.split(command)) == 4
    assert "/api/notes" in command and "$(rm)'; rm" not in command
