"""The change log on PostgreSQL, where commits end in any order and trimming follows transactions.

Sixteen writers wait a random while before they commit. Readers must miss nothing, see the changes
of each record in order, and not wait for an idle transaction of another database. The short form
has a few rounds; STANCHION_LOG_ROUNDS=100 is the full length.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any

import asyncpg
import pytest

from stanchion import App, Record, Ref, Rules, Settings, public
from stanchion.changelog import pages as paging
from stanchion.changelog.pages import BySnapshot, Gap, Logged, LogPage, Position, Snapshot
from stanchion.changelog.trim import Keep, trim
from stanchion.engines import Ask, Engine
from stanchion.errors import Unavailable
from tests.postgres import Postgres

WRITERS = 16
ROUNDS = int(os.environ.get("STANCHION_LOG_ROUNDS", "6"))
SHARED = 4
DELAY_S = 0.02
PAGE = 5
PATIENCE_S = 20.0
NOTHING_KEPT = Keep(days=7, bytes=0)


def make_app(database: str) -> App:
    settings = Settings(database_url=database, database_connections=WRITERS + 4)
    app = App("Log", settings=settings)

    @app.collection("notes")
    class Note(Record):
        count: int = 0
        rules = Rules(read=public)

    app.state.note = Note
    return app


@asynccontextmanager
async def running(database: str) -> AsyncIterator[tuple[App, Engine]]:
    app = make_app(database)
    try:
        yield app, (await app.runtime.records()).engine
    finally:
        await app.runtime.close()


@pytest.fixture
def elsewhere(postgres: Postgres) -> Iterator[str]:
    """Another database of the same server."""
    yield postgres.create("elsewhere")
    postgres.drop("elsewhere")


@asynccontextmanager
async def idle_transaction(url: str) -> AsyncIterator[None]:
    """A transaction that has written, and does nothing more."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("begin; select pg_current_xact_id()")
        yield
    finally:
        await connection.close()


async def write(app: App, change: Callable[[Any], Awaitable[None]], rng: random.Random) -> None:
    """A transaction that waits before it commits; one that met another's change is given up."""
    try:
        async with app.transaction(actor=app.system()) as tx:
            await change(tx)
            await asyncio.sleep(rng.random() * DELAY_S)
    except Unavailable as refused:
        assert refused.code in ("transaction.conflict", "server.busy"), refused


async def write_rounds(app: App, shared: list[str], rng: random.Random) -> None:
    """Each writer makes a record of its own, and changes one of a few that all of them change."""

    async def change(tx: Any) -> None:
        await tx.create(app.state.note())
        if rng.random() < 0.3:
            key = rng.choice(shared)
            await tx.update(app.state.note, Ref(key), {"count": rng.randrange(1 << 30)})

    for _ in range(ROUNDS):
        await asyncio.gather(*(write(app, change, rng) for _ in range(WRITERS)))


async def read_until(
    engine: Engine, pages: Any, start: Position, page: int, finished: asyncio.Event
) -> list[Logged]:
    """Everything from a position on, a page at a time, as a process does that remembers nothing
    else; ends when the writers have and a page is empty."""
    position, seen = start, []
    while True:
        last = finished.is_set()
        gap, logged = await pages.read(engine, position, page)
        assert gap is None, "nothing was trimmed"
        seen += logged
        if logged:
            position = logged[-1].position
        elif last:
            return seen
        else:
            await asyncio.sleep(0.002)


async def written(engine: Engine) -> list[tuple[Any, ...]]:
    """What the log holds, whatever a reader makes of it."""
    return [tuple(row) for row in await engine.fetch("select seq,key,version from _changes", ())]


async def read_beside_writers(database: str, elsewhere: str, pages: Any) -> Findings:
    rng = random.Random(5)
    async with running(database) as (app, engine), idle_transaction(elsewhere):
        start = await engine.write(pages.end)
        async with app.transaction(actor=app.system()) as tx:
            shared = [(await tx.create(app.state.note())).id for _ in range(SHARED)]
        finished = asyncio.Event()
        async with asyncio.timeout(ROUNDS + PATIENCE_S), asyncio.TaskGroup() as tasks:
            readers = [
                tasks.create_task(read_until(engine, pages, start, page, finished))
                for page in (PAGE, 200)
            ]
            await write_rounds(app, shared, rng)
            finished.set()
        return Findings(await written(engine), [reader.result() for reader in readers])


class Findings:
    """What was written, and what each reader made of it."""

    def __init__(self, rows: list[tuple[Any, ...]], read: list[list[Logged]]) -> None:
        self.rows = rows
        self.missed = sum(
            len({row[0] for row in rows} - {one.place.seq for one in seen}) for seen in read
        )
        self.twice = sum(len(seen) - len({one.place.seq for one in seen}) for seen in read)
        self.disordered = sum(map(_disordered, read))

    def __str__(self) -> str:
        return (
            f"{len(self.rows)} written, {self.missed} missed, {self.twice} seen twice, "
            f"{self.disordered} out of order"
        )


def _disordered(seen: list[Logged]) -> int:
    """Changes that came after a later one of the same record."""
    versions: dict[str, int] = {}
    wrong = 0
    for one in seen:
        wrong += one.change.version <= versions.get(one.change.key, 0)
        versions[one.change.key] = one.change.version
    return wrong


def test_readers_miss_nothing_beside_sixteen_writers(database: str, elsewhere: str) -> None:
    found = asyncio.run(read_beside_writers(database, elsewhere, BySnapshot()))
    print(f"{ROUNDS} rounds: {found}")
    assert len(found.rows) >= ROUNDS * WRITERS * 0.8
    assert (found.missed, found.twice, found.disordered) == (0, 0, 0)


# planted: what the snapshot is there for


class ByNumberAlone:
    """Remembers the number of the last change that was seen, as one may on SQLite."""

    async def read(self, engine: Engine, after: Position, limit: int) -> LogPage:
        text = f"select seq,seq,{paging._COLUMNS} from _changes where seq>?1 order by seq limit ?2"
        rows = await engine.fetch(text, (int(after), limit))
        return None, [Logged(Position(str(row[1])), *paging._change(row)) for row in rows]

    def end(self) -> Any:
        yield Ask("select 1")
        return Position("0")


class BehindTheHorizon(ByNumberAlone):
    """Reads only what no open transaction precedes: waits for those of other databases too."""

    async def read(self, engine: Engine, after: Position, limit: int) -> LogPage:
        text = (
            f"select xid,seq,{paging._COLUMNS} from _changes where seq>?1 and "
            "xid<pg_snapshot_xmin(pg_current_snapshot())::text::int8 order by seq limit ?2"
        )
        rows = await engine.fetch(text, (int(after), limit))
        return None, [Logged(Position(str(row[1])), *paging._change(row)) for row in rows]


class SeenAtOnce(BySnapshot):
    """Forgets which transactions were open: takes all below the newest for seen."""

    async def read(self, engine: Engine, after: Position, limit: int) -> LogPage:
        seen, *middle = after.split("|")
        forgotten = Snapshot(Snapshot.parse(seen).top, ()).text
        return await super().read(engine, Position("|".join([forgotten, *middle])), limit)


@pytest.mark.parametrize("planted", [ByNumberAlone, BehindTheHorizon, SeenAtOnce])
def test_what_the_snapshot_is_for_is_missed_without_it(
    database: str, elsewhere: str, planted: type
) -> None:
    found = asyncio.run(read_beside_writers(database, elsewhere, planted()))
    print(found)
    assert found.missed > 0


# trimming


async def trim_everything(engine: Engine) -> None:
    while await engine.write(lambda: trim(NOTHING_KEPT, "postgresql")):
        pass
    assert await written(engine) == []


async def create(app: App, number: int = 1) -> None:
    for _ in range(number):
        async with app.transaction(actor=app.system()) as tx:
            await tx.create(app.state.note())


async def last_position(engine: Engine, start: Position, limit: int = 200) -> Position:
    gap, logged = await BySnapshot().read(engine, start, limit)
    assert gap is None
    return logged[-1].position


async def gap_at(engine: Engine, position: Position) -> Gap | None:
    return (await BySnapshot().read(engine, position, 200))[0]


def test_a_foreign_transaction_is_no_gap_when_the_log_was_trimmed(
    database: str, elsewhere: str
) -> None:
    async def main() -> None:
        async with running(database) as (app, engine):
            start = await engine.write(BySnapshot().beginning)
            async with idle_transaction(elsewhere), idle_transaction(database):
                await create(app, 3)
                position = await last_position(engine, start)
            assert len(Snapshot.parse(position).open) >= 2
            await trim_everything(engine)
            assert await gap_at(engine, position) is None
            assert await gap_at(engine, start) is not None
            # what comes next is read from there as ever
            await create(app)
            assert len((await BySnapshot().read(engine, position, 200))[1]) == 1

    asyncio.run(main())


def test_a_change_that_was_committed_late_and_trimmed_is_a_gap(database: str) -> None:
    async def main() -> None:
        async with running(database) as (app, engine):
            start = await engine.write(BySnapshot().beginning)
            async with app.transaction(actor=app.system()) as late:
                await late.create(app.state.note())
                await asyncio.create_task(create(app), context=Context())  # not part of it
                position = await last_position(engine, start)
            await trim_everything(engine)
            gap = await gap_at(engine, position)
            assert gap is not None
            assert await gap_at(engine, gap.position) is None
            # all of it was older than what came and went since: the note is needed no more
            await create(app, 2)
            await trim_everything(engine)
            await create(app, 2)
            await trim_everything(engine)
            notes = await engine.fetch("select xids from _trimmed", ())
            assert sum(len(row[0]) for row in notes) <= 4
            assert await gap_at(engine, position) is not None

    asyncio.run(main())


@pytest.mark.parametrize("done", [2, 3])
def test_a_page_whose_rest_was_trimmed_is_a_gap(database: str, done: int) -> None:
    """In the middle of what one snapshot sees; at its end nothing is missed."""

    async def main() -> None:
        async with running(database) as (app, engine):
            start = await engine.write(BySnapshot().beginning)
            await create(app, 3)
            position = await last_position(engine, start, limit=done)
            await trim_everything(engine)
            assert (await gap_at(engine, position) is not None) == (done < 3)

    asyncio.run(main())
