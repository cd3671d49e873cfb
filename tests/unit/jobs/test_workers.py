"""A process that works: it wakes at once, looks seldom, and ends in good order."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from stanchion import Module, events
from stanchion.errors import Unavailable
from stanchion.jobs import workers

from .conftest import Queue


def test_what_this_process_commits_begins_at_once(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "LOOK_S", 3600.0)
    seen: list[int] = []

    @queue.app.job
    async def work(number: int) -> None:
        seen.append(number)

    async def act() -> None:
        async with queue.working():
            await asyncio.sleep(0.2)
            for number in range(3):
                await queue.enqueue(work, number=number)
                await queue.until(lambda n=number: n in seen)

    queue.run(act())


def test_what_another_process_commits_is_seen_within_a_look(queue: Queue) -> None:
    seen: list[int] = []

    @queue.app.job
    async def work() -> None:
        seen.append(1)

    async def act() -> None:
        async with queue.working():
            await asyncio.sleep(0.2)
            await queue.say(
                "insert into _jobs (id,name,queue,arguments,state,due,tries,created) "
                "values ('1','work','default','{}','waiting','2020-01-01T00:00:00.000000Z',0,'2')"
            )
            await queue.until(lambda: seen)

    queue.run(act())


def test_an_idle_process_asks_once_a_second(queue: Queue) -> None:
    asked: list[str] = []

    @queue.app.job
    async def work() -> None: ...

    @queue.app.schedule("0 3 * * *")
    async def nightly() -> None: ...

    async def act() -> None:
        engine = (await queue.app.runtime.records()).engine
        async with queue.working():
            await asyncio.sleep(0.5)
            find, claim = engine.find, engine.claim

            async def count_find(text: str, params: Any) -> Any:
                asked.append(text)
                return await find(text, params)

            async def count_claim(job: Any) -> Any:
                asked.append("a write")
                return await claim(job)

            engine.find, engine.claim = count_find, count_claim  # type: ignore[method-assign]  # counted
            begun = time.monotonic()
            await asyncio.sleep(2.2)
            seconds = time.monotonic() - begun
        assert len(asked) <= seconds / workers.LOOK_S + 1
        assert "a write" not in asked

    queue.run(act())


def test_no_more_run_at_once_than_it_was_told(queue: Queue) -> None:
    running = most = done = 0

    @queue.app.job
    async def work(number: int) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        done += 1

    async def act() -> None:
        async with queue.working(3):
            async with queue.transaction() as tx:
                for number in range(30):
                    await tx.enqueue(work, number=number)
            await queue.until(lambda: done == 30)

    queue.run(act())
    assert most == 3


def test_the_end_waits_for_what_runs_and_gives_the_rest_back(queue: Queue) -> None:
    begun: list[str] = []
    go = asyncio.Event()

    @queue.app.job
    async def quick() -> None:
        begun.append("quick")
        await go.wait()

    @queue.app.job
    async def slow() -> None:
        begun.append("slow")
        await asyncio.sleep(3600)

    async def act() -> None:
        async with queue.working(2, grace_s=0.5):
            await queue.enqueue(quick)
            await queue.enqueue(slow)
            await queue.until(lambda: len(begun) == 2)
            await queue.enqueue(quick)
            queue.app.runtime.drain.begin()
            go.set()
            ended = time.monotonic()
        assert time.monotonic() - ended < 10
        assert sorted(await queue.rows("name,state,tries,lease", "")) == [
            ("quick", "done", 1, None),
            ("quick", "waiting", 0, None),
            ("slow", "waiting", 0, None),
        ]

    queue.run(act())
    assert begun == ["quick", "slow"]


def test_work_goes_on_when_the_database_was_away(queue: Queue) -> None:
    seen: list[int] = []

    @queue.app.job
    async def work() -> None:
        seen.append(1)

    async def act() -> None:
        engine = (await queue.app.runtime.records()).engine
        find = engine.find
        calls: list[int] = []

        async def away(text: str, params: Any) -> Any:
            calls.append(1)
            if len(calls) < 3:
                raise Unavailable("server.database", "It is away.")
            return await find(text, params)

        engine.find = away  # type: ignore[method-assign]  # twice
        async with queue.working():
            await queue.enqueue(work)
            await queue.until(lambda: seen)

    queue.run(act())


def test_a_handler_that_keeps_the_loop_is_told_of(queue: Queue) -> None:
    @queue.app.job
    async def rude() -> None:
        await asyncio.sleep(0)
        time.sleep(0.25)

    @queue.app.job
    async def polite() -> None:
        await asyncio.sleep(0.3)

    async def act() -> None:
        async with queue.working():
            await queue.enqueue(polite)
            await queue.enqueue(rude)
            await queue.until(lambda: len(queue.events(events.JobDone)) == 2)

    queue.run(act())
    (told,) = queue.events(events.JobBlocks)
    assert (told.name, told.duration_us >= 250_000) == ("rude", True)


def test_a_module_brings_its_jobs(queue: Queue) -> None:
    seen: list[str] = []
    kitchen = Module("kitchen")

    @kitchen.job(queue="oven")
    async def bake(pizza: str) -> None:
        seen.append(pizza)

    queue.app.include(kitchen)

    async def act() -> None:
        async with queue.working():
            await queue.enqueue(bake, pizza="Margherita")
            await queue.until(lambda: seen)
            await queue.until_rows("queue,state", [("oven", "done")])

    queue.run(act())
    assert seen == ["Margherita"]


def test_jobs_that_this_process_does_not_know_are_left_alone(queue: Queue) -> None:
    @queue.app.job
    async def known() -> None: ...

    async def act() -> None:
        async with queue.working():
            await queue.say(
                "insert into _jobs (id,name,queue,arguments,state,due,tries,created) "
                "values ('1','newer','default','{}','waiting','2020-01-01T00:00:00.000000Z',0,'2')"
            )
            await queue.enqueue(known)
            await queue.until(lambda: queue.events(events.JobDone))
        assert sorted(await queue.rows("name,state,tries")) == [
            ("known", "done", 1),
            ("newer", "waiting", 0),
        ]

    queue.run(act())
