"""Schedules: each moment once, the last of those that were missed, none from before the code."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import stanchion
from stanchion import clock
from stanchion.declare.cron import Cron
from stanchion.declare.jobs import JobKind
from stanchion.errors import DeclarationError
from stanchion.jobs.schedule import Schedules
from stanchion.types.datetime import moment_text
from tests.conformance.engines import url

from .conftest import Moved, Queue

SOURCE = str(Path(stanchion.__file__).parents[1])
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def at(moment: datetime) -> None:
    clock.use(lambda: int(moment.timestamp() * 1_000_000) * 1000)


async def look(queue: Queue) -> list[str]:
    """What a process that starts now makes; the moments of its jobs."""
    schedules = Schedules(queue.app.runtime.model.jobs.by_name.values())
    made = []
    for schedule, moment in schedules.come():
        if await queue.claim(lambda s=schedule, m=moment: s.make(m)):  # type: ignore[misc]  # bound
            made.append(moment_text(moment)[:16])
    return made


def test_a_new_schedule_begins_with_its_next_moment(queue: Queue, moved: Moved) -> None:
    @queue.app.schedule("0 * * * *")
    async def hourly() -> None: ...

    async def act() -> None:
        await queue.app.runtime.records()
        at(NOON + timedelta(minutes=30))
        assert await look(queue) == []
        assert await look(queue) == []
        at(NOON + timedelta(hours=1))
        assert await look(queue) == ["2026-03-04T13:00"]
        assert await look(queue) == [], "each moment once"

    queue.run(act())


def test_of_what_was_missed_only_the_last_is_made_up_for(queue: Queue, moved: Moved) -> None:
    @queue.app.schedule("0 * * * *")
    async def hourly() -> None: ...

    async def act() -> None:
        await queue.app.runtime.records()
        at(NOON)
        await look(queue)
        at(NOON + timedelta(hours=5, minutes=10))
        assert await look(queue) == ["2026-03-04T17:00"]
        assert await queue.rows("name,unique_key,arguments,state") == [
            ("hourly", "2026-03-04T17:00:00.000000Z", "{}", "waiting")
        ]

    queue.run(act())


def test_a_yearly_moment_is_not_made_again_when_its_job_is_forgotten(
    queue: Queue, moved: Moved
) -> None:
    @queue.app.schedule("0 0 1 1 *")
    async def yearly() -> None: ...

    async def act() -> None:
        await queue.app.runtime.records()
        at(NOON - timedelta(days=365))
        await look(queue)
        at(NOON)
        assert await look(queue) == ["2026-01-01T00:00"]
        await queue.say("delete from _jobs")
        at(NOON + timedelta(days=100))
        assert await look(queue) == []

    queue.run(act())


def test_a_clock_that_goes_back_makes_nothing_twice(queue: Queue, moved: Moved) -> None:
    @queue.app.schedule("*/10 * * * *")
    async def often() -> None: ...

    async def act() -> None:
        await queue.app.runtime.records()
        at(NOON)
        await look(queue)
        at(NOON + timedelta(minutes=20))
        assert len(await look(queue)) == 1
        at(NOON + timedelta(minutes=10))
        assert await look(queue) == []

    queue.run(act())


def test_one_function_may_have_several_schedules_and_be_enqueued(queue: Queue) -> None:
    @queue.app.schedule("0 6 * * *")
    @queue.app.schedule("0 18 * * *", zone="Europe/Berlin")
    @queue.app.job(retries=1)
    async def report(day: str = "today") -> None: ...

    async def act() -> None:
        await queue.enqueue(report, day="Monday")

    queue.run(act())
    kind = queue.app.runtime.model.jobs.by_name["report"]
    assert (kind.retries, [c.zone for c in kind.crons]) == (1, ["Europe/Berlin", "UTC"])


WORKER = """
    import asyncio, os, sys
    from stanchion import App, Record, Settings
    from stanchion.jobs import WorkPlan
    from stanchion.working import working

    app = App("Queue", settings=Settings(database_url=sys.argv[1]))

    @app.collection("notes")
    class Note(Record):
        text: str

    @app.schedule("* * * * * *")
    async def tick(job: stanchion.Job) -> None:
        async with app.transaction(actor=app.system()) as tx:
            await tx.create(Note(text=job.id))

    async def main() -> None:
        await app.runtime.records()
        async with working(app.runtime, WorkPlan(2, 1.0)):
            os.write(1, b"ready\\n")
            await asyncio.to_thread(sys.stdin.read)
        await app.runtime.close()

    children = []
    for _ in range(4):
        if not (pid := os.fork()):
            asyncio.run(main())
            os._exit(0)
        children.append(pid)
    sys.exit(sum(os.waitpid(pid, 0)[1] for pid in children))
"""


def test_four_processes_make_each_moment_once(queue: Queue, tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    script.write_text("import stanchion\n" + textwrap.dedent(WORKER))
    queue.run(queue.app.runtime.records())  # the database is made once
    address = url(tmp_path / "q.db")
    environ = {**os.environ, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, str(script), address], env=environ, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(4)] == ["ready\n"] * 4
        before = len(queue.run(queue.rows()))
        until = time.monotonic() + 20
        while len(queue.run(queue.rows())) < before + 2 and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        process.communicate("")
    assert process.returncode == 0
    keys = [row[0] for row in queue.run(queue.rows("unique_key"))]
    assert len(keys) >= before + 2
    assert len(set(keys)) == len(keys), "a moment was made twice"
    notes = queue.run(
        queue.app.runtime.engine.fetch("select text,count(*) from notes group by 1", ())
    )
    assert all(number == 1 for _, number in notes)


@pytest.mark.parametrize(
    ("cron", "zone", "code"),
    [
        ("every day", "UTC", "schedule.cron"),
        ("61 * * * *", "UTC", "schedule.cron"),
        ("0 0 30 2 *", "UTC", "schedule.cron"),
        ("* * * * *", "Berlin", "schedule.zone"),
        ("* * * * *", "../../etc/passwd", "schedule.zone"),
    ],
)
def test_what_is_no_schedule_is_refused(queue: Queue, cron: str, zone: str, code: str) -> None:
    with pytest.raises(DeclarationError) as refused:

        @queue.app.schedule(cron, zone=zone)
        async def never() -> None: ...

    assert refused.value.code == code
    assert refused.value.origin is not None and refused.value.origin.file == __file__


def test_a_schedule_gives_no_arguments(queue: Queue) -> None:
    @queue.app.schedule("* * * * *")
    async def mail(to: str) -> None: ...

    with pytest.raises(DeclarationError, match="nothing to give for `to`"):
        assert queue.app.runtime.model


def test_each_hour_of_the_year_has_one_last_moment_and_a_later_next() -> None:
    """Also where a clock is put forward and back."""
    for text in ("30 2 * * *", "*/15 * * * *", "0 3 * * 0", "0 */2 * * *"):
        cron = Cron.read(text, "Europe/Berlin", None)
        for start in (
            datetime(2026, 3, 28, 20, tzinfo=UTC),
            datetime(2026, 10, 24, 20, tzinfo=UTC),
        ):
            known = None
            for minute in range(0, 600, 10):
                now = start + timedelta(minutes=minute)
                last, following = cron.until(now), cron.after(now)
                assert last is not None and following is not None
                assert last <= now < following
                assert known is None or known <= last, "moments go forward"
                known = last


def test_kinds_without_a_schedule_are_never_due() -> None:
    async def plain() -> None: ...

    schedules = Schedules([JobKind("plain", plain, 0, 1.0, "default", None)])
    assert schedules.come() == []
    schedules.go_on()
    assert schedules.seconds() > 86_400
