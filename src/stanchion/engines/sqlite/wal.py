"""When the write-ahead log is moved into the database file, and whether readers are waited for.

In: its pages after each commit.   Out: whether a checkpoint is due, and which.
Called by `writer`, which runs it after everybody was answered. The figures:
docs/decisions/006-the-spine.md, "The write-ahead log".
"""

from __future__ import annotations

import apsw

CHECKPOINT_PAGES = 1_000
RESTART_PAGES = 16_384
"""Pages of the WAL (64 MiB) beyond which the writer waits for readers, so that it starts again."""


class Checkpoints:
    """Every thousand pages, waiting for nobody; from 64 MiB on, until every read that began before
    is over.

    NOTE: While another process writes, or reads overlap without a gap, a checkpoint that waits
    for nobody never finds the moment at which the WAL may start again: with two workers it
    grew by 20 MB a second. Our reads end at their deadline, so the wait is short; a reader of
    another program may never end, so the next try is another 64 MiB away.

    WHY-NOT SQLite's own: it runs inside COMMIT, before anybody is answered, and hides a
    failed fsync of the database file; the next one would claim that all is well and the WAL,
    which holds the only good copy, would be written over.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.due = False
        self._pages = 0
        self._checkpointed = 0
        self._restart_at = RESTART_PAGES
        connection.set_wal_hook(self._count)

    def _count(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        """Called by SQLite after each commit: it must never raise."""
        if pages < self._checkpointed:
            # the WAL was written from its start again
            self._checkpointed, self._restart_at = 0, RESTART_PAGES
        self._pages = pages
        self.due = pages - self._checkpointed >= CHECKPOINT_PAGES
        return apsw.SQLITE_OK

    def next_mode(self) -> int:
        """How to do the one that is due; the next is due a thousand pages later."""
        self.due = False
        self._checkpointed = self._pages
        if self._pages < self._restart_at:
            return apsw.SQLITE_CHECKPOINT_PASSIVE
        self._restart_at = self._pages + RESTART_PAGES
        return apsw.SQLITE_CHECKPOINT_RESTART
