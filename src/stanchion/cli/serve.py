"""`stanchion serve`: the app in production.

The app is imported and checked once, here; the workers are forked from this process and share
its memory. The database is created or compared in a process of its own before that, because no
connection may live through a fork. A worker that dies is replaced; one that dies again and again
ends the server.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

from .address import Address, find_address
from .console import print_error
from .start import Prepared, in_child, prepare_database, process_started, start_lines
from .target import argument, find_target, load_app

if TYPE_CHECKING:
    from ..app import App

BACKLOG = 2048
"""Connections that may wait to be accepted."""

BACKPRESSURE = 1024
"""Requests that one worker takes at once; the connections beyond wait."""

HEADER_TIMEOUT_MS = 30_000
"""Milliseconds a connection may take for its headers; also how long an idle one is kept."""


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
    address = find_address(
        host, port, f"stanchion serve{'' if target == 'app.py' else ' ' + target}"
    )
    prepared = in_child(lambda: prepare_database(app, found, change=False))
    run_workers(app, prepared, address, workers, started)


def run_workers(
    app: App, prepared: Prepared, address: Address, workers: int, started: float
) -> None:
    """Fork the workers and look after them until a signal ends the server."""
    import multiprocessing

    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings

    multiprocessing.set_start_method("fork", force=True)
    crew = _Crew(app, workers)
    server = _server_class()(
        "app",  # a name for granian's log; the app itself comes from the loader
        address=address.host,
        port=address.port,
        interface=Interfaces.ASGI,
        workers=workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
        backlog=BACKLOG,
        backpressure=BACKPRESSURE,
        workers_kill_timeout=app.runtime.settings.grace_s,
        respawn_failed_workers=True,
        log_enabled=False,
    )

    def ready() -> None:
        _wait_for(address)
        seconds = time.monotonic() - started
        print(start_lines(app, prepared, address, seconds, workers), file=sys.stderr, flush=True)

    crew.when_complete(ready)
    server.serve(target_loader=crew.join, wrap_loader=False)


def _server_class() -> Any:
    """granian's server of forked workers, which tells what becomes of them."""
    from granian.server import Server as Granian

    class Server(Granian):  # type: ignore[misc,valid-type]  # granian chooses the class at run time
        def _respawn_workers(
            self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
        ) -> None:
            gone = [(i, self.wrks[i].inner.pid, self.wrks[i].inner.exitcode) for i in workers]
            super()._respawn_workers(workers, spawn_target, target_loader, delay)
            for i, pid, code in gone:
                print_error(
                    f"error[worker.died]: worker {i + 1} (pid {pid}) {_say_ending(code)}; "
                    f"pid {self.wrks[i].inner.pid} took its place"
                )

        def _stop_workers(self) -> None:
            workers = list(self.wrks)
            super()._stop_workers()
            for worker in workers:
                if worker.inner.exitcode == -signal.SIGKILL and worker.interrupt_by_parent:
                    print_error(
                        f"warning[stop.cut]: worker {worker.idx + 1} had requests open after "
                        f"{self.workers_kill_timeout} s; they were cut"
                    )

    return Server


def _say_ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


class _Crew:
    """The workers and the process that forked them: each knows when the other is there."""

    def __init__(self, app: App, workers: int) -> None:
        self.app = app
        self.workers = workers
        self._report_read, self._report_write = os.pipe()
        self._alive_read, self._alive_write = os.pipe()

    def when_complete(self, ready: Any) -> None:
        """Call `ready`, on a thread, once every worker serves."""

        def wait() -> None:
            arrived = 0
            while arrived < self.workers:
                arrived += len(os.read(self._report_read, 64))
            ready()

        threading.Thread(target=wait, name="stanchion-ready", daemon=True).start()

    def join(self) -> App:
        """Runs in a new worker: what granian calls to get the app."""
        from .. import logs

        os.close(self._alive_write)
        settings = self.app.runtime.settings
        log = logs.configure("json", access=settings.access_log)
        threading.Thread(target=self._end_with_parent, name="stanchion-parent", daemon=True).start()
        self._announce(log)
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
                    events.emit(events.Stopped(os.getpid(), 0))
            finally:
                log.flush()

        self.app.router.lifespan_context = lifespan


def _wait_for(address: Address) -> None:
    """Return once a connection is accepted."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104
    for _ in range(200):
        try:
            socket.create_connection((host, address.port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
