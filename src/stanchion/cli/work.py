"""`stanchion work`: the jobs of an app in a process of their own, without HTTP.

Several may run, on several machines: they share the jobs. SIGTERM and SIGINT begin nothing new and
let what runs finish, for STANCHION_GRACE_S seconds; what is not done then is given back at once,
and another process takes it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

from ..version import __version__
from .console import FAILED, count, failure
from .mail import refuse_unusable_mail
from .start import Prepared, prepare_database, process_started
from .stopping import grace_of_jobs
from .target import Target, app_failed, argument, find_target, load_app

if TYPE_CHECKING:
    from ..app import App
    from ..jobs import WorkPlan


@click.command(short_help="Run the jobs of an app, without HTTP.")
@argument
@click.option("--workers", type=click.IntRange(1, 256), metavar="N",
              help="Jobs at once; STANCHION_JOB_WORKERS unless said.")  # fmt: skip
@click.option("--queue", "queues", multiple=True, metavar="NAME",
              help="Take jobs of this queue only; may be said more than once.")  # fmt: skip
def work(target: str, workers: int | None, queues: tuple[str, ...]) -> None:
    """Run the jobs of TARGET (a file or module:app; app.py unless said), without HTTP.

    `serve` and `dev` run jobs as well, unless STANCHION_JOB_WORKERS is 0 there. SIGTERM and SIGINT
    let running jobs finish, for STANCHION_GRACE_S seconds at most.

    \b
    Example
      stanchion work shop.main:app --workers 8
      STANCHION_JOB_WORKERS=0 stanchion serve shop.main:app --workers 4
    """
    from .. import logs
    from ..jobs import WorkPlan
    from ..settings import Settings

    started = process_started()
    found = find_target(target)
    app = load_app(found)
    refuse_unusable_mail(app)
    settings = app.runtime.settings
    known = {kind.queue for kind in app.runtime.model.jobs.by_name.values()}
    if not known:
        raise failure("work.nothing", f"{found.file.name} declares no jobs", hint="@app.job")
    for queue in queues:
        if queue not in known:
            raise failure(
                "work.queue", f"no job is in a queue `{queue}`",
                hint=f"there are: {', '.join(sorted(known))}",
            )  # fmt: skip
    many = workers or settings.job_workers or Settings().job_workers
    prepared = prepare_database(app, found, change=False)
    log = logs.configure("json", access=False)
    app.work = WorkPlan(many, grace_of_jobs(settings.grace_s), queues)
    asyncio.run(_work(app, found, prepared, app.work, started))
    log.flush()


async def _work(
    app: App, target: Target, prepared: Prepared, plan: WorkPlan, started: float
) -> None:
    from .. import events

    ended = asyncio.Event()
    _on_signals(app, ended, asyncio.get_running_loop())
    try:
        async with app.router.lifespan_context(app):
            seconds = time.monotonic() - started
            print(_start_lines(app, prepared, plan, seconds), file=sys.stderr, flush=True)
            events.emit(events.Started(app.title, os.getpid()))
            await ended.wait()
    except Exception as error:  # the app's own start or end
        raise app_failed(error, target) from None
    events.emit(events.Stopped(os.getpid(), 0))


def _on_signals(app: App, ended: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Let a signal end the work. WHY-NOT the loop's own handlers: they wait for a handler that
    keeps the loop, and so would we, for ever."""

    def end() -> None:
        app.runtime.drain.begin()
        ended.set()

    def begin(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(end)
        timer = threading.Timer(app.runtime.settings.grace_s, os._exit, (FAILED,))
        timer.daemon = True
        timer.start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, begin)


def _start_lines(app: App, prepared: Prepared, plan: WorkPlan, seconds: float) -> str:
    """What is said when the work begins."""
    kinds = app.runtime.model.jobs.by_name.values()
    taken = [kind.name for kind in kinds if not plan.queues or kind.queue in plan.queues]
    return "\n".join(
        [
            f"Stanchion {__version__}  {app.title}  ready in {seconds:.2f} s",
            f"  Jobs      {', '.join(sorted(taken))}; {count(plan.workers, 'job')} at once",
            f"  Database  {prepared.path}",
        ]
    )
