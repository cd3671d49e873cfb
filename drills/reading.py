"""Readers that go on all the time, and how each read ended."""

from __future__ import annotations

import time
from collections.abc import Callable

from .connection import Closed, Connection, Cut, Refused
from .ledger import Call
from .threads import Going, Work


class Readers(Going):
    """Threads that read a list and pause a moment, until the block ends."""

    def __init__(self, connect: Callable[[], Connection], count: int = 2) -> None:
        self.calls: list[Call] = []
        self.refused = 0
        self._connect = connect
        self._count = count

    def works(self) -> list[Work]:
        return [self._run] * self._count

    @property
    def failed(self) -> int:
        """Reads that were not answered 200."""
        return self.refused + sum(call.status != 200 for call in self.calls)

    @property
    def seconds(self) -> list[float]:
        """How long each answer took."""
        return [call.ended - call.begun for call in self.calls]

    def _run(self) -> None:
        with self._connect() as connection:
            while not self._stop.is_set():
                begun = time.monotonic()
                try:
                    status = connection.ask("GET", "/api/counters").status
                    self.calls.append(Call(begun, time.monotonic(), status))
                except (Refused, Closed, Cut):
                    self.refused += 1
                time.sleep(0.01)
