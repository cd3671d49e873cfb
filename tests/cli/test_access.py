"""`stanchion access`: the matrix of an app, and what changed since a revision or a stored one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from stanchion.cli.console import CommandFailed

from .conftest import change
from .processes import environment, run

Inside = Callable[..., Result]

APP = """\
from typing import Literal

from stanchion import App, Field, Record, Ref, Rules, UserRecord, owner, role

app = App("Shop")


@app.collection("users")
class User(UserRecord):
    role: Literal["customer", "cook"] = "customer"
    rules = Rules(read="record.id == auth.id")


@app.collection("orders")
class Order(Record):
    customer: Ref[User]
    state: str = "new"
    note: str = Field(default="", read=owner("customer"))
    rules = Rules(read=owner("customer"), create=owner("customer"))


@app.seed
async def fill(tx):
    ann = await tx.create(User(id="00000000-0000-7000-8000-00000000000a", email="ann@x.example"))
    await tx.create(
        User(id="00000000-0000-7000-8000-00000000000c", email="cook@x.example", role="cook")
    )
    await tx.create(
        Order(id="00000000-0000-7000-8000-000000000001", customer=ann.id, note="the side door")
    )
"""
FILL = """
import asyncio
import app

async def fill():
    app.app.runtime.change_schema = True
    await app.app.runtime.records()
    await app.app.runtime.close()

asyncio.run(fill())
"""
OPENED = 'read=owner("customer") | role("cook")'
ORDER, COOK = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-00000000000c"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def fill(folder: Path, **env: str) -> None:
    subprocess.run([sys.executable, "-c", FILL], cwd=folder, env=environment(**env), check=True)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@x.example")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def committed(folder: Path) -> Path:
    """The folder as a repository with one commit."""
    git(folder, "init", "-q", ".")
    git(folder, "add", "app.py")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def changes(inside: Inside, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(inside("access", *arguments, "--json").stdout)
    return found


def test_the_matrix_is_a_table_for_each_collection(inside: Inside) -> None:
    lines = inside("access", "--collection", "orders").stdout.splitlines()
    assert lines[0].split() == ["orders", "anonymous", "signed", "in", "admin"]
    assert lines[1].split() == ["read", "-", "own", "yes"]
    assert lines[-1] == "    own: record.customer == auth.id"
    assert "users" not in "\n".join(lines)


def test_a_stored_matrix_is_compared_with_and_unchanged_at_first(
    inside: Inside, folder: Path
) -> None:
    stored = inside("access", "--write", "access.json")
    assert (stored.exit_code, stored.stdout) == (0, "")
    assert json.loads((folder / "access.json").read_text())["callers"][0] == "anonymous"
    same = inside("access", "--diff", "access.json", "--fail-on", "any")
    assert (same.exit_code, same.stdout) == (0, "Nothing changed since access.json\n")


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ('read=owner("customer"),', f"{OPENED},", {"wider": 1, "any": 1}),
        ('create=owner("customer")', "create=False", {"wider": 0, "any": 1}),
        ('create=owner("customer")', "create=\"record.state == 'new'\"", {"wider": 1, "any": 1}),
    ],
)
def test_it_fails_on_what_it_is_told_to(
    inside: Inside, folder: Path, before: str, after: str, codes: dict[str, int]
) -> None:
    inside("access", "--write", "access.json")
    change(folder / "app.py", before, after)
    for what, code in codes.items():
        assert inside("access", "--diff", "access.json", "--fail-on", what).exit_code == code
    assert inside("access", "--diff", "access.json").exit_code == 0


@needs_git
def test_what_a_commit_changed_is_told_with_a_record_that_shows_it(
    inside: Inside, committed: Path
) -> None:
    fill(committed)
    change(committed / "app.py", 'read=owner("customer"),', f"{OPENED},")
    before = {p: p.stat().st_mtime_ns for p in committed.rglob("*") if "data" not in p.parts}
    found = inside("access", "--diff", "HEAD").stdout
    assert found.startswith(
        "Wider: these may do more\n"
        "  orders read  role=cook\n"
        "    was  if record.customer == auth.id\n"
        "    is   yes\n"
        f"    e.g. now {ORDER}, customer "
    )
    assert f'state "new" for user {COOK}' in found
    assert "side door" not in found, "the note stays hidden from cooks"
    assert found.endswith("\n1 wider\n")
    after = {p: p.stat().st_mtime_ns for p in committed.rglob("*") if "data" not in p.parts}
    assert {p: t for p, t in after.items() if ".git" not in p.parts} == {
        p: t for p, t in before.items() if ".git" not in p.parts
    }, "the working tree is as it was"


@needs_git
def test_of_a_hidden_field_only_the_key_is_told(inside: Inside, committed: Path) -> None:
    fill(committed)
    change(
        committed / "app.py", 'default="", read=owner("customer")', 'default="", read=role("cook")'
    )
    data = changes(inside, "--diff", "HEAD")
    assert [(c["field"], c["caller"], c["way"]) for c in data["changes"]] == [
        ("note", "role=customer", "narrower")
    ]
    assert data["changes"][0]["sample"] == {
        "key": ORDER, "user": COOK.replace("c", "a"), "gained": False, "shown": {}
    }  # fmt: skip


@needs_git
def test_without_a_database_it_says_why_it_shows_no_record(inside: Inside, committed: Path) -> None:
    change(committed / "app.py", 'read=owner("customer"),', f"{OPENED},")
    found = inside("access", "--diff", "HEAD").stdout
    assert "No records are shown: there is no database at " in found
    assert not (committed / "data").exists()


@needs_git
def test_an_app_deeper_in_the_repository_is_found_in_the_revision(tmp_path: Path) -> None:
    shop = tmp_path / "services" / "shop"
    shop.mkdir(parents=True)
    (shop / "main.py").write_text(APP)
    git(tmp_path, "init", "-q", ".")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    change(shop / "main.py", 'read=owner("customer"),', f"{OPENED},")
    for where, target in ((shop, "main:app"), (tmp_path, "services/shop/main.py")):
        done = run("access", target, "--diff", "HEAD", "--fail-on", "wider", cwd=where)
        assert done.returncode == 1, done.stderr
        assert "1 wider" in done.stdout


@needs_git
@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "HEAD:app.py"])
def test_what_is_no_revision_is_exit_code_2(inside: Inside, committed: Path, revision: str) -> None:
    done = inside("access", f"--diff={revision}")
    assert isinstance(done.exception, CommandFailed)
    assert done.exception.exit_code == 2
    assert done.exception.text.startswith("error[access.revision]: ")
    assert not (committed / "x").exists()


@needs_git
def test_a_revision_that_does_not_load_says_so(inside: Inside, committed: Path) -> None:
    (committed / "app.py").write_text("raise RuntimeError('the oven is cold')\n")
    git(committed, "commit", "-qam", "broken")
    (committed / "app.py").write_text(APP)
    done = inside("access", "--diff", "HEAD")
    assert isinstance(done.exception, CommandFailed)
    assert "the app at HEAD: it does not load:\nerror[app.failed]" in done.exception.text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--fail-on", "any"), "usage.wrong"),
        (("--collection", "nothing"), "access.collection"),
        (("--diff", "app.py"), "access.snapshot"),
        (("--write", "nowhere/access.json"), "access.write"),
    ],
)
def test_what_cannot_be_done_has_a_code(
    inside: Inside, arguments: tuple[str, ...], code: str
) -> None:
    done = inside("access", *arguments)
    assert isinstance(done.exception, CommandFailed)
    assert done.exception.text.startswith(f"error[{code}]: ")
