"""Copy our own tables: the change log, the places of its readers, and what writes remember.

In: both connections.   Out: the digest of the log, and which readers are told of a gap.
Called by `run` when the rows are there. A copy that goes on begins with these anew: the log of a
source at work has changed in any case, and its size is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..changelog.moved import MovedLog, OldPosition
from ..changelog.pages import TRIMMED, LogPlace, lost_one_of
from ..engines.bulk import Bulk
from ..sql import copy, own
from ..sql.dialect import dialect_of
from .digest import Digest
from .pieces import ahead


@dataclass(frozen=True, slots=True)
class LogCopy:
    """What became of the log. `readers` are all names, `gaps` those that are told of one."""

    digest: Digest
    readers: tuple[str, ...]
    gaps: tuple[str, ...]


async def copy_rest(source: Bulk, target: Bulk, tell: Callable[[int], None]) -> LogCopy:
    """Make our own tables, but for the one that says what the database is, and fill them."""
    dialect = dialect_of(target.name)
    await target.begin()
    for statement in own.create_own_tables(dialect):
        await target.fetch(statement)
    tables = (own.CHANGES, own.READERS, own.LOG, *own.MOVED)
    for table in tables:
        await target.fetch(f"delete from {table.name}")
    for table in own.MOVED:
        async with ahead(source.stream(table.select)) as pages:
            async for rows in pages:
                await target.fill(copy.insert_own(table, dialect), rows)
    await target.commit()
    return await _copy_log(source, target, tell)


async def read_log(target: Bulk, tell: Callable[[int], None]) -> Digest:
    """The log as the target holds it."""
    whole = Digest()
    await target.begin()
    async with ahead(target.stream(copy.select_changes(dialect_of(target.name)))) as pages:
        async for rows in pages:
            whole += await asyncio.to_thread(Digest.of, [row[2:] for row in rows])
            tell(len(rows))
    await target.commit()
    return whole


async def _copy_log(source: Bulk, target: Bulk, tell: Callable[[int], None]) -> LogCopy:
    dialect = dialect_of(target.name)
    readers = await source.fetch(own.READERS.select)
    old = {name: OldPosition(source.name, position) for name, position, _ in readers}
    gaps = await _find_gaps(source, old)
    moved = MovedLog(target.name, old, gaps)
    digest = Digest()
    insert = copy.insert_changes(dialect)
    async with ahead(source.stream(copy.select_changes(dialect_of(source.name)))) as pages:
        async for rows in pages:
            digest += await asyncio.to_thread(Digest.of, [row[2:] for row in rows])
            placed = [
                (*moved.place(LogPlace(order, seq), change[0]), *change)
                for order, seq, *change in rows
            ]
            await target.begin()
            await target.fill(insert, placed)
            await target.commit()
            tell(len(rows))
    await target.begin()
    floor = moved.floor
    await target.fill(copy.insert_own(own.LOG, dialect), [(1, floor, floor, 0)])
    positions = moved.positions()
    found = [(name, positions[name], time) for name, _, time in readers]
    if found:
        await target.fill(copy.insert_own(own.READERS, dialect), found)
    go_on = copy.number_changes(dialect, moved.last.seq)
    if go_on is not None:
        await target.fetch(go_on)
    await target.commit()
    return LogCopy(digest, tuple(old), gaps)


async def _find_gaps(source: Bulk, readers: Mapping[str, OldPosition]) -> tuple[str, ...]:
    """The readers that missed something which the log no longer holds."""
    trimmed = await source.fetch(TRIMMED.text)
    floor = trimmed[0][0] if trimmed else 0
    gaps = []
    for name, position in readers.items():
        lost = position.lost(floor)
        if position.open and not lost:
            asked = lost_one_of(position.open)
            lost = bool(await source.fetch(asked.text, asked.params))
        if lost:
            gaps.append(name)
    return tuple(gaps)
