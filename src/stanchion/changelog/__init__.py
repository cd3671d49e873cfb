"""What becomes of the change log: who reads it, what each may see of it, how much of it is kept.

`store/changes` writes it down, one row for each change, in the transaction of the change.

`pages`    where a reader is, and what follows there, on each engine
`reader`   a name, a position that outlives processes, each change at least once
`sight`    what one caller may see of a logged change
`past`     the records as they were at a place of the log, for the rules that judge it
`trim`     the log kept within its days and its size
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from ..query import Actor
from ..records import Records
from .pages import pages_of
from .reader import LogReader, Source
from .sight import LogSight
from .trim import Keep, keep_trimmed

__all__ = ["Keep", "LogReader", "keep_trimmed", "open_reader"]


def open_reader(
    name: str,
    open_records: Callable[[], Awaitable[Records]],
    actor: Actor,
    collections: Collection[str],
    *,
    from_start: bool,
) -> LogReader:
    """A reader of what `actor` may see; `open_records` is awaited when it is first asked."""

    async def source() -> Source:
        records = await open_records()
        profile = records.policy.profile(actor)
        sight = LogSight(
            records.schema, profile, actor, records.engine, records.dialect, collections
        )
        return Source(records.engine, pages_of(records.engine), sight.see)

    return LogReader(name, source, from_start=from_start)
