"""Held transactions side by side, or one after the other while they keep meeting each other.

In: that one was given up for the sake of another.   Out: whether to wait for one's turn first.
Called by `held`; one for each event loop.

A transaction that is held while the app's own code runs cannot always run again: what it had read
may have changed (503 `transaction.conflict`). Where nothing is contended they run side by side.
Where two met, this process lets its own run one at a time for a while, and those of other
processes that saw the same wait for the table `_turn`, which nobody reads or writes.
WHY-NOT always: those that touch nothing in common would wait for each other, on every machine.
"""

from __future__ import annotations

import asyncio

LOCK = "lock table _turn in exclusive mode"
"""NOTE: LOCK TABLE and not an advisory lock, whose SELECT takes the snapshot before it waits: what
the one in front commits would be a conflict at once."""
SHORTEST_S, LONGEST_S = 1.0, 60.0
SOON = 4
"""Who meets another within so many times the last while is careful for twice as long."""


class TakingTurns:
    """See the module."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._while = SHORTEST_S
        self._until = 0.0

    @property
    def careful(self) -> bool:
        """Whether held transactions met a moment ago."""
        return self._loop.time() < self._until

    def met(self) -> None:
        """A held transaction was given up for the sake of another one."""
        now = self._loop.time()
        if now < self._until:
            return  # one of those that began before
        again = self._until and now < self._until + SOON * self._while
        self._while = min(2 * self._while, LONGEST_S) if again else SHORTEST_S
        self._until = now + self._while

    async def take(self) -> None:
        """Wait in arrival order; the turn lasts until `give_back`."""
        await self._turn.acquire()

    def give_back(self) -> None:
        """It is the next one's turn."""
        self._turn.release()
