"""PostgreSQL behind a real PgBouncer in transaction mode: all that holds without it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from stanchion import App, Settings
from stanchion.engines import Ask, Steps
from stanchion.engines.postgres import pools
from stanchion.errors import DatabaseUnusable, Unavailable
from stanchion.testing.client import Client, _lifespan, _running_loop
from tests.pgbouncer import pooling, why_not
from tests.postgres import Postgres

from .conftest import Note, Shelf, make_app, with_apps

NAMES = ("statement_timeout", "idle_in_transaction_session_timeout", "jit", "TimeZone")


@pytest.fixture(scope="module")
def pooler(server: Postgres) -> Iterator[str]:
    if reason := why_not():
        pytest.skip(reason)  # no pgbouncer, or no server of this version, is here
    with pooling(server) as address:
        yield address


@pytest.fixture
def settings(server: Postgres, database: str, pooler: str) -> Settings:
    return Settings(
        database_url=pooler + database, database_direct_url=server.url(database),
        read_deadline_ms=3_000, write_deadline_ms=10_000, transaction_ms=9_000,
    )  # fmt: skip


@pytest.fixture
def http(settings: Settings) -> Iterator[Client]:
    app = make_app(settings)
    with _running_loop() as loop, _lifespan(app, loop):
        yield Client(app, loop)


def test_data_api_answers_as_it_does_without(http: Client) -> None:
    shelf = http.post("/api/shelves", json={"name": "upper"}).json()
    notes = [{"text": f"note {n}", "number": n, "shelf": shelf["id"]} for n in range(30)]
    assert http.post("/api/notes", json=notes).status == 201
    assert http.post("/api/shelves", json={"name": "upper"}).status == 409

    page = http.get("/api/notes?sort=-number&limit=20&total=true&expand=shelf&q=note").json()
    assert (page["total"], [each["number"] for each in page["items"]]) == (30, [*range(29, 9, -1)])
    assert page["items"][0]["shelf"]["name"] == "upper"
    rest = http.get(f"/api/notes?sort=-number&limit=20&q=note&after={page['next']}").json()
    assert [each["number"] for each in rest["items"]] == [*range(9, -1, -1)]
    groups = http.get("/api/notes/_aggregate?sum=number").json()
    assert groups["items"][0]["sum"]["number"] == 435

    url = f"/api/notes/{page['items'][0]['id']}"
    one = http.get(url)
    assert http.patch(url, {"text": "new"}, headers={"If-Match": one.headers["etag"]}).status == 200
    assert http.patch(url, {"text": "x"}, headers={"If-Match": one.headers["etag"]}).status == 412
    assert http.get(url).json()["text"] == "new"


def test_key_has_one_effect_however_many_send_it_at_once(http: Client) -> None:
    head = {"Idempotency-Key": "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"}

    async def send() -> list[int]:
        calls = [
            asyncio.to_thread(http.post, "/api/notes", {"text": "a"}, headers=head)
            for _ in range(12)
        ]
        return [answer.status for answer in await asyncio.gather(*calls)]

    answers = asyncio.run(send())
    assert 201 in answers
    assert set(answers) <= {201, 409}
    assert http.get("/api/notes?total=true").json()["total"] == 1


def test_transaction_stays_on_one_backend_and_is_replayed(settings: Settings) -> None:
    """Fifty take one of ten from a shelf; serializable is in force, and nobody is told of it."""

    async def act(app: App) -> None:
        async with app.transaction() as tx:
            note = await tx.create(Note(text="stock", number=10))

        async def buy() -> int:
            async with app.transaction() as tx:
                found = await tx.get(Note, note.id)
                await tx.create(Shelf(name=str(uuid4())))
                return await tx.update_where(
                    Note, "id == $i and number > 0", {"number": found.number - 1}, i=note.id
                )

        results = await asyncio.gather(*(buy() for _ in range(25)), return_exceptions=True)
        sold = sum(each == 1 for each in results)
        told = [each for each in results if isinstance(each, BaseException)]
        assert {getattr(each, "code", each) for each in told} <= {"transaction.conflict"}
        async with app.transaction() as tx:
            assert (await tx.get(Note, note.id)).number == 10 - sold

    with_apps([settings], act)


def test_write_skew_is_refused(settings: Settings) -> None:
    """Each of two sees that there is no note yet, and makes one: at a lower level both would."""

    async def act(app: App) -> None:
        both_looked = asyncio.Barrier(2)

        async def make(name: str) -> bool:
            async with app.transaction() as tx:
                if await tx.list(Note, "number == 7"):
                    return False
                try:
                    await asyncio.wait_for(both_looked.wait(), 2)
                except (TimeoutError, asyncio.BrokenBarrierError):
                    pass
                await tx.create(Note(text=name, number=7))
                return True

        results = await asyncio.gather(make("a"), make("b"), return_exceptions=True)
        made = sum(each is True for each in results)
        assert made == 1, results
        assert any(isinstance(each, Unavailable) for each in results), results

    with_apps([settings], act)


def test_what_a_connection_cannot_keep_is_said_in_each_transaction(settings: Settings) -> None:
    question = ",".join(f"current_setting('{name}')" for name in NAMES)
    level = "current_setting('transaction_isolation'),current_setting('transaction_read_only')"

    async def act(app: App) -> None:
        engine = (await app.runtime.records()).engine

        def ask() -> Steps[list[tuple[str, ...]]]:
            rows = yield Ask(f"select {question},{level}")
            return rows

        limits = "3s", "10s", "off", "UTC"
        for _ in range(6):  # each time another backend
            assert [*(await engine.fetch(f"select {question},{level}", ()))[0]] == [
                *limits, "read committed", "on",
            ]  # fmt: skip
            together = await engine.fetch_together([Ask(f"select {question},{level}")])
            assert [*together[0][0]] == [*limits, "repeatable read", "on"]
            wrote = await engine.write(ask)
            assert [*wrote[0]] == ["10s", "10s", "off", "UTC", "serializable", "off"]
        session = await engine.begin()
        held = await session.run(ask)
        await session.rollback()
        assert [*held[0]] == ["10s", "10s", "off", "UTC", "serializable", "off"]

    with_apps([settings], act)


def test_read_ends_at_its_deadline_in_the_database(settings: Settings, server: Postgres) -> None:
    async def act(app: App) -> None:
        engine = (await app.runtime.records()).engine
        with pytest.raises(Unavailable) as caught:
            await engine.fetch("select pg_sleep(30)::text", ())
        assert caught.value.code == "server.deadline"
        assert await engine.fetch("select 1", ()) == [(1,)]
        assert server.sql("select count(*) from pg_stat_activity where query~'^select pg_sleep'"
                          " and state='active'") == "0"  # fmt: skip

    with_apps([replace(settings, read_deadline_ms=700)], act)


def test_readers_of_the_log_wake_across_processes(settings: Settings) -> None:
    """Two apps, each with its own connections, as on two hosts; wake-ups go past the pooler."""

    async def act(writer: App, other: App) -> None:
        engine = (await other.runtime.records()).engine
        async with other.changes("reader", Note, from_start=True) as changes:
            for number in range(5):
                mark = await engine.mark()
                async with writer.transaction() as tx:
                    await tx.create(Note(text=f"{number}"))
                waking = asyncio.get_running_loop().time()
                while await engine.mark() == mark:
                    await engine.wait_for_commit(mark, 5)
                    assert asyncio.get_running_loop().time() - waking < 20
                change = await asyncio.wait_for(anext(changes), 20)
                assert change.after["text"] == f"{number}"

    with_apps([settings, settings], act)


def test_pooler_of_which_nobody_told_is_refused(settings: Settings) -> None:
    reason = asyncio.run(unusable(Settings(database_url=settings.database_url)))
    assert reason.code == "database.pooler"
    assert "STANCHION_DATABASE_DIRECT_URL" in str(reason)


def test_pooler_that_drops_what_it_is_told_is_refused(server: Postgres, database: str) -> None:
    """`ignore_startup_parameters` lets us connect, without anything that we ask for."""
    if reason := why_not():
        pytest.skip(reason)  # no pgbouncer, or no server of this version, is here
    names = {name for group in pools.BY_GROUP.values() for name in group} | {"jit", *NAMES[:2]}
    with pooling(server, f"ignore_startup_parameters={','.join(sorted(names))}") as address:
        reason = asyncio.run(unusable(Settings(database_url=address + database)))
        assert reason.code == "database.pooler"


def test_pooler_and_database_restart(server: Postgres, database: str, tmp_path: Path) -> None:
    """What was lost is told as 503 or done; afterwards all goes on by itself."""
    if reason := why_not():
        pytest.skip(reason)  # no pgbouncer, or no server of this version, is here

    with pooling(server) as address:
        settings = Settings(
            database_url=address + database, database_direct_url=server.url(database)
        )

        async def act(app: App) -> None:
            records = await app.runtime.records()
            kept = 0
            for number in range(40):
                if number % 10 == 5:
                    server.sql("select pg_terminate_backend(pid) from pg_stat_activity where "
                               f"datname='{database}' and pid<>pg_backend_pid()")  # fmt: skip
                try:
                    async with app.transaction() as tx:
                        await tx.create(Note(text=f"{number}"))
                    kept += 1
                except Unavailable:
                    pass
                await records.engine.fetch("select 1", ())
            found = (await records.engine.fetch("select count(*) from notes", ()))[0][0]
            assert kept <= found <= 40
            assert kept >= 30

        with_apps([settings], act)


async def unusable(settings: Settings) -> DatabaseUnusable:
    """Why an app cannot open its database."""
    app = make_app(settings)
    try:
        with pytest.raises(DatabaseUnusable) as caught:
            await app.runtime.records()
    finally:
        await app.runtime.close()
    return caught.value
