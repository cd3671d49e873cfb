"""What takes long: reads, and holders of transactions and snapshots."""

from __future__ import annotations

import pytest

from tests.drills.short import run, sees


@pytest.mark.parametrize("name", ["slow-reads", "long-holders"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize(
    ("name", "plant", "what"),
    [
        ("slow-reads", "on-the-loop", "share of reads that took longer than half a scan"),
        ("long-holders", "never-restarts", "largest WAL beside readers of ours"),
    ],
)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    sees(name, plant, what)
