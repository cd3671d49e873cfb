"""Writing the log: nothing waits long, nothing is lost, and a request pays little."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stanchion import events
from stanchion.logs import Log

from .processes import environment


def done(path: str = "/api/notes", status: int = 200) -> events.RequestDone:
    return events.RequestDone(1_795_229_524_243_019_000, "r_1", "GET", path, status, 1308, 24)


def a_log(style: str, *, access: bool = True) -> tuple[Log, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Log(style, access=access, out=out, err=err), out, err  # type: ignore[arg-type]  # a Literal


@pytest.mark.parametrize("style", ["human", "json"])
def test_failed_request_is_told_at_once_on_stderr(style: str) -> None:
    log, out, err = a_log(style)
    try:
        raise RuntimeError("the oven\nis cold")
    except RuntimeError as error:
        log.receive(events.RequestFailed("r_9", "GET", "/x\ny", error))
    assert out.getvalue() == ""
    text = err.getvalue()
    assert "r_9" in text and "test_failed_request_is_told_at_once_on_stderr" in text
    assert "/x\ny" not in text


def test_access_lines_are_written_without_being_asked() -> None:
    log, out, _ = a_log("json")
    log.receive(done())
    deadline = time.monotonic() + 5
    while not out.getvalue() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert out.getvalue()


def test_access_lines_can_be_left_out_while_errors_stay() -> None:
    log, out, err = a_log("json", access=False)
    log.receive(done())
    log.receive(events.WriterFailed("disk on fire"))
    log.flush()
    assert out.getvalue() == ""
    assert "disk on fire" in err.getvalue()


def test_slow_reader_costs_lines_not_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stanchion.logs.MOST_WAITING", 3)
    monkeypatch.setattr("stanchion.logs.FLUSH_S", 60)
    log, out, err = a_log("json")
    for _ in range(5):
        log.receive(done())
    log.flush()
    assert out.getvalue().count("\n") == 3
    assert json.loads(err.getvalue())["lines"] == 2


def test_what_waits_is_written_when_the_process_ends(tmp_path: Path) -> None:
    code = (
        "from stanchion import events, logs; logs.configure('json', True); "
        "events.emit(events.RequestDone(0, 'r', 'GET', '/last', 200, 1, 1))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert json.loads(ended.stdout)["path"] == "/last"


def test_request_costs_a_few_microseconds() -> None:
    log = a_log("json")[0]
    event, number = done("/api/pizzas/01a1fc04-a988-72c2-81cd-f074551cc177"), 20_000
    best = float("inf")
    for _ in range(3):
        begun = time.thread_time()
        for _ in range(number):
            log.receive(event)
        log.flush()
        best = min(best, (time.thread_time() - begun) / number)
    assert best < 8e-6
