"""Counters of limits: the rows of `_limits`, each of which is one window of one key.

In: a key, how much is taken and may be, and the moment.   Out: steps of a job.
Called by limits/in_rows. One statement looks and takes, so that nothing comes between, however many
processes ask at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..engines import Ask
from ..errors import StanchionError
from .steps import Steps

MOST_ROWS = 1_000_000
"""Windows that are kept; of more, those that end first are forgotten before their end."""
SWEPT_AT_ONCE = 1_000

SLACK_MS = 60_000
"""How much later than a new window an open one may end: whoever waited for the writer asks with a
moment that is past, and clocks differ. What ends later was begun by a clock that was wrong."""

# ?2 is the end of a new window, ?3 the moment
_OVER = f"(_limits.until<=?3 or _limits.until-{SLACK_MS}>?2)"
_TAKE = (
    "insert into _limits (key,until,used) values (?1,?2,?4) on conflict (key) do update set "
    f"used=case when {_OVER} then excluded.used else _limits.used+excluded.used end,"
    f"until=case when {_OVER} then excluded.until else _limits.until end "
    f"where {_OVER} or _limits.used+excluded.used<=?5 returning used,until"
)
_LOOK = f"select used,until from _limits where key=?1 and until>?3 and until-{SLACK_MS}<=?2"
_SWEEP = (
    "delete from _limits where key in "
    f"(select key from _limits where until<=?1 order by until limit {SWEPT_AT_ONCE}) returning 1"
)
_CROWDED = f"select until from _limits order by until desc limit 1 offset {MOST_ROWS}"


class Draw(NamedTuple):
    """What is to be taken of one window: of `most`, in `length_ms`."""

    key: str
    amount: int
    most: int
    length_ms: int


class Drawn(NamedTuple):
    """What is used of a window, when it ends, and whether too little was left."""

    used: int
    until: int
    short: bool


class Overdrawn(StanchionError):
    """One of the windows has too little left: raised out of the job, so that all that was taken is
    taken back. `windows` says how each of them stands without it."""

    def __init__(self, windows: list[Drawn]) -> None:
        super().__init__()
        self.windows = windows


def draw(draws: Sequence[Draw], now: int) -> Steps[list[Drawn]]:
    """Take of every window, or raise `Overdrawn`; how each stands then."""
    found: list[Drawn] = []
    for each in draws:
        end = now + each.length_ms
        rows = []
        if each.amount <= each.most:
            rows = yield Ask(_TAKE, (each.key, end, now, each.amount, each.most))
        if rows:
            found.append(Drawn(rows[0][0], rows[0][1], short=False))
        else:
            rows = yield Ask(_LOOK, (each.key, end, now))
            used, until = rows[0] if rows else (0, end)
            found.append(Drawn(used, until, short=True))
    if any(window.short for window in found):
        before = [
            w if w.short else w._replace(used=w.used - each.amount)
            for w, each in zip(found, draws, strict=True)
        ]
        raise Overdrawn(before)
    return found


def sweep(now: int) -> Steps[bool]:
    """Forget windows that are over, and those that are too many; True where more is left."""
    crowded = yield Ask(_CROWDED)
    until = max(now, crowded[0][0]) if crowded else now
    gone = yield Ask(_SWEEP, (until,))
    return len(gone) == SWEPT_AT_ONCE
