"""`stanchion serve`: the app in production.

The app is imported and checked once, here; the workers are forked from this process and share
its memory. The database is created or compared in a process of its own before that, because no
connection may live through a fork. A worker that dies is replaced; when they keep dying, or one
cannot start, the server ends with exit code 1.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from .address import Address, find_address, wait_until_accepting
from .console import count, print_error
from .mail import refuse_unusable_mail
from .start import Prepared, in_child, prepare_database, process_started, start_lines
from .stopping import drain_first, grace_of_jobs
from .target import Target, argument, describe_crash, find_target, load_app

if TYPE_CHECKING:
    from ..app import App

BACKLOG = 2048
"""Connections that may wait to be accepted."""

CONNECTIONS = 16_384
"""Connections that one worker holds at once, as far as it may open files; those beyond wait to be
accepted. WHY-NOT fewer: one that says nothing counts too, and a thousand of them would keep
everybody else out."""

OTHER_FILES = 128
"""Files that a worker opens besides: the database, logs, what the app needs."""

HEADER_TIMEOUT_MS = 30_000
"""Milliseconds a connection may take for its headers; also how long an idle one is kept."""

KINDS = 3
"""Kinds of connections to PostgreSQL: for reads by key, for lists, for writes; and one listens."""

DEATHS_PER_WORKER, DEATHS_WITHIN_S = 5, 60
"""More deaths than this, and the server ends instead of replacing workers."""


@click.command(short_help="Serve an app in production.")
@argument
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535),
              help="The port to listen on; 0 takes a free one.")  # fmt: skip
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 256),
              help="Processes that serve, all on one database.")  # fmt: skip
def serve(target: str, host: str, port: int, workers: int) -> None:
    """Serve TARGET (a file or module:app; app.py unless said) in production.

    An empty database is created. One that does not match the code is refused with the list of
    differences (exit code 3). Access lines go to stdout as JSON (STANCHION_ACCESS_LOG=0 leaves
    them out), everything else to stderr. SIGTERM and SIGINT let open requests finish, for
    STANCHION_GRACE_S seconds at most.

    \b
    Example
      stanchion serve shop.main:app --host 0.0.0.0 --port 8000 --workers 4
    """
    started = process_started()
    found = find_target(target)
    app = load_app(found)
    refuse_unusable_mail(app)
    address = find_address(
        host, port, f"stanchion serve{'' if target == 'app.py' else ' ' + target}"
    )
    app.runtime.alone = workers == 1 and app.runtime.database.path is not None
    prepared = in_child(lambda: prepare_database(app, found, change=False), load_server)
    warn_of_connections(prepared, workers, app.runtime.settings.database_connections)
    run_workers(app, found, prepared, address, workers, started)


def warn_of_connections(prepared: Prepared, workers: int, each: int) -> None:
    """Say where these workers alone may open more connections than the database has; others wait
    for one then, and are told 503 in the end."""
    wanted = workers * (KINDS * each + 1)
    if prepared.room is not None and wanted > prepared.room:
        fits = max(1, (prepared.room // workers - 1) // KINDS)
        print_error(
            f"warning[database.connections]: {count(workers, 'worker')} may open {wanted} "
            f"connections, the database has {prepared.room}\n"
            f"hint: STANCHION_DATABASE_CONNECTIONS={fits}, a pooler, or a higher max_connections"
        )


def load_server() -> None:
    """Import what only serving needs, a sixth of all that is imported; the workers share it."""
    from granian import server

    from .. import logs

    assert server and logs


def run_workers(
    app: App, target: Target, prepared: Prepared, address: Address, workers: int, started: float
) -> None:
    """Fork the workers and look after them until a signal ends the server."""
    import multiprocessing

    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.http import HTTP1Settings

    multiprocessing.set_start_method("fork", force=True)
    crew = _Crew(app, target, workers, address.port)
    server = _server_class(crew)(
        "app",  # a name for granian's log; the app itself comes from the loader
        address=address.host,
        port=address.port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        workers=workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
        backlog=BACKLOG,
        backpressure=_connections(),
        workers_kill_timeout=app.runtime.settings.grace_s,
        respawn_failed_workers=True,
        log_enabled=False,
    )

    def ready() -> None:
        wait_until_accepting(address)
        seconds = time.monotonic() - started
        print(start_lines(app, prepared, address, seconds, workers), file=sys.stderr, flush=True)

    crew.when_complete(ready)
    gc.freeze()  # what is imported stays: the workers share its pages and never look through it
    server.serve(target_loader=crew.join, wrap_loader=False)


def _connections() -> int:
    """Connections that one worker may hold; the process may open as many files as it is allowed."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    else:
        wanted = min(wanted, soft)
    return max(wanted - OTHER_FILES, wanted // 4, 1)


def _server_class(crew: _Crew) -> Any:
    """granian's server of forked workers, which tells what becomes of them.

    NOTE: granian ends when one worker dies twice within seconds, but when two die in turn it
    forgets about the first and forks for ever; so there is a limit of ours as well.
    """
    from granian.server import Server as Granian

    class Server(Granian):  # type: ignore[misc,valid-type]  # granian chooses the class at run time
        def _respawn_workers(
            self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
        ) -> None:
            gone = [(i, self.wrks[i].inner.pid, self.wrks[i].inner.exitcode) for i in workers]
            refusal = crew.bury(len(gone))
            if refusal is None:
                super()._respawn_workers(workers, spawn_target, target_loader, delay)
            for i, pid, code in gone:
                next_pid = self.wrks[i].inner.pid
                next_one = f"; pid {next_pid} took its place" if refusal is None else ""
                print_error(
                    f"error[worker.died]: worker {i + 1} (pid {pid}) {_say_ending(code)}{next_one}"
                )
            if refusal is not None:
                print_error(refusal)
                self.interrupt_children.extend(workers)  # this makes the exit code 1
                self.signal_handler_interrupt()

        def shutdown(self, exit_code: int = 0) -> None:
            if self.interrupt_children and not self.interrupt_signal:
                print_error(
                    "error[server.crashes]: a worker died again right after it was replaced, so "
                    "the server ends"
                )
            super().shutdown(exit_code)

        def _stop_workers(self) -> None:
            workers = [worker for worker in self.wrks if worker.is_alive()]
            super()._stop_workers()
            for worker in workers:
                if _exit_code(worker.inner) == -signal.SIGKILL:
                    print_error(
                        f"warning[stop.cut]: worker {worker.idx + 1} had requests open after "
                        f"{self.workers_kill_timeout} s; they were cut"
                    )

    return Server


def _exit_code(process: Any) -> int | None:
    """How a process ended. NOTE: granian waits for it on a thread as well, and the thread that is
    told keeps the code; it may need a moment to write it down."""
    for _ in range(100):
        if process.exitcode is not None:
            break
        time.sleep(0.005)
    code: int | None = process.exitcode
    return code


def _say_ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


class _Crew:
    """The workers and the process that forked them: each knows when the other is there."""

    def __init__(self, app: App, target: Target, workers: int, port: int) -> None:
        self.app = app
        self.target = target
        self.workers = workers
        self.port = port
        self._complete = threading.Event()
        self._deaths: list[float] = []
        self._report_read, self._report_write = os.pipe()
        self._alive_read, self._alive_write = os.pipe()

    def when_complete(self, ready: Any) -> None:
        """Call `ready`, on a thread, once every worker serves."""

        def wait() -> None:
            arrived = 0
            while arrived < self.workers:
                arrived += len(os.read(self._report_read, 64))
            ready()
            self._complete.set()

        threading.Thread(target=wait, name="stanchion-ready", daemon=True).start()

    def bury(self, workers: int) -> str | None:
        """Count workers that died; what to say if the server must end instead of replacing them.

        A server that cannot start ends at once, and one whose workers keep dying ends too: half
        alive it would only hide that.
        """
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < DEATHS_WITHIN_S] + [now] * workers
        if not self._complete.is_set():
            return "error[server.start]: a worker could not start, so the server ends"
        if len(self._deaths) > DEATHS_PER_WORKER * self.workers:
            return (
                f"error[server.crashes]: {count(len(self._deaths), 'worker')} died within "
                f"{DEATHS_WITHIN_S} s, so the server ends"
            )
        return None

    def join(self) -> App:
        """Runs in a new worker: what granian calls to get the app."""
        from .. import logs
        from ..jobs import WorkPlan

        os.close(self._alive_write)
        self.app.runtime.sheds_load = True
        settings = self.app.runtime.settings
        self.app.work = WorkPlan(settings.job_workers, grace_of_jobs(settings.grace_s))
        log = logs.configure("json", access=settings.access_log)
        threading.Thread(target=self._end_with_parent, name="stanchion-parent", daemon=True).start()
        self._announce(log)
        drain_first(self.app.runtime.drain, self.port, settings.send_timeout_s)
        return self.app

    def _end_with_parent(self) -> None:
        """Stop serving when the parent is gone, however it ended: nobody looks after us then."""
        os.read(self._alive_read, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _announce(self, log: Any) -> None:
        from .. import events

        inner = self.app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[Any]:
            try:
                async with inner(app) as state:
                    events.emit(events.Started(self.app.title, os.getpid()))
                    os.write(self._report_write, b".")
                    yield state
                    events.emit(events.Stopped(os.getpid(), self.app.runtime.drain.open))
            except Exception as error:  # the app's own start or end; granian would not say
                print_error(describe_crash(error, self.target))
                raise
            finally:
                log.flush()

        self.app.router.lifespan_context = lifespan
