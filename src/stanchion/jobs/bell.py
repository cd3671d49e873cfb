"""Wake the workers of this process when it has committed a job of its own.

In: the engine of the commit.   Out: nothing; who waits on a bell of that engine goes on at once.
Rung by transaction, after the commit. Other processes look by themselves, see workers.
"""

from __future__ import annotations

import asyncio
import weakref

from ..engines import Engine

_bells: weakref.WeakKeyDictionary[Engine, list[Bell]] = weakref.WeakKeyDictionary()


class Bell:
    """What a worker waits for, on one event loop."""

    def __init__(self, engine: Engine) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        _bells.setdefault(engine, []).append(self)
        self._engine = engine

    def ring(self) -> None:
        """Wake whoever waits, or will; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._rung.set)
        except RuntimeError:  # the loop was closed, nobody waits any more
            return

    async def wait(self, seconds: float) -> None:
        """Return when it has rung since the last time, or the time is over."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()

    def close(self) -> None:
        """Be rung no more."""
        _bells[self._engine].remove(self)


def ring(engine: Engine) -> None:
    """Wake every worker of this process that takes jobs from this database."""
    for bell in list(_bells.get(engine, ())):
        bell.ring()
