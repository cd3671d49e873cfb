"""`stanchion dev`: the app while it is written.

This process holds the listening socket and watches the app's files; it never imports the app. One
server process at a time does: forked from here with the libraries already loaded, so that a
change is served within a tenth of a second. A new server process imports, checks and opens the
database first; only then is the one before it stopped. So a mistake is printed while the last
good code keeps serving, and connections made during a change wait instead of being refused.

    this process                      a server process
      fork                       ->     import, check, open the database, apply safe changes
      <- "fits"                         (or print what is wrong, and end)
      stop the one before, "serve" ->   serve
      <- "serves"
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .address import Address, find_address, wait_until_accepting
from .console import CommandFailed, clock_time, paint, print_error
from .explain import explains
from .start import Prepared, prepare_database, process_started, start_lines
from .stopping import grace_of_jobs, let_everybody_in, let_nobody_in, say_farewell
from .target import Target, app_failed, argument, find_target, load_app

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from ..app import App

TAKEN_S = 0.03
"""Seconds in which the requests of connections that were taken a moment ago are read."""
STOP_S = 3.0
"""Seconds that open requests get when the code changed or the command ends."""


@click.command(short_help="Serve an app while it is written.")
@argument
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535),
              help="The port to listen on; 0 takes a free one.")  # fmt: skip
def dev(target: str, host: str, port: int) -> None:
    """Serve TARGET (a file or module:app; app.py unless said) and follow its changes.

    A change of a .py file beside the app is served at once. The database follows the code where
    nothing stored can be lost; other changes are refused, and the last good code keeps serving.

    \b
    Example
      stanchion dev
      stanchion dev shop.main:app --port 8001
    """
    started = process_started()
    found = find_target(target)
    named = "" if target == "app.py" else f" {target}"
    address = find_address(host, port, f"stanchion dev{named}")
    Workshop(found, address, started).run()


@dataclass(slots=True)
class _Server:
    """A server process, and the pipe to it."""

    process: BaseProcess
    pipe: Connection

    def stop(self, *, at_once: bool = False) -> None:
        """End it: it finishes the requests in flight, unless it has none yet."""
        self.pipe.close()
        if at_once:
            self.process.kill()
        self.process.join(STOP_S + 1)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def says(self, word: str, ended: threading.Event) -> bool:
        """Wait until it says `word`; False when it ended instead, or we shall."""
        try:
            while not self.pipe.poll(0.1):
                if ended.is_set():
                    return False
            return bool(self.pipe.recv() == word)
        except (EOFError, OSError):
            return False


class Workshop:
    """The process that watches."""

    def __init__(self, target: Target, address: Address, started: float) -> None:
        from granian.net import SocketSpec  # type: ignore[attr-defined]  # its own name for it

        self.target = target
        self.address = address
        self.started = started
        self.token = secrets.token_urlsafe(24)  # the same after each change
        self.socket = SocketSpec(address.host, address.port, 1024).build()
        self.server: _Server | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Serve, and follow changes, until a signal ends it."""
        import watchfiles

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._ended.set())
        _load_libraries()
        changes = watchfiles.watch(
            self.target.folder,
            watch_filter=watchfiles.PythonFilter(),
            stop_event=self._ended,
            debounce=400,
            step=30,
            rust_timeout=250,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        next(changes, None)  # from here on nothing is missed
        self._replace("")
        for changed in changes:
            if changed:
                self._replace(_say_files(changed, self.target.folder))
            elif self.server and not self.server.process.is_alive():
                self._tell_of_end()
        if self.server:
            self.server.stop()

    def _replace(self, changed: str) -> None:
        """Put a process with the code as it is now into the place of the running one."""
        new = self._fork(changed)
        if not new.says("fits", self._ended):
            new.stop(at_once=self._ended.is_set())
            self._say_waiting()
            return
        if self.server:
            self.server.stop()
        self.server = new
        new.pipe.send("serve")
        if not new.says("serves", self._ended):
            self.server = None
            new.stop()
            self._say_waiting()

    def _fork(self, changed: str) -> _Server:
        import multiprocessing

        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        others = [ours] + ([self.server.pipe] if self.server else [])
        since = time.monotonic() if changed else self.started
        process = context.Process(
            target=_serve_changed,
            args=(
                self.target,
                self.address,
                self.socket,
                theirs,
                others,
                changed,
                since,
                self.token,
            ),
            name="stanchion-dev",
        )
        process.start()
        theirs.close()
        return _Server(process, ours)

    def _tell_of_end(self) -> None:
        assert self.server
        code = self.server.process.exitcode
        self.server.pipe.close()
        self.server = None
        print_error(f"error[server.ended]: the server process ended with exit code {code}")
        self._say_waiting()

    def _say_waiting(self) -> None:
        if self._ended.is_set():
            return
        serving = "the code before it keeps serving; " if self.server else ""
        print(f"{_now()}  {serving}waiting for a change in {self.target.folder}", flush=True)


def _load_libraries() -> None:
    """What every server process needs, loaded once; the app itself never is."""
    import granian.server.embed  # noqa: F401  # for the processes forked from here

    from .. import app, logs  # noqa: F401  # as above


def _say_files(changed: Iterable[tuple[Any, str]], folder: Path) -> str:
    names = sorted({os.path.relpath(file, folder) for _, file in changed})
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _now() -> str:
    return paint(clock_time(), "dim")


# in the server process


def _serve_changed(
    target: Target,
    address: Address,
    socket: Any,
    pipe: Connection,
    others: list[Connection],
    changed: str,
    since: float,
    token: str,
) -> None:
    from .. import logs

    for other in others:
        other.close()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave_it)
    try:
        app = load_app(target)
        app.runtime.alone = app.runtime.database.path is not None
        app.runtime.in_dev = True
        prepared = prepare_database(app, target, change=True)
        pipe.send("fits")
        pipe.recv()
        log = logs.configure(
            "human", access=app.runtime.settings.access_log, explain=explains(app, target)
        )
        from .beside import with_what_dev_adds

        failed = asyncio.run(
            _serve(
                app,
                with_what_dev_adds(app, target, address.url, token),
                socket,
                pipe,
                _Greeting(prepared, address, changed, since, token),
            )
        )
        log.flush()
        if failed is not None:
            raise app_failed(failed, target)
    except CommandFailed as failed:
        if changed:
            print(f"{_now()}  {changed} changed", flush=True)
        print_error(failed.text)
        sys.exit(failed.exit_code)
    except (EOFError, OSError):
        sys.exit(0)  # the watching process is gone, or wants no more of us


def _leave_it(number: int, frame: Any) -> None:
    """Ctrl-C reaches us too; the watching process ends us.

    WHY-NOT SIG_IGN: what the app itself starts would inherit it.
    """


@dataclass(frozen=True, slots=True)
class _Greeting:
    """What is said when the server is up."""

    prepared: Prepared
    address: Address
    changed: str
    since: float
    token: str

    def say(self, app: App) -> str:
        """The start lines, or one line about a change."""
        seconds = time.monotonic() - self.since
        if not self.changed:
            return start_lines(app, self.prepared, self.address, seconds)
        line = f"{_now()}  {self.changed} changed"
        if self.prepared.changes:
            took = max(1, round(self.prepared.took_us / 1000))
            return f"{line}: {'; '.join(self.prepared.changes)}  applied in {took} ms"
        return f"{line}: ready in {seconds:.2f} s"


async def _serve(
    app: App, served: Any, socket: Any, pipe: Connection, greeting: _Greeting
) -> BaseException | None:
    """Serve until the pipe closes; what the app's own start raised, if it did. `served` is the app
    with what `dev` puts around it."""
    from ..jobs import WorkPlan

    server = _embedded(served, socket)
    failed: list[BaseException] = []
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(asgi: Any) -> AsyncIterator[Any]:
        try:
            async with inner(asgi) as state:
                # NOTE: granian listens only after this start; whoever is told now comes too early
                tell = asyncio.create_task(_tell(app, pipe, greeting))
                yield state
                await tell
        except BaseException as error:
            failed.append(error)
            raise

    app.router.lifespan_context = lifespan
    app.work = WorkPlan(app.runtime.settings.job_workers, grace_of_jobs(STOP_S))
    loop = asyncio.get_running_loop()

    port = greeting.address.port
    ending: list[asyncio.Task[None]] = []

    def stop() -> None:
        loop.remove_reader(pipe.fileno())
        let_nobody_in(port)  # or one that was taken would be closed before its request is read
        app.runtime.drain.begin()
        ending.append(loop.create_task(say_farewell(app.runtime.drain, server.stop, TAKEN_S)))

    loop.add_reader(pipe.fileno(), stop)
    let_everybody_in(port)  # the process before us may have turned them away
    try:
        await server.serve()
    except Exception as error:  # granian's words; the app's own error says more
        failed.append(error)
    return failed[0] if failed else None


async def _tell(app: App, pipe: Connection, greeting: _Greeting) -> None:
    """Say that the server is up, once it is."""
    await asyncio.to_thread(wait_until_accepting, greeting.address)
    told = greeting.say(app)
    if not greeting.changed or greeting.prepared.first_users:
        from .beside import admin_line, sign_in_lines

        if greeting.changed:  # the lines of a start have them
            told = "\n".join([told, *sign_in_lines(app, greeting.address)])
        told += await admin_line(app, greeting.address.url, greeting.token)
    print(told, flush=True)
    pipe.send("serves")


def _embedded(app: Any, socket: Any) -> Any:
    """granian in this process, on a socket that is there already."""
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server

    class OnSocket(Server):
        def _init_shared_socket(self) -> None:
            self._ssp, self._shd = None, socket

    return OnSocket(
        app,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
        log_enabled=False,
    )
