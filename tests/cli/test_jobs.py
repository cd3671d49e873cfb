"""`stanchion work`, `jobs` and `jobs retry`, and jobs inside `serve`, as people use them."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.inside import run_here

from .processes import PATIENCE_S, Running, run

APP = """\
import asyncio, time

from stanchion import App, Job, Record, Rules, public

app = App("Kitchen")


@app.collection("notes")
class Note(Record):
    text: str
    rules = Rules(read=public)


@app.job(retries=0)
async def cook(dish: str, job: Job) -> None:
    if dish == "slow":
        await note("began")
        await asyncio.sleep(1.0)
    if dish == "endless":
        await note("began")
        await asyncio.sleep(3600)
    if dish == "rude":
        await note("began")
        time.sleep(3600)
    if dish == "burnt":
        raise RuntimeError("the oven is too hot, password=hunter2")
    await note(f"{dish} {job.tries}")


async def note(text: str) -> None:
    async with app.transaction(actor=app.system()) as tx:
        await tx.create(Note(text=text))


@app.job(queue="other")
async def clean() -> None:
    await note("clean")


@app.post("/cook/{dish}")
async def order(dish: str) -> str:
    async with app.transaction(actor=app.system()) as tx:
        return await tx.enqueue(clean) if dish == "clean" else await tx.enqueue(cook, dish=dish)
"""
Start = Callable[..., Running]


@pytest.fixture(autouse=True)
def app(folder: Path) -> None:
    (folder / "app.py").write_text(APP)


def texts(server: Running) -> list[str]:
    return [item["text"] for item in server.call("GET", "/api/notes?sort=created")[1]["items"]]


def wait_for(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def states(folder: Path, *more: str) -> list[tuple[str, str]]:
    listed = json.loads(run_here("jobs", "--json", *more, cwd=folder).stdout)
    return [(job["arguments"].get("dish", job["name"]), job["state"]) for job in listed]


def ask(server: Running, *dishes: str) -> list[str]:
    return [server.call("POST", f"/cook/{dish}")[1] for dish in dishes]


def test_serve_runs_jobs_and_jobs_lists_them(start: Start, folder: Path) -> None:
    server = start("serve", "--workers", "2").ready()
    pizza, burnt = ask(server, "pizza", "burnt")
    wait_for(lambda: {state for _, state in states(folder)} == {"done", "dead"})
    assert texts(server) == ["pizza 1"]
    listed = run_here("jobs", cwd=folder).stdout
    assert re.search(rf"^{pizza}  cook  done     [-\d]+ [:\d]+  1 try$", listed, re.MULTILINE)
    assert re.search(rf"^{burnt}  cook  dead     [-\d]+ [:\d]+  1 try$", listed, re.MULTILINE)
    assert "\n    RuntimeError: the oven is too hot, password=***\n" in listed + "\n"
    assert states(folder, "--state", "dead") == [("burnt", "dead")]
    server.wait_for('"event":"job.done"').wait_for('"event":"job.dead"')
    assert f"stanchion jobs retry {burnt}" in server.err
    assert "the oven is too hot" in server.err


def test_retry_lets_dead_jobs_begin_anew(start: Start, folder: Path) -> None:
    server = start("serve").ready()
    (burnt,) = ask(server, "burnt")
    wait_for(lambda: states(folder) == [("burnt", "dead")])
    server.stop()
    told = run_here("jobs", "retry", burnt, "app.py", cwd=folder)
    assert (told.returncode, told.stdout) == (0, "1 job will run again.\n")
    assert states(folder) == [("burnt", "waiting")]
    told = run_here("jobs", "retry", burnt, cwd=folder)
    assert (told.returncode, told.stdout) == (1, "0 jobs will run again.\n")
    assert "error[jobs.left]: 1 job did not begin anew" in told.stderr
    assert run_here("jobs", "retry", "--all", cwd=folder).stdout == "0 jobs will run again.\n"
    for wrong in (("retry",), ("retry", burnt, "--all"), ("retry", "a.py", "b.py", burnt)):
        assert run_here("jobs", *wrong, cwd=folder).returncode == 2


def test_work_alone_takes_the_queues_it_is_told(start: Start, folder: Path) -> None:
    server = start("serve", STANCHION_JOB_WORKERS="0").ready()
    ask(server, "pizza", "clean")
    other = start("work", "--queue", "other").wait_for("  Jobs      clean; 4 jobs at once")
    wait_for(lambda: texts(server) == ["clean"])
    assert ("pizza", "waiting") in states(folder)
    start("work", "--workers", "1").wait_for("  Jobs      clean, cook; 1 job at once")
    wait_for(lambda: sorted(texts(server)) == ["clean", "pizza 1"])
    assert other.stop() == 0


def test_work_lets_what_runs_finish_and_gives_the_rest_back(start: Start, folder: Path) -> None:
    server = start("serve", STANCHION_JOB_WORKERS="0").ready()
    ask(server, "slow", "endless")
    work = start("work", STANCHION_GRACE_S="4").wait_for("  Jobs  ")
    wait_for(lambda: texts(server) == ["began", "began"])
    assert work.stop() == 0
    assert sorted(states(folder)) == [("endless", "waiting"), ("slow", "done")]
    assert "slow 1" in texts(server)
    assert '"event":"stopped"' in work.err


def test_work_that_nothing_can_stop_ends_after_the_grace(start: Start, folder: Path) -> None:
    server = start("serve", STANCHION_JOB_WORKERS="0").ready()
    ask(server, "rude")
    work = start("work", STANCHION_GRACE_S="1").wait_for("  Jobs  ")
    wait_for(lambda: texts(server) == ["began"])
    time.sleep(0.2)
    assert work.stop(signal.SIGINT) == 1
    assert states(folder) == [("rude", "running")], "its lease ends by itself"


def test_serve_gives_back_what_does_not_finish(start: Start, folder: Path) -> None:
    server = start("serve", STANCHION_GRACE_S="3").ready()
    ask(server, "endless")
    wait_for(lambda: texts(server) == ["began"])
    assert server.stop() == 0
    assert states(folder) == [("endless", "waiting")]


def test_what_cannot_be_is_said(folder: Path) -> None:
    told = run("work", "--queue", "nowhere", cwd=folder)
    assert told.returncode == 2
    assert "no job is in a queue `nowhere`\nhint: there are: default, other" in told.stderr
    told = run_here("jobs", cwd=folder)
    assert told.returncode == 1 and "error[database.missing]" in told.stderr
    (folder / "app.py").write_text("from stanchion import App\n\napp = App('Empty')\n")
    assert "error[work.nothing]" in run("work", cwd=folder).stderr
