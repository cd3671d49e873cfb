"""The server is stopped, or PostgreSQL is restarted."""

from __future__ import annotations

import pytest

from tests.drills.short import run, sees


@pytest.mark.parametrize("name", ["sigterm", "restarts-pg"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize(
    ("name", "plant", "what"),
    [
        ("sigterm", "abrupt", "new connections taken, but not answered"),
        ("restarts-pg", "async-commit", "acknowledged writes lost"),
    ],
)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    sees(name, plant, what)
