"""The jobs that one process runs.

In: the engine, the declared jobs, how many at once.   Out: what is due is taken and tried.
Called by `working`, inside `stanchion serve`, `dev` and `work`, and by the client of tests.

A job that this process commits rings a bell; those of other processes are noticed by a look once a
second. A look is one read of the first row of an index. While jobs keep coming they are taken
without looking. Whose slots are all in use does not look at all.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from .. import clock
from ..declare.jobs import JobBook
from ..engines import Engine
from ..errors import Problem
from .bell import Bell
from .rows import JobsWanted, TakenJob, first_due, is_trimmable, take, trim
from .schedule import Schedules
from .trying import JobTry

LOOK_S = 1.0
"""Seconds between two looks: the longest that a job of another process waits for an idle one."""
EMPTY_S = 0.05
"""Seconds after others took what this one had seen."""
TRIM_EVERY_S = 60.0
LAST_WORD_S = 1.0
"""Seconds in which jobs are given back at the end."""


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """How a process works: jobs at once, the seconds that they get at its end, and the queues that
    it takes from; empty for all."""

    workers: int
    grace_s: float
    queues: tuple[str, ...] = ()


class JobWorkers:
    """See the module. `enter` is told, in the task of each handler, what it is working at."""

    def __init__(
        self, engine: Engine, jobs: JobBook, work: WorkPlan, lease_s: float,
        enter: Callable[[str], object] = lambda _: None,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._jobs = jobs
        self._work = work
        self._lease_s = lease_s
        self._enter = enter
        self._wanted = JobsWanted(tuple(jobs.by_name), work.queues)
        self._schedules = Schedules(jobs.by_name.values())
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._bell = Bell(engine)
        self._running: set[asyncio.Task[None]] = set()
        self._chores: list[asyncio.Task[None]] = []
        self._more = False  # as much came as was asked for
        self._until: float | None = None  # from here on nothing new is begun

    def start(self) -> None:
        """WorkPlan from now on, on the running event loop."""
        if self._wanted.names:
            self._chores = [asyncio.create_task(self._work_on()), asyncio.create_task(self._tidy())]
            for chore in self._chores:
                chore.add_done_callback(_complain)

    def wind_down(self) -> None:
        """Begin nothing new. What runs has the grace from now on."""
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._work.grace_s
            self._bell.ring()

    async def stop(self) -> None:
        """Wait for what runs, as long as the grace lasts, and give the rest back."""
        self.wind_down()
        assert self._until is not None
        for chore in self._chores[1:]:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        self._bell.close()
        left = self._until - asyncio.get_running_loop().time()
        if self._running and left > 0:
            await asyncio.wait(self._running, timeout=left)
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=LAST_WORD_S)

    async def run_due(self) -> tuple[int, list[BaseException]]:
        """Run what is due now and all that comes due meanwhile, here: how many tries there were,
        and what the handlers raised."""
        tries: list[JobTry] = []
        while self._wanted.names and (taken := await self._take(max(self._work.workers, 1))):
            begun = [self._try(each) for each in taken]
            await asyncio.gather(*(each.run() for each in begun))
            tries += begun
        self._bell.close()
        return len(tries), [each.error for each in tries if each.error is not None]

    async def _work_on(self) -> None:
        while self._until is None:
            try:
                await self._make_scheduled()
                wait = min(await self._fill(), self._schedules.seconds())
            except Problem:  # the database has other worries, and says so itself
                wait = LOOK_S
            if wait > 0:
                await self._bell.wait(wait)

    async def _make_scheduled(self) -> None:
        if self._schedules.seconds() > 0:
            return
        for schedule, moment in self._schedules.come():
            await self._engine.claim(partial(schedule.make, moment))
        self._schedules.go_on()

    async def _fill(self) -> float:
        """Begin what is due, as far as there is room; the seconds until the next look."""
        room = self._work.workers - len(self._running)
        if room <= 0:
            return self._lease_s  # whoever ends rings
        if not self._more:
            ask = first_due(self._wanted)
            rows = await self._engine.find(ask.text, ask.params)
            wait = seconds_until(rows[0][0]) if rows else LOOK_S
            if wait > 0:
                return min(wait, LOOK_S)
        taken = await self._take(room)
        self._more = len(taken) == room
        for each in taken:
            self._begin(each)
        return 0 if taken else EMPTY_S

    async def _take(self, most: int) -> list[TakenJob]:
        return await self._engine.claim(
            lambda: take(self._engine.name, self._wanted, most, self._name, self._lease_s)
        )

    def _try(self, taken: TakenJob) -> JobTry:
        kind = self._jobs.by_name[taken.name]
        return JobTry(self._engine, kind, taken, self._lease_s, self._enter)

    def _begin(self, taken: TakenJob) -> None:
        task = asyncio.create_task(self._try(taken).run())
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        _complain(task)
        self._bell.ring()

    async def _tidy(self) -> None:
        """Take away what ended long ago, a piece at a time."""
        more = False
        while True:
            await asyncio.sleep(EMPTY_S if more else TRIM_EVERY_S)
            try:
                ask = is_trimmable()
                more = bool(await self._engine.find(ask.text, ask.params))
                more = more and await self._engine.claim(trim)
            except Problem:
                more = False


def _complain(task: asyncio.Task[None]) -> None:
    """A fault of ours must not end silently: nobody awaits these."""
    if not task.cancelled() and (error := task.exception()) is not None:
        told = {"message": "a fault in the queue of jobs", "exception": error, "task": task}
        task.get_loop().call_exception_handler(told)


def seconds_until(moment: str) -> float:
    """From now until a stored moment."""
    return (datetime.fromisoformat(moment) - clock.now()).total_seconds()
