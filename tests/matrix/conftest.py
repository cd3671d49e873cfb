"""The world, planted once; every app of this folder opens a copy of the same database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.conformance import engines

from .asking import Asking
from .history import write_history
from .people import Carried, People, sign_in
from .world import make_app

Replaced = Mapping[tuple[str, int], str]
Opened = Callable[[Replaced], Asking]


@pytest.fixture(scope="session")
def worlds() -> dict[str, Path]:
    """The planted database of each engine that was asked so far."""
    return {}


@pytest.fixture(scope="module")
def planted(worlds: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the rows of the world, and its history; rules are no part of it."""
    engine = engines.current().name
    if engine not in worlds:
        path = tmp_path_factory.mktemp("world") / "world.db"
        engines.make_source(path)
        opened = Asking(make_app(path))
        opened.run(write_history(opened.app))
        opened.close()
        worlds[engine] = path
    return worlds[engine]


@pytest.fixture(scope="module")
def asking(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """The world as it is meant."""
    path = tmp_path_factory.mktemp("world") / "own.db"
    with engines.copied(planted, path):
        opened = Asking(make_app(path))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Carried]:
    """A database in which everybody is signed in, and what they send."""
    path = tmp_path_factory.mktemp("people") / "world.db"
    engines.make_source(path)
    opened = People(make_app(path), {})
    sign_in(opened)
    opened.close()
    return path, opened.headers


@pytest.fixture(scope="module")
def people(
    peopled: tuple[Path, Carried], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[People]:
    """The people of the world, signed in."""
    database, headers = peopled
    with engines.copied(database, tmp_path_factory.mktemp("people") / "own.db") as path:
        opened = People(make_app(path), dict(headers))
        yield opened
        opened.close()


@pytest.fixture
def own_people(peopled: tuple[Path, Carried], tmp_path: Path) -> Iterator[People]:
    """The same for one test, which changes who they are."""
    database, headers = peopled
    with engines.copied(database, tmp_path / "people.db") as path:
        opened = People(make_app(path), dict(headers))
        yield opened
        opened.close()


@pytest.fixture
def copied(planted: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the world for one test, which opens it with rules of its own."""
    with engines.copied(planted, tmp_path / "world.db") as path:
        yield path
