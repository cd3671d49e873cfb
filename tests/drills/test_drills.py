"""The drills of `drills/` in their short form, and each with a fault that it must see."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from drills import fsync
from drills.__main__ import DRILLS
from drills.outcome import Figure, Outcome


def run(drill: ModuleType, plant: str = "") -> Outcome:
    """The short form; skipped where the machine lacks what it needs."""
    reason = drill.why_not()
    if reason:
        pytest.skip(reason)
    outcome: Outcome = drill.run(seed=4, short=True, plant=plant)
    print(outcome)
    return outcome


def broken(figures: list[Figure]) -> set[str]:
    return {figure.what for figure in figures if not figure.kept}


@pytest.mark.parametrize("drill", DRILLS, ids=lambda drill: drill.NAME)
def test_promise_is_kept(drill: ModuleType) -> None:
    assert run(drill).broken == []


PLANTED = [
    ("slow-reads", "on-the-loop", "share of reads that took longer than half a scan"),
    ("long-holders", "never-restarts", "largest WAL beside readers of ours"),
    ("disk-full", "internal-errors", "other answers to them than 507 problem+json"),
    ("foreign-lock", "internal-errors", "writes told something else than 2xx or 503"),
    ("sigterm", "abrupt", "new connections taken, but not answered"),
    ("out-of-fds", "few-files", "processes that ended"),
    ("kill", "early-answer", "acknowledged writes lost"),
    ("kill", "key-apart", "written twice"),
    ("power-cut", "unsynced", "acknowledged writes lost"),
    ("power-cut", "early-answer", "acknowledged writes lost"),
    ("cut-method", "unsynced", "synced before the cut, yet lost"),
    ("kill-pg", "one-in-twenty", "acknowledged writes lost"),
    ("power-cut-pg", "unsynced-pg", "acknowledged writes lost"),
    ("restarts-pg", "async-commit", "acknowledged writes lost"),
    ("exhausted-pg", "one-pool", "reads that failed meanwhile"),
    ("partition-pg", "patient", "answered past the deadline"),
]


@pytest.mark.parametrize(("name", "plant", "what"), PLANTED, ids=lambda value: value)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    drill = next(drill for drill in DRILLS if name == drill.NAME)
    assert what in broken(list(run(drill, plant).figures))


@pytest.mark.parametrize("plant", ["rarely-synced", "early-answer"])
def test_strace_sees_an_answer_before_its_sync(plant: str, tmp_path: Path) -> None:
    if reason := fsync.why_not():
        pytest.skip(reason)
    figures = fsync.one_by_one(tmp_path, 4, 20, plant)
    assert "answered 201 before the WAL was synced" in broken(figures)


def test_strace_sees_that_one_commit_in_nine_is_synced(tmp_path: Path) -> None:
    if reason := fsync.why_not():
        pytest.skip(reason)
    figures = fsync.many(tmp_path, 4, 0.5, "one-in-nine")
    print(*figures, sep="\n")
    assert broken(figures) == {"commits without a sync of their own"}


def test_commit_is_told_by_the_frame_that_ends_it() -> None:
    """As strace writes it: page 3 of a transaction that goes on, page 10 that ends one of 35 pages,
    its sync begun in one line and ended in another, and an end that nothing synced."""
    frame = r'7 pwrite64(9</x/drill.db-wal>, "%s"..., 24, 4152) = 24'
    lines = [
        frame % r"\0\0\0\3\0\0\0\0\1\2\3\4", frame % r"\0\0\0\n\0\0\0#\1\2\3\4",
        "7 fdatasync(9</x/drill.db-wal> <unfinished ...>", "7 <... fdatasync resumed>) = 0",
        frame % r"\0\0\0\3\0\0\0#\1\2\3\4", frame % r"\0\0\0\3\0\0\0#\1\2\3\4",
    ]  # fmt: skip
    assert fsync.read_commits("\n".join(lines)) == fsync.Commits(made=3, unsynced=1)


def test_strace_sees_a_server_that_is_deaf_to_a_failed_sync(tmp_path: Path) -> None:
    if reason := fsync.why_not():
        pytest.skip(reason)
    figures = fsync.failing(tmp_path, 4, "deaf", for_ever=True)
    assert broken(figures) >= {
        "EIO for ever: answered 201 before the WAL was synced",
        "EIO for ever: the worker",
    }
