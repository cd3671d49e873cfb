"""Tell once when the database file is deleted or replaced under a running server, or comes back.

In: an engine.   Out: `DatabaseGone` and `DatabaseBack` events.
That writes are refused meanwhile does not hang on this: the writer looks before it says that
something is on disk. Why so: docs/decisions/006-the-spine.md, "A database file that goes".
"""

from __future__ import annotations

import asyncio

from .. import events
from .base import Engine

EVERY_S = 1.0


async def watch_file(engine: Engine) -> None:
    """Look for ever."""
    gone: str | None = None
    while True:
        await asyncio.sleep(EVERY_S)
        missing = engine.missing()
        if missing == gone:
            continue
        gone = missing
        events.emit(events.DatabaseBack() if missing is None else events.DatabaseGone(missing))
