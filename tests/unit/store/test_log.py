"""Reading the change log: positions, gaps, trimming, who may see what, and two processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import stanchion
from stanchion import App, Field, Record, Rules, Settings, UserRecord, public
from stanchion.actors import actor_of
from stanchion.engines import Ask
from stanchion.store.log import Gap, LoggedChange, LogReader, ReaderMoved
from stanchion.store.trim import Keep, trim

SOURCE = str(Path(stanchion.__file__).parents[1])


def make_app(folder: Path) -> App:
    app = App("Log", settings=Settings(database_url=f"sqlite:///{folder}/log.db"))

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
    """The next items, each of which must come within a second."""
    return [await asyncio.wait_for(anext(reader), 1) for _ in range(count)]


def texts(changes: list[Any]) -> list[Any]:
    return [change.after["text"] for change in changes]


def test_a_new_reader_sees_what_comes_after_it_in_order(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, "before")
        reader = records.changes("mail")
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


def test_a_reader_goes_on_where_it_was_done(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, "one", "two", "three")
        first = records.changes("mail", from_start=True)
        assert texts(await take(first, 2)) == ["one", "two"]
        await first.commit()
        again = records.changes("mail", from_start=True)
        assert texts(await take(again, 2)) == ["two", "three"], "`two` was handed out, not done"
        other = records.changes("other", from_start=True)
        assert texts(await take(other, 1)) == ["one"]

    with_app(tmp_path, act)


def test_a_second_reader_of_a_name_is_told(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, "one", "two")
        first = records.changes("mail", from_start=True)
        second = records.changes("mail", from_start=True)
        await take(first, 2)
        await take(second, 2)
        await first.commit()
        with pytest.raises(ReaderMoved):
            await second.commit()

    with_app(tmp_path, act)


def test_trimming_by_size_tells_a_slow_reader_of_its_gap(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abcdefgh")
        slow = records.changes("slow", from_start=True)
        await take(slow, 2)
        await slow.commit()
        size = (await records.engine.fetch(
            "select max(200+length(coalesce(before,''))+length(after)) from _changes", ()
        ))[0][0]  # fmt: skip
        assert await records.engine.write(lambda: trim(Keep(7, 3 * size))) is False
        kept = await records.engine.fetch("select count(*) from _changes", ())
        assert kept == [(3,)]
        gap, *rest = await take(records.changes("slow"), 4)
        assert isinstance(gap, Gap)
        assert gap.position == "5"
        assert texts(rest) == ["f", "g", "h"]

    with_app(tmp_path, act)


def test_trimming_by_age_keeps_what_is_young_and_works_in_pieces(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        await write(app, *"abc")

        def age() -> Any:
            yield Ask("update _changes set time='2020-01-01T00:00:00.000000Z' where seq<=2")
            yield Ask(
                "with recursive n(i) as (select 1 union all select i+1 from n where i<1200) "
                "insert into _changes (tx,collection,key,operation,version,actor,request,time) "
                "select 't','notes','k','update',1,'','','2099-01-01T00:00:00.000000Z' from n"
            )

        await records.engine.write(age)
        pieces = [await records.engine.write(lambda: trim(Keep(7, 10**9))) for _ in range(3)]
        assert pieces == [True, True, False]
        rows = await records.engine.fetch("select min(seq),count(*) from _changes", ())
        assert rows == [(3, 1201)]
        assert await records.engine.fetch("select trimmed from _log", ()) == [(2,)]

    with_app(tmp_path, act)


def test_a_caller_is_told_of_its_own_world_only(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        note, user = app.state.note, app.state.user
        async with app.transaction(actor=app.system()) as tx:
            anna = await tx.create(user(email="a@example.org"))
            mine = await tx.create(note(text="mine", owner=anna.email, price=1))
            other = await tx.create(note(text="hers", owner="somebody", price=2))
            await tx.update(note, mine.id, text="mine still")
            await tx.update(note, other.id, text="hers still")
            await tx.update(note, mine.id, owner="somebody")
            await tx.update(note, other.id, owner=anna.email)
            await tx.delete(note, other.id)
            await tx.create(note(text="end", owner=anna.email))
        actor = actor_of(anna, app.runtime.model)
        reader = records.changes("anna", actor, collections=["notes"], from_start=True)
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
    from pathlib import Path
    from test_log import make_app

    async def main():
        app = make_app(Path(sys.argv[2]))
        records = await app.runtime.records()
        with open(sys.argv[3], "a") as told:
            async for change in records.changes("mail", from_start=True):
                told.write(change.key + " " + str(change.version) + "\\n")
                told.flush()

    asyncio.run(main())
"""


def start_reader(folder: Path, told: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(READER), str(Path(__file__).parent),
         str(folder), str(told)],
        env={**os.environ, "PYTHONPATH": SOURCE},
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


def test_a_commit_of_another_process_wakes_a_reader(tmp_path: Path) -> None:
    async def act(app: App, records: Any) -> None:
        reader = records.changes("mail")
        waiting = asyncio.create_task(take(reader, 1))
        await asyncio.sleep(0.2)
        other = make_app(tmp_path)
        script = "import sqlite3,sys;c=sqlite3.connect(sys.argv[1]);" + (
            "c.execute('insert into _changes (tx,collection,key,operation,version,actor,request,"
            "time,after) values (1,\\'notes\\',\\'k\\',\\'create\\',1,1,1,1,?)',(sys.argv[2],));"
            "c.commit()"
        )
        path = str(other.runtime.database.path)
        subprocess.run(
            [sys.executable, "-c", script, path, json.dumps({"text": "far"})], check=True
        )
        assert texts(await waiting) == ["far"]

    with_app(tmp_path, act)
