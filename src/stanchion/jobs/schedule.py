"""Schedules: each moment of a cron expression becomes one job, however many processes look.

In: the declared jobs.   Out: the next moment, and steps that make the job of the last one.
Called by workers, at the start and whenever a moment has come.

`_schedules` remembers the last moment of each that became a job. It moves forward only, in the
transaction that makes the job, so of many processes one makes it. WHY-NOT the unique key alone: it
is forgotten with the job, and a yearly schedule would run again when its job was trimmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .. import clock
from ..declare.cron import Cron
from ..declare.jobs import JobKind
from ..engines import Ask, Steps
from ..types.datetime import moment_text
from .rows import NewJob, enqueue

FAR = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule of one job."""

    kind: JobKind
    cron: Cron

    @property
    def name(self) -> str:
        """What it is remembered by. Another expression is another schedule: it begins when it is
        first seen, and makes up for nothing."""
        return f"{self.kind.name} {self.cron.text} {self.cron.zone}"

    def make(self, moment: datetime) -> Steps[str | None]:
        """Make the job of this moment; None where that was done, or the schedule is new."""
        text = moment_text(moment)
        if not (yield Ask("select 1 from _schedules where name=?1", (self.name,))):
            yield Ask(
                "insert into _schedules (name,moment) values (?1,?2) on conflict (name) do nothing",
                (self.name, text),
            )
            return None
        moved = yield Ask(
            "update _schedules set moment=?2 where name=?1 and moment<?2 returning 1",
            (self.name, text),
        )
        if not moved:
            return None
        new = NewJob(clock.uuid7(), self.kind, "{}", text, text, clock.now_text())
        return (yield from enqueue(new))


class Schedules:
    """Those of an app, and when the next moment comes."""

    def __init__(self, kinds: Iterable[JobKind]) -> None:
        self._all = [Schedule(kind, cron) for kind in kinds for cron in kind.crons]
        self._next = self._seen = clock.now()

    def seconds(self) -> float:
        """Until the next moment; 0 at the start, when what was missed is looked for."""
        return (self._next - clock.now()).total_seconds()

    def come(self) -> list[tuple[Schedule, datetime]]:
        """The last moment of each."""
        self._seen = clock.now()
        found = [(schedule, schedule.cron.until(self._seen)) for schedule in self._all]
        return [(schedule, moment) for schedule, moment in found if moment is not None]

    def go_on(self) -> None:
        """All that had come was made: wait for what comes after that."""
        found = [schedule.cron.after(self._seen) for schedule in self._all]
        far = self._seen + FAR
        self._next = min((moment for moment in found if moment is not None), default=far)
