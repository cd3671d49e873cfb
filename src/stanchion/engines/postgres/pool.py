"""Connections of one kind, handed round: made as they are needed, the last one back goes out first.

In: how one is made, and how many there may be.   Out: a connection, until it is given back.
Called by pools. WHY-NOT the driver's own pool: a task, two timers, a proxy and a look at the
connection for each call, which cost as much as half of the rest of a read.

Whoever waits is handed what comes back: nobody who comes later overtakes him. Where one was lost
instead, he is handed its place, and makes one himself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeAlias

import asyncpg

from .overdue import Overdue
from .translate import FAILURES, give_up

Connection: TypeAlias = "asyncpg.Connection[Any]"
IDLE_S = 300.0
"""Seconds after which a connection that nobody uses is closed."""


class Pool:
    """At most `most` connections of one event loop."""

    def __init__(
        self, make: Callable[[], Awaitable[Connection]], most: int, overdue: Overdue
    ) -> None:
        self._make = make
        self._most = most
        self._overdue = overdue
        self._loop = asyncio.get_running_loop()
        self._born: dict[Connection, int] = {}
        """Every connection, with the generation that it belongs to."""
        self._generation = 0
        self._making = 0  # places that are taken, and have no connection yet
        self._idle: list[tuple[Connection, float]] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None  # there once it closes

    @property
    def used_up(self) -> bool:
        """Whether every connection that there may be is there, and in use."""
        return len(self._born) - len(self._idle) >= self._most

    def at_hand(self) -> Connection | None:
        """One that nobody uses, or None: then it takes `wait`."""
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._forget(connection)
        return None

    async def wait(self, seconds: float) -> Connection:
        """One that somebody gives back, or a new one. Raises `TimeoutError`, and what making one
        raises."""
        ends = self._loop.time() + seconds
        if len(self._born) + self._making < self._most:
            self._making += 1
        elif (given := await self._handed(ends)) is not None:
            return given
        async with asyncio.timeout_at(ends):
            return await self._new()

    def give_back(self, connection: Connection) -> None:
        """What was taken, once nothing runs on it any more."""
        current = self._born[connection] == self._generation and self._emptied is None
        if not current or connection.is_closed():
            give_up(connection)
            self._forget(connection)
        elif not self._hand(connection):
            self._idle.append((connection, self._loop.time()))
            if self._sweep is None:
                self._sweep = self._loop.call_later(IDLE_S, self._close_idle)

    def expire(self) -> None:
        """All are as dead as one of them: none goes out again."""
        self._generation += 1
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            give_up(connection)
            self._forget(connection)

    async def close(self, seconds: float) -> None:
        """Disconnect, after the calls under way."""
        self._emptied = self._loop.create_future()
        if self._sweep is not None:
            self._sweep.cancel()
        idle, self._idle = [connection for connection, _ in self._idle], []
        with suppress(*FAILURES):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(connection.close() for connection in idle))
                for connection in idle:
                    self._forget(connection)
                if self._born or self._making:
                    await self._emptied
        for connection in self._born:
            give_up(connection)

    async def _handed(self, ends: float) -> Connection | None:
        """What somebody gives back, or None for the place of one that is gone."""
        place: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiting.append(place)
        self._overdue.add(place, ends, partial(_refuse, place))
        try:
            return await place
        except BaseException:  # who is cancelled gives up what he was handed, too
            with suppress(ValueError):  # it was passed over already
                self._waiting.remove(place)
            if place.done() and not place.cancelled() and not place.exception():
                given = place.result()  # it came just now, for nobody
                self._leave_place() if given is None else self.give_back(given)
            raise
        finally:
            self._overdue.drop(place)

    async def _new(self) -> Connection:
        """Make one in a place that was taken for it."""
        generation = self._generation
        try:
            connection = await self._make()
        except BaseException:  # the place is nobody's, also if the caller is cancelled
            self._leave_place()
            raise
        self._making -= 1
        self._born[connection] = generation
        return connection

    def _forget(self, connection: Connection) -> None:
        del self._born[connection]
        self._making += 1
        self._leave_place()

    def _leave_place(self) -> None:
        """Leave a place for another connection to the first who waits, if anybody does."""
        if self._hand(None):
            return
        self._making -= 1
        if self._emptied is not None and not (self._born or self._making or self._emptied.done()):
            self._emptied.set_result(None)

    def _hand(self, given: Connection | None) -> bool:
        """Give it to the first who still waits."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(given)
                return True
        return False

    def _close_idle(self) -> None:
        """Close what nobody used for so long; look again while there are others."""
        self._sweep = None
        old = self._loop.time() - IDLE_S
        kept = [one for one in self._idle if one[1] > old]
        gone, self._idle = self._idle[: len(self._idle) - len(kept)], kept
        for connection, _ in gone:
            give_up(connection)
            self._forget(connection)
        if kept:
            self._sweep = self._loop.call_at(kept[0][1] + IDLE_S, self._close_idle)


def _refuse(place: asyncio.Future[Connection | None]) -> None:
    if not place.done():
        place.set_exception(TimeoutError())
