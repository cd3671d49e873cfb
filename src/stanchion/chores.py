"""What an app does by itself as long as its database is open: trim the log, watch the file.

In: an engine and the settings.   Out: tasks of the running event loop, until they are stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from .changelog import Keep, keep_trimmed
from .engines import Engine
from .engines.watch import watch_file
from .settings import Settings


class Chores:
    """The tasks of one app. They may be stopped from another loop than that which runs them: a test
    uses several, one after the other."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, engine: Engine, settings: Settings, *more: Coroutine[Any, Any, None]) -> None:
        """Begin them all, and `more` of them."""
        keep = Keep(settings.log_days, settings.log_mb * 1_000_000)
        chores = keep_trimmed(engine, keep), watch_file(engine), *more
        self._tasks = [asyncio.create_task(chore) for chore in chores]

    def stop(self) -> None:
        """End them all."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            if not task.done() and not task.get_loop().is_closed():
                task.get_loop().call_soon_threadsafe(task.cancel)
