"""A PostgreSQL for the copies of this folder, and an app with a field of every type."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.postgres import Postgres, serving, why_not

VERSION = "16"
_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server, in memory if there is room: it syncs, because one that does not is refused."""
    if reason := why_not(VERSION):
        pytest.skip(reason)
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="pg-", dir=parent, ignore_cleanup_errors=True) as folder,
        serving(VERSION, folder=Path(folder)) as server,
    ):
        yield server


Fresh = Callable[[str], str]
"""The address of a new, empty database of an engine."""


@pytest.fixture
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fresh]:
    made: list[str] = []

    def make(engine: str) -> str:
        name = f"copy{next(_numbers)}"
        if engine == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        made.append(name)
        address: str = request.getfixturevalue("postgres").create(name)
        return address

    yield make
    for name in made:
        request.getfixturevalue("postgres").drop(name)
