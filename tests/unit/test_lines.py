"""What an event looks like: nothing forges a line, and each says what it must."""

from __future__ import annotations

import json

import pytest

from stanchion import events
from stanchion.errors import Origin, WrongUse
from stanchion.lines import (
    access_json,
    access_text,
    escape,
    render_json,
    told_json,
    told_of,
    told_text,
)


def done(path: str = "/api/notes", status: int = 200) -> events.RequestDone:
    return events.RequestDone(1_795_229_524_243_019_000, "r_1", "GET", path, status, 1308, 24)


def rendered(event: events.Event, *, human: bool) -> str:
    found = told_of(event, human=human)
    assert found is not None
    return (told_text if human else told_json)(found)


# requests that were answered


@pytest.mark.parametrize(
    "path", ["/a", "/ü/😀", '/"\\', "/\r\n{}", "/\x1b[2J\x00\x7f\x85\u2028\u202e", "/\ud800"]
)
def test_json_line_of_a_request_is_rendered_as_every_other(path: str) -> None:
    line = access_json(done(path))
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line)["path"] == path
    assert line == render_json(json.loads(line)) + "\n"
    assert json.loads(line)["time"] == "2026-11-21T02:52:04.243019Z"


@pytest.mark.parametrize(
    "path", ["/a\r\n12:00:00  GET /forged  200", "/\x1b[2J", "/\u202egnp", "/\x85\u2028", "/\ud800"]
)
def test_human_line_is_one_line_without_control_characters(path: str) -> None:
    line = access_text(done(path))
    assert line.count("\n") == 1
    assert line.rstrip("\n").isprintable()


def test_ordinary_paths_are_left_as_they_are() -> None:
    assert escape("/pizzas/größe 😀") == "/pizzas/größe 😀"
    assert escape("/a\nb") == "/a\\nb"


def test_server_error_shows_the_request_id_and_others_do_not() -> None:
    assert "r_1" in access_text(done(status=500))
    assert "r_1" not in access_text(done(status=404))
    assert json.loads(access_json(done(status=500)))["level"] == "error"


def test_line_of_a_refused_request_ends_with_the_command_that_explains_it() -> None:
    def explain(refused: events.RequestDone) -> str:
        return f"explain {refused.path}\n" if refused.path != "/silent" else ""

    assert access_text(done(status=403), explain=explain).endswith("r_1  explain /api/notes\\n\n")
    for other in (done(status=200), done(status=500), done("/silent", 403)):
        assert "explain" not in access_text(other, explain=explain)


@pytest.mark.parametrize(("status", "shade"), [(200, 32), (404, 33), (500, 31), (0, 31)])
def test_colour_tells_done_from_refused_from_failed(status: int, shade: int) -> None:
    line = access_text(done(status=status), colour=True)
    assert f"\033[{shade}m{status or 'cut'}\033[0m" in line
    assert "\033" not in access_text(done(status=status))


# everything else


def test_mistake_of_the_app_is_told_with_its_line_and_the_mend() -> None:
    wrong = WrongUse("filter.unknown_field", "no `nosuch`", "Mend it.", Origin(__file__, 3))
    failed = events.RequestFailed("r_9", "GET", "/x", wrong)
    line = rendered(failed, human=False)
    facts = json.loads(line)
    assert (facts["event"], facts["file"], facts["line"]) == ("request.failed", __file__, 3)
    assert (facts["hint"], facts["error"]) == ("Mend it.", "filter.unknown_field: no `nosuch`")
    line = rendered(failed, human=True)
    assert f"--> {__file__}:3\n" in line and "hint: Mend it." in line
    assert line.count("Mend it.") == 1


def test_what_the_command_line_tells_people_is_told_machines_only() -> None:
    for event in (events.Started("app", 1), events.Stopped(1, 0)):
        assert told_of(event, human=True) is None
        assert told_of(event, human=False) is not None
    assert "  info[seed.runs]  seed=load  " in rendered(events.SeedRuns("load"), human=True)
    for event in (done(), events.SchemaApplied((), 1)):
        assert told_of(event, human=False) is None


def test_every_line_names_its_moment_the_same() -> None:
    others = (events.Started("app", 1), events.Stopped(1, 0), events.WriterFailed("x"))
    for text in (access_json(done()), *(rendered(event, human=False) for event in others)):
        line = json.loads(text)
        assert "timestamp" not in line
        assert line["time"].endswith("Z") and "T" in line["time"]
    assert "time=" not in rendered(events.WriterFailed("x"), human=True)
