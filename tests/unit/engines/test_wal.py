"""When a checkpoint is due, and which: told by the pages that SQLite counts after each commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import pytest

from stanchion.engines.sqlite.wal import CHECKPOINT_PAGES, RESTART_PAGES, Checkpoints

PASSIVE, RESTART = apsw.SQLITE_CHECKPOINT_PASSIVE, apsw.SQLITE_CHECKPOINT_RESTART


class Connection:
    """What tells the pages."""

    def set_wal_hook(self, hook: Callable[[Any, str, int], int]) -> None:
        self.hook = hook

    def commit(self, pages: int) -> None:
        assert self.hook(None, "main", pages) == apsw.SQLITE_OK


@pytest.fixture
def connection() -> Any:
    return Connection()


@pytest.fixture
def checkpoints(connection: Any) -> Checkpoints:
    return Checkpoints(connection)


def test_a_checkpoint_is_due_each_thousand_pages(connection: Any, checkpoints: Checkpoints) -> None:
    connection.commit(CHECKPOINT_PAGES - 1)
    assert not checkpoints.due
    connection.commit(CHECKPOINT_PAGES)
    assert checkpoints.due and checkpoints.next_mode() == PASSIVE
    assert not checkpoints.due
    connection.commit(2 * CHECKPOINT_PAGES - 1)
    assert not checkpoints.due
    connection.commit(2 * CHECKPOINT_PAGES)
    assert checkpoints.due


def test_readers_are_waited_for_at_a_size_and_each_time_as_many_pages_later(
    connection: Any, checkpoints: Checkpoints
) -> None:
    modes = []
    for pages in range(CHECKPOINT_PAGES, 3 * RESTART_PAGES, CHECKPOINT_PAGES):
        connection.commit(pages)
        assert checkpoints.due
        modes.append((checkpoints.next_mode(), pages))
    assert [pages for mode, pages in modes if mode == RESTART] == [17_000, 34_000]


def test_a_log_that_starts_again_is_counted_from_its_start(
    connection: Any, checkpoints: Checkpoints
) -> None:
    connection.commit(17_000)
    assert checkpoints.next_mode() == RESTART
    connection.commit(3)
    assert not checkpoints.due
    connection.commit(CHECKPOINT_PAGES)
    assert checkpoints.due and checkpoints.next_mode() == PASSIVE
    connection.commit(17_000)
    assert checkpoints.next_mode() == RESTART
