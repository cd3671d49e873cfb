"""A small app in a folder of its own, and servers that are always ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stanchion.cli import stanchion

from .processes import Running

APP = """\
import asyncio
import os

from stanchion import App, Field, Record, Rules, public

app = App("Notes")


@app.collection("notes")
class Note(Record):
    text: str = Field(max_length=100)
    rules = Rules(read=public, create=public)


@app.collection("secrets")
class Secret(Record):
    text: str


@app.get("/pid")
async def pid() -> int:
    return os.getpid()


@app.get("/slow")
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@app.get("/broken")
async def broken() -> str:
    raise RuntimeError("the oven is cold")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an `app.py`."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Running]]:
    """Starts a command that serves, in the folder."""
    started: list[Running] = []

    def start(*arguments: str, **env: str) -> Running:
        started.append(Running.start(*arguments, folder=folder, **env))
        return started[-1]

    yield start
    for running in started:
        running.end()


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Runs a command in this process, which is quicker; forgets the app that it imported."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    sys.dont_write_bytecode, kept = True, sys.dont_write_bytecode

    def run(*arguments: str) -> Result:
        for module in set(sys.modules) - before:
            if module.partition(".")[0] in ("app", "shop", "above", "beside"):
                del sys.modules[module]
        return CliRunner().invoke(stanchion, arguments)

    yield run
    run("--help")
    sys.dont_write_bytecode = kept


def change(file: Path, before: str, after: str) -> None:
    """Replace a text in a file, which must be there."""
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
