"""A small app in a folder of its own, and servers that are always ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.inside import Inside, commands

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
def inside(folder: Path) -> Iterator[Inside]:
    """Runs a command in this process, in the folder."""
    with commands(folder) as run:
        yield run


def change(file: Path, before: str, after: str) -> None:
    """Replace a text in a file, which must be there."""
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
