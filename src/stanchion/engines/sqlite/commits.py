"""Wait for a commit: those of this process wake at once, those of others within 25 ms.

In: the writer, which tells of its commits, and the file's `data_version`, which tells of all.
Out: a mark, and a wait for the first commit after it. Nothing is looked at while nobody waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

POLL_S = 0.025
"""Seconds between two looks at the file: 3 µs each, 1 % of a core with the wake-ups."""

Version = Callable[[], int]


class Commits:
    """Counts the commits of this process and wakes who waits for one."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def tell(self) -> None:
        """There was a commit. Called on the writer thread."""
        self._count += 1
        if self._waiting:
            with self._lock:
                waiting = list(self._waiting.items())
            for event, loop in waiting:
                try:
                    loop.call_soon_threadsafe(event.set)
                except RuntimeError:  # the loop was closed, nobody waits any more
                    continue

    def mark(self, version: Version) -> str:
        """This moment."""
        return f"{self._count}.{version()}"

    async def wait(self, mark: str, seconds: float, version: Version) -> None:
        """Return once something was committed after `mark`, or the time is over."""
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        ends = loop.time() + seconds
        with self._lock:
            self._waiting[event] = loop
        try:
            while self.mark(version) == mark and (left := ends - loop.time()) > 0:
                try:
                    async with asyncio.timeout(min(left, POLL_S)):
                        await event.wait()
                except TimeoutError:
                    continue
        finally:
            with self._lock:
                del self._waiting[event]
