"""Every place where limits are counted counts alike, is bounded, and fails as it says."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from stanchion import App, Settings, clock, events
from stanchion.errors import SettingError, TooManyRequests, Unavailable
from stanchion.limits import Counted, in_redis, of_client, of_user
from stanchion.limits.in_memory import InMemory
from stanchion.limits.in_redis import InRedis
from stanchion.limits.in_rows import InRows
from stanchion.limits.shares import Share, Store, shares_of
from stanchion.schema import Limit
from stanchion.store import counters
from tests.limits_together import MAY, passed_together
from tests.redis_server import RedisServer, needs_redis, redis_server

STORES = ("memory", "rows", pytest.param("redis", marks=needs_redis))
MINUTE = 60_000_000_000


@pytest.fixture
def moment() -> Iterator[list[int]]:
    """The moment in nanoseconds; it stands still until a test moves it."""
    now = [time.time_ns()]
    clock.use(lambda: now[0])
    yield now
    clock.use(None)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may be busy."""
    monkeypatch.setattr(in_redis, "PATIENCE_S", 20.0)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@asynccontextmanager
async def opened(kind: str, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    store: Store
    app = app_in(folder)
    if kind == "rows":
        store = InRows(app.runtime.opened_engine)
    elif kind == "redis":
        server = request.getfixturevalue("redis")
        server.ask("FLUSHALL")
        store = InRedis(server.url)
    else:
        store = InMemory()
    try:
        yield store
    finally:
        await store.close()
        await app.runtime.close()


def app_in(folder: Path, **settings: Any) -> App:
    app = App("Count", settings=Settings(database_url=f"sqlite:////{folder}/c.db", **settings))
    app.runtime.change_schema = True
    return app


Act = Callable[[Store], Coroutine[Any, Any, None]]


@pytest.fixture(params=STORES)
def counting(
    request: pytest.FixtureRequest, tmp_path: Path, moment: list[int]
) -> Callable[[Act], None]:
    """Runs an act with each store."""

    def run(act: Act) -> None:
        async def whole() -> None:
            async with opened(request.param, tmp_path, request) as store:
                await act(store)

        asyncio.run(whole())

    return run


def share(key: str, most: int, cost: int = 1, seconds: int = 60) -> Share:
    return Share("x", key, most, seconds, cost)


def test_as_many_pass_as_may_and_the_others_are_told(counting: Callable[[Act], None]) -> None:
    async def act(store: Store) -> None:
        told = [(await store.take([share("a", 3)]))[0] for _ in range(5)]
        assert [(t.used, t.full) for t in told] == [(1, False), (2, False), (3, False)] + [
            (3, True)
        ] * 2
        assert all(0 < t.left_ms <= 60_000 for t in told)
        assert not (await store.take([share("b", 3)]))[0].full

    counting(act)


def test_all_are_taken_or_none(counting: Callable[[Act], None]) -> None:
    async def act(store: Store) -> None:
        await store.take([share("z", 1)])
        for shares in ([share("a", 9, 2), share("z", 1)], [share("z", 1), share("b", 9, 2)]):
            told = await store.take(shares)
            for one, standing in zip(shares, told, strict=True):
                assert standing is None or standing.full == (one.key == "z")
                assert standing is None or standing.used == int(one.key == "z")
            assert any(standing is not None and standing.full for standing in told)
        told = await store.take([share("a", 9), share("b", 9)])
        assert [t.used for t in told] == [1, 1]

    counting(act)


def test_more_than_there_ever_is_takes_nothing(counting: Callable[[Act], None]) -> None:
    async def act(store: Store) -> None:
        assert (await store.take([share("a", 3, 4)]))[0].full
        assert (await store.take([share("a", 3, 2)]))[0].used == 2
        assert (await store.take([share("a", 3, 2)]))[0].full
        assert (await store.take([share("a", 3, 1)]))[0].used == 3

    counting(act)


def test_what_was_used_comes_back_at_the_end_of_its_time(
    counting: Callable[[Act], None], moment: list[int]
) -> None:
    async def act(store: Store) -> None:
        assert not (await store.take([share("a", 1, seconds=1)]))[0].full
        full = (await store.take([share("a", 1, seconds=1)]))[0]
        assert full.full and full.left_ms <= 1000
        if isinstance(store, InRedis):  # which has a clock of its own
            await asyncio.sleep(full.left_ms / 1000 + 0.01)
        else:
            moment[0] += (full.left_ms - 1) * 1_000_000
            assert (await store.take([share("a", 1, seconds=1)]))[0].full
            moment[0] += 1_000_000
        assert not (await store.take([share("a", 1, seconds=1)]))[0].full

    counting(act)


def test_many_at_once_take_no_more_than_there_is(counting: Callable[[Act], None]) -> None:
    async def act(store: Store) -> None:
        pairs = [[share("a", 7), share("b", 99)], [share("b", 99), share("a", 7)]]
        told = await asyncio.gather(*(store.take(pairs[n % 2]) for n in range(40)))
        assert sum(not any(t.full for t in each) for each in told) == 7

    counting(act)


# what is told apart, and what is not


def test_keys_are_digests_that_tell_every_caller_apart() -> None:
    limit = (Limit(1, 60),)
    every = [
        Counted("a", of_user("1"), limit), Counted("a", of_client("1"), limit),
        Counted("a", ("user", "1", "x"), limit), Counted("a", ("user", "1x"), limit),
        Counted("a", ("user", "1', 'x"), limit), Counted("a", ("user", "1\x1fx"), limit),
        Counted("b", of_user("1"), limit), Counted("a", of_user("1"), (Limit(1, 61),)),
        Counted("a", of_user("x" * 100_000), limit), Counted("a", of_user("\ud800"), limit),
    ]  # fmt: skip
    keys = [s.key for each in every for s in shares_of("App", [each])]
    keys += [s.key for s in shares_of("Other", every[:1])]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}
    more = [s.key for s in shares_of("App", [Counted("a", of_user("1"), (Limit(9, 60),))])]
    assert more == keys[:1], "a limit that is changed holds at once"


# bounds


def test_memory_is_bounded_whoever_comes_with_ever_new_keys(moment: list[int]) -> None:
    async def act() -> None:
        store = InMemory(100)
        await store.take([share("first", 1)])
        for n in range(99):
            await store.take([share(f"k{n}", 1)])
        assert (await store.take([share("first", 1)]))[0].full
        for n in range(1000):
            await store.take([share(f"flood{n}", 1)])
        assert len(store._windows) == 100
        assert not (await store.take([share("first", 1)]))[0].full, "the oldest is forgotten"
        moment[0] += MINUTE
        await store.take([share("flood950", 1)])
        assert list(store._windows)[-1] == "flood950", "a new window is a young one"

    asyncio.run(act())


def test_rows_are_swept(tmp_path: Path, moment: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "_CROWDED", counters._CROWDED.replace("1000000", "50"))

    async def act() -> None:
        app = app_in(tmp_path)
        engine = await app.runtime.opened_engine()
        store = InRows(app.runtime.opened_engine)

        async def rows() -> int:
            return int((await engine.fetch("select count(*) from _limits", ()))[0][0])

        for n in range(40):
            await store.take([share(f"short{n}", 1)])
        moment[0] += MINUTE
        await store.take([share("new", 1)])
        assert await rows() == 1
        for n in range(80):
            await store.take([share(f"long{n}", 1, seconds=3600 + n)])
        assert await rows() == 81
        moment[0] += MINUTE
        await store.take([share("longest", 1, seconds=9999)])
        assert await rows() == 50, "those that end first went"
        await app.runtime.close()

    asyncio.run(act())


def test_whoever_asks_on_and_on_costs_no_write(
    tmp_path: Path, moment: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act() -> None:
        app = app_in(tmp_path)
        engine = await app.runtime.opened_engine()
        written = 0
        write = engine.write

        async def noted(job: Any) -> Any:
            nonlocal written
            written += 1
            return await write(job)

        monkeypatch.setattr(engine, "write", noted)
        store = InRows(app.runtime.opened_engine)
        for _ in range(3):
            await store.take([share("a", 3)])
        before = written
        for _ in range(1000):
            assert (await store.take([share("a", 3)]))[0].full
        assert written == before
        assert not (await store.take([share("a", 4)]))[0].full, "of a limit that was raised"
        await app.runtime.close()

    asyncio.run(act())


# where nobody can count


def told_by(act: Callable[[], Coroutine[Any, Any, None]]) -> list[events.LimitsUncounted]:
    told: list[Any] = []
    forget = events.subscribe(told.append)
    try:
        asyncio.run(act())
    finally:
        forget()
    return [event for event in told if isinstance(event, events.LimitsUncounted)]


COUNTED = Counted("login", of_client("203.0.113.7"), (Limit(2, 60),))


@needs_redis
def test_a_redis_that_is_away_closes_sign_in_and_nothing_else(
    tmp_path: Path, redis: RedisServer
) -> None:
    with redis_server(tmp_path) as own:
        app = app_in(tmp_path, redis_url=own.url)
        limiter = app.runtime.limiter

        async def act() -> None:
            assert (await limiter.hit(COUNTED))[1] == ("RateLimit", '"login";r=1;t=60')
            own.stop()
            assert await limiter.hit(COUNTED) == ()
            with pytest.raises(Unavailable) as refused:
                await limiter.hit(COUNTED, strict=True)
            assert refused.value.code == "limit.uncounted"
            assert refused.value.headers["Retry-After"] == "1"
            with redis_server(tmp_path, own.port):  # it comes back, and has forgotten
                assert await limiter.hit(COUNTED, strict=True)
                assert await limiter.hit(COUNTED, strict=True)
                with pytest.raises(TooManyRequests):
                    await limiter.hit(COUNTED)
                await app.runtime.close()

        told = told_by(act)
    assert len(told) == 1, "an outage is told once in ten seconds"
    assert not told[0].refused and told[0].message


def test_a_database_that_is_gone_closes_sign_in_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_in(tmp_path)

    async def act() -> None:
        assert await app.runtime.limiter.hit(COUNTED, strict=True)
        (tmp_path / "c.db").rename(tmp_path / "elsewhere.db")
        assert await app.runtime.limiter.hit(COUNTED) == ()
        with pytest.raises(Unavailable):
            await app.runtime.limiter.hit(COUNTED, strict=True)
        (tmp_path / "elsewhere.db").rename(tmp_path / "c.db")
        await app.runtime.close()

    assert len(told_by(act)) == 1


def test_one_process_counts_in_memory_and_several_in_rows(tmp_path: Path) -> None:
    app = app_in(tmp_path)

    async def rows() -> int:
        await app.runtime.limiter.hit(COUNTED)
        engine = await app.runtime.opened_engine()
        found = int((await engine.fetch("select count(*) from _limits", ()))[0][0])
        await app.runtime.close()
        return found

    app.runtime.alone = True
    assert asyncio.run(rows()) == 0
    app.runtime.alone = False
    assert asyncio.run(rows()) == 1


# Redis


@needs_redis
def test_processes_count_together_in_a_redis(tmp_path: Path, redis: RedisServer) -> None:
    redis.ask("FLUSHALL")
    settings = {
        "STANCHION_REDIS_URL": redis.url,
        "STANCHION_DATABASE_URL": f"sqlite:////{tmp_path}/limits.db",
    }
    assert passed_together(**settings) == [MAY, 0]


@needs_redis
def test_a_redis_forgets_every_window_by_itself(redis: RedisServer) -> None:
    redis.ask("FLUSHALL")

    async def act() -> None:
        store = InRedis(redis.url)
        await store.take([share("a", 5, seconds=60), share("b", 5, seconds=60)])
        await store.take([share("a", 5, seconds=60)])
        await store.close()

    asyncio.run(act())
    for key in ("a", "b"):
        left = int(redis.ask("PTTL", f"stanchion:limits:{key}").removeprefix(":"))
        assert 0 < left <= 60_000
    assert redis.ask("DBSIZE") == ":2"


def test_without_the_package_the_app_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    app = app_in(tmp_path, redis_url="redis://127.0.0.1:1")
    with pytest.raises(SettingError, match=r"stanchion\[redis\]"):
        asyncio.run(app.runtime.records())


def test_a_window_that_was_taken_back_is_not_there(tmp_path: Path, moment: list[int]) -> None:
    """What a refused try began is gone with it."""

    async def act() -> None:
        app = app_in(tmp_path)
        engine = await app.runtime.opened_engine()
        store = InRows(app.runtime.opened_engine)
        await store.take([share("z", 1)])
        await store.take([share("a", 9), share("z", 1)])
        found = await engine.fetch("select key from _limits order by key", ())
        assert found == [("z",)]
        await app.runtime.close()

    asyncio.run(act())
