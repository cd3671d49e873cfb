"""A process is killed: the app, beside a file and beside PostgreSQL."""

from __future__ import annotations

import pytest

from tests.drills.short import run, sees


@pytest.mark.parametrize("name", ["kill", "kill-pg"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize(
    ("name", "plant", "what"),
    [
        ("kill", "early-answer", "acknowledged writes lost"),
        ("kill", "key-apart", "written twice"),
        ("kill-pg", "one-in-twenty", "acknowledged writes lost"),
    ],
)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    sees(name, plant, what)
