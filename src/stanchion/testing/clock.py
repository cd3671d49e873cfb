"""A clock that a test moves: sessions end, jobs come due, rules that ask `now` change their mind.

In: how far, or to which moment.   Out: nothing; everything that asks `clock` is told the new time.
It goes on from where it was put. There is one for the whole process, as there is one clock.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from .. import clock

_MICROSECOND = timedelta(microseconds=1)


class MovedClock:
    """The clock of a client: `http.clock.forward(days=8)`."""

    def __init__(self) -> None:
        self._ahead_ns = 0

    @property
    def now(self) -> datetime:
        """The moment that the app believes it is."""
        return clock.now()

    def forward(self, **length: float) -> None:
        """Move it on, by what `datetime.timedelta` takes: `days`, `hours`, `minutes`, `seconds`."""
        self._move(timedelta(**length) // _MICROSECOND * 1000)

    def set(self, moment: datetime) -> None:
        """Put it to a moment, which has a time zone."""
        if moment.tzinfo is None:
            raise ValueError("the moment has no time zone: datetime(…, tzinfo=UTC)")
        self._move((moment.astimezone(UTC) - clock.now()) // _MICROSECOND * 1000)

    def reset(self) -> None:
        """The real time again."""
        if self._ahead_ns:
            self._ahead_ns = 0
            clock.forget()

    def _move(self, nanoseconds: int) -> None:
        self._ahead_ns += nanoseconds
        clock.use(lambda: time.time_ns() + self._ahead_ns)
