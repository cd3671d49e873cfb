"""What strace sees of syncs: an answer before its own, and one that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from drills import fsync
from tests.drills.short import broken, run


@pytest.mark.parametrize("name", ["fsync"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize("plant", ["rarely-synced", "early-answer"])
def test_strace_sees_an_answer_before_its_sync(plant: str, tmp_path: Path) -> None:
    if reason := fsync.why_not():
        pytest.skip(reason)  # strace is not here
    figures = fsync.one_by_one(tmp_path, 4, 20, plant)
    assert "answered 201 before the WAL was synced" in broken(figures)


@pytest.mark.planted
def test_strace_sees_that_one_commit_in_nine_is_synced(tmp_path: Path) -> None:
    if reason := fsync.why_not():
        pytest.skip(reason)  # strace is not here
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


@pytest.mark.planted
def test_strace_sees_a_server_that_is_deaf_to_a_failed_sync(tmp_path: Path) -> None:
    if reason := fsync.why_not():
        pytest.skip(reason)  # strace is not here
    figures = fsync.failing(tmp_path, 4, "deaf", for_ever=True)
    assert broken(figures) >= {
        "EIO for ever: answered 201 before the WAL was synced",
        "EIO for ever: the worker",
    }
