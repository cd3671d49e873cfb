"""One server for these tests, and a database of its own for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.postgres import Postgres, binaries, serving, why_not


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A running server; skips by name where there is none."""
    newest = max(binaries(), key=int, default="of any version")
    reason = why_not(newest)
    if reason:
        pytest.skip(reason)
    with serving(newest, "fsync=on", "log_min_messages=error") as running:
        yield running


@pytest.fixture
def database(server: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database."""
    name = f"d{os.getpid()}"
    server.drop(name)
    yield server.create(name)
    server.drop(name)
