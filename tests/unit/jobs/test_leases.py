"""Whose a job is: taken by one, taken over when its lease has ended, and nobody else's to end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from stanchion import Job, clock, events
from stanchion.engines import Ask
from stanchion.errors import Unavailable
from stanchion.jobs import trying, workers
from stanchion.jobs.rows import (
    JobsWanted,
    end_again,
    end_dead,
    end_done,
    first_due,
    give_back,
    is_trimmable,
    prolong,
    retry_all,
    retry_one,
    take,
    trim,
)
from stanchion.working import run_due

from .conftest import Moved, Queue


def test_many_takers_share_without_an_overlap(queue: Queue) -> None:
    @queue.app.job
    async def work(number: int) -> None: ...

    async def act() -> None:
        async with queue.transaction() as tx:
            made = [await tx.enqueue(work, number=n) for n in range(60)]
        shares = await asyncio.gather(*(queue.take(7, f"w{n}") for n in range(12)))
        taken = [each.id for share in shares for each in share]
        assert sorted(taken) == sorted(made), "each by one, none left"

    queue.run(act())


def test_the_first_due_is_taken_first(queue: Queue) -> None:
    @queue.app.job
    async def work(number: int) -> None: ...

    async def act() -> None:
        made = [await queue.enqueue(work, number=n) for n in range(5)]
        assert [(await queue.take(1))[0].id for _ in range(5)] == made

    queue.run(act())


def test_who_has_lost_the_lease_changes_nothing(queue: Queue, moved: Moved) -> None:
    @queue.app.job
    async def work() -> None: ...

    async def act() -> None:
        made = await queue.enqueue(work)
        (lost,) = await queue.take(worker="lost:1")
        moved.on(seconds=29)
        assert await queue.take() == []
        moved.on(seconds=2)
        (now,) = await queue.take(worker="new:2")
        assert (now.id, now.tries, now.lost_by) == (made, 2, "lost:1")
        before = await queue.rows()
        due = clock.now() + timedelta(hours=1)
        for steps in (
            lambda: prolong(lost, 999),
            lambda: end_done(lost),
            lambda: end_again(lost, due, "no"),
            lambda: end_dead(lost, "no"),
            lambda: give_back(lost),
        ):
            assert await queue.claim(steps) is False
        assert await queue.rows() == before
        assert await queue.claim(lambda: end_done(now)) is True
        assert await queue.claim(lambda: end_done(now)) is False, "it has ended"

    queue.run(act())


def test_a_late_end_counts_while_nobody_has_taken_it_over(queue: Queue, moved: Moved) -> None:
    @queue.app.job
    async def work() -> None: ...

    async def act() -> None:
        await queue.enqueue(work)
        (taken,) = await queue.take()
        moved.on(hours=1)
        assert await queue.claim(lambda: end_done(taken)) is True

    queue.run(act())


def test_the_lease_is_kept_while_the_handler_works(queue: Queue) -> None:
    async def act() -> None:
        async with queue.working():
            await queue.enqueue(work)
            seen: set[str] = set()
            async with asyncio.timeout(20):
                while len(seen) < 3:
                    seen |= {row[0] for row in await queue.rows("due", "where state='running'")}
                    await asyncio.sleep(0.02)
            done.set()
            await queue.until_rows("state,tries", [("done", 1)])

    done = asyncio.Event()

    @queue.app.job
    async def work() -> None:
        await done.wait()

    queue.set(job_lease_s=1)
    queue.run(act())


def test_a_handler_whose_lease_is_lost_is_cancelled(queue: Queue) -> None:
    ends: list[str] = []
    begun = asyncio.Event()

    @queue.app.job
    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async def act() -> None:
        async with queue.working():
            await queue.enqueue(work)
            await begun.wait()
            await queue.say("update _jobs set lease='another' where state='running'")
            await queue.until(lambda: queue.events(events.JobLost))
            assert await queue.rows("state,lease") == [("running", "another")]

    queue.set(job_lease_s=1)
    queue.run(act())
    assert ends == ["cancelled"]
    assert not queue.events(events.JobDone, events.JobFailed)


def test_failures_wait_longer_each_time_and_end_dead(queue: Queue, moved: Moved) -> None:
    seen: list[int] = []

    @queue.app.job(retries=2)
    async def fail(job: Job) -> None:
        seen.append(job.tries)
        raise OSError("smtp://shop:hunter2@mail is away")

    async def act() -> None:
        made = await queue.enqueue(fail)
        for tries, least in ((1, 2), (2, 4)):
            count, errors = await run_due(queue.app.runtime)
            assert (count, str(errors[0])) == (1, "smtp://shop:hunter2@mail is away")
            ((state, due, error),) = await queue.rows("state,due,error")
            assert (state, error) == ("waiting", "OSError: smtp://shop:***@mail is away")
            pause = workers.seconds_until(due)
            assert least - 1.5 < pause <= 1.5 * least, tries
            moved.on(seconds=1.5 * least)
        await run_due(queue.app.runtime)
        assert await queue.rows("state,tries") == [("dead", 3)]
        assert await run_due(queue.app.runtime) == (0, [])
        assert await queue.claim(lambda: retry_one(made))
        assert await queue.rows("id,state,tries,error") == [(made, "waiting", 0, None)]
        assert len((await run_due(queue.app.runtime))[1]) == 1

    queue.run(act())
    assert seen == [1, 2, 3, 1]
    assert len(queue.events(events.JobFailed)) == 3
    assert len(queue.events(events.JobDead)) == 1


def test_a_dead_job_waits_for_its_key(queue: Queue) -> None:
    @queue.app.job(retries=0)
    async def fail() -> None:
        raise OSError

    async def act() -> None:
        first = await queue.enqueue(fail, unique="k")
        await run_due(queue.app.runtime)
        second = await queue.enqueue(fail, unique="k")
        await run_due(queue.app.runtime)
        assert first != second
        assert await queue.claim(retry_all) == (1, 1), "both have one key"
        assert await queue.rows("state") == [("waiting",), ("dead",)]
        assert await queue.claim(lambda: retry_one(second)) is False
        assert await queue.claim(lambda: retry_one("no such job")) is False

    queue.run(act())


def test_a_job_that_ends_its_worker_each_time_is_dead_in_the_end(
    queue: Queue, moved: Moved
) -> None:
    @queue.app.job(retries=1)
    async def crash() -> None:
        raise AssertionError("it is never run here")

    async def act() -> None:
        await queue.enqueue(crash)
        for _ in range(2):
            assert len(await queue.take(worker="host:7")) == 1
            moved.on(seconds=31)
        await run_due(queue.app.runtime)
        ((state, error),) = await queue.rows("state,error")
        assert state == "dead"
        assert error == "WorkerLost: host:7 was lost while it ran the last try"

    queue.run(act())
    assert not queue.events(events.JobStarted)
    assert len(queue.events(events.JobTakenOver)) == 1


def test_a_try_that_takes_too_long_fails(queue: Queue) -> None:
    @queue.app.job(timeout=0.05, retries=0)
    async def slow() -> None:
        await asyncio.sleep(60)

    async def act() -> None:
        await queue.enqueue(slow)
        await run_due(queue.app.runtime)
        assert await queue.rows("state,error") == [
            ("dead", "TryTimeout: it took longer than 0.05 s")
        ]

    queue.run(act())


def test_what_ended_long_ago_goes(queue: Queue, moved: Moved) -> None:
    @queue.app.job(retries=0)
    async def maybe(well: bool) -> None:
        if not well:
            raise OSError

    async def act() -> None:
        for well in (True, False):
            await queue.enqueue(maybe, well=well)
        await run_due(queue.app.runtime)
        await queue.enqueue(maybe, well=True, delay=10**8)
        moved.on(days=6)
        await queue.claim(trim)
        assert await queue.rows("state") == [("done",), ("dead",), ("waiting",)]
        moved.on(days=2)
        assert await queue.claim(trim) is False
        assert await queue.rows("state") == [("dead",), ("waiting",)]
        moved.on(days=90)
        await queue.claim(trim)
        assert await queue.rows("state") == [("waiting",)]

    queue.run(act())


def test_an_end_is_written_down_when_the_database_is_back(queue: Queue) -> None:
    """The first try to write it down finds the database away."""

    @queue.app.job
    async def work() -> None:
        engine = queue.app.runtime.engine
        claim = engine.claim

        async def away(job: object) -> object:
            engine.claim = claim  # type: ignore[method-assign]  # the next one is real
            raise Unavailable("server.database", "It is away.")

        engine.claim = away  # type: ignore[method-assign,assignment]  # once

    async def act() -> None:
        await queue.enqueue(work)
        await run_due(queue.app.runtime)
        assert await queue.rows("state") == [("done",)]

    queue.run(act())


def test_pauses_are_spread() -> None:
    assert trying.pause_after(3, 0.0) == 8.0
    assert trying.pause_after(3, 1.0) == 12.0
    assert trying.pause_after(60, 1.0) == trying.LONGEST_PAUSE_S


@pytest.mark.needs("a file")
def test_what_is_asked_all_the_time_is_found_by_index(queue: Queue) -> None:
    """However many jobs there are."""
    asked: list[Ask] = [first_due(JobsWanted(("a", "b"))), is_trimmable()]
    taking = take("sqlite", JobsWanted(("a",), ("q",)), 4, "here:1", 30.0)
    asked.append(next(taking))  # type: ignore[arg-type]  # an Ask

    async def act() -> None:
        records = await queue.app.runtime.records()
        for ask in asked:
            plan = str(await records.engine.fetch(f"explain query plan {ask.text}", ask.params))
            assert "_jobs_due" in plan or "_jobs_ended" in plan, plan
            assert "SCAN _jobs'" not in plan and "TEMP B-TREE" not in plan, plan

    queue.run(act())
