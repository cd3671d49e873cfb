"""Faults between an app and PostgreSQL: silence, broken connections, cancelled callers, no server.

What must hold: nobody waits past the deadline, no 2xx that is none, 503 `server.uncertain` where a
commit got no answer and nowhere else, and nothing is left of it when the database is back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from stanchion import App, Record, Ref, Rules, Settings, events, public
from stanchion.clock import uuid7
from stanchion.engines import Ask, ConstraintFailed, Engine
from stanchion.engines.postgres.listen import LOOK_S
from stanchion.errors import InternalError, Problem, Unavailable
from tests.postgres import Postgres

from .middle import Middle, between

READ_S, WRITE_S, HELD_S = 0.5, 1.0, 0.8
SLACK_S = 1.0 + 1.5
"""What the network may take, and what a busy machine may."""


@asynccontextmanager
async def running(url: str, **settings: Any) -> AsyncIterator[tuple[App, Engine]]:
    kept = {
        "read_deadline_ms": int(READ_S * 1000), "write_deadline_ms": int(WRITE_S * 1000),
        "transaction_ms": int(HELD_S * 1000), "database_connections": 3, **settings,
    }  # fmt: skip
    app = App("Faults", settings=Settings(database_url=url, **kept))

    @app.collection("notes")
    class Note(Record):
        text: str = ""
        rules = Rules(read=public, write=public)

    app.state.note = Note
    try:
        yield app, (await app.runtime.records()).engine
    finally:
        await app.runtime.close()


def with_app(url: str, act: Callable[[App, Engine, Middle], Awaitable[None]], **more: Any) -> None:
    """Run `act` on an app that reaches the database over a way that can be disturbed."""

    async def main() -> None:
        async with between(url) as middle, running(middle.url, **more) as (app, engine):
            async with asyncio.timeout(60):
                await act(app, engine, middle)

    asyncio.run(main())


@pytest.fixture
def told() -> Iterator[list[events.Event]]:
    seen: list[events.Event] = []
    forget = events.subscribe(seen.append)
    yield seen
    forget()


async def make(app: App, key: str = "") -> str:
    """A note, in a transaction that is held."""
    async with app.transaction(actor=app.system()) as tx:
        await tx.create(app.state.note(id=Ref(key or uuid7())))
    return key


def writing(text: str = "select 1") -> Callable[[], Any]:
    def job() -> Any:
        return (yield Ask(text))

    return job


ONCE = "insert into _once (name,time) values ('once','now') returning 1"


async def read(engine: Engine, table: str = "notes") -> int:
    return int((await engine.fetch(f"select count(*) from {table}", ()))[0][0])


async def refused(work: Awaitable[Any], within: float) -> str:
    """The code that a caller is told, in time."""
    begun = time.monotonic()
    with pytest.raises(Problem) as problem:
        await work
    assert time.monotonic() - begun < within + SLACK_S, problem.value
    assert problem.value.headers.get("Retry-After") == "1"
    return problem.value.code


async def until_true(ask: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not await ask():
        assert time.monotonic() < ends, "it never came to be"
        await asyncio.sleep(0.02)


# silence


@pytest.mark.parametrize("way", ["silent", "deaf"])
def test_nobody_waits_past_the_deadline_of_a_silent_network(database: str, way: str) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        await read(engine)
        await make(app)
        setattr(middle, way, True)
        codes = await asyncio.gather(
            refused(read(engine), READ_S),
            refused(engine.find("select 1", ()), READ_S),
            refused(engine.fetch_together([Ask("select 1"), Ask("select 2")]), READ_S),
            refused(engine.write(writing()), WRITE_S),
            refused(make(app), WRITE_S),
        )
        assert set(codes) <= {"server.deadline", "server.database", "server.busy"}, codes
        # those that have no connection yet wait no longer either
        again = await asyncio.gather(*(refused(read(engine), READ_S) for _ in range(8)))
        assert set(again) <= {"server.deadline", "server.database", "server.busy"}, again
        setattr(middle, way, False)
        await until_true(lambda: succeeds(read(engine)))
        await until_true(lambda: succeeds(make(app)))

    with_app(database, act)


async def succeeds(work: Awaitable[Any]) -> bool:
    try:
        await work
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize("held", [False, True])
def test_a_commit_without_an_answer_is_told_as_uncertain(database: str, held: bool) -> None:
    """It was done here; the caller must not be told that it was not."""

    async def act(app: App, engine: Engine, middle: Middle) -> None:
        middle.until = b"commit\0"
        work = make(app) if held else engine.write(writing(ONCE))
        assert await refused(work, HELD_S if held else WRITE_S) == "server.uncertain"
        middle.until, middle.deaf = b"", False
        await until_true(lambda: succeeds(read(engine)))
        assert await read(engine, "notes" if held else "_once") == 1

    with_app(database, act)


@pytest.mark.parametrize("passed", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_a_connection_that_ends_with_the_commit_is_told_as_uncertain(
    database: str, held: bool, passed: bool
) -> None:
    """Whether the commit reached the database nobody here can know."""

    async def act(app: App, engine: Engine, middle: Middle) -> None:
        middle.cut, middle.passed = b"commit\0", passed
        work = make(app) if held else engine.write(writing(ONCE))
        assert await refused(work, HELD_S if held else WRITE_S) == "server.uncertain"
        middle.cut = b""
        await until_true(lambda: succeeds(read(engine)))
        table = "notes" if held else "_once"
        if passed:  # the database may be at it still
            await until_true(lambda: has_one(engine, table))
        assert await read(engine, table) == passed

    with_app(database, act)


async def has_one(engine: Engine, table: str) -> bool:
    return await read(engine, table) == 1


def test_a_transaction_that_fell_silent_before_its_commit_is_not_there(database: str) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        async def fall_silent() -> None:
            async with app.transaction(actor=app.system()) as tx:
                await tx.create(app.state.note())
                middle.silent = True
                await tx.create(app.state.note())

        assert await refused(fall_silent(), HELD_S) == "transaction.timeout"
        middle.silent = False
        await until_true(lambda: succeeds(read(engine)))
        assert await read(engine) == 0

    with_app(database, act)


# broken connections


async def break_all(url: str, *middles: Middle) -> None:
    """End every connection to the database, and wait until who had one on these ways has noticed:
    what is sent before that may be a commit, and then nobody knows."""
    connection = await asyncpg.connect(url)
    ways = {way for middle in middles for way in middle.ways()}
    try:
        async with asyncio.timeout(20):
            while ways:
                await connection.execute(  # again: one may just be connecting
                    "select pg_terminate_backend(pid) from pg_stat_activity "
                    "where datname=current_database() and pid<>pg_backend_pid()"
                )
                _, ways = await asyncio.wait(ways, timeout=0.2)
    finally:
        await connection.close()


def test_broken_connections_are_replaced_and_no_caller_hears_of_it(database: str) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        for number in range(5):
            await asyncio.gather(*(read(engine) for _ in range(3)), make(app))
            await break_all(database, middle)
            await engine.write(writing())
            assert await read(engine) == 2 * number + 1
            await break_all(database, middle)
            await make(app)

    with_app(database, act)


def test_a_transaction_whose_connection_breaks_goes_on_in_another(database: str) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        async with app.transaction(actor=app.system()) as tx:
            await tx.create(app.state.note())
            await break_all(database, middle)
            await tx.create(app.state.note())
            await break_all(database, middle)
        assert await read(engine) == 2

    with_app(database, act)


def test_a_commit_that_rolls_back_is_no_success(database: str) -> None:
    """A job that goes on after a constraint failed, and has not said `Undo`."""

    async def act(app: App, engine: Engine, middle: Middle) -> None:
        def careless() -> Any:
            try:
                yield Ask("insert into _log (id,trimmed,counted,bytes) values (2,0,0,0)")
            except ConstraintFailed:
                return "done"

        with pytest.raises(InternalError):
            await engine.write(careless)

    with_app(database, act)


def test_a_value_that_cannot_be_sent_is_no_lost_connection(
    database: str, told: list[events.Event]
) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        def unsendable() -> Any:
            yield Ask("select ?1::int8", ("seven",))

        begun = time.monotonic()
        with pytest.raises(InternalError):
            await engine.write(unsendable)
        assert time.monotonic() - begun < WRITE_S, "it was tried again"

    with_app(database, act)


# callers that leave


@pytest.mark.parametrize("twice", [False, True])
def test_a_caller_that_leaves_leaves_no_transaction_behind(
    database: str, postgres: Postgres, twice: bool
) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        async def hold() -> None:
            async with app.transaction(actor=app.system()) as tx:
                await tx.create(app.state.note())
                await asyncio.sleep(60)

        works: list[Callable[[], Awaitable[Any]]] = [
            lambda: engine.write(writing("select pg_sleep(5)")),
            lambda: engine.fetch("select pg_sleep(5)", ()),
            hold,
        ]
        for work in works * 3:
            task = asyncio.ensure_future(work())
            await asyncio.sleep(0.1)
            task.cancel()
            if twice:
                await asyncio.sleep(0)
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        # one connection of each kind: one that were left behind would be missed
        for _ in range(3):
            await engine.write(writing())
            await make(app)
            await read(engine)
        active = (
            "select count(*) from pg_stat_activity where datname=current_database() and "
            "state<>'idle' and pid<>pg_backend_pid()"
        )
        await until_true(lambda: asyncio.to_thread(is_zero, postgres, active, database))
        assert await read(engine) == 3

    with_app(database, act, database_connections=1, transaction_ms=2_000)


def is_zero(postgres: Postgres, text: str, database: str) -> bool:
    return postgres.sql(text, database.rpartition("/")[2]) == "0"


# no connection left


def test_who_finds_every_connection_taken_is_told_so_in_time_and_reads_go_on(
    database: str, told: list[events.Event]
) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        free = asyncio.Event()

        async def hold() -> str:
            try:
                async with app.transaction(actor=app.system()) as tx:
                    await tx.create(app.state.note())
                    await free.wait()
            except Unavailable as problem:
                assert problem.headers == {"Retry-After": "1"}
                return problem.code
            return "done"

        told.clear()
        begun = time.monotonic()
        waiting = {asyncio.create_task(hold()) for _ in range(40)}
        codes = []
        while len(waiting) > 3:
            await read(engine)
            done, waiting = await asyncio.wait(waiting, timeout=0.02)
            codes += [one.result() for one in done]
            assert time.monotonic() - begun < WRITE_S + HELD_S + SLACK_S
        assert codes == ["server.busy"] * 37
        free.set()
        assert await asyncio.gather(*waiting) == ["done"] * 3
        assert await read(engine) == 3
        assert told == [], "that many callers are no outage"

    with_app(database, act, transaction_ms=20_000)


# nobody there


def test_an_outage_is_told_once_and_its_end_once(database: str, told: list[events.Event]) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        await asyncio.gather(*(make(app) for _ in range(3)), *(read(engine) for _ in range(3)))
        told.clear()
        await middle.refuse()
        for _ in range(20):
            works = [read(engine), engine.write(writing()), make(app)]
            codes = await asyncio.gather(*(refused(work, 0) for work in works))
            assert set(codes) == {"server.database"}
            assert not await is_ready(app)
        await middle.listen()
        await until_true(lambda: is_ready(app))
        await engine.write(writing())
        outage = [e for e in told if isinstance(e, events.DatabaseAway | events.DatabaseBack)]
        assert [type(event) for event in outage] == [events.DatabaseAway, events.DatabaseBack]
        assert len(told) - len(outage) <= 9, told  # connections that broke, of three kinds

    with_app(database, act)


async def is_ready(app: App) -> bool:
    try:
        return await app.runtime.ready()
    except Unavailable:
        return False


# who listens


def test_a_listener_comes_back_and_hears_other_processes(
    database: str, told: list[events.Event]
) -> None:
    async def act(app: App, engine: Engine, middle: Middle) -> None:
        async with between(database) as beside, running(beside.url) as (_, other):
            await heard(engine, other)
            for _ in range(3):
                await break_all(database, middle, beside)
                await until_true(lambda: hears(engine, other))
            middle.silent = True
            begun = time.monotonic()
            for _ in range(20):
                await engine.mark()
                await engine.wait_for_commit("", 0)
            assert time.monotonic() - begun < 4 * LOOK_S + SLACK_S
            middle.silent = False
            await until_true(lambda: hears(engine, other))

    with_app(database, act)


async def hears(engine: Engine, other: Engine) -> bool:
    mark = await engine.mark()
    await other.write(writing())
    for _ in range(20):
        if await engine.mark() != mark:
            return True
        await asyncio.sleep(0.01)
    return False


async def heard(engine: Engine, other: Engine) -> None:
    await until_true(lambda: hears(engine, other))


def test_a_listener_that_cannot_connect_costs_commits_nothing_and_is_told_once(
    database: str, told: list[events.Event]
) -> None:
    async def main() -> None:
        nowhere = "postgresql://nobody@127.0.0.1:1/nowhere"
        async with running(database) as (_, engine):
            engine._listener()._url = nowhere  # type: ignore[attr-defined]  # of this engine
            for _ in range(30):
                await engine.write(writing())
                await asyncio.sleep(0.02)
        assert [type(event) for event in told] == [events.SchemaApplied, events.StatementFailed]

    asyncio.run(main())
