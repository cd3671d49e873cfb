"""Two who want the interpreter's lock take turns: the writer's thread, and an event loop.

In: whether the writer is at work or at rest, and which loops have writes waiting.
Out: such a loop sleeps a little, from time to time, while the writer is at work.

NOTE: A thread that lets go of the interpreter lock often and briefly, as a busy event loop does,
has it back before the one that waits for it woke up. A saturated loop left the writer as little as
4 writes a second; figures in DESIGN.md.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable
from time import perf_counter

GIVE_WAY_EVERY = 0.002
GIVE_WAY_FOR = 0.002
"""Seconds between two looks of an event loop at the writer, and what it leaves to it then."""


class Turns:
    """See the module. `is_needed` tells whether anybody waits for the writer, or it has work."""

    def __init__(self, is_needed: Callable[[], bool]) -> None:
        self._is_needed = is_needed
        self._moves = 0
        self._resting = False
        self._giving_way: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()

    # Called by the writer's thread

    def rest(self) -> None:
        """It is about to wait for something that needs no interpreter: the disk, a lock, a job."""
        self._resting = True

    def work_on(self) -> None:
        """It has come back from there."""
        self._moves += 1
        self._resting = False

    # Called on event loops

    def look_from(self, loop: asyncio.AbstractEventLoop) -> None:
        """This loop has a write waiting: let it look at the writer until it has none."""
        if loop not in self._giving_way:
            self._giving_way.add(loop)
            loop.call_later(GIVE_WAY_EVERY, self._give_way, loop, self._moves)

    def _give_way(self, loop: asyncio.AbstractEventLoop, moves: int) -> None:
        """Let the writer work, from time to time, while this event loop has no rest."""
        if not self._is_needed():
            self._giving_way.discard(loop)
            return
        until = perf_counter() + GIVE_WAY_FOR
        if self._resting and moves == self._moves:
            time.sleep(0.0001)  # it may have been woken, and wait for the lock
        while not self._resting and perf_counter() < until:
            time.sleep(0.0001)
        loop.call_later(GIVE_WAY_EVERY, self._give_way, loop, self._moves)
