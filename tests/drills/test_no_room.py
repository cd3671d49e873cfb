"""Something is used up or taken: the disk, files, connections, the lock."""

from __future__ import annotations

import pytest

from tests.drills.short import run, sees


@pytest.mark.parametrize("name", ["disk-full", "out-of-fds", "exhausted-pg", "foreign-lock"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize(
    ("name", "plant", "what"),
    [
        ("disk-full", "internal-errors", "other answers to them than 507 problem+json"),
        ("foreign-lock", "internal-errors", "writes told something else than 2xx or 503"),
        ("out-of-fds", "few-files", "processes that ended"),
        ("exhausted-pg", "one-pool", "reads that failed meanwhile"),
    ],
)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    sees(name, plant, what)
