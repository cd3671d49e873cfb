"""Wait for a commit: those of this process wake at once, those of others by NOTIFY.

In: what this process commits.   Out: a mark, and a wait for the first commit after it.
WHY-NOT a NOTIFY in the transaction: the database takes one lock for all commits with one. It is
sent after the commit, at most every 10 ms for all of them; should it get lost, who waits looks
again after a second. So nothing hangs on the connection that listens: where it breaks, or cannot be
made, that is told once and tried again a second later, while commits go on.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from .outage import NETWORK_S
from .pools import ALWAYS, ServerAddress
from .translate import FAILURES, give_up, report

CHANNEL = "stanchion_changes"
TOGETHER_S = 0.01
LOOK_S = 1.0
"""Seconds after which who waits looks by itself: a NOTIFY may be lost."""


class Listener:
    """Counts the commits that are heard of, and wakes who waits for one. Of one event loop."""

    def __init__(self, address: ServerAddress) -> None:
        self._url = address.direct_url or address.url
        self._count = 0
        self._waiting: set[asyncio.Event] = set()
        self._connection: asyncpg.Connection[Any] | None = None
        self._lock = asyncio.Lock()
        self._unsent = False
        self._sender: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._deaf = False

    def tell(self) -> None:
        """There was a commit of this process."""
        self._wake()
        self._unsent = True
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send())

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
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        self._drop()

    def _wake(self) -> None:
        self._count += 1
        for event in self._waiting:
            event.set()

    def _heard(self, *_: object) -> None:
        self._wake()

    async def _send(self) -> None:
        """Tell the others, until nothing is left to tell: one at a time, however long it takes."""
        while self._unsent:
            await asyncio.sleep(TOGETHER_S)
            self._unsent = False
            connection = await self._listen()
            if connection is not None:
                try:
                    await connection.execute(f"notify {CHANNEL}", timeout=NETWORK_S)
                except FAILURES as error:
                    self._failed(error)

    async def _listen(self) -> asyncpg.Connection[Any] | None:
        """The connection that listens, opened if need be; None where that fails."""
        async with self._lock:
            if self._connection is not None and not self._connection.is_closed():
                return self._connection
            now = asyncio.get_running_loop().time()
            if now < self._not_before:
                return None
            try:
                async with asyncio.timeout(NETWORK_S):
                    self._connection = await asyncpg.connect(self._url, server_settings=ALWAYS)
                    await self._connection.add_listener(CHANNEL, self._heard)
            except FAILURES as error:
                self._failed(error)
                return None
            self._deaf = False
            return self._connection

    def _failed(self, error: BaseException) -> None:
        """Give the connection up for a while, and say so the first time."""
        self._drop()
        self._not_before = asyncio.get_running_loop().time() + LOOK_S
        if not self._deaf:
            self._deaf = True
            report(error, f"listen {CHANNEL}")

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            give_up(connection)
