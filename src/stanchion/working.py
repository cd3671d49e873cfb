"""The jobs of an app, beside its requests: they begin after its own start and end before its end.

In: a `Runtime`, and how much work this process takes.   Out: workers, for as long as the block.
Called by `app`, inside its lifespan. `stanchion serve`, `dev` and `work` say how much.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .declare.jobs import OURS
from .jobs import JobWorkers, WorkPlan
from .runtime import Runtime, current_request


@asynccontextmanager
async def working(runtime: Runtime, work: WorkPlan | None) -> AsyncIterator[None]:
    """Run jobs meanwhile; nothing where there are none to run here.

    What a job changes stands in the change log under the request `job:` and its id.
    """
    if work is None or work.workers < 1:
        yield
        return
    workers = _workers(runtime, work)
    workers.start()
    untold = runtime.drain.tell(workers.wind_down)
    try:
        yield
    finally:
        untold()
        await workers.stop()


async def run_due(runtime: Runtime) -> tuple[int, list[BaseException]]:
    """Run the jobs that are due, here and now: how many tries there were, and what they raised."""
    await runtime.records()
    return await _workers(runtime, WorkPlan(runtime.settings.job_workers, 0.0)).run_due()


def _workers(runtime: Runtime, work: WorkPlan) -> JobWorkers:
    lease_s = runtime.settings.job_lease_s
    jobs = runtime.model.jobs
    if not runtime.mailer.is_on:  # those that wait, wait for a process that can send them
        jobs = jobs.without(OURS)
    return JobWorkers(runtime.engine, jobs, work, lease_s, current_request.set)
