"""Many workers on one PostgreSQL: they share the jobs, and are not in each other's way."""

from __future__ import annotations

import asyncio
from collections import Counter

from stanchion import App, Settings
from stanchion.engines.postgres import PostgresEngine
from stanchion.jobs import WorkPlan
from stanchion.working import working

JOBS = 320
PROCESSES, WORKERS = 4, 4
"""Event loops here; the drill `jobs-pg` has real processes."""


def make_app(url: str) -> tuple[App, Counter[int]]:
    app = App("Many", settings=Settings(database_url=url))
    ran: Counter[int] = Counter()

    @app.job
    async def work(number: int) -> None:
        ran[number] += 1

    app.state.work = work
    return app, ran


async def rollbacks(app: App) -> int:
    """Transactions of this database that were given up."""
    await asyncio.sleep(1.1)  # a session reports once a second
    text = "select xact_rollback from pg_stat_database where datname=current_database()"
    return int((await app.runtime.engine.fetch(text, ()))[0][0])


async def do_all(url: str) -> tuple[int, Counter[int]]:
    """All jobs, done by sixteen workers with connections of their own; the rollbacks meanwhile."""
    apps = [make_app(url) for _ in range(PROCESSES)]
    first = apps[0][0]
    try:
        for app, _ in apps:
            await app.runtime.records()
        for start in range(0, JOBS, 20):
            async with first.transaction(actor=first.system()) as tx:
                for number in range(start, start + 20):
                    await tx.enqueue(first.state.work, number=number)
        before = await rollbacks(first)
        async with asyncio.timeout(60):
            working_all = [working(app.runtime, WorkPlan(WORKERS, 5.0)) for app, _ in apps]
            for block in working_all:
                await block.__aenter__()
            left = "select count(*) from _jobs where ended is null"
            while (await first.runtime.engine.fetch(left, ()))[0][0]:
                await asyncio.sleep(0.05)
            for block in working_all:
                await block.__aexit__(None, None, None)
        ran: Counter[int] = sum((counter for _, counter in apps), Counter())
        return await rollbacks(first) - before, ran
    finally:
        for app, _ in apps:
            await app.runtime.close()


def test_sixteen_workers_do_each_job_once_and_meet_nobody(database: str) -> None:
    given_up, ran = asyncio.run(do_all(database))
    assert ran == Counter(range(JOBS))
    assert given_up <= JOBS // 50


def test_serializable_takers_would_meet(database: str, monkeypatch) -> None:  # type: ignore[no-untyped-def]  # pytest's
    """Why there is `claim`: the same statements as an ordinary write. How often they meet is up to
    the machine, so they are given a few rounds."""
    monkeypatch.setattr(PostgresEngine, "claim", PostgresEngine.write)
    met = 0
    for _ in range(10):
        given_up, ran = asyncio.run(do_all(database))
        assert ran == Counter(range(JOBS))
        met += given_up
        if met > JOBS // 20:
            return
    raise AssertionError(f"they met {met} times only")
