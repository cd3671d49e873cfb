"""Processes that run jobs are killed, or away for longer than a lease."""

from __future__ import annotations

import pytest

from tests.drills.short import run, sees


@pytest.mark.parametrize("name", ["jobs", "jobs-pg"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize(
    ("name", "plant", "what"),
    [
        ("jobs", "taken-off", "jobs lost"),
        ("jobs", "unfenced", "ends that were noted twice"),
    ],
)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    sees(name, plant, what)
