"""Reads on streaming replicas: as new as on the primary, for everybody and on every host."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from stanchion import App, Settings, events
from stanchion.engines.postgres import logend, replicas
from stanchion.errors import SettingError, Unavailable
from stanchion.query import ANONYMOUS, ReadQuery
from tests.postgres import Postgres, start
from tests.standby import following, wait_until_even

from .conftest import Note, Shelf, with_apps

PATIENCE_S = 30.0
WHERE = "select pg_is_in_recovery()"
OPTIONS = "max_standby_streaming_delay=50ms", "hot_standby_feedback=off"


@pytest.fixture(scope="module")
def standby(server: Postgres) -> Iterator[Postgres]:
    with following(server, *OPTIONS) as running:
        yield running


@pytest.fixture
def settings(server: Postgres, standby: Postgres, database: str) -> Settings:
    wait_until_even(server, standby)
    return Settings(
        database_url=server.url(database), database_replicas=standby.url(database),
        read_deadline_ms=1_500,
    )  # fmt: skip


async def until(holds: Callable[[], Any]) -> None:
    """Wait until it holds."""
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends, "it never held"
        await asyncio.sleep(0.02)


async def read(app: App, text: str, *params: Any) -> Any:
    """The one row of a statement that may run on a replica."""
    engine = (await app.runtime.records()).engine
    return (await engine.anywhere.fetch(text, params))[0]


async def well(app: App, *, wanted: bool = True) -> None:
    """Wait until the replicas are read from, or until none is."""
    await read(app, WHERE)
    engine: Any = (await app.runtime.records()).engine
    await until(lambda: set(engine.describe()["replicas"].values()) == {wanted})


async def from_replica(app: App, last: int) -> None:
    """Wait for a read that a replica answers: while one is a moment behind, the primary does."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        there, found = await read(app, LAST)
        assert found == last
        if there:
            return
        assert time.monotonic() < ends, "no replica is read from"
        await asyncio.sleep(0.02)


async def write(app: App, number: int) -> None:
    async with app.transaction() as tx:
        await tx.create(Note(text="n", number=number))


LAST = "select pg_is_in_recovery(),coalesce(max(number),-1) from notes"


def test_whoever_reads_sees_what_anybody_was_answered(settings: Settings) -> None:
    """What one host wrote the other reads at once, wherever that is read."""

    async def act(writer: App, reader: App) -> None:
        await well(reader)
        for number in range(60):
            await write(writer, number)
            _, last = await read(reader, LAST)
            assert last == number
        await from_replica(reader, 59)

    with_apps([settings, settings], act)


def test_many_readers_and_writers_at_once(settings: Settings) -> None:
    async def act(one: App, other: App) -> None:
        await well(one)
        await well(other)
        numbers = count()
        stale = 0
        answered = -1

        async def writes(app: App) -> None:
            nonlocal answered
            for _ in range(25):
                number = next(numbers)
                try:
                    await write(app, number)
                except Unavailable:
                    continue
                answered = max(answered, number)

        async def reads(app: App) -> None:
            nonlocal stale
            for _ in range(60):
                known = answered
                _, last = await read(app, LAST)
                stale += last < known

        both = (one, other)
        await asyncio.gather(*(writes(app) for app in both), *(reads(app) for app in both * 4))
        assert stale == 0
        for app in both:
            await from_replica(app, answered)

    with_apps([settings, settings], act)


def test_replica_that_is_behind_is_left_out_and_comes_back(
    settings: Settings, standby: Postgres
) -> None:
    told: list[events.Event] = []

    async def act(app: App) -> None:
        await well(app)
        standby.sql("select pg_wal_replay_pause()")
        try:
            for number in range(20):
                await write(app, number)
                assert list(await read(app, LAST)) == [False, number]
        finally:
            standby.sql("select pg_wal_replay_resume()")
        await well(app)
        await from_replica(app, 19)

    forget = events.subscribe(told.append)
    try:
        with_apps([settings], act)
    finally:
        forget()
    kinds = [type(each) for each in told if "Replica" in type(each).__name__]
    begun = kinds.index(events.ReplicaBack)  # at the start it may have been a moment behind
    left, back = events.ReplicaLeftOut, events.ReplicaBack
    assert kinds[begun : begun + 3] == [back, left, back]


def test_fault_is_seen_where_the_position_is_not_asked(
    settings: Settings, standby: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As above, with reads that go to a replica however far it is: what was written is missed."""

    async def act(app: App) -> None:
        await well(app)
        standby.sql("select pg_wal_replay_pause()")
        try:
            monkeypatch.setattr(logend, "_POSITION", "select '0/0'")
            await write(app, 1)
            assert list(await read(app, LAST)) == [True, -1]
        finally:
            standby.sql("select pg_wal_replay_resume()")

    with_apps([settings], act)


def test_replica_stops_and_starts(settings: Settings, server: Postgres, database: str) -> None:
    """`kill -9` of a replica between and inside reads fails none of them; it is used again."""
    with following(server, *OPTIONS) as standby:

        async def act(app: App) -> None:
            await well(app)
            await write(app, 0)
            reading = [asyncio.create_task(read(app, LAST + ",pg_sleep(0.3)")) for _ in range(4)]
            await asyncio.sleep(0.15)
            standby.kill()
            assert [row[1] for row in await asyncio.gather(*reading)] == [0] * 4
            for number in range(1, 20):
                await write(app, number)
                assert (await read(app, LAST))[1] == number
            again = start(standby.version, standby.folder, *OPTIONS, port=standby.port)
            standby.process = again.process
            await well(app)
            await from_replica(app, 19)

        with_apps([replace(settings, database_replicas=standby.url(database))], act)


def test_replica_that_hangs_keeps_nobody_waiting(settings: Settings, standby: Postgres) -> None:
    async def act(app: App) -> None:
        await well(app)
        standby.signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            rows = await asyncio.gather(*(read(app, LAST) for _ in range(10)))
            assert {row[0] for row in rows} == {False}
            assert time.monotonic() - began < 5  # a read that is only repeated would take 10 s
            await well(app, wanted=False)
            await write(app, 3)
            assert list(await read(app, LAST)) == [False, 3]
        finally:
            standby.signal(signal.SIGCONT)
        await well(app)

    with_apps([settings], act)


def test_read_that_the_replica_cancels_is_repeated_on_the_primary(
    settings: Settings, server: Postgres, standby: Postgres, database: str
) -> None:
    """Replaying a vacuum cancels the reads that need what it removed; they began before that, and
    yet see what came after it."""
    sleep = "case when pg_is_in_recovery() then pg_sleep(8) end"

    async def act(app: App) -> None:
        for number in range(50):
            await write(app, number)
        await asyncio.to_thread(wait_until_even, server, standby)
        await well(app)
        text = f"select pg_is_in_recovery(),count(*),{sleep} from notes"
        reading = [asyncio.create_task(read(app, text)) for _ in range(3)]
        sleeping = "select count(*)=3 from pg_stat_activity where wait_event='PgSleep'"
        ends = time.monotonic() + PATIENCE_S
        while await asyncio.to_thread(standby.sql, sleeping) != "t":
            assert time.monotonic() < ends, "they are not all asked"
        await asyncio.to_thread(server.sql, "delete from notes where number<40", database)
        await asyncio.to_thread(server.sql, "vacuum notes", database)
        assert {tuple(row)[:2] for row in await asyncio.gather(*reading)} == {(False, 10)}

    with_apps([replace(settings, read_deadline_ms=10_000)], act)


def test_read_past_its_deadline_is_not_repeated(
    settings: Settings, server: Postgres, standby: Postgres
) -> None:
    """The primary would show it as the last statement of a connection. A replica that is a moment
    behind is not asked, so it is tried until one is."""

    async def act(app: App) -> None:
        for number in range(10):
            text = f"select pg_sleep(20)::text,{number}"
            asked = f"select count(*) from pg_stat_activity where query='{text}'"
            await well(app)
            reading = asyncio.create_task(read(app, text))
            on_replica = "0"
            while on_replica == "0" and not reading.done():
                on_replica = await asyncio.to_thread(standby.sql, asked)
            with pytest.raises(Unavailable) as caught:
                await reading
            assert caught.value.code == "server.deadline"
            if on_replica != "0":
                assert await asyncio.to_thread(server.sql, asked) == "0"
                return
        raise AssertionError("no replica was asked")

    with_apps([settings], act)


def test_only_reads_of_the_data_api_go_to_a_replica(
    settings: Settings, standby: Postgres, database: str
) -> None:
    asked = f"select string_agg(query,' ') from pg_stat_activity where datname='{database}'"

    async def act(app: App) -> None:
        await well(app)
        records = await app.runtime.records()
        assert await records.engine.fetch(WHERE, ()) == [(False,)]
        assert await records.engine.find(WHERE, ()) == [(False,)]
        async with app.transaction() as tx:
            shelf = await tx.create(Shelf(name="a"))
            assert (await tx.list(Shelf))[0].id == shelf.id
        assert "shelves" not in standby.sql(asked)
        page = await records.read_list(ReadQuery("shelves", limit=5), ANONYMOUS)
        assert len(page.items) == 1
        assert "shelves" in standby.sql(asked)
        assert await app.runtime.ready()

    with_apps([settings], act)


def test_server_that_is_no_replica_of_this_database_is_not_read(
    settings: Settings, server: Postgres, standby: Postgres, database: str
) -> None:
    """The primary itself, another database, and what was a replica until it was promoted."""

    async def act(app: App) -> None:
        await write(app, 1)
        for _ in range(3):
            assert list(await read(app, LAST)) == [False, 1]
            await asyncio.sleep(replicas.LOOK_S / 2)

    for other in (server.url(database), standby.url()):
        with_apps([replace(settings, database_replicas=other)], act)

    with following(server) as promoted:

        async def promote(app: App) -> None:
            async with app.transaction() as tx:
                await tx.create(Shelf(name="a"))
            await well(app)
            promoted.sql("select pg_promote()")
            promoted.sql("delete from shelves", database)
            assert list(await read(app, "select count(*) from shelves")) == [1]

        with_apps([replace(settings, database_replicas=promoted.url(database))], promote)


def test_addresses_are_checked() -> None:
    for url, told in (("", "replicas"), ("postgresql://u@h/d", "PostgreSQL")):
        settings = Settings(database_url=url, database_replicas="postgresql://u@h/d,sqlite:///x.db")
        with pytest.raises(SettingError, match=told):
            _ = App("A", settings=settings).runtime.engine
