"""One try of a job: its handler runs while the lease is kept, and its end is written down.

In: a job that was taken.   Out: the row says done, waiting for another try, or dead.
Called by workers. Whose lease is lost writes nothing: its handler is cancelled, and what the row
says belongs to whoever has the job now.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import timedelta

from .. import clock, events
from ..declare.fields import Ref
from ..declare.jobs import Job, JobKind
from ..engines import Engine, Steps
from ..errors import Problem, StanchionError
from .pace import paced
from .reason import reason
from .rows import TakenJob, end_again, end_dead, end_done, give_back, prolong

LONGEST_PAUSE_S = 3600.0
PROLONGED_AFTER = 1 / 3
"""The share of a lease after which it is prolonged: two may fail before it ends."""
LATE_S = 1.0
"""Seconds to ask whose the job is after a lease has ended: nobody else may have wanted it."""
NOTE_AGAIN_S = 0.1


class TryTimeout(StanchionError):
    """A try took longer than its job may."""


class WorkerLost(StanchionError):
    """The process that ran the last try ended before the job did."""


class JobTry:
    """See the module. `ended` is called when it is over, whatever became of it."""

    def __init__(
        self, engine: Engine, kind: JobKind, taken: TakenJob, lease_s: float,
        enter: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._engine = engine
        self._kind = kind
        self._taken = taken
        self._lease_s = lease_s
        self._enter = enter
        self._ends = asyncio.get_running_loop().time() + lease_s
        self._lost = False
        self.error: BaseException | None = None
        """What the handler raised, or why it was ended."""

    async def run(self) -> None:
        """The whole try. Cancelled, it gives the job back."""
        taken, kind = self._taken, self._kind
        facts = (taken.id, taken.name, taken.tries)
        if taken.lost_by is not None:
            events.emit(events.JobTakenOver(*facts, taken.lost_by))
            if taken.tries > kind.retries + 1:
                await self._fail(WorkerLost(f"{taken.lost_by} was lost while it ran the last try"))
                return
        events.emit(events.JobStarted(*facts))
        begun = time.perf_counter_ns()
        handler = asyncio.create_task(self._handle(), name=f"job {taken.name}")
        keeper = asyncio.create_task(self._keep(handler))
        try:
            try:
                async with asyncio.timeout(kind.timeout_s) as limit:
                    await asyncio.wait({handler})
            except TimeoutError:
                assert limit.expired()
                handler.cancel()
                await asyncio.wait({handler})
                self.error = TryTimeout(f"it took longer than {kind.timeout_s:g} s")
        except asyncio.CancelledError:  # this process ends
            keeper.cancel()
            handler.cancel()
            await self._note(lambda: give_back(taken))
            raise
        if self._lost:
            events.emit(events.JobLost(*facts))
        elif (error := self._why(handler)) is not None:
            await self._fail(error)
        elif await self._note(lambda: end_done(taken)):
            took = (time.perf_counter_ns() - begun) // 1000
            events.emit(events.JobDone(*facts, took))
        keeper.cancel()

    async def _handle(self) -> None:
        job = Job(Ref(self._taken.id), self._taken.tries)
        self._enter(f"job:{job.id}")
        await paced(self._kind.call(self._taken.arguments, job), self._tell_of_blocking)

    def _why(self, handler: asyncio.Task[None]) -> BaseException | None:
        if self.error is None:
            if handler.cancelled():
                self.error = TryTimeout("its handler was cancelled from inside")
            else:
                self.error = handler.exception()
        return self.error

    async def _fail(self, error: BaseException) -> None:
        taken, said = self._taken, reason(error)
        facts = (taken.id, taken.name, taken.tries)
        self.error = error
        if taken.tries > self._kind.retries:
            if await self._note(lambda: end_dead(taken, said)):
                events.emit(events.JobDead(*facts, error))
            return
        pause = pause_after(taken.tries, random.random())  # noqa: S311  # spreads load, no secret
        due = clock.now() + timedelta(seconds=pause)
        if await self._note(lambda: end_again(taken, due, said)):
            events.emit(events.JobFailed(*facts, error, pause))

    async def _note(self, steps: Callable[[], Steps[bool]]) -> bool:
        """Write down what became of it; False where it is not this worker's any more. While the
        database is away this is tried again, as long as the lease may last."""
        while True:
            try:
                noted = await self._engine.claim(steps)
                break
            except Problem:
                if self._lost or self._now() >= self._ends:
                    noted = False
                    break
                await asyncio.sleep(NOTE_AGAIN_S)
        if not noted:
            taken = self._taken
            events.emit(events.JobLost(taken.id, taken.name, taken.tries))
        return noted

    async def _keep(self, handler: asyncio.Task[None]) -> None:
        """Prolong the lease until the try is over; cancel the handler when it is lost."""
        while not self._lost:
            await asyncio.sleep(self._lease_s * PROLONGED_AFTER)
            asked = self._now()
            try:
                async with asyncio.timeout(max(self._ends - asked, LATE_S)):
                    held = await self._engine.claim(lambda: prolong(self._taken, self._lease_s))
            except (Problem, TimeoutError):
                held = self._now() < self._ends  # the database is away; it may come back in time
            else:
                self._ends = asked + self._lease_s
            self._lost = not held
        handler.cancel()

    def _tell_of_blocking(self, seconds: float) -> None:
        taken = self._taken
        events.emit(events.JobBlocks(taken.id, taken.name, int(seconds * 1_000_000)))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def pause_after(tries: int, spread: float) -> float:
    """Seconds before the next try: twice as many each time, and up to half as many more, so that
    those which failed together do not come back together; `spread` is from 0 to 1.

    >>> [pause_after(tries, 0) for tries in (1, 2, 3, 10, 20)]
    [2.0, 4.0, 8.0, 1024.0, 3600.0]
    """
    return float(min(2.0 ** min(tries, 30) * (1 + spread / 2), LONGEST_PAUSE_S))
