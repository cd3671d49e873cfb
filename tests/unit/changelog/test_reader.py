"""Reading the change log: positions, gaps, trimming, who may see what, and two processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import stanchion
from stanchion import App, Field, ReaderMoved, Record, Rules, Settings, UserRecord, clock, public
from stanchion.actors import actor_of
from stanchion.changelog import reader as log
from stanchion.changelog import trim as trimming
from stanchion.changelog.pages import Gap, LoggedChange, LogPlace, Position, pages_of
from stanchion.changelog.reader import LogReader, Source
from stanchion.changelog.trim import Keep, trim
from stanchion.engines import Ask
from stanchion.engines.sqlite import commits
from stanchion.errors import Unavailable
from stanchion.types.datetime import moment_text
from tests.conformance.engines import url

SOURCE = str(Path(stanchion.__file__).parents[1])
TESTS = str(Path(__file__).parents[3])


def make_app(folder: Path | str, **settings: Any) -> App:
    """The app on the database of a folder, or on that of an address."""
    address = url(folder if "://" in str(folder) else Path(folder, "log.db"))
    app = App("Log", settings=Settings(database_url=address, **settings))

    @app.collection("users")
    class User(UserRecord):
        rules = Rules(read=public)

    @app.collection("notes")
    class Note(Record):
        text: str
        owner: str = ""
        price: int | None = Field(default=None, read="record.owner == auth.email")
        secret: str = Field(default="", read=False)
        rules = Rules(read="record.owner == auth.email")

    app.state.note, app.state.user = Note, User
    return app


def with_app(folder: Path, act: Callable[[App, Any], Awaitable[None]]) -> None:
    async def main() -> None:
        app = make_app(folder)
        try:
            await act(app, await app.runtime.records())
        finally:
            await app.runtime.close()

    asyncio.run(main())


async def write(app: App, *texts: str) -> list[str]:
    ids = []
    for text in texts:
        async with app.transaction(actor=app.system()) as tx:
            ids.append((await tx.create(app.state.note(text=text, secret="s"))).id)
    return ids


async def take(reader: LogReader, count: int) -> list[Any]:
    """The next items, each of which must come within five seconds."""
    return [await asyncio.wait_for(anext(reader), 5) for _ in range(count)]


def texts(changes: list[Any]) -> list[Any]:
    return [change.after["text"] for change in changes]


def test_a_new_reader_sees_what_comes_after_it_in_order(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, "before")
        reader = app.runtime.changes("mail")
        waiting = asyncio.create_task(take(reader, 2))
        await asyncio.sleep(0.1)
        begun = time.perf_counter()
        await write(app, "one", "two")
        changes = await waiting
        print(f"woken after {time.perf_counter() - begun:.4f} s")
        assert texts(changes) == ["one", "two"]
        assert [c.operation for c in changes] == ["create", "create"]
        assert "secret" not in changes[0].after

    with_app(tmp_path, act)


def test_a_change_tells_what_was_done_by_whom_and_in_which_request(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        reader = app.runtime.changes("mail", from_start=True)
        (key,) = await write(app, "one")
        (change,) = await take(reader, 1)
        assert (change.collection, change.key, change.operation) == ("notes", key, "create")
        assert (change.version, change.actor, change.before) == (1, "system", None)
        told = (change.tx, change.request, change.time)
        assert [told] == [
            tuple(row)
            for row in await records.engine.fetch("select tx,request,time from _changes", ())
        ]

    with_app(tmp_path, act)


def test_a_reader_goes_on_where_it_was_done(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, "one", "two", "three")
        first = app.runtime.changes("mail", from_start=True)
        assert texts(await take(first, 2)) == ["one", "two"]
        await first.aclose()
        again = app.runtime.changes("mail", from_start=True)
        assert texts(await take(again, 2)) == ["two", "three"], "`two` was handed out, not done"
        other = app.runtime.changes("other", from_start=True)
        assert texts(await take(other, 1)) == ["one"]

    with_app(tmp_path, act)


def as_system(app: App, *, from_start: bool = True) -> LogReader:
    return app.changes("mail", app.state.note, actor=app.system(), from_start=from_start)


async def place(records: Any) -> int:
    """How many changes the reader has done with, as another process would find it."""
    found = await records.engine.fetch("select position from _readers where name='mail'", ())
    (all_of_them,) = (await records.engine.fetch("select count(*) from _changes", ()))[0]
    return int(all_of_them) - len(await after(records, found[0][0]))


async def after(records: Any, position: str) -> list[Any]:
    """What follows a position."""
    pages = pages_of(records.engine)
    return [
        found.change for found in (await pages.read(records.engine, Position(position), 999))[1]
    ]


async def left_after(reader: LogReader, count: int) -> list[Any]:
    """What a plain loop was given that is left by `break`, with nothing else called."""
    given: list[Any] = []
    async for change in reader:
        given.append(change)
        if len(given) == count:
            break
    return given


def test_what_a_loop_had_done_is_remembered_when_it_is_left(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abcde")
        assert texts(await left_after(as_system(app), 3)) == ["a", "b", "c"]
        assert texts(await left_after(as_system(app), 3)) == ["c", "d", "e"], "c was at hand"

    with_app(tmp_path, act)


def test_the_change_at_hand_can_be_done_before_the_loop_is_left(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abc")
        reader = as_system(app)
        await left_after(reader, 2)
        await reader.done()
        assert texts(await take(as_system(app), 1)) == ["c"]
        assert texts(await left_after(reader, 1)) == ["c"], "and the same reader goes on"

    with_app(tmp_path, act)


@pytest.mark.parametrize("error", [None, RuntimeError, asyncio.CancelledError])
def test_a_block_stores_what_was_done_however_it_is_left(
    tmp_path: Path, error: type[BaseException] | None
) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abcd")
        with contextlib.suppress(RuntimeError, asyncio.CancelledError):
            async with as_system(app) as reader:
                await left_after(reader, 3)
                assert await place(records) == 0, "in a block it is not stored each time"
                if error is not None:
                    raise error
        assert await place(records) == 2
        assert texts(await take(as_system(app), 2)) == ["c", "d"]

    with_app(tmp_path, act)


def test_a_block_stores_each_batch_each_second_and_before_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abcdef")
        async with as_system(app) as reader:
            monkeypatch.setattr(log, "BATCH", 2)
            await take(reader, 4)
            assert await place(records) == 2
            monkeypatch.setattr(log, "BATCH", 200)
            monkeypatch.setattr(log, "STORE_S", 0.0)
            await take(reader, 1)
            assert await place(records) == 4
            monkeypatch.setattr(log, "STORE_S", 60.0)
            await take(reader, 1)
            assert await place(records) == 4
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(reader), 0.5)
            assert await place(records) == 6

    with_app(tmp_path, act)


def test_a_new_name_starts_where_its_block_is_entered(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, "before")
        async with as_system(app, from_start=False) as reader:
            await write(app, "inside")
            assert texts(await take(reader, 1)) == ["inside"]

    with_app(tmp_path, act)


def test_a_loop_that_failed_and_is_begun_again_gets_the_same_change(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"ab")
        reader = as_system(app)
        with pytest.raises(ZeroDivisionError):
            async for _ in reader:
                raise ZeroDivisionError
        assert texts(await left_after(reader, 2)) == ["a", "b"]

    with_app(tmp_path, act)


def test_a_change_that_could_not_be_judged_is_judged_again(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abc")
        judged = 0

        async def see(_: LogPlace, change: LoggedChange) -> LoggedChange:
            nonlocal judged
            judged += 1
            if judged == 2:
                raise Unavailable("writer.busy", "no room")
            if judged == 3:
                raise asyncio.CancelledError
            return change

        async def source() -> Source:
            return Source(records.engine, pages_of(records.engine), see)

        reader = LogReader("mail", source, from_start=True)
        assert texts(await take(reader, 1)) == ["a"]
        for error in (Unavailable, asyncio.CancelledError):
            with pytest.raises(error):
                await anext(reader)
        assert texts(await take(reader, 2)) == ["b", "c"]

    with_app(tmp_path, act)


def test_a_place_that_was_stored_after_all_is_no_other_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abc")
        reader = as_system(app)
        await take(reader, 1)

        async def cut(job: Any) -> None:
            await type(records.engine).write(records.engine, job)
            raise asyncio.CancelledError

        with monkeypatch.context() as patch:
            patch.setattr(records.engine, "write", cut)
            with pytest.raises(asyncio.CancelledError):
                await reader.done()
        assert await place(records) == 1
        assert texts(await take(reader, 2)) == ["b", "c"]
        await reader.done()
        assert await place(records) == 3

    with_app(tmp_path, act)


def test_a_second_reader_of_a_name_is_told(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, "one", "two")
        first = app.runtime.changes("mail", from_start=True)
        second = app.runtime.changes("mail", from_start=True)
        await take(second, 1)
        await take(first, 2)
        with pytest.raises(ReaderMoved, match="'mail'"):
            await second.done()

    with_app(tmp_path, act)


def test_trimming_by_size_tells_a_slow_reader_of_its_gap(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abcdefgh")
        slow = app.runtime.changes("slow", from_start=True)
        await take(slow, 2)
        size = (await records.engine.fetch(
            "select max(200+length(coalesce(before,''))+length(after)) from _changes", ()
        ))[0][0]  # fmt: skip
        assert (
            await records.engine.write(lambda: trim(Keep(7, 3 * size), records.engine.name))
            is False
        )
        kept = await records.engine.fetch("select count(*) from _changes", ())
        assert kept == [(3,)]
        gap, *rest = await take(app.runtime.changes("slow"), 4)
        assert isinstance(gap, Gap)
        assert texts(await after(records, gap.position)) == ["f", "g", "h"]
        assert texts(rest) == ["f", "g", "h"]

    with_app(tmp_path, act)


def test_trimming_by_age_keeps_what_is_young_and_works_in_pieces(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        start = await records.engine.write(pages_of(records.engine).end)
        await write(app, *"abc")

        def age() -> Any:
            yield Ask("update _changes set time='2020-01-01T00:00:00.000000Z' where seq<=2")

        def more() -> Any:
            yield Ask(
                "with recursive n(i) as (select 1 union all select i+1 from n where i<100) "
                "insert into _changes (tx,collection,key,operation,version,actor,request,time) "
                "select 't','notes','k','update',1,'','','2099-01-01T00:00:00.000000Z' from n"
            )

        await records.engine.write(age)
        for _ in range(12):
            await records.engine.write(more)
        pieces = [
            await records.engine.write(lambda: trim(Keep(7, 10**9), records.engine.name))
            for _ in range(3)
        ]
        assert pieces == [True, True, False]
        rows = await records.engine.fetch("select min(seq),count(*) from _changes", ())
        assert rows == [(3, 1201)]
        gap, _ = await pages_of(records.engine).read(records.engine, start, 1)
        assert gap is not None

    with_app(tmp_path, act)


def test_a_caller_is_told_of_its_own_world_only(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        note, user = app.state.note, app.state.user
        async with app.transaction(actor=app.system()) as tx:
            anna = await tx.create(user(email="a@example.org"))
            mine = await tx.create(note(text="mine", owner=anna.email, price=1))
            other = await tx.create(note(text="hers", owner="somebody", price=2))
        for key, values in (
            (mine.id, {"text": "mine still"}), (other.id, {"text": "hers still"}),
            (mine.id, {"owner": "somebody"}), (other.id, {"owner": anna.email}),
        ):  # fmt: skip
            async with app.transaction(actor=app.system()) as tx:
                await tx.update(note, key, values)
        async with app.transaction(actor=app.system()) as tx:
            await tx.delete(note, other.id)
            await tx.create(note(text="end", owner=anna.email))
        actor = actor_of(anna, app.runtime.model)
        reader = app.runtime.changes("anna", actor, collections=["notes"], from_start=True)
        seen: list[LoggedChange] = await take(reader, 6)
        assert [(c.operation, c.key) for c in seen[:5]] == [
            ("create", mine.id), ("update", mine.id), ("delete", mine.id),
            ("create", other.id), ("delete", other.id),
        ]  # fmt: skip
        assert seen[2].after is None and seen[3].before is None
        assert [c.before["price"] for c in seen if c.before] == [1, 1, 2]
        assert not [c for c in seen if "hers" in (str(c.before), str(c.after))]

    with_app(tmp_path, act)


def test_app_code_reads_the_log_of_a_collection(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        seen: list[Any] = []

        async def listen() -> None:
            async for change in app.changes("mail", app.state.note, actor=app.system()):
                seen.append(change)
                if len(seen) == 2:
                    return

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.1)
        async with app.transaction(actor=app.system()) as tx:
            await tx.create(app.state.user(email="a@example.org"))
        await write(app, "one", "two")
        await asyncio.wait_for(listening, 2)
        assert texts(seen) == ["one", "two"]

    with_app(tmp_path, act)


READER = """
    import asyncio, sys
    sys.path.insert(0, sys.argv[1])
    from test_reader import make_app

    async def main():
        app = make_app(sys.argv[2])
        with open(sys.argv[3], "a") as told:
            async for change in app.runtime.changes("mail", from_start=True):
                told.write(change.key + " " + str(change.version) + "\\n")
                told.flush()

    asyncio.run(main())
"""


def start_reader(folder: Path, told: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(READER), str(Path(__file__).parent),
         url(folder / "log.db"), str(told)],
        env={**os.environ, "PYTHONPATH": f"{SOURCE}:{TESTS}"},
    )  # fmt: skip


def test_each_change_comes_at_least_once_and_in_order_over_a_kill(tmp_path: Path) -> None:
    told = tmp_path / "told"
    told.touch()
    wanted: list[str] = []

    async def act(app: App, records: Any) -> None:
        reader = start_reader(tmp_path, told)
        try:
            for round_of in range(3):
                for _ in range(120):
                    (key,) = await write(app, "x")
                    async with app.transaction(actor=app.system()) as tx:
                        await tx.update(app.state.note, key, text="y")
                    wanted.extend([f"{key} 1", f"{key} 2"])
                if round_of < 2:
                    reader.send_signal(signal.SIGKILL)
                    reader.wait()
                    reader = start_reader(tmp_path, told)
            ends = time.monotonic() + 20
            while len(set(told.read_text().split("\n")) - {""}) < len(wanted):
                assert time.monotonic() < ends
                await asyncio.sleep(0.05)
        finally:
            reader.kill()
            reader.wait()

    with_app(tmp_path, act)
    lines = told.read_text().splitlines()
    assert set(lines) == set(wanted)
    first = {line: at for at, line in reversed(list(enumerate(lines)))}
    assert sorted(first, key=first.__getitem__) == wanted
    print(f"{len(wanted)} changes told {len(lines)} times")


COMMITS = """
    import asyncio, sys, time
    sys.path.insert(0, sys.argv[1])
    from test_reader import make_app, write

    async def main():
        app = make_app(sys.argv[2])
        await app.runtime.records()
        while number := await asyncio.to_thread(sys.stdin.readline):
            await write(app, number.strip())
            print(time.monotonic(), flush=True)

    asyncio.run(main())
"""


def test_commits_of_another_process_wake_a_reader_soon(tmp_path: Path) -> None:
    """25 ms lie between two looks; a machine that is busy may make it longer, now and then."""

    async def act(app: App, records: Any) -> None:
        reader = app.runtime.changes("mail")
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", textwrap.dedent(COMMITS), str(Path(__file__).parent),
            url(tmp_path / "log.db"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{SOURCE}:{TESTS}"},
        )  # fmt: skip
        assert other.stdin and other.stdout
        late = []
        async with reader:
            for number in range(20):
                waiting = asyncio.create_task(anext(reader))
                await asyncio.sleep(0.03)
                other.stdin.write(b"%d\n" % number)
                committed = float(await other.stdout.readline())
                (told,) = [await asyncio.wait_for(waiting, 5)]
                late.append(time.monotonic() - committed)
                assert texts([told]) == [str(number)]
        other.stdin.close()
        await other.wait()
        assert statistics.median(late) < 0.2

    with_app(tmp_path, act)


def test_a_commit_of_this_process_wakes_a_reader_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "POLL_S", 30.0)

    async def act(app: App, records: Any) -> None:
        reader = app.runtime.changes("mail")
        waiting = asyncio.create_task(anext(reader))
        await asyncio.sleep(0.2)
        await write(app, "near")
        assert texts([await asyncio.wait_for(waiting, 5)]) == ["near"]

    with_app(tmp_path, act)


@pytest.mark.parametrize("limit", ["days", "megabytes"])
def test_a_running_app_trims_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(trimming, "PAUSE_S", 0.05)

    async def main() -> None:
        app = make_app(tmp_path, log_days=2, log_mb=1)
        old = moment_text(clock.now() - timedelta(days=2, seconds=1))

        def age() -> Any:
            yield Ask("update _changes set time=?1 where seq<=2", (old,))

        try:
            await write(app, *(["x" * 400_000] * 4 if limit == "megabytes" else "abcd"))
            if limit == "days":
                await app.runtime.engine.write(age)
            ends = time.monotonic() + 10
            while (await app.runtime.engine.fetch("select min(seq) from _changes", ()))[0][0] != 3:
                assert time.monotonic() < ends
                await asyncio.sleep(0.02)
        finally:
            await app.runtime.close()

    asyncio.run(main())


def test_a_position_is_never_given_twice(tmp_path: Path) -> None:
    """Also when everything was trimmed, the newest row included."""

    async def act(app: App, records: Any) -> None:
        await write(app, *"abc")

        def forget() -> Any:
            yield Ask("delete from _changes")

        await records.engine.write(forget)
        await write(app, "d")
        assert await records.engine.fetch("select seq from _changes", ()) == [(4,)]

    with_app(tmp_path, act)
