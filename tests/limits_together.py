"""Several processes that count together: twenty clients at once, and how many of them pass."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.cli.processes import environment

PATIENCE_S = 60
PROCESSES, CLIENTS, TRIES, MAY = 4, 5, 3, 23
PROGRAM = f"""
import asyncio, json, multiprocessing, sys
from stanchion import App
from stanchion.errors import TooManyRequests
from stanchion.limits import Counted, in_redis, of_client
from stanchion.schema import Limit

in_redis.PATIENCE_S = 20  # a machine may be busy
app = App("Together")
app.runtime.change_schema = True
app.runtime.alone = sys.argv[1] == "alone"
many, few = (Limit({MAY * 2}, 7200),), (Limit({MAY}, 3600),)
whose = of_client("203.0.113.7")

async def client():
    passed = 0
    for _ in range({TRIES}):
        try:  # two at once, as a login is counted
            await app.runtime.limiter.hit(
                Counted("login", whose, many), Counted("account", (*whose, "ann"), few), strict=True
            )
            passed += 1
        except TooManyRequests:
            pass
    return passed

async def count(barrier, told):
    await app.runtime.records()
    barrier.wait(30)
    passed = sum(await asyncio.gather(*(client() for _ in range({CLIENTS}))))
    await app.runtime.close()
    told.put(passed)

def together(processes):  # forked before anybody connects, as `stanchion serve` does
    fork = multiprocessing.get_context("fork")
    barrier, told = fork.Barrier(processes), fork.Queue()
    started = [
        fork.Process(target=lambda: asyncio.run(count(barrier, told)), daemon=True)
        for _ in range(processes)
    ]
    for process in started:
        process.start()
    passed = [told.get(timeout=40) for _ in started]
    for process in started:
        process.join(10)
    return sum(passed)

async def make_tables():
    await app.runtime.records()
    await app.runtime.close()

maker = multiprocessing.get_context("fork").Process(target=lambda: asyncio.run(make_tables()))
maker.start()
maker.join(30)
print(json.dumps([together({PROCESSES}), together(1)]))
"""


def passed_together(way: str = "several", **settings: str) -> list[int]:
    """How many of all tries passed, of which `MAY` may; and how many of those of another process
    afterwards."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], env=environment(**settings), text=True,
        capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    passed: list[int] = json.loads(told.stdout)
    return passed
