"""Whether the front turns requests away, on a loop that is kept busy."""

from __future__ import annotations

import asyncio
import time

from stanchion.http.overload import CROWD, EVERY_S, Overload

LATE_S = 0.15


async def rest(seconds: float) -> None:
    """Let timers run."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        await asyncio.sleep(0.001)


def block(seconds: float) -> None:
    """What a route that does not await does to the loop."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def test_loop_that_stays_late_refuses_and_one_that_recovers_does_not() -> None:
    async def run() -> tuple[bool, bool, bool]:
        overload = Overload(LATE_S)
        before = overload.refuses(time.perf_counter_ns())
        for _ in range(6):
            block(EVERY_S + 2 * LATE_S)
            during = any(overload.refuses(time.perf_counter_ns()) for _ in range(CROWD))
            await asyncio.sleep(0)
        for _ in range(20):
            overload.refuses(time.perf_counter_ns())
            await rest(EVERY_S)
        return before, during, overload.refuses(time.perf_counter_ns())

    assert asyncio.run(run()) == (False, True, False)


def test_loop_that_is_late_with_few_requests_turns_nobody_away() -> None:
    """A page that asks for its parts while the machine has no time for the server."""

    async def run() -> list[bool]:
        overload = Overload(LATE_S)
        told = []
        for _ in range(8):
            block(EVERY_S + 2 * LATE_S)
            told += [overload.refuses(time.perf_counter_ns()) for _ in range(CROWD // 8)]
            await asyncio.sleep(0)
        return told

    assert not any(asyncio.run(run()))


def test_one_route_that_blocks_for_a_moment_turns_nobody_away() -> None:
    async def run() -> list[bool]:
        overload = Overload(LATE_S)
        told = []
        for _ in range(5):
            told.append(overload.refuses(time.perf_counter_ns()))
            block(EVERY_S + 3 * LATE_S)
            await rest(0.01)
            told.append(overload.refuses(time.perf_counter_ns()))
            await rest(4 * EVERY_S)
        return told

    assert not any(asyncio.run(run()))


def test_idle_loop_has_no_timer_left() -> None:
    async def run() -> bool:
        overload = Overload(LATE_S)
        overload.refuses(time.perf_counter_ns())
        await rest(4 * EVERY_S)
        return overload._loop is None

    assert asyncio.run(run())


def test_heap_of_requests_is_refused_from_where_it_took_too_long() -> None:
    """Handed over at once, they are one round of the loop: no timer runs before its end."""

    async def run() -> list[bool]:
        overload = Overload(LATE_S)
        overload.refuses(time.perf_counter_ns())
        await rest(2 * EVERY_S)
        told = []
        for _ in range(60):
            told.append(overload.refuses(time.perf_counter_ns()))
            block(LATE_S / 30)
        return told

    told = asyncio.run(run())
    assert told == sorted(told)
    assert 10 < told.index(True) < 40


def test_round_behind_a_single_slow_request_is_served() -> None:
    async def run() -> list[bool]:
        overload = Overload(LATE_S)
        overload.refuses(time.perf_counter_ns())
        block(3 * LATE_S)
        return [overload.refuses(time.perf_counter_ns()) for _ in range(100)]

    assert not any(asyncio.run(run()))


def test_low_limit_turns_nobody_away_from_a_loop_that_is_on_time() -> None:
    """Time that passes between requests is none that anybody waits."""

    async def run() -> list[bool]:
        overload = Overload(0.015)
        told = []
        for _ in range(100):
            told.append(overload.refuses(time.perf_counter_ns()))
            await asyncio.sleep(0.004)
        return told

    told = asyncio.run(run())
    assert sum(told) <= 5, "a busy machine may be late by itself, now and then"
