"""Rendering events: nothing forges a line, nothing waits long, and a request pays little."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stanchion import events
from stanchion.errors import Origin, WrongUse
from stanchion.logs import Log, escape, render_json

from .processes import environment


def done(path: str = "/api/notes", status: int = 200) -> events.RequestDone:
    return events.RequestDone(1_795_229_524_243_019_000, "r_1", "GET", path, status, 1308, 24)


def a_log(style: str, *, access: bool = True) -> tuple[Log, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Log(style, access=access, out=out, err=err), out, err  # type: ignore[arg-type]  # a Literal


def rendered(style: str, event: events.Event) -> str:
    log, out, err = a_log(style)
    log.receive(event)
    log.flush()
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize(
    "path", ["/a", "/ü/😀", '/"\\', "/\r\n{}", "/\x1b[2J\x00\x7f\x85\u2028\u202e", "/\ud800"]
)
def test_json_line_of_a_request_is_rendered_as_every_other(path: str) -> None:
    line = rendered("json", done(path))
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line)["path"] == path
    assert line == render_json(json.loads(line)) + "\n"
    assert json.loads(line)["time"] == "2026-11-21T02:52:04.243019Z"


@pytest.mark.parametrize(
    "path", ["/a\r\n12:00:00  GET /forged  200", "/\x1b[2J", "/\u202egnp", "/\x85\u2028", "/\ud800"]
)
def test_human_line_is_one_line_without_control_characters(path: str) -> None:
    line = rendered("human", done(path))
    assert line.count("\n") == 1
    assert line.rstrip("\n").isprintable()


def test_ordinary_paths_are_left_as_they_are() -> None:
    assert escape("/pizzas/größe 😀") == "/pizzas/größe 😀"
    assert escape("/a\nb") == "/a\\nb"


def test_server_error_shows_the_request_id_and_others_do_not() -> None:
    assert "r_1" in rendered("human", done(status=500))
    assert "r_1" not in rendered("human", done(status=404))
    assert json.loads(rendered("json", done(status=500)))["level"] == "error"


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


def test_mistake_of_the_app_is_told_with_its_line_and_the_mend() -> None:
    wrong = WrongUse("filter.unknown_field", "no `nosuch`", "Mend it.", Origin(__file__, 3))
    log, _, err = a_log("json")
    log.receive(events.RequestFailed("r_9", "GET", "/x", wrong))
    line = json.loads(err.getvalue())
    assert (line["event"], line["file"], line["line"]) == ("request.failed", __file__, 3)
    assert (line["hint"], line["error"]) == ("Mend it.", "filter.unknown_field: no `nosuch`")
    log, _, err = a_log("human")
    log.receive(events.RequestFailed("r_9", "GET", "/x", wrong))
    assert f"--> {__file__}:3\n" in err.getvalue() and "hint: Mend it." in err.getvalue()


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


def test_every_line_names_its_moment_the_same() -> None:
    for event in (done(), events.Started("app", 1), events.Stopped(1, 0), events.WriterFailed("x")):
        line = json.loads(rendered("json", event))
        assert "timestamp" not in line
        assert line["time"].endswith("Z") and "T" in line["time"]
    assert "time=" not in rendered("human", events.WriterFailed("x"))
