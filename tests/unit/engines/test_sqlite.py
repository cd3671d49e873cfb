"""The SQLite engine inside one process: reads, shared commits, held transactions, failures."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import apsw
import pytest

from stanchion import events
from stanchion.engines.base import Ask, ConstraintFailed, Engine, Job, Steps, Undo
from stanchion.engines.sqlite import SQLiteEngine
from stanchion.engines.sqlite.connection import (
    Pragma,
    executor,
    open_reader,
    open_writer,
    read_back,
)
from stanchion.errors import BadRequest, InternalError, StanchionError, StorageFull, Unavailable
from stanchion.settings import Settings

T = TypeVar("T")

FOREVER = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
INSERT_FOREVER = (
    "with recursive n(i) as (select 1 union all select i + 1 from n) "
    "insert into pizzas(id, code) select 'x' || i, 'x' || i from n where i < 0"
)


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """No test of this file may take longer than 20 seconds."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError("this test hangs")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def heard() -> Iterator[list[events.Event]]:
    """The events emitted during the test."""
    received: list[events.Event] = []
    stop = events.subscribe(received.append)
    yield received
    stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database that does not exist yet, in a folder that does not exist yet."""
    return tmp_path / "data" / "app.db"


def run(act: Callable[[SQLiteEngine], Coroutine[Any, Any, T]], engine: SQLiteEngine) -> T:
    """Run `act` on `engine` with the tables made, and close it."""

    async def main() -> T:
        try:
            await engine.write(make_tables)
            return await act(engine)
        finally:
            await engine.close()

    return asyncio.run(main())


def make_tables() -> Steps[None]:
    yield Ask("create table if not exists pizzas(id text primary key, code text unique) strict")
    yield Ask(
        "create table if not exists sizes(id text primary key, price integer not null "
        'constraint "price:ge" check (price >= 0), pizza text references pizzas(id) '
        "deferrable initially deferred) strict"
    )


def bake(key: str, code: str | None = None) -> Job[str]:
    def job() -> Steps[str]:
        rows = yield Ask("insert into pizzas(id, code) values(?1, ?2) returning id", (key, code))
        return str(rows[0][0])

    return job


def ask(text: str, *params: object) -> Job[list[tuple[Any, ...]]]:
    def job() -> Steps[list[tuple[Any, ...]]]:
        return (yield Ask(text, params))

    return job


def stored(file: Path) -> list[str]:
    """The keys of all pizzas, seen by a connection that is not the engine's."""
    other = apsw.Connection(str(file))
    try:
        return [row[0] for row in other.execute("select id from pizzas order by id")]
    finally:
        other.close()


async def outcomes(engine: Engine, *jobs: Job[Any]) -> list[Any]:
    return await asyncio.gather(*(engine.write(job) for job in jobs), return_exceptions=True)


# Opening


def test_every_pragma_is_read_back(file: Path) -> None:
    writer = open_writer(file, 1)
    reader = open_reader(file, 1)
    says = {
        name: writer.execute(f"pragma {name}").fetchall()[0][0]
        for name in (
            "journal_mode",
            "synchronous",
            "foreign_keys",
            "trusted_schema",
            "temp_store",
            "wal_autocheckpoint",
        )
    }
    assert says == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "temp_store": 2,
        "wal_autocheckpoint": 0,
    }
    assert reader.readonly("main")
    assert reader.execute("pragma query_only").fetchall() == [(1,)]
    with pytest.raises(StanchionError, match="synchronous"):
        read_back(writer, Pragma("synchronous", "full", 3))


def test_statements_that_are_kept_leave_the_quick_memory_of_a_connection_free(file: Path) -> None:
    open_writer(file, 1.0).close()
    connection = open_reader(file, 1.0)
    execute = executor(connection)
    for number in range(200):
        execute(f"select {number}, 'a' || ?1 || 'b' || ?2", (1, 2)).fetchall()
    assert connection.cache_stats()["size"] >= 200
    used, _ = connection.status(apsw.SQLITE_DBSTATUS_LOOKASIDE_USED)
    _, refused = connection.status(apsw.SQLITE_DBSTATUS_LOOKASIDE_MISS_FULL)
    assert used < 20 and refused == 0


def test_a_sqlite_with_the_wal_reset_bug_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(StanchionError, match=r"3\.51\.3 or later"):
        asyncio.run(SQLiteEngine(file, Settings()).open())
    assert not file.exists()


def test_first_use_opens_and_creates(file: Path) -> None:
    async def act() -> tuple[SQLiteEngine, object, SQLiteEngine]:
        first = SQLiteEngine(file, Settings())
        rows = await first.fetch("select 1", ())
        described = first.describe()
        assert described["journal_mode"] == "wal" and described["path"] == str(file)
        await first.close()
        await first.close()
        second = SQLiteEngine(file, Settings())
        await second.open()
        await second.close()
        return first, rows, second

    first, rows, second = asyncio.run(act())
    assert rows == [(1,)]
    assert first.created and not second.created
    assert not file.with_name("app.db-wal").exists()


def test_closed_engine_refuses_until_it_is_opened_again(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        waiting = [asyncio.create_task(engine.write(bake(f"p{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await engine.close()
        assert sorted(await asyncio.gather(*waiting)) == stored(file)
        for call in (engine.write(bake("late")), engine.fetch("select 1", ())):
            with pytest.raises(Unavailable) as refused:
                await call
            assert refused.value.code == "server.closing"
        await engine.open()
        await engine.write(bake("later"))

    run(act, SQLiteEngine(file, Settings()))
    assert len(stored(file)) == 51 and "late" not in stored(file)


# Reading


def test_read_past_its_deadline_is_stopped_and_the_connection_is_healthy(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        for _ in range(10):
            begun = time.perf_counter()
            with pytest.raises(Unavailable) as late:
                await engine.fetch(FOREVER, ())
            assert late.value.code == "server.deadline"
            assert 0.02 <= time.perf_counter() - begun < 2
            with pytest.raises(Unavailable):
                await engine.fetch_together([Ask("select 1"), Ask(FOREVER)])
            assert await engine.fetch("select 7", ()) == [(7,)]
            assert engine._reader is not None
            assert engine._reader.connection.txn_state() == apsw.SQLITE_TXN_NONE

    run(act, SQLiteEngine(file, Settings(read_deadline_ms=20)))


def test_overflow_in_a_result_is_the_callers_mistake(file: Path, heard: list[events.Event]) -> None:
    async def act(engine: SQLiteEngine) -> None:
        with pytest.raises(BadRequest) as refused:
            await engine.fetch(
                "select sum(x) from (select 9223372036854775807 x union all select 1)", ()
            )
        assert refused.value.code == "query.overflow"

    run(act, SQLiteEngine(file, Settings()))
    assert heard == []


@pytest.mark.parametrize("text", ["select nope", "insert into pizzas(id) values('x')"])
def test_what_the_driver_says_is_an_event_and_no_answer(
    file: Path, heard: list[events.Event], text: str
) -> None:
    async def act(engine: SQLiteEngine) -> None:
        with pytest.raises(InternalError) as refused:
            await engine.fetch(text, ())
        assert "nope" not in str(refused.value) and "readonly" not in str(refused.value)

    run(act, SQLiteEngine(file, Settings()))
    assert stored(file) == []
    assert [type(event) for event in heard] == [events.StatementFailed]


@pytest.mark.parametrize("budget", [5, 15_000], ids=["on a thread", "on the event loop"])
def test_reads_together_see_one_snapshot(file: Path, budget: int) -> None:
    count = Ask("select count(*) from pizzas")
    slow = Ask(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) "
        "select max(i) from n"
    )

    def intrude() -> None:
        time.sleep(0.05)
        other = apsw.Connection(str(file))
        other.execute("insert into pizzas(id) values('intruder')")
        other.close()

    async def act(engine: SQLiteEngine) -> None:
        thread = threading.Thread(target=intrude)
        thread.start()
        before, _, after = await engine.fetch_together([count, slow, count])
        thread.join()
        assert before == after, "on a thread they may begin after the intruder came"
        assert await engine.fetch(count.text, ()) == [(1,)]

    run(act, SQLiteEngine(file, Settings(read_deadline_ms=15_000, read_budget_ms=budget)))


def test_reader_does_not_wait_for_a_writer(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        held = await engine.begin()
        await held.run(bake("unseen"))
        begun = time.perf_counter()
        for _ in range(100):
            assert await engine.fetch("select id from pizzas", ()) == []
        assert time.perf_counter() - begun < 1.5
        await held.commit()
        assert await engine.fetch("select id from pizzas", ()) == [("unseen",)]

    run(act, SQLiteEngine(file, Settings()))


def test_a_statement_is_prepared_once_whatever_is_bound(file: Path) -> None:
    writer = open_writer(file, 1)
    writer.execute("create table t (id text primary key, price integer) strict")
    writer.execute("create index by_price on t (price, id)")
    reader = open_reader(file, 1)
    asked: list[str | None] = []

    def may(*what: Any) -> int:  # SQLite asks at each time it prepares
        asked.append(what[1])
        return apsw.SQLITE_OK

    reader.set_authorizer(may)
    page = "select id from t where price<?1 order by price,id limit ?2"
    reader.execute(page, (5, 31)).fetchall()
    assert asked
    asked.clear()
    for price in range(20):
        reader.execute(page, (price, 31)).fetchall()
    assert asked == []
    reader.close()
    writer.close()


# Writing


def test_answer_comes_after_the_commit(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        for n in range(50):
            key = await engine.write(bake(f"p{n:02}"))
            assert stored(file)[-1] == key

    run(act, SQLiteEngine(file, Settings()))


def test_writes_that_wait_together_share_one_commit(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        held = await engine.begin()  # so that all of them wait
        waiting = [asyncio.create_task(engine.write(bake(f"p{n:03}"))) for n in range(100)]
        await asyncio.sleep(0.01)
        writer = engine._writer
        assert writer is not None
        commits: list[str] = []
        writer.connection.set_commit_hook(lambda: bool(commits.append("commit")))
        await held.rollback()
        await asyncio.gather(*waiting)
        assert 0 < len(commits) <= 20, "one, or a few where the machine is slow"

    run(act, SQLiteEngine(file, Settings()))
    assert len(stored(file)) == 100


def test_error_of_one_job_leaves_its_neighbours(file: Path) -> None:
    def half() -> Steps[None]:
        yield Ask("insert into pizzas(id) values('half')")
        raise LookupError("changed my mind")

    async def act(engine: SQLiteEngine) -> list[Any]:
        return await outcomes(
            engine,
            bake("a", "same"),
            bake("b", "same"),
            half,
            ask("select nope"),
            ask("insert into sizes(id, price) values('s', -1)"),
            ask("insert into sizes(id, price) values('s', null)"),
            bake("c"),
        )

    first, clash, half_error, logic, check, null, last = run(act, SQLiteEngine(file, Settings()))
    assert (first, last) == ("a", "c")
    assert (clash.kind, clash.name) == ("unique", "pizzas.code")
    assert isinstance(half_error, LookupError)
    assert isinstance(logic, InternalError)
    assert (check.kind, check.name) == ("check", "price:ge")
    assert (null.kind, null.name) == ("not_null", "sizes.price")
    assert stored(file) == ["a", "c"]


def test_job_may_catch_a_constraint_undo_and_go_on(file: Path) -> None:
    def probe() -> Steps[list[tuple[Any, ...]]]:
        yield Ask("insert into pizzas(id) values('mine')")
        try:
            yield Ask("insert into pizzas(id) values('taken')")
        except ConstraintFailed as failed:
            assert failed.kind == "unique"
        assert (yield Undo()) == []
        return (yield Ask("select id from pizzas"))

    async def act(engine: SQLiteEngine) -> None:
        await engine.write(bake("taken"))
        assert await engine.write(probe) == [("taken",)]

    run(act, SQLiteEngine(file, Settings()))
    assert stored(file) == ["taken"]


def test_deferred_foreign_key_fails_its_own_job_only(file: Path) -> None:
    def child_first() -> Steps[None]:
        yield Ask("insert into sizes(id, price, pizza) values('s1', 1, 'p1')")
        yield Ask("insert into pizzas(id) values('p1')")

    async def act(engine: SQLiteEngine) -> list[Any]:
        orphan = ask("insert into sizes(id, price, pizza) values('s2', 1, 'nobody')")
        return await outcomes(engine, child_first, orphan, bake("p2"))

    fine, orphan, neighbour = run(act, SQLiteEngine(file, Settings()))
    assert fine is None and neighbour == "p2"
    assert orphan.kind == "foreign_key"
    assert stored(file) == ["p1", "p2"]


def test_on_delete_restrict_is_a_foreign_key(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        await engine.write(ask("create table o(id references pizzas(id) on delete restrict)"))
        await engine.write(bake("p"))
        await engine.write(ask("insert into o values('p')"))
        with pytest.raises(ConstraintFailed) as failed:
            await engine.write(ask("delete from pizzas"))
        assert failed.value.kind == "foreign_key"

    run(act, SQLiteEngine(file, Settings()))


def test_of_600_mixed_jobs_every_good_one_is_there_once(
    file: Path, heard: list[events.Event]
) -> None:
    def bad(key: str) -> Job[str]:
        def job() -> Steps[str]:
            yield Ask("insert into pizzas(id) values(?1)", (key,))
            raise ValueError(key)

        return job

    def runaway(key: str) -> Job[str]:
        def job() -> Steps[str]:
            yield Ask("insert into pizzas(id) values(?1)", (key,))
            yield Ask(INSERT_FOREVER)
            return key

        return job

    async def act(engine: SQLiteEngine) -> list[Any]:
        await engine.write(bake("first", "taken"))
        assert engine._writer is not None
        engine._writer._work = 0.05  # so that nobody waits too long behind seven runaways
        return await outcomes(engine, *(job for _, job in jobs))

    make: dict[str, Callable[[str], Job[str]]] = {
        "good": bake,
        "bad": bad,
        "runaway": runaway,
        "clash": lambda key: bake(key, "taken"),
    }
    kinds = ["runaway"] * 7 + ["clash"] * 78 + ["bad"] * 54 + ["good"] * 461
    random.Random(3).shuffle(kinds)
    jobs = [(kind, make[kind](f"{kind}{n:03}")) for n, kind in enumerate(kinds)]
    results = run(act, SQLiteEngine(file, Settings()))

    expected = {"good": str, "bad": ValueError, "runaway": Unavailable, "clash": ConstraintFailed}
    for (kind, _), result in zip(jobs, results, strict=True):
        assert isinstance(result, expected[kind]), (kind, result)
    good = [result for result in results if isinstance(result, str)]
    assert len(good) == 461
    assert sorted([*good, "first"]) == stored(file)
    assert sum(isinstance(event, events.TransactionReplayed) for event in heard) >= 1


def test_a_runaway_does_not_fail_its_neighbours(file: Path, heard: list[events.Event]) -> None:
    async def act(engine: SQLiteEngine) -> list[Any]:
        held = await engine.begin()
        jobs: list[Job[Any]] = [bake(f"a{n}") for n in range(20)]
        jobs += [ask(INSERT_FOREVER), *(bake(f"b{n}") for n in range(20))]
        waiting = asyncio.gather(*(engine.write(job) for job in jobs), return_exceptions=True)
        await asyncio.sleep(0)
        await held.rollback()
        return await waiting

    results = run(act, SQLiteEngine(file, Settings(write_deadline_ms=1000)))
    assert [type(result) for result in results].count(str) == 40
    assert results[20].code == "server.deadline"
    assert len(stored(file)) == 40
    assert heard == [events.TransactionReplayed(20, "server.deadline")]


def test_many_lost_transactions_end_in_single_commits(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> list[Any]:
        await engine.write(ask("pragma max_page_count=60"))
        big = [ask("insert into pizzas values(?1, hex(zeroblob(500000)))", n) for n in "uvwxyz"]
        return await outcomes(engine, bake("a"), *big, bake("b"), bake("c"))

    results = run(act, SQLiteEngine(file, Settings()))
    assert [type(result) for result in results] == [str, *[StorageFull] * 6, str, str]
    assert stored(file) == ["a", "b", "c"]


def test_full_storage_is_told_and_survived(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        await engine.write(ask("pragma max_page_count=40"))
        results = await outcomes(
            engine,
            *(
                ask("insert into pizzas values(?1, hex(randomblob(5000)))", f"p{n:02}")
                for n in range(60)
            ),
        )
        full = [result for result in results if isinstance(result, StorageFull)]
        assert full and full[0].status == 507
        assert len(stored(file)) == 60 - len(full) > 0
        await engine.write(ask("pragma max_page_count=1000000"))
        assert await engine.write(bake("space")) == "space"

    run(act, SQLiteEngine(file, Settings()))
    assert "space" in stored(file)


def test_too_many_waiting_writes_are_refused_at_once(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        held = await engine.begin()
        waiting = [asyncio.create_task(engine.write(bake(f"p{n}"))) for n in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as refused:
            await engine.write(bake("one too many"))
        assert (
            refused.value.code == "server.overloaded"
            and refused.value.headers["Retry-After"] == "1"
        )
        await held.rollback()
        await asyncio.gather(*waiting)

    run(act, SQLiteEngine(file, Settings(write_queue=5)))
    assert len(stored(file)) == 5


def test_cancelled_caller_whose_job_has_not_begun_is_skipped(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        held = await engine.begin()
        gone = asyncio.create_task(engine.write(bake("gone")))
        stays = asyncio.create_task(engine.write(bake("stays")))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0)
        await held.commit()
        assert await stays == "stays"

    run(act, SQLiteEngine(file, Settings()))
    assert stored(file) == ["stays"]


def test_two_event_loops_share_one_engine(file: Path) -> None:
    async def many(engine: SQLiteEngine, name: str) -> None:
        await asyncio.gather(*(engine.write(bake(f"{name}{n}")) for n in range(100)))
        for _ in range(200):
            await engine.fetch("select count(*) from pizzas", ())

    async def act(engine: SQLiteEngine) -> None:
        other = threading.Thread(target=lambda: asyncio.run(many(engine, "b")))
        other.start()
        await many(engine, "a")
        await asyncio.to_thread(other.join)

    run(act, SQLiteEngine(file, Settings()))
    assert len(stored(file)) == 200


def test_the_wal_is_moved_into_the_file_as_it_grows(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        for n in range(60):
            await engine.write(
                ask("insert into pizzas values(?1, hex(randomblob(60000)))", f"p{n}")
            )
        wal = file.with_name("app.db-wal").stat().st_size
        assert file.stat().st_size > 2_000_000, "nothing was checkpointed"
        assert wal < 6_000_000, "the WAL was never started again"

    run(act, SQLiteEngine(file, Settings()))


def test_busy_event_loop_does_not_starve_the_writer(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        ends = time.perf_counter() + 1.5
        written = 0

        async def burn() -> None:
            while (now := time.perf_counter()) < ends:
                while time.perf_counter() < now + 0.0005:
                    pass
                await asyncio.sleep(0)

        async def write() -> None:
            nonlocal written
            while time.perf_counter() < ends:
                await engine.write(ask("insert into pizzas(id) values(hex(randomblob(8)))"))
                written += 1

        await asyncio.gather(burn(), *(write() for _ in range(8)))
        assert written > 150, "about 10 without Turns._give_way, 2,000 with it"

    run(act, SQLiteEngine(file, Settings()))


# A held transaction


def test_held_transaction_is_seen_after_its_commit_only(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        held = await engine.begin()
        await held.run(bake("a"))
        with pytest.raises(ConstraintFailed):
            await held.run(bake("a"))
        with pytest.raises(ConstraintFailed):
            await held.run(ask("insert into sizes(id, price, pizza) values('s', 1, 'nobody')"))
        await held.run(bake("b"))
        assert stored(file) == []
        await held.commit()
        assert stored(file) == ["a", "b"]
        with pytest.raises(StanchionError, match="has ended"):
            await held.run(bake("c"))
        await held.rollback()

    run(act, SQLiteEngine(file, Settings()))
    assert stored(file) == ["a", "b"]


def test_rolled_back_transaction_leaves_nothing(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        held = await engine.begin()
        await held.run(bake("a"))
        await held.rollback()
        with pytest.raises(StanchionError, match="has ended"):
            await held.commit()
        await engine.write(bake("b"))

    run(act, SQLiteEngine(file, Settings()))
    assert stored(file) == ["b"]


def test_transaction_held_too_long_is_rolled_back_and_the_writer_goes_on(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        held = await engine.begin()
        await held.run(bake("slow"))
        begun = time.perf_counter()
        assert await engine.write(bake("other")) == "other"
        assert 0.1 < time.perf_counter() - begun < 5
        with pytest.raises(Unavailable) as refused:
            await held.run(bake("again"))
        assert refused.value.code == "transaction.timeout" and "300 ms" in refused.value.detail
        with pytest.raises(Unavailable):
            await held.commit()
        await held.rollback()

    run(act, SQLiteEngine(file, Settings(transaction_ms=300)))
    assert stored(file) == ["other"]


def test_statement_that_outlasts_the_transaction_is_stopped(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        for text in (FOREVER, INSERT_FOREVER):
            held = await engine.begin()
            await held.run(bake("slow"))
            for call in (held.run(ask(text)), held.commit()):
                with pytest.raises(Unavailable) as refused:
                    await call
                assert refused.value.code == "transaction.timeout"

    run(act, SQLiteEngine(file, Settings(transaction_ms=300)))
    assert stored(file) == []


def test_transaction_that_sqlite_dropped_is_dead(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        await engine.write(ask("pragma max_page_count=30"))
        held = await engine.begin()
        await held.run(bake("a"))
        with pytest.raises(StorageFull):
            await held.run(ask("insert into pizzas values('b', hex(zeroblob(500000)))"))
        for call in (held.run(bake("c")), held.commit()):
            with pytest.raises(Unavailable) as refused:
                await call
            assert refused.value.code == "transaction.lost"
        await held.rollback()
        await engine.write(bake("d"))

    run(act, SQLiteEngine(file, Settings()))
    assert stored(file) == ["d"]


def test_cancelled_or_forgotten_holder_gives_the_writer_back(file: Path) -> None:
    async def act(engine: SQLiteEngine) -> None:
        async def hold_and_wait() -> None:
            held = await engine.begin()
            await held.run(bake("cancelled"))
            await asyncio.sleep(60)

        async def hold_and_run() -> None:
            held = await engine.begin()
            await held.run(bake("cancelled too"))
            await held.run(ask(FOREVER))

        for holder in (hold_and_wait, hold_and_run):
            task = asyncio.create_task(holder())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            del task
            gc.collect()
            await engine.write(bake(f"after {holder.__name__}"))

        queued = await engine.begin()
        waits = asyncio.create_task(engine.begin())
        await asyncio.sleep(0.01)
        waits.cancel()
        await queued.rollback()
        begun = time.perf_counter()
        await engine.write(bake("last"))
        assert time.perf_counter() - begun < 1

    run(act, SQLiteEngine(file, Settings(write_deadline_ms=2000)))
    assert stored(file) == ["after hold_and_run", "after hold_and_wait", "last"]


def test_begin_waits_its_turn(file: Path) -> None:
    order: list[str] = []

    async def act(engine: SQLiteEngine) -> None:
        async def write(name: str) -> None:
            await engine.write(bake(name))
            order.append(name)

        async def hold(name: str) -> None:
            held = await engine.begin()
            order.append(name)
            await held.run(bake(name))
            await held.commit()

        await asyncio.gather(write("a"), write("b"), hold("c"), write("d"), hold("e"), write("f"))

    run(act, SQLiteEngine(file, Settings()))
    assert order == ["a", "b", "c", "d", "e", "f"]


# A disk that fails


class BrokenDisk(apsw.VFS):
    """SQLite's own file system, until `error` is set: then WAL writes or syncs fail."""

    def __init__(self, name: str) -> None:
        self.call = ""
        self.error: tuple[type[apsw.Error], int] | None = None
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return BrokenFile(self, name, flags)

    def check(self, call: str) -> None:
        if self.error is not None and call == self.call:
            kind, code = self.error
            error = kind("the test broke the disk")
            error.result = code & 0xFF  # type: ignore[attr-defined]  # apsw reads it
            error.extendedresult = code  # type: ignore[attr-defined]
            raise error


class BrokenFile(apsw.VFSFile):
    def __init__(self, disk: BrokenDisk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.log = "wal" if flags[0] & apsw.SQLITE_OPEN_WAL else "file"
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.check("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.disk.check(f"sync {self.log}")
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:
        self.disk.check("read")
        return super().xRead(amount, offset)


@pytest.mark.parametrize(
    ("kind", "code", "answer"),
    [
        (apsw.FullError, apsw.SQLITE_FULL, StorageFull),
        (apsw.IOError, apsw.SQLITE_IOERR_WRITE, Unavailable),
    ],
)
def test_failed_commit_is_told_to_everybody_and_survived(
    file: Path,
    heard: list[events.Event],
    kind: type[apsw.Error],
    code: int,
    answer: type[StanchionError],
) -> None:
    disk = BrokenDisk("broken-write")

    async def act(engine: SQLiteEngine) -> None:
        await engine.write(bake("before"))
        disk.call, disk.error = "write", (kind, code)
        results = await outcomes(engine, *(bake(f"p{n}") for n in range(10)))
        assert [type(result) for result in results] == [answer] * 10
        held = await engine.begin()
        await held.run(bake("held"))
        with pytest.raises(answer):
            await held.commit()
        disk.error = None
        assert stored(file) == ["before"]
        await engine.write(bake("after"))

    run(act, SQLiteEngine(file, Settings(), vfs="broken-write", end_process=_forbid))
    assert stored(file) == ["after", "before"]
    assert any(isinstance(event, events.StatementFailed) for event in heard)
    disk.unregister()


def _forbid(code: int) -> None:
    raise AssertionError(f"the process would have ended with {code}")


@pytest.mark.parametrize("how", ["write", "commit"])
def test_failed_fsync_ends_the_process(file: Path, heard: list[events.Event], how: str) -> None:
    disk = BrokenDisk("broken-sync")
    ended: list[int] = []

    async def act(engine: SQLiteEngine) -> None:
        await engine.write(bake("before"))
        held = await engine.begin()
        await held.run(bake("held"))
        waiting = [asyncio.create_task(engine.write(bake(f"p{n}"))) for n in range(10)]
        await asyncio.sleep(0.01)
        disk.call, disk.error = "sync wal", (apsw.IOError, apsw.SQLITE_IOERR_FSYNC)
        if how == "write":
            await held.rollback()
        else:
            with pytest.raises(InternalError):
                await held.commit()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [InternalError] * 10
        with pytest.raises(Unavailable):
            await engine.write(bake("late"))
        disk.error = None
        assert "late" not in stored(file)

    run(act, SQLiteEngine(file, Settings(), vfs="broken-sync", end_process=ended.append))
    assert ended == [70]
    assert [type(event) for event in heard][-1] is events.WriterFailed
    disk.unregister()


def test_failed_fsync_of_a_checkpoint_ends_the_process_after_the_answers(
    file: Path, heard: list[events.Event]
) -> None:
    disk = BrokenDisk("broken-checkpoint")
    ended: list[int] = []

    async def act(engine: SQLiteEngine) -> None:
        disk.call, disk.error = "sync file", (apsw.IOError, apsw.SQLITE_IOERR_FSYNC)
        await engine.write(ask("insert into pizzas values('big', hex(zeroblob(5000000)))"))
        while not ended:
            await asyncio.sleep(0.01)
        disk.error = None
        assert stored(file) == ["big"]

    run(act, SQLiteEngine(file, Settings(), vfs="broken-checkpoint", end_process=ended.append))
    assert ended == [70]
    assert [type(event) for event in heard] == [events.WriterFailed]
    disk.unregister()


@pytest.mark.parametrize(
    ("kind", "code", "answer"),
    [
        (apsw.IOError, apsw.SQLITE_IOERR_READ, Unavailable),
        (apsw.CorruptError, apsw.SQLITE_CORRUPT, InternalError),
    ],
)
def test_failed_read_is_told_and_survived(
    file: Path,
    heard: list[events.Event],
    kind: type[apsw.Error],
    code: int,
    answer: type[StanchionError],
) -> None:
    disk = BrokenDisk("broken-read")

    async def act(engine: SQLiteEngine) -> None:
        await engine.write(bake("a"))
        disk.call, disk.error = "read", (kind, code)
        with pytest.raises(answer) as refused:
            await engine.fetch("select id from pizzas", ())
        assert "broke the disk" not in str(refused.value)
        disk.error = None
        assert await engine.fetch("select id from pizzas", ()) == [("a",)]

    run(act, SQLiteEngine(file, Settings(), vfs="broken-read", end_process=_forbid))
    assert [type(event) for event in heard] == [events.StatementFailed]
    disk.unregister()


def test_fault_in_the_writer_fails_everybody_and_ends_the_process(
    file: Path, heard: list[events.Event]
) -> None:
    ended: list[int] = []

    async def act(engine: SQLiteEngine) -> None:
        assert engine._writer is not None
        engine._writer._commit = None  # type: ignore[assignment,method-assign]  # the fault
        held = await engine.begin()  # so that all of them wait when it strikes
        waiting = asyncio.create_task(outcomes(engine, *(bake(f"p{n}") for n in range(10))))
        await asyncio.sleep(0.01)
        await held.rollback()
        results = await waiting
        assert [type(result) for result in results] == [InternalError] * 10

    run(act, SQLiteEngine(file, Settings(), end_process=ended.append))
    assert ended == [70] and stored(file) == []
    assert [type(event) for event in heard] == [events.WriterFailed]


def test_opening_waits_for_who_is_making_the_file(tmp_path: Path) -> None:
    path = tmp_path / "fresh.db"
    maker = apsw.Connection(str(path))
    maker.execute("begin exclusive")
    timer = threading.Timer(0.2, maker.execute, ("rollback",))
    timer.start()
    try:
        connection = open_writer(path, 5)
    finally:
        timer.join()
        maker.close()
    assert connection.pragma("journal_mode") == "wal"
    connection.close()
