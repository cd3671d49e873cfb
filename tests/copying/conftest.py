"""New databases for the copies of this folder, on either engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

_numbers = count()


@pytest.fixture(scope="module")
def postgres_version() -> str:
    return "16"


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
