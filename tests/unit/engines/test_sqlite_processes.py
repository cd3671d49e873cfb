"""Several processes on one SQLite file: fairness, foreign locks, forks."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

import stanchion
from stanchion.engines.base import Ask, Steps
from stanchion.engines.sqlite import SQLiteEngine
from stanchion.engines.sqlite import engine as engine_module
from stanchion.errors import Unavailable
from stanchion.settings import Settings

SOURCE = str(Path(stanchion.__file__).parent.parent)

WRITERS = """
import asyncio, json, sys, time
from pathlib import Path
from stanchion.engines.base import Ask
from stanchion.engines.sqlite import SQLiteEngine
from stanchion.settings import Settings

name, path, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])

async def main():
    engine = SQLiteEngine(path, Settings())
    await engine.open()
    print("ready", flush=True)
    sys.stdin.readline()
    ends = time.perf_counter() + seconds
    keys, slowest = [], 0.0

    async def write_on(writer):
        nonlocal slowest
        n = 0
        while (begun := time.perf_counter()) < ends:
            key = f"{name}-{writer}-{n}"
            def job():
                yield Ask("insert into pizzas(id, code) values(?1, ?2)", (key, "x" * 300))
                yield Ask("insert into log(key) values(?1)", (key,))
            await engine.write(job)
            keys.append(key)
            slowest = max(slowest, time.perf_counter() - begun)
            n += 1

    await asyncio.gather(*(write_on(writer) for writer in range(8)))
    await engine.close()
    print(json.dumps({"keys": keys, "slowest": slowest}))

asyncio.run(main())
"""

HOLDER = """
import sys, time, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("begin immediate")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("rollback")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with its tables."""
    path = tmp_path / "app.db"

    async def make() -> None:
        engine = SQLiteEngine(path, Settings())
        await engine.write(make_tables)
        await engine.close()

    asyncio.run(make())
    return path


def make_tables() -> Steps[None]:
    yield Ask("create table pizzas(id text primary key, code text) strict")
    yield Ask("create table log(seq integer primary key autoincrement, key text) strict")


def bake_one() -> Steps[None]:
    yield Ask("insert into pizzas(id) values(hex(randomblob(8)))")


def count(file: Path) -> int:
    other = apsw.Connection(str(file))
    try:
        return len(other.execute("select 1 from pizzas").fetchall())
    finally:
        other.close()


@contextmanager
def script(text: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that has printed its first line; it is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", text, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() in ("ready", "held")
        yield process
    finally:
        process.kill()
        process.communicate()


def test_four_processes_share_one_file_fairly(file: Path) -> None:
    with (
        script(WRITERS, "a", str(file), "2") as a,
        script(WRITERS, "b", str(file), "2") as b,
        script(WRITERS, "c", str(file), "2") as c,
        script(WRITERS, "d", str(file), "2") as d,
    ):
        for process in (a, b, c, d):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [json.loads(process.communicate(timeout=15)[0]) for process in (a, b, c, d)]
    counts = sorted(len(each["keys"]) for each in told)
    slowest = max(each["slowest"] for each in told)
    print(f"written in 2 s: {counts}, {sum(counts) / 2:.0f}/s; slowest {slowest * 1000:.0f} ms")

    keys = sorted(key for each in told for key in each["keys"])
    other = apsw.Connection(str(file))
    assert [row[0] for row in other.execute("select id from pizzas order by id")] == keys
    assert [row[0] for row in other.execute("select key from log order by key")] == keys
    other.close()
    # 0.85 on a quiet machine, 0.65 on a busy one; SQLite's own waiting gave one a fifth
    assert counts[0] >= 0.5 * counts[-1], counts


def test_writes_wait_for_a_foreign_lock(file: Path) -> None:
    async def act() -> float:
        engine = SQLiteEngine(file, Settings())
        await engine.open()
        with script(HOLDER, str(file), "1"):
            begun = time.perf_counter()
            await asyncio.gather(*(engine.write(bake_one) for _ in range(20)))
            waited = time.perf_counter() - begun
        await engine.close()
        return waited

    assert 0.5 < asyncio.run(act()) < 4
    assert count(file) == 20


def test_foreign_lock_past_the_deadline_is_503_and_later_writes_succeed(file: Path) -> None:
    async def act() -> None:
        engine = SQLiteEngine(file, Settings(write_deadline_ms=300))
        await engine.open()
        with script(HOLDER, str(file), "10"):
            begun = time.perf_counter()
            early = [asyncio.create_task(engine.write(bake_one)) for _ in range(10)]
            await asyncio.sleep(0.15)
            late = asyncio.create_task(engine.begin())
            refused: list[object] = [*await asyncio.gather(*early, return_exceptions=True)]
            assert 0.3 <= time.perf_counter() - begun < 1.5
            assert await engine.fetch("select count(*) from pizzas", ()) == [(0,)]
            refused += await asyncio.gather(late, return_exceptions=True)
            assert 0.45 <= time.perf_counter() - begun < 2
            assert [type(each) for each in refused] == [Unavailable] * 11
            codes = {getattr(each, "code", "") for each in refused}
            # who was still in the queue when its time was over is told that, not of the lock
            assert "server.busy" in codes and codes <= {"server.busy", "server.deadline"}
        await engine.write(bake_one)
        await engine.close()

    asyncio.run(act())
    assert count(file) == 1


def test_close_does_not_wait_long_for_a_foreign_lock(file: Path) -> None:
    async def act() -> None:
        engine = SQLiteEngine(file, Settings())
        await engine.open()
        with script(HOLDER, str(file), "10"):
            waiting = asyncio.create_task(engine.write(bake_one))
            await asyncio.sleep(0.05)
            begun = time.perf_counter()
            await engine.close()
            assert time.perf_counter() - begun < 3
            with pytest.raises(Unavailable) as refused:
                await waiting
            assert refused.value.code == "server.closing"

    asyncio.run(act())
    assert count(file) == 0


@pytest.mark.parametrize("told", [True, False])
def test_parent_and_forked_child_each_use_connections_of_their_own(
    file: Path, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """Also where Python's fork hooks are not run; then the pid alone tells."""

    async def act() -> None:
        engine = SQLiteEngine(file, Settings())
        if not told:
            monkeypatch.setattr(engine_module, "_engines", [])
        await engine.write(bake_one)
        assert await engine.fetch("select count(*) from pizzas", ()) == [(1,)]
        waiting = [asyncio.create_task(engine.write(bake_one)) for _ in range(10)]
        await asyncio.sleep(0)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = _in_child(engine, told)
            finally:
                os._exit(status)
        await asyncio.gather(*waiting)
        for _ in range(50):
            await engine.write(bake_one)
        assert _wait_for(child) == 0
        await engine.write(bake_one)
        assert await engine.fetch("select count(*) from pizzas", ()) == [(112,)]
        await engine.close()

    asyncio.run(act())
    assert count(file) == 112


def _in_child(engine: SQLiteEngine, told: bool) -> int:
    """Write 50 rows, if it can be as a process that holds SQLite's locks itself."""

    async def act() -> int:
        for _ in range(50):
            await engine.write(bake_one)
        locks = Path("/proc/locks")
        if told and locks.exists() and f" {os.getpid()} " not in locks.read_text():
            return 2
        await engine.close()
        return 0

    asyncio.events._set_running_loop(None)  # the parent's loop is a copy that does not run here
    return asyncio.run(act())


def _wait_for(child: int) -> int:
    for _ in range(1000):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1
