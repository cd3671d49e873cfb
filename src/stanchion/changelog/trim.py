"""Keep the change log within its days and its size, a bounded piece at a time.

In: an engine and the limits.   Out: whether there is more to do.
Every piece is one job of the writer: it counts the bytes of changes that came, and takes the oldest
away. A reader that was not there yet is told of it, see `reader`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from .. import clock
from ..engines import Ask, Engine
from ..errors import Problem
from ..store.changes import forget
from ..store.steps import Steps
from ..types.datetime import moment_text

PIECE = 500
PAUSE_S = 60.0
AFTER_A_PIECE_S = 0.05

_SIZE = "200+length(coalesce(before,''))+length(coalesce(after,''))"


@dataclass(frozen=True, slots=True)
class _Words:
    """What is asked of the log, on one engine: how many bytes came after a place, and which are the
    oldest. `order` is the column that the log is trimmed by; `remember` runs before that."""

    order: str
    count: str
    oldest: str
    remember: tuple[Callable[[int, int], Ask], ...] = ()


def _remember_trimmed(after: int, until: int) -> Ask:
    """Note which transactions are trimmed, all of which have ended. A position says which were
    open; whether it missed one of ours is known from nothing else once its changes are gone."""
    return Ask(
        "insert into _trimmed (until,top,xids) select ?2::int8,"
        "pg_snapshot_xmax(pg_current_snapshot())::text::int8,array_agg(distinct xid) "
        "from _changes where xid>?1::int8 and xid<=?2::int8 having count(*)>0",
        (after, until),
    )


def _forget_trimmed(_: int, until: int) -> Ask:
    """Forget those notes that no position needs: whoever took one while such a transaction was open
    did so before the note, so it ends before what was trimmed since."""
    return Ask("delete from _trimmed where top<=?1", (until,))


_WORDS = {
    "sqlite": _Words(
        "seq",
        "select coalesce(max(seq),?1),coalesce(sum(size),0),count(*) from (select seq,"
        f"{_SIZE} as size from _changes where seq>?1 order by seq limit ?2)",
        f"select seq,time,{_SIZE} from _changes where seq>?1 and seq<=?2 order by seq limit ?3",
    ),
    # whole transactions, and only those before which nothing can be committed any more
    "postgresql": _Words(
        "xid",
        "select coalesce(max(xid),?1::int8),coalesce(sum(size),0)::int8,count(*) from (select xid,"
        f"{_SIZE} as size from _changes where xid>?1::int8 and "
        "xid<pg_snapshot_xmin(pg_current_snapshot())::text::int8 order by xid "
        "fetch first (?2::int8) rows with ties) t",
        f"select xid,max(time),sum({_SIZE})::int8 from _changes where xid>?1 and xid<=?2 "
        "group by xid order by xid limit ?3::int8",
        (_remember_trimmed, _forget_trimmed),
    ),
}


@dataclass(frozen=True, slots=True)
class Keep:
    """How much of the log is kept."""

    days: int
    bytes: int


def trim(keep: Keep, engine: str) -> Steps[bool]:
    """One piece of work on the log of an engine; True where more is left."""
    words = _WORDS[engine]
    rows = yield Ask("select trimmed,counted,bytes from _log where id=1")
    trimmed, counted, size = before = rows[0] if rows else (0, 0, 0)
    counted, more, number = (yield Ask(words.count, (counted, PIECE)))[0]
    size += more
    expired = moment_text(clock.now() - timedelta(days=keep.days))
    oldest = yield Ask(words.oldest, (trimmed, counted, PIECE))
    gone = 0
    for place, time, bytes_of in oldest:
        if time >= expired and size <= keep.bytes:
            break
        trimmed, size, gone = place, size - bytes_of, gone + 1
    if (trimmed, counted, size) != tuple(before):
        yield forget(words.order, before[0], trimmed)
        for ask in words.remember:
            yield ask(before[0], trimmed)
        yield Ask(f"delete from _changes where {words.order}<=?1", (trimmed,))
        yield Ask(
            "insert into _log (id,trimmed,counted,bytes) values (1,?1,?2,?3) on conflict (id) do "
            "update set trimmed=excluded.trimmed,counted=excluded.counted,bytes=excluded.bytes",
            (trimmed, counted, size),
        )
    return bool(gone >= PIECE or number >= PIECE)


async def keep_trimmed(engine: Engine, keep: Keep) -> None:
    """Trim for ever: a look each minute, and the pieces of a backlog one after the other."""
    more = False
    while True:
        await asyncio.sleep(AFTER_A_PIECE_S if more else PAUSE_S)
        try:
            more = await engine.write(lambda: trim(keep, engine.name))
        except Problem:
            more = False  # the database has other worries; the next minute comes
