"""The change log in a copy: its readers go on where they were, on the other engine too, and miss
nothing; who had missed something before is told so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from stanchion import App, Record, Settings
from stanchion.changelog.moved import MovedLog, OldPosition
from stanchion.changelog.pages import Gap, LogPlace, Position
from stanchion.changelog.reader import LogReader
from stanchion.changelog.trim import Keep, trim
from stanchion.cli import stanchion

from .conftest import Fresh

PAIRS = [(a, b) for a in ("sqlite", "postgresql") for b in ("sqlite", "postgresql")]


@asynccontextmanager
async def running(url: str) -> AsyncIterator[App]:
    app = App("Log", settings=Settings(database_url=url))

    @app.collection("notes")
    class Note(Record):
        text: str

    app.state.note = Note
    try:
        await app.runtime.records()
        yield app
    finally:
        await app.runtime.close()


async def write(app: App, *texts: str) -> None:
    """One transaction."""
    async with app.transaction(actor=app.system()) as tx:
        for text in texts:
            await tx.create(app.state.note(text=text))


async def take(reader: LogReader, number: int) -> list[Any]:
    return [await asyncio.wait_for(anext(reader), 20) for _ in range(number)]


async def do(reader: LogReader, number: int) -> list[str]:
    """The texts of the next changes, which are done."""
    found = [change.after["text"] for change in await take(reader, number)]
    await reader.done()
    return found


def copy(source: str, target: str) -> str:
    done = CliRunner().invoke(stanchion, ["copy", source, target])
    assert done.exit_code == 0, done.exception
    return done.output


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_readers_go_on_where_they_were(first: str, second: str, fresh: Fresh) -> None:
    source, target = fresh(first), fresh(second)

    async def before() -> None:
        async with running(source) as app:
            await write(app, "a")
            await write(app, "b", "c", "d")
            await write(app, "e")
            await take(app.runtime.changes("begun", from_start=True), 1)  # and none is done
            for name, number in (("one", 1), ("amid", 3), ("all", 5)):
                await do(app.runtime.changes(name, from_start=True), number)

    async def after() -> None:
        async with running(target) as app:
            await write(app, "f")
            for name, left in (
                ("begun", "abcdef"), ("one", "bcdef"), ("amid", "def"), ("all", "f"),
                ("new", "abcdef"),
            ):  # fmt: skip
                reader = app.runtime.changes(name, from_start=True)
                assert "".join(await do(reader, len(left))) == left, name
            await write(app, "g")
            for name in ("begun", "one", "amid", "all", "new"):
                assert await do(app.runtime.changes(name), 1) == ["g"], name

    asyncio.run(before())
    said = copy(source, target)
    assert "Readers of the change log that go on: all, amid, begun, one" in said
    asyncio.run(after())


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_who_missed_something_is_told_so_in_the_copy(first: str, second: str, fresh: Fresh) -> None:
    source, target = fresh(first), fresh(second)

    async def before() -> None:
        async with running(source) as app:
            await write(app, "a")
            for name in ("late", "done"):
                await do(app.runtime.changes(name, from_start=True), 1)
            await write(app, "b")
            await do(app.runtime.changes("done"), 1)
            engine = app.runtime.engine
            while await engine.write(lambda: trim(Keep(7, 0), engine.name)):
                pass
            await write(app, "c")

    async def after() -> None:
        async with running(target) as app:
            assert await do(app.runtime.changes("done"), 1) == ["c"]
            gap, change = await take(app.runtime.changes("late"), 2)
            assert isinstance(gap, Gap)
            assert change.after["text"] == "c"
            # the log of the copy is trimmed as any other
            engine = app.runtime.engine
            while await engine.write(lambda: trim(Keep(7, 0), engine.name)):
                pass
            await write(app, "d")
            assert await do(app.runtime.changes("done"), 1) == ["d"]
            gap, change = await take(app.runtime.changes("late"), 2)
            assert isinstance(gap, Gap)
            assert change.after["text"] == "d"

    asyncio.run(before())
    said = copy(source, target)
    assert "Readers of the change log that go on: done" in said
    assert "Readers that are told of a gap, as before: late" in said
    asyncio.run(after())


@pytest.mark.parametrize("second", ["sqlite", "postgresql"])
def test_what_was_committed_late_is_not_missed_by_the_copy(second: str, fresh: Fresh) -> None:
    """A reader of PostgreSQL that has done a change which began after one that it has not seen."""
    source, target = fresh("postgresql"), fresh(second)

    async def before() -> None:
        async with running(source) as app:
            await write(app, "first")
            reader = app.runtime.changes("mail", from_start=True)
            assert await do(reader, 1) == ["first"]
            slow = await asyncpg.connect(source)
            await slow.execute("begin")
            await slow.execute(
                "insert into _changes (tx,collection,key,operation,version,actor,request,time,"
                "after) values ('t','notes','k','create',1,'','','2026-01-01T00:00:00.000000Z',"
                '\'{"id":"018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f","text":"slow"}\')'
            )
            await write(app, "quick")
            assert await do(reader, 1) == ["quick"]
            await slow.execute("commit")
            await slow.close()

    async def after() -> None:
        async with running(target) as app:
            # what it has done behind the late one comes again: each change at least once
            assert await do(app.runtime.changes("mail"), 2) == ["slow", "quick"]

    asyncio.run(before())
    copy(source, target)
    asyncio.run(after())


# positions by themselves


def all_places() -> Iterator[tuple[LogPlace, str]]:
    """A log of PostgreSQL: where each change stands, and its transaction."""
    for order, changes in ((7, 2), (9, 1), (10, 3), (15, 1)):
        for number in range(changes):
            yield LogPlace(order, order * 10 + number), f"tx{order}"


@pytest.mark.parametrize("new", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("position", "done"),
    [
        ("7:7:", 0), ("8:8:", 2), ("10:10:", 3), ("16:16:", 7), ("99:99:", 7),
        ("9:16:9", 2),  # 10 and 15 are seen, 9 is not
        ("7:16:7,15", 0),
        ("8:8:|16:16:|10|101", 4), ("8:8:|16:16:9|10|102", 2),
        ("7:7:|16:16:|15|150", 6),
    ],
)  # fmt: skip
def test_a_position_is_that_of_the_first_change_that_is_not_done(
    position: str, done: int, new: Any
) -> None:
    moved = MovedLog(new, {"one": OldPosition("postgresql", position)}, ())
    places = [moved.place(place, tx) for place, tx in all_places()]
    assert places == sorted(places)
    found = moved.positions()["one"]
    again = OldPosition(new, found)
    assert [again.has_done(place) for place in places] == [at < done for at in range(len(places))]
    assert not again.lost(moved.floor)
    assert OldPosition(new, MovedLog(new, {"one": again}, ["one"]).positions()["one"]).lost(
        moved.floor
    )


def test_transactions_stay_whole_and_before_all_others() -> None:
    moved = MovedLog("postgresql", {}, ())
    places = [(moved.place(place, tx).order, tx) for place, tx in all_places()]
    assert len({order for order, _ in places}) == len({tx for _, tx in places}) == 4
    assert all(order < 0 for order, _ in places)
    assert (
        Position("0:0:")
        == MovedLog("postgresql", {"n": OldPosition("sqlite", "0")}, ()).positions()["n"]
    )


def test_the_files_of_a_source_stay_as_they_were(fresh: Fresh, tmp_path: Path) -> None:
    source, target = fresh("sqlite"), fresh("sqlite")

    async def before() -> None:
        async with running(source) as app:
            await write(app, "a")

    asyncio.run(before())
    file = Path(source.removeprefix("sqlite:///"))
    kept = file.read_bytes()
    copy(source, target)
    assert file.read_bytes() == kept
