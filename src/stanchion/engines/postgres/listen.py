"""Wait for a commit: those of this process wake at once, those of others by NOTIFY.

In: what this process commits.   Out: a mark, and a wait for the first commit after it.
WHY-NOT a NOTIFY in the transaction: the database takes one lock for all commits with one. It is
sent after the commit, at most every 10 ms for all of them; should it get lost, who waits looks
again after a second.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from .pools import ALWAYS, ServerAddress
from .translate import FAILURES, report

CHANNEL = "stanchion_changes"
TOGETHER_S = 0.01
LOOK_S = 1.0
"""Seconds after which who waits looks by itself: a NOTIFY may be lost."""


class Listener:
    """Counts the commits that are heard of, and wakes who waits for one."""

    def __init__(self, address: ServerAddress) -> None:
        self._url = address.direct_url or address.url
        self._count = 0
        self._waiting: set[asyncio.Event] = set()
        self._connection: asyncpg.Connection[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    def tell(self) -> None:
        """There was a commit of this process."""
        self._wake()
        loop = asyncio.get_running_loop()
        if self._sending is None or self._loop is not loop:
            self._loop = loop
            self._sending = loop.call_later(TOGETHER_S, self._start_sending)

    async def mark(self) -> str:
        """This moment."""
        await self._listen()
        return str(self._count)

    async def wait(self, mark: str, seconds: float) -> None:
        """Return once something may have been committed after `mark`, or the time is over."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            if str(self._count) == mark:
                async with asyncio.timeout(min(seconds, LOOK_S)):
                    await event.wait()
        except TimeoutError:
            return
        finally:
            self._waiting.discard(event)

    async def close(self) -> None:
        """Listen no more."""
        if self._sending is not None:
            self._sending.cancel()
        here = asyncio.get_running_loop()
        sending = [task for task in self._tasks if task.get_loop() is here]
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    def _wake(self) -> None:
        self._count += 1
        for event in self._waiting:
            event.set()

    def _heard(self, *_: object) -> None:
        self._wake()

    def _start_sending(self) -> None:
        here = asyncio.get_running_loop()
        if any(task.get_loop() is here for task in self._tasks):  # the last one is under way yet
            self._sending = here.call_later(TOGETHER_S, self._start_sending)
            return
        self._sending = None
        task = asyncio.get_running_loop().create_task(self._send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self) -> None:
        try:
            connection = await self._listen()
            if connection is not None:
                await connection.execute(f"notify {CHANNEL}")
        except FAILURES as error:
            report(error, f"notify {CHANNEL}")

    async def _listen(self) -> asyncpg.Connection[Any] | None:
        """The connection that listens, opened if need be; None where that fails."""
        async with self._lock:
            if self._connection is None or self._connection.is_closed():
                try:
                    self._connection = await asyncpg.connect(self._url, server_settings=ALWAYS)
                    await self._connection.add_listener(CHANNEL, self._heard)
                except FAILURES as error:
                    report(error, f"listen {CHANNEL}")
                    self._connection = None
            return self._connection
