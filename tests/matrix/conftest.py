"""The world, planted once; every app of this folder opens a copy of the same database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from .asking import Asking
from .history import write_history
from .world import make_app

Replaced = Mapping[tuple[str, int], str]
Opened = Callable[[Replaced], Asking]


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the rows of the world, and its history; rules are no part of it."""
    path = tmp_path_factory.mktemp("world") / "world.db"
    opened = Asking(make_app(path))
    opened.run(write_history(opened.app))
    opened.close()
    return path


@pytest.fixture(scope="module")
def asking(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """The world as it is meant."""
    path = tmp_path_factory.mktemp("world") / "own.db"
    shutil.copy(planted, path)
    opened = Asking(make_app(path))
    yield opened
    opened.close()
