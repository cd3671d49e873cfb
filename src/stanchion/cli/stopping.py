"""Stop a server so that no request is cut.

A worker that is asked to stop lets no new connection in, and answers what arrives on those it
has, each answer closing its connection. When all is answered, granian closes the rest.

A closed listening socket resets the connections that were made and not yet taken, requests in
them included. So new ones are turned away one step earlier, where a client has sent nothing yet:
its system tries again after a second, and finds another worker, the next server or a closed port.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..drain import Drain

FAREWELL_S = 0.15
"""Seconds in which clients that keep connections open learn that theirs is closed."""

MOST_S = 1.0
"""Seconds after which granian waits for the requests that are still open, in our place."""

LOOK_S = 0.05
"""Seconds between two looks for the listening socket, which granian makes without a word."""

ATTACH_FILTER = 26  # SO_ATTACH_FILTER of Linux, which Python does not name
DETACH_FILTER = 27

# load the byte of the TCP flags; drop the packet if SYN is among them, take it otherwise
NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFF_FFFF))


LAST_WORDS_S = 2.0
"""Seconds before a process is killed in which its jobs are given back and its database closed."""


def grace_of_jobs(grace_s: float) -> float:
    """The seconds that running jobs get of those that a process has to end in."""
    return max(grace_s - LAST_WORDS_S, grace_s / 2)


def let_nobody_in(port: int) -> None:
    """Turn new connections to `port` away, and keep those that were made.

    Where the system cannot do that, one that is made in the last moment may be reset.
    """
    if not sys.platform.startswith("linux"):
        return
    kept = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in NO_SYN))
    program = struct.pack("HP", len(NO_SYN), ctypes.addressof(kept))
    for listening in listeners(port):
        with listening:
            try:
                listening.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)
            except OSError:
                return  # filters are forbidden here


def let_everybody_in(port: int) -> None:
    """Take back `let_nobody_in`, for another process that goes on with the same socket."""
    if not sys.platform.startswith("linux"):
        return
    for listening in listeners(port):
        with listening:
            try:
                listening.setsockopt(socket.SOL_SOCKET, DETACH_FILTER, 0)
            except OSError:
                return  # there was none


def let_go_of_idle_readers(loop: asyncio.AbstractEventLoop, port: int, seconds: int) -> None:
    """End connections whose client takes nothing of what was sent for so long.

    The sockets that granian accepts inherit it from the one that listens, which is there a moment
    after the loop has begun. Where the system has no such option (macOS, Windows), a client that
    does not read holds its answer until it leaves.
    """
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    found = list(listeners(port))
    for listening in found:
        with listening:
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
    if not found:
        loop.call_later(LOOK_S, let_go_of_idle_readers, loop, port, seconds)


def listeners(port: int) -> Iterator[socket.socket]:
    """The sockets of this process that listen on `port`; granian opens them and names none."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            if not stat.S_ISSOCK(os.fstat(int(entry.name)).st_mode):
                continue
            found = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:
            continue  # it was closed in between, as the one that lists the folder was
        if (
            found.family in (socket.AF_INET, socket.AF_INET6)
            and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            and found.getsockname()[1] == port
        ):
            yield found
        else:
            found.close()


def drain_first(drain: Drain, port: int, send_timeout_s: int) -> None:
    """In a worker, before granian serves: a signal begins the drain, and stops granian after."""
    from granian import _signals
    from granian._granian import WorkerSignal

    def set_loop_signals(loop: asyncio.AbstractEventLoop) -> Any:
        stop = WorkerSignal()
        loop.call_soon(let_go_of_idle_readers, loop, port, send_timeout_s)

        def begin() -> None:
            if not drain.begun:
                let_nobody_in(port)
                drain.begin()
                ending.append(loop.create_task(say_farewell(drain, stop.set)))

        ending: list[asyncio.Task[None]] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, begin)
        return stop

    # NOTE: granian asks this module for its function when a worker starts, and has no hook
    _signals.set_loop_signals = set_loop_signals


async def say_farewell(drain: Drain, stop: Callable[[], None], least: float = FAREWELL_S) -> None:
    """Stop granian once every client had a chance to learn of it, after `least` seconds."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        await asyncio.sleep(0.01)
        passed = loop.time() - begun
        if passed > MOST_S or (passed > least and not drain.open):
            stop()
            return
