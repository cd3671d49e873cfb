"""Write what events say: access lines to stdout, what went wrong to stderr.

In: the events of `events.py`.   Out: lines, one for each event; `lines` renders them.
A request pays for one append to a list: a thread renders and writes what has gathered, at the
latest after 0.2 s, and `flush()` and the end of the process write the rest. What went wrong is
written at once.
"""

from __future__ import annotations

import atexit
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Literal, TextIO

from . import events
from .lines import Explain, Told, access_json, access_text, told_json, told_of, told_text

Style = Literal["human", "json"]
FLUSH_S = 0.2
MOST_WAITING = 100_000
"""Access lines that may wait for a slow reader of stdout; more are dropped and counted."""


class Log:
    """A subscriber that writes what it is told. Made by `configure`."""

    def __init__(
        self,
        style: Style,
        *,
        access: bool,
        out: TextIO,
        err: TextIO,
        colour: bool = False,
        explain: Explain | None = None,
    ) -> None:
        self._human = style == "human"
        self._access = access
        self._colour = colour
        self._explain = explain
        self._out = out
        self._err = err
        self._waiting: list[events.RequestDone] = []
        self._dropped = 0
        self._writing = threading.Lock()
        self._saying = threading.Lock()
        if access:
            threading.Thread(target=self._write_on, name="stanchion-log", daemon=True).start()

    def receive(self, event: events.Event) -> None:
        """Take one event; called in the thread where it happened."""
        if type(event) is events.RequestDone:
            if self._access:
                if len(self._waiting) < MOST_WAITING:
                    self._waiting.append(event)
                else:
                    self._dropped += 1
            return
        if isinstance(event, events.Stopped):
            self.flush()
        told = told_of(event, human=self._human)
        if told is not None:
            self._say(told)
        if isinstance(event, events.WriterFailed):
            self.flush()  # the process may end now

    def flush(self) -> None:
        """Write every access line that waits."""
        with self._writing:
            waiting, self._waiting = self._waiting, []
            dropped, self._dropped = self._dropped, 0
            if not waiting and not dropped:
                return
            text = "".join(map(self._access_text if self._human else access_json, waiting))
            try:
                self._out.write(text)
                self._out.flush()
            except (OSError, ValueError):
                return  # nobody reads stdout any more: the server goes on
        if dropped:
            self._say(Told("warning", "log.dropped", {"lines": dropped}))

    def _write_on(self) -> None:
        while True:
            time.sleep(FLUSH_S)
            self.flush()

    def _access_text(self, done: events.RequestDone) -> str:
        return access_text(done, colour=self._colour, explain=self._explain)

    def _say(self, told: Told) -> None:
        text = told_text(told) if self._human else told_json(told)
        with self._saying:
            self._err.write(text)
            self._err.flush()


_ending: Callable[[], None] | None = None


def configure(style: Style, access: bool, explain: Explain | None = None) -> Log:
    """Render events on stdout and stderr from now on, in this process.

    `explain` gives the command that explains a refused request; people read it at the end of the
    line. Called again, in a forked child for example, it takes the place of what was there.
    """
    global _ending
    if _ending is not None:
        _ending()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # no path may silence the log
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    log = Log(style, access=access, out=sys.stdout, err=sys.stderr, colour=colour, explain=explain)
    _ending = events.subscribe(log.receive)
    atexit.register(log.flush)
    return log
