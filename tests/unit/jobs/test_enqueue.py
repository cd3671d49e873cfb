"""Making jobs: with the transaction or not at all, once under a unique key."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from stanchion import Job, Ref
from stanchion.errors import Unavailable, WrongUse
from stanchion.jobs.rows import end_done
from stanchion.working import run_due

from .conftest import Moved, Queue


def test_a_job_is_there_if_its_transaction_commits(queue: Queue) -> None:
    ran: list[str] = []

    @queue.app.job
    async def greet(name: str) -> None:
        ran.append(name)

    async def act() -> None:
        with pytest.raises(RuntimeError):
            async with queue.transaction() as tx:
                await tx.enqueue(greet, name="nobody")
                raise RuntimeError
        assert await queue.rows() == []
        async with queue.transaction() as tx:
            made = await tx.enqueue(greet, name="Ann")
            await tx.create(queue.note(text="greeted"))
        assert await queue.rows("id,name,queue,arguments,state,tries") == [
            (made, "greet", "default", '{"name":"Ann"}', "waiting", 0)
        ]
        assert await run_due(queue.app.runtime) == (1, [])
        assert await queue.rows("state,tries,error,lease") == [("done", 1, None, None)]

    queue.run(act())
    assert ran == ["Ann"]


def test_a_joined_block_that_fails_takes_its_job_along(queue: Queue) -> None:
    @queue.app.job
    async def greet() -> None: ...

    async def act() -> None:
        with pytest.raises(RuntimeError):
            async with queue.transaction():
                async with queue.transaction() as tx:
                    await tx.enqueue(greet)
                raise RuntimeError
        assert await queue.rows() == []

    queue.run(act())


def test_a_handler_is_told_its_job_and_changes_are_logged_under_it(queue: Queue) -> None:
    seen: list[Job] = []

    @queue.app.job
    async def store(text: str, job: Job) -> None:
        seen.append(job)
        async with queue.transaction() as tx:
            await tx.create(queue.note(id=job.id, text=text))

    async def act() -> None:
        made = await queue.enqueue(store, text="a")
        await run_due(queue.app.runtime)
        assert seen == [Job(Ref(made), 1)]
        found = await queue.app.runtime.engine.fetch("select request,key from _changes", ())
        assert [tuple(row) for row in found] == [(f"job:{made}", made)]

    queue.run(act())


def test_a_job_may_enqueue_the_next(queue: Queue) -> None:
    seen: list[int] = []

    @queue.app.job
    async def count(left: int) -> None:
        seen.append(left)
        if left:
            await queue.enqueue(count, left=left - 1)

    async def act() -> None:
        await queue.enqueue(count, left=3)
        assert await run_due(queue.app.runtime) == (4, [])

    queue.run(act())
    assert seen == [3, 2, 1, 0]


def test_a_delay_is_waited_for(queue: Queue, moved: Moved) -> None:
    @queue.app.job
    async def later() -> None: ...

    async def act() -> None:
        await queue.enqueue(later, delay=60)
        await queue.enqueue(later, delay=timedelta(hours=1))
        moved.on(seconds=59)
        assert await queue.take() == []
        moved.on(seconds=2)
        assert len(await queue.take()) == 1
        moved.on(hours=1)
        assert len(await queue.take()) == 2, "the other, and the first whose lease has ended"

    queue.run(act())


def test_a_unique_key_is_taken_while_its_job_waits_or_runs(queue: Queue) -> None:
    @queue.app.job
    async def ship(order: str) -> None: ...

    @queue.app.job
    async def bill(order: str) -> None: ...

    async def act() -> None:
        first = await queue.enqueue(ship, order="1", unique="o1")
        assert await queue.enqueue(ship, order="1", unique="o1") == first
        other = await queue.enqueue(bill, order="1", unique="o1")
        assert other != first, "a key is that of its function"
        taken = {each.id: each for each in await queue.take()}
        assert await queue.enqueue(ship, order="1", unique="o1") == first, "it runs"
        assert await queue.claim(lambda: end_done(taken[first]))
        assert await queue.enqueue(ship, order="1", unique="o1") not in (first, other)
        assert len(await queue.rows()) == 3

    queue.run(act())


def test_fifty_at_once_make_one(queue: Queue) -> None:
    @queue.app.job
    async def ship() -> None: ...

    async def one() -> str:
        while True:
            try:
                return await queue.enqueue(ship, unique="only")
            except Unavailable as busy:  # a block that met others too often is told so, as always
                assert busy.code in ("transaction.conflict", "server.busy", "transaction.timeout")

    async def act() -> None:
        await queue.app.runtime.records()
        made = await asyncio.gather(*(one() for _ in range(50)))
        assert len(set(made)) == 1
        assert len(await queue.rows()) == 1

    queue.run(act())


def test_a_forgotten_await_is_refused(queue: Queue) -> None:
    @queue.app.job
    async def greet() -> None: ...

    async def act() -> None:
        with pytest.raises(WrongUse, match=r"tx\.enqueue"):
            async with queue.transaction() as tx:
                tx.enqueue(greet)
        assert await queue.rows() == []

    queue.run(act())


def test_what_is_no_job_of_the_app_and_wrong_options_are_refused(queue: Queue) -> None:
    @queue.app.job
    async def greet() -> None: ...

    async def stranger() -> None: ...

    async def act() -> None:
        for job, options, code in (
            (stranger, {}, "job.unknown"),
            (greet, {"delay": -1}, "job.delay"),
            (greet, {"unique": ""}, "job.unique"),
            (greet, {"unique": "x" * 201}, "job.unique"),
            (greet, {"name": "Ann"}, "job.arguments"),
        ):
            with pytest.raises(WrongUse) as refused:
                await queue.enqueue(job, **options)
            assert refused.value.code == code
        assert await queue.rows() == []

    queue.run(act())
