"""The connections that are handed round: never too many, none lost, none given out in a bad state.

Each test ends with all places free: what a caller leaves behind by being cancelled, by a broken
connection or by a deadline shows there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stanchion import Settings
from stanchion.engines.postgres.pools import Pools, ServerAddress
from stanchion.errors import Unavailable

MOST = 3


def with_pools(url: str, act: Callable[[Pools], Awaitable[None]], **settings: Any) -> None:
    """Run `act`, then take every place once more, at the same time."""

    async def main() -> None:
        kept = {"database_connections": MOST, **settings}
        pools = Pools(ServerAddress(url, url), Settings(database_url=url, **kept))
        try:
            async with asyncio.timeout(60):
                await act(pools)
                assert len(set(await asyncio.gather(*(backend(pools, 0.1) for _ in range(9))))) <= 3
                await full(pools)
        finally:
            await pools.close()

    asyncio.run(main())


async def backend(pools: Pools, rest: float = 0.0) -> int:
    async with pools.take("points", 20) as connection:
        await asyncio.sleep(rest)
        return int(await connection.fetchval("select pg_backend_pid()"))


async def full(pools: Pools) -> None:
    """As many as there may be, and not one more."""
    taken = [pools.take("points", 20) for _ in range(MOST)]
    for one in taken:
        await one.__aenter__()
    with pytest.raises(Unavailable) as refused:
        async with pools.take("points", 0.05):
            pass
    assert refused.value.code == "server.busy"
    for one in taken:
        await one.__aexit__(None, None, None)


def test_who_came_first_is_served_first_and_the_last_one_back_goes_out_first(database: str) -> None:
    async def act(pools: Pools) -> None:
        served: list[int] = []

        async def ask(number: int) -> None:
            async with pools.take("points", 20):
                served.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(backend(pools, 0.1) for _ in range(MOST)))
        await asyncio.gather(*(ask(number) for number in range(40)))
        assert served == list(range(40))
        assert len({await backend(pools) for _ in range(10)}) == 1

    with_pools(database, act)


def test_a_caller_that_is_cancelled_takes_no_connection_with_it(database: str) -> None:
    async def act(pools: Pools) -> None:
        for rounds in range(60):
            held = pools.take("points", 20)
            others = [pools.take("points", 20) for _ in range(MOST - 1)]
            for one in (held, *others):
                await one.__aenter__()
            waiting = [asyncio.create_task(backend(pools)) for _ in range(4)]
            await asyncio.sleep(0)
            await held.__aexit__(None, None, None)  # it is handed to the first of them
            for turn in range(rounds % 3):  # who is told at once, a moment later, or while it asks
                await asyncio.sleep(0.0005 * turn)
            waiting[0].cancel()
            waiting[2].cancel()
            for one in others:
                await one.__aexit__(None, None, None)
            told = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(type(told[at]) is int for at in (1, 3)), told

    with_pools(database, act)


def test_a_statement_that_was_left_is_over_when_its_connection_goes_out_again(
    database: str,
) -> None:
    async def act(pools: Pools) -> None:
        async def sleep() -> None:
            async with pools.take("points", 20) as connection:
                await connection.execute("begin")
                await connection.fetch("select pg_sleep(30)")

        for _ in range(5):
            asking = asyncio.create_task(sleep())
            await asyncio.sleep(0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            async with pools.take("points", 20) as connection:
                assert not connection.is_in_transaction()
                assert await connection.fetchval("select 1") == 1

    with_pools(database, act)


def test_a_transaction_that_was_left_open_does_not_go_out_again(database: str) -> None:
    async def act(pools: Pools) -> None:
        with pytest.raises(ValueError, match="on the way"):
            async with pools.take("points", 20) as connection:
                await connection.execute("begin")
                raise ValueError("on the way")
        async with pools.take("points", 20) as again:
            assert again is connection and not again.is_in_transaction()

    with_pools(database, act)


def test_connections_that_the_server_ended_are_made_anew(database: str) -> None:
    async def act(pools: Pools) -> None:
        await asyncio.gather(*(backend(pools, 0.05) for _ in range(MOST)))
        async with pools.take("writers", 20) as other:
            ended = await other.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname=current_database() and pid<>pg_backend_pid() "
                "and backend_type='client backend'"
            )
        assert len(ended) >= MOST
        await asyncio.sleep(0.2)
        assert len(set(await asyncio.gather(*(backend(pools, 0.1) for _ in range(MOST))))) == MOST

    with_pools(database, act)


def test_who_waits_is_served_when_the_connections_break_that_he_waits_for(database: str) -> None:
    async def act(pools: Pools) -> None:
        taken = [pools.take("points", 20) for _ in range(MOST)]
        connections = [await one.__aenter__() for one in taken]
        old = {connection.get_server_pid() for connection in connections}
        waiting = [asyncio.create_task(backend(pools)) for _ in range(8)]
        await asyncio.sleep(0.01)
        pools.hears_nothing("points", connections[0])
        for one in taken:
            await one.__aexit__(None, None, None)
        told = set(await asyncio.gather(*waiting))
        assert 1 <= len(told) <= MOST and not told & old, "those beside it are as dead"

    with_pools(database, act)


def test_closing_waits_for_the_calls_under_way_and_no_longer_than_a_deadline(
    database: str,
) -> None:
    async def act(pools: Pools) -> None:
        busy = asyncio.create_task(backend(pools, 0.3))
        await asyncio.sleep(0.1)
        await pools.close()
        assert type(await busy) is int
        forever = pools.take("points", 20)
        connection = await forever.__aenter__()
        await pools.close()
        assert connection.is_closed()
        await forever.__aexit__(None, None, None)

    with_pools(database, act, write_deadline_ms=1000)
