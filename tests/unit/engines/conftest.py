"""A real PostgreSQL for the tests of its engine: one server for each process that runs tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.postgres import Postgres, serving, why_not

VERSION = "18"
_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server, in memory if there is room: it syncs, because one that does not is refused."""
    if reason := why_not(VERSION):
        pytest.skip(reason)
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="pg-", dir=parent, ignore_cleanup_errors=True) as folder,
        serving(VERSION, "max_connections=60", folder=Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The address of an empty database, dropped after the test."""
    name = f"test{next(_numbers)}"
    yield postgres.create(name)
    postgres.drop(name)
