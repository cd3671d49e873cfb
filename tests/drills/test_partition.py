"""The network drops packets."""

from __future__ import annotations

import pytest

from tests.drills.short import run, sees


@pytest.mark.parametrize("name", ["partition-pg"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize(
    ("name", "plant", "what"),
    [
        ("partition-pg", "patient", "answered past the deadline"),
    ],
)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    sees(name, plant, what)
