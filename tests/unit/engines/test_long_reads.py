"""Reads that take long leave the event loop, and what that must not cost anybody else."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from stanchion.engines import Ask
from stanchion.engines.sqlite import SQLiteEngine
from stanchion.errors import BadRequest, Unavailable
from stanchion.settings import Settings
from stanchion.store.steps import Steps

COUNT = (
    "with recursive c(n) as (select 1 union all select n+1 from c where n<?1) "
    "select count(*) from c"
)
ROWS = "with recursive c(n) as (select 1 union all select n+1 from c where n<?1) select n from c"
BY_ID = "select code from pizzas where id=?1"
FOR_EVER = 10**12


def bake() -> Steps[None]:
    yield Ask("create table pizzas(id text primary key, code text) strict")
    yield Ask("insert into pizzas values('a','alfredo')")


def with_engine(
    folder: Path, act: Callable[[SQLiteEngine], Coroutine[Any, Any, None]], **settings: int
) -> None:
    async def main() -> None:
        engine = SQLiteEngine(folder / "app.db", Settings(**settings))  # type: ignore[arg-type]  # numbers all
        await engine.write(bake)
        try:
            await act(engine)
        finally:
            await engine.close()
        assert not [t for t in threading.enumerate() if t.name == "stanchion-reader"]

    asyncio.run(main())


def steps_for(seconds: float) -> int:
    """How far `COUNT` counts in about that time on this machine."""
    import apsw

    connection = apsw.Connection(":memory:")
    begun = time.perf_counter()
    connection.execute(COUNT, (200_000,)).fetchall()
    return int(200_000 * seconds / (time.perf_counter() - begun))


def test_a_quick_read_that_waits_for_its_turn_is_not_taken_for_a_long_one(tmp_path: Path) -> None:
    """Threads that compute hold the interpreter for 5 ms each time a read wants it back."""

    async def act(engine: SQLiteEngine) -> None:
        busy = threading.Event()
        busy.set()

        def compute() -> None:
            while busy.is_set():
                sum(range(1_000))

        others = [threading.Thread(target=compute) for _ in range(3)]
        engine._long.remember(ROWS)
        for other in others:
            other.start()
        try:
            begun = time.perf_counter()
            assert len(await engine.fetch(ROWS, (40,))) == 40
            waited = time.perf_counter() - begun
        finally:
            busy.clear()
            for other in others:
                other.join()
        assert waited > 0.02, "it had no reason to wait"
        assert ROWS not in engine._long.known

    with_engine(tmp_path, act, read_budget_ms=5)


def test_threads_for_long_reads_keep_few_pages(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        engine._long.remember(BY_ID)
        await engine.fetch(BY_ID, ("a",))
        (reader,) = engine._long.readers
        asked = "pragma cache_size"
        assert reader.connection.execute(asked).fetchall() == [(-4_096,)]
        assert engine._reader is not None
        assert engine._reader.connection.execute(asked).fetchall() == [(-32_768,)]

    with_engine(tmp_path, act)


def test_a_long_read_answers_from_a_thread(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        far = steps_for(0.05)
        assert await engine.fetch(COUNT, (far,)) == [(far,)]
        assert await engine.fetch(COUNT, (far + 1,)) == [(far + 1,)]
        threads = len(engine._long.readers)
        assert threads > 0
        assert await engine.fetch(BY_ID, ("a",)) == [("alfredo",)]
        assert len(engine._long.readers) == threads

    with_engine(tmp_path, act)


def test_a_quick_read_starts_no_thread(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        for _ in range(100):
            assert await engine.fetch(BY_ID, ("a",)) == [("alfredo",)]
        assert engine._long.readers == []

    with_engine(tmp_path, act, read_budget_ms=50)


def test_a_text_that_was_long_once_comes_back_to_the_event_loop(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        await engine.fetch(COUNT, (steps_for(0.2),))
        assert COUNT in engine._long.known
        await engine.fetch(COUNT, (3,))
        assert COUNT not in engine._long.known

    with_engine(tmp_path, act, read_budget_ms=50)


def test_several_statements_see_one_snapshot_on_the_thread_too(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        count = Ask("select count(*) from pizzas")
        asks = [count, Ask(COUNT, (steps_for(0.3),)), count]
        together = asyncio.create_task(engine.fetch_together(asks))
        await asyncio.sleep(0.1)

        def another() -> Steps[None]:
            yield Ask("insert into pizzas values('b','bianca')")

        await engine.write(another)
        first, _, last = await together
        assert first == last == [(1,)]
        assert await engine.fetch(count.text, ()) == [(2,)]

    with_engine(tmp_path, act)


def test_by_id_reads_keep_their_latency_beside_long_scans(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        far = steps_for(0.2)
        ends = time.perf_counter() + 2

        async def scan() -> int:
            done = 0
            while time.perf_counter() < ends:
                await engine.fetch(COUNT, (far,))
                done += 1
            return done

        scanning = asyncio.gather(scan(), scan())
        await asyncio.sleep(0.05)
        took = []
        while time.perf_counter() < ends:
            begun = time.perf_counter()
            await engine.fetch(BY_ID, ("a",))
            took.append(time.perf_counter() - begun)
            await asyncio.sleep(0.002)
        scans = sum(await scanning)
        took.sort()
        half, most = took[len(took) // 2], took[len(took) * 95 // 100]
        print(f"{len(took)} by id beside {scans} scans: median {half:.6f}, 95 % {most:.6f} s")
        assert scans >= 4
        assert half < 0.005
        assert most < 0.05

    with_engine(tmp_path, act)


def test_past_its_deadline_a_long_read_is_503(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        begun = time.perf_counter()
        with pytest.raises(Unavailable) as refused:
            await engine.fetch(COUNT, (FOR_EVER,))
        assert refused.value.code == "server.deadline"
        assert refused.value.headers["Retry-After"]
        assert 0.15 < time.perf_counter() - begun < 1.5
        assert await engine.fetch(BY_ID, ("a",)) == [("alfredo",)]

    with_engine(tmp_path, act, read_deadline_ms=200)


def test_more_long_reads_than_the_queue_holds_are_503_at_once(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        reads = [asyncio.create_task(engine.fetch(COUNT, (FOR_EVER,))) for _ in range(5)]
        begun = time.perf_counter()
        await asyncio.sleep(0.2)
        told = [r.exception() for r in reads if r.done()]
        assert {getattr(each, "code", "") for each in told} == {"server.overloaded"}
        assert len(told) in (2, 3)  # 3 where the thread had not yet taken the first
        assert time.perf_counter() - begun < 1
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)

    with_engine(tmp_path, act, read_threads=1, read_queue=2, read_deadline_ms=20_000)


def test_a_cancelled_caller_ends_its_statement(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        read = asyncio.create_task(engine.fetch(COUNT, (FOR_EVER,)))
        await asyncio.sleep(0.1)
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
        begun = time.perf_counter()
        far = steps_for(0.05)
        assert await engine.fetch(COUNT, (far,)) == [(far,)]  # by the same single thread
        assert time.perf_counter() - begun < 2

    with_engine(tmp_path, act, read_threads=1, read_deadline_ms=30_000)


def test_a_mistake_on_the_thread_is_told_as_on_the_event_loop(tmp_path: Path) -> None:
    text = COUNT + " union all select sum(9223372036854775807) from c"

    async def act(engine: SQLiteEngine) -> None:
        with pytest.raises(BadRequest) as refused:
            await engine.fetch(text, (steps_for(0.05),))
        assert refused.value.code == "query.overflow"
        assert len(engine._long.readers) == 1

    with_engine(tmp_path, act)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows the priority of one thread")
def test_the_threads_give_way_to_those_that_answer_and_write(tmp_path: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        engine._long.remember(COUNT)
        await engine.fetch(COUNT, (10,))
        own = os.getpriority(os.PRIO_PROCESS, 0)
        by_name: dict[str, set[int]] = {}
        for thread in threading.enumerate():
            nice = os.getpriority(os.PRIO_PROCESS, thread.native_id or 0)
            by_name.setdefault(thread.name, set()).add(nice)
        assert by_name.pop("stanchion-reader") == {min(19, own + 10)}
        assert all(nices == {own} for nices in by_name.values())

    with_engine(tmp_path, act)
