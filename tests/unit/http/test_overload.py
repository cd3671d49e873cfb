"""Whether the front turns requests away, on a loop that is kept busy."""

from __future__ import annotations

import asyncio
import time

from stanchion.http.overload import EVERY_S, Overload

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
        before = overload.refuses()
        for _ in range(6):
            block(EVERY_S + 2 * LATE_S)
            during = overload.refuses()
            await asyncio.sleep(0)
        for _ in range(20):
            overload.refuses()
            await rest(EVERY_S)
        return before, during, overload.refuses()

    assert asyncio.run(run()) == (False, True, False)


def test_one_route_that_blocks_for_a_moment_turns_nobody_away() -> None:
    async def run() -> list[bool]:
        overload = Overload(LATE_S)
        told = []
        for _ in range(5):
            told.append(overload.refuses())
            block(EVERY_S + 3 * LATE_S)
            await rest(0.01)
            told.append(overload.refuses())
            await rest(4 * EVERY_S)
        return told

    assert not any(asyncio.run(run()))


def test_idle_loop_has_no_timer_left() -> None:
    async def run() -> bool:
        overload = Overload(LATE_S)
        overload.refuses()
        await rest(4 * EVERY_S)
        return overload._loop is None

    assert asyncio.run(run())
