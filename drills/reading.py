"""Readers that go on all the time, and how each read ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .connection import Closed, Connection, Cut, Refused
from .ledger import Call


class Readers:
    """Threads that read a list and pause a moment, until the block ends."""

    def __init__(self, connect: Callable[[], Connection], count: int = 2) -> None:
        self.calls: list[Call] = []
        self.refused = 0
        self._connect = connect
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

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
