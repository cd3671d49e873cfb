"""A database that cannot be opened: each cause has a code, says the path, and the way out."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from stanchion.engines.sqlite.connection import open_writer
from stanchion.errors import DatabaseUnusable
from tests.inside import run_here

from .processes import run


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def another_file(path: Path) -> None:
    path.write_text("a list of what to buy\n" * 100)


def a_short_file(path: Path) -> None:
    path.write_text("hello")


def a_cut_off_database(path: Path) -> None:
    a_database(path)
    path.write_bytes(path.read_bytes()[:5000])


def a_database(path: Path, table: str = "invoices") -> None:
    with sqlite3.connect(path) as connection:
        for number in range(9):
            connection.execute(f"create table {table}{number} (id)")
    connection.close()


def a_newer_one(path: Path) -> None:
    patched(path, 18, b"\3\3")


def one_with_newer_pages(path: Path) -> None:
    patched(path, 18, b"\3\2")


def a_newer_schema(path: Path) -> None:
    patched(path, 44, (5).to_bytes(4, "big"))


def patched(path: Path, at: int, to: bytes) -> None:
    a_database(path)
    content = path.read_bytes()
    path.write_bytes(content[:at] + to + content[at + len(to) :])


CAUSES: list[tuple[Callable[[Path], None], str]] = [
    (a_folder, "database.not_a_file"),
    (a_pipe, "database.not_a_file"),
    (another_file, "database.not_a_database"),
    (a_short_file, "database.not_a_database"),
    (a_cut_off_database, "database.not_a_database"),
    (a_database, "database.foreign"),
    (a_newer_one, "database.newer"),
    (one_with_newer_pages, "database.newer"),
    (a_newer_schema, "database.newer"),
]


@pytest.mark.parametrize(("make", "code"), CAUSES, ids=lambda each: getattr(each, "__name__", ""))
def test_cause_is_told_and_the_file_left_alone(
    folder: Path, make: Callable[[Path], None], code: str
) -> None:
    path = folder / "shop.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    refused = run("serve", "--port", "0", cwd=folder, STANCHION_DATABASE_URL="sqlite:///shop.db")
    assert refused.returncode == 1
    assert_told(refused.stderr, code, path)
    assert before is None or path.read_bytes() == before
    assert not Path(f"{path}-wal").exists()


def test_another_applications_file_with_a_log_of_its_own(folder: Path) -> None:
    a_database(folder / "shop.db")
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("pragma journal_mode=wal")
    connection.close()
    refused = run("serve", "--port", "0", cwd=folder, STANCHION_DATABASE_URL="sqlite:///shop.db")
    assert_told(refused.stderr, "database.foreign", folder / "shop.db")
    assert "invoices0, invoices1, invoices2, …" in refused.stderr
    with sqlite3.connect(folder / "shop.db") as connection:
        assert connection.execute("select count(*) from sqlite_schema").fetchone() == (9,)
    connection.close()


def test_explain_tells_it_too(folder: Path) -> None:
    another_file(folder / "shop.db")
    url = "sqlite:///shop.db"
    refused = run_here("explain", "GET", "/api/notes", cwd=folder, STANCHION_DATABASE_URL=url)
    assert refused.returncode == 1
    assert_told(refused.stderr, "database.not_a_database", folder / "shop.db")


def test_dev_tells_it_and_waits_for_a_change(folder: Path, start: Callable[..., Any]) -> None:
    another_file(folder / "shop.db")
    dev = start("dev", "--port", "0", STANCHION_DATABASE_URL="sqlite:///shop.db")
    dev.wait_for("waiting for a change")
    dev.wait_for("error[database.not_a_database]")


def test_folder_that_cannot_be_made(folder: Path) -> None:
    (folder / "data").write_text("a file where the folder should be")
    refused = run("serve", "--port", "0", cwd=folder)
    assert_told(refused.stderr, "database.folder", folder / "data" / "stanchion.db")


@pytest.mark.parametrize("command", ["check", "schema", "openapi"])
def test_commands_that_need_no_database_do_without(
    folder: Path,
    inside: Callable[..., Result],
    command: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a_folder(folder / "shop.db")
    monkeypatch.setenv("STANCHION_DATABASE_URL", "sqlite:///shop.db")
    assert inside(command).exit_code == 0


def test_locked_database(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("create table a (b)")
    holder.execute("begin exclusive")
    assert_told(in_child(path, nobody=False), "database.locked", path)
    holder.close()


def test_read_only_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shop.db"
    path.touch()
    fields = list(os.statvfs(path))
    fields[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    assert refusal(path).code == "database.read_only"


# as somebody who may not: the tests may run as root, who may do everything


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="stanchion-"))
    folder.chmod(0o755)
    yield folder
    for each in (folder, *folder.iterdir()):
        each.chmod(stat.S_IRWXU)
    shutil.rmtree(folder)


def test_file_that_may_not_be_written(open_folder: Path) -> None:
    path = open_folder / "shop.db"
    path.touch()
    path.chmod(0o444)
    open_folder.chmod(0o777)
    told = as_nobody(path)
    assert_told(told, "database.permission", path)
    assert f"chown nobody {path}" in told


def test_log_beside_the_file_that_may_not_be_written(open_folder: Path) -> None:
    path = open_folder / "shop.db"
    for each in (path, Path(f"{path}-shm")):
        each.touch()
    path.chmod(0o666)
    Path(f"{path}-shm").chmod(0o444)
    open_folder.chmod(0o777)
    assert "shop.db-shm beside it" in as_nobody(path)


def test_folder_that_may_not_be_written(open_folder: Path) -> None:
    path = open_folder / "shop.db"
    path.touch()
    path.chmod(0o666)
    open_folder.chmod(0o555)
    told = as_nobody(path)
    assert_told(told, "database.permission", path)
    assert f"its folder {open_folder}" in told


def test_folder_that_may_not_be_made(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    assert_told(as_nobody(open_folder / "data" / "a.db"), "database.folder", open_folder / "data")


def as_nobody(path: Path) -> str:
    """What an unprivileged user is told who opens the file."""
    told = in_child(path, nobody=True)
    return told if os.geteuid() == 0 else told.replace(f"chown {os.getlogin()}", "chown nobody")


def in_child(path: Path, *, nobody: bool) -> str:
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def attempt() -> None:
        if nobody and os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        send.send(str(refusal(path)))

    child = context.Process(target=attempt)
    child.start()
    send.close()
    told: str = receive.recv()
    child.join()
    return told


def refusal(path: Path) -> DatabaseUnusable:
    with pytest.raises(DatabaseUnusable) as refused:
        open_writer(path, 0.05)
    return refused.value


def assert_told(told: str, code: str, path: Path) -> None:
    assert told.startswith(f"error[{code}]: {path}"), told
    assert "\nhint: " in told
    assert "Traceback" not in told
