"""Render events: access lines on stdout, what went wrong on stderr.

In: the events of `events.py`.   Out: lines, one for each event; JSON for machines, text for people.
A request pays for one append to a list: a thread renders and writes what has gathered, at the
latest after 0.2 s, and `flush()` and the end of the process write the rest. What went wrong is
written at once. Nothing a caller sends can forge a line: control characters are escaped.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, TextIO

from . import events
from .errors import WrongUse

Style = Literal["human", "json"]
Level = Literal["info", "warning", "error", "critical"]
Explain = Callable[[events.RequestDone], str]
"""The command that explains a refused request, or nothing."""
FLUSH_S = 0.2
MOST_WAITING = 100_000
"""Access lines that may wait for a slow reader of stdout; more are dropped and counted."""

_quote = json.encoder.encode_basestring_ascii
render_json = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=repr).encode


class Log:
    """A subscriber that renders what it is told. Made by `configure`."""

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
        self._second = -1
        self._stamp = ""
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
        self._tell(event)

    def flush(self) -> None:
        """Write every access line that waits."""
        with self._writing:
            waiting, self._waiting = self._waiting, []
            dropped, self._dropped = self._dropped, 0
            if not waiting and not dropped:
                return
            render = self._human_line if self._human else self._json_line
            text = "".join([render(done) for done in waiting])
            try:
                self._out.write(text)
                self._out.flush()
            except (OSError, ValueError):
                return  # nobody reads stdout any more: the server goes on
        if dropped:
            self._say("warning", "log.dropped", lines=dropped)

    def _write_on(self) -> None:
        while True:
            time.sleep(FLUSH_S)
            self.flush()

    # requests

    def _json_line(self, done: events.RequestDone) -> str:
        seconds, fraction = divmod(done.time_ns, 1_000_000_000)
        if seconds != self._second:
            self._second = seconds
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        # The clear form is `render_json` of a dict, as for all other events: 5.9 us a line. This is
        # the same line in 2.2 us, and a test compares the two.
        return (
            f'{{"time":"{self._stamp}.{fraction // 1000:06d}Z",'
            f'"level":"{"info" if 0 < done.status < 500 else "error"}","event":"request",'
            f'"request":"{done.request}","method":{_quote(done.method)},'
            f'"path":{_quote(done.path)},"status":{done.status},'
            f'"duration_ms":{done.duration_us / 1000},"bytes":{done.sent}}}\n'
        )

    def _human_line(self, done: events.RequestDone) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(done.time_ns // 1_000_000_000))
        status = str(done.status) if done.status else "cut"
        if self._colour:
            shade = (
                31 if done.status >= 500 or not done.status else 33 if done.status >= 400 else 32
            )
            clock, status = f"\033[2m{clock}\033[0m", f"\033[{shade}m{status}\033[0m"
        failed = f"  {done.request}" if done.status >= 500 or not done.status else ""
        if self._explain is not None and 400 <= done.status < 500:
            command = self._explain(done)
            failed = f"  {done.request}  {escape(command)}" if command else failed
        took = f"{done.duration_us / 1000:.1f} ms"
        return f"{clock}  {escape(done.method)} {escape(done.path)}  {status}  {took}{failed}\n"

    # everything else

    def _say(self, level: Level, event: str, **facts: object) -> None:
        if self._human:
            text = _render_line(level, event, facts)
        else:
            stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            text = render_json({"time": stamp, "level": level, "event": event, **facts})
        with self._saying:
            self._err.write(f"{text}\n")
            self._err.flush()

    def _tell(self, event: events.Event) -> None:
        match event:
            case events.RequestFailed(request, method, path, WrongUse() as error):
                facts: dict[str, object] = {}
                if not self._human:  # people read the same below the line
                    facts["error"] = f"{error.code}: {error.detail}"
                    facts["file"] = error.origin.file if error.origin else None
                    facts["line"] = error.origin.line if error.origin else None
                    facts["hint"] = error.hint
                self._say(
                    "error",
                    "request.failed",
                    request=request,
                    method=method,
                    path=path,
                    **facts,
                    traceback=str(error),
                )
            case events.RequestFailed(request, method, path, error):
                self._say(
                    "error",
                    "request.failed",
                    request=request,
                    method=method,
                    path=path,
                    error=f"{type(error).__name__}: {error}",
                    traceback="".join(traceback.format_exception(error)),
                )
            case events.StatementFailed(engine, statement, message):
                self._say(
                    "error", "statement.failed", engine=engine, statement=statement, message=message
                )
            case events.TransactionReplayed(jobs, reason):
                self._say("warning", "transaction.replayed", jobs=jobs, reason=reason)
            case events.WriterFailed(message):
                self._say("critical", "writer.failed", message=message)
                self.flush()  # the process may end now
            case events.DatabaseGone(message):
                self._say(
                    "critical",
                    "database.gone",
                    message=message,
                    writes="are refused with 503",
                    hint="put the file back, or start the server again",
                )
            case events.DatabaseBack():
                self._say("info", "database.back", writes="go on")
            case events.Started(app, pid) if not self._human:
                self._say("info", "started", app=app, pid=pid)
            case events.Stopped(pid, cut):
                self.flush()
                if not self._human:
                    self._say("info", "stopped", pid=pid, cut_requests=cut)
            case _:
                pass  # the command line tells of it, or nobody needs a line


def escape(text: str) -> str:
    """`text` on one line that cannot act on a terminal: control characters are spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _render_line(level: Level, event: str, facts: dict[str, object]) -> str:
    """An event that is no request, for people: what, then a traceback below."""
    clock = time.strftime("%H:%M:%S")
    below = str(facts.pop("traceback", ""))
    said = "  ".join(f"{key}={escape(str(value))}" for key, value in facts.items())
    text = f"{clock}  {level}[{event}]  {said}"
    return f"{text}\n{below.rstrip()}" if below else text


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
