"""The power goes, under a file and under PostgreSQL."""

from __future__ import annotations

import pytest

from tests.drills.short import run, sees


@pytest.mark.parametrize("name", ["power-cut", "cut-method", "power-cut-pg"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize(
    ("name", "plant", "what"),
    [
        ("power-cut", "unsynced", "acknowledged writes lost"),
        ("power-cut", "early-answer", "acknowledged writes lost"),
        ("cut-method", "unsynced", "synced before the cut, yet lost"),
        ("power-cut-pg", "unsynced-pg", "acknowledged writes lost"),
    ],
)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    sees(name, plant, what)
