"""Clients that take their time: slow headers, slow bodies, answers that nobody reads, and thousands
of connections that say nothing. The others must not notice."""

from __future__ import annotations

import asyncio
import http.client
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.hostile.app import ITEM
from tests.hostile.conftest import Server

SLOW = 300
IDLE = 5_000
HEALTHY = 300
SETTLE_S = 3.0
HEAD = b"POST /api/items HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def slow_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /api/items HTTP/1.1\r\nHost: a\r\n")
    for number in range(1000):
        writer.write(b"X-%d: y\r\n" % number)
        await asyncio.sleep(0.5)


async def slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b" ")
        await asyncio.sleep(0.5)


async def slow_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /api/items?limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
    await asyncio.sleep(1000)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1000)


@asynccontextmanager
async def clients(port: int, count: int, behave: Behaviour) -> AsyncIterator[None]:
    """`count` connections that behave like this."""

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        try:
            await behave(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(one()))
        if number % 100 == 99:
            await asyncio.sleep(0.02)
    await asyncio.sleep(SETTLE_S)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def healthy(port: int) -> float:
    """The 99th percentile, in milliseconds, of reads by id on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    took = []
    for number in range(HEALTHY):
        began = time.perf_counter()
        connection.request("GET", f"/api/items/{ITEM.format(number % 40)}")
        answer = connection.getresponse()
        answer.read()
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200
    connection.close()
    return statistics.quantiles(took, n=100)[98]


@pytest.mark.parametrize("behave", [slow_headers, slow_body, slow_read])
def test_slow_clients_slow_nobody_else(server: Server, behave: Behaviour) -> None:
    async def run() -> tuple[float, float]:
        before = await asyncio.to_thread(healthy, server.port)
        async with clients(server.port, SLOW, behave):
            return before, await asyncio.to_thread(healthy, server.port)

    before, during = asyncio.run(run())
    print(f"{behave.__name__}: p99 {before:.1f} ms before, {during:.1f} ms beside {SLOW} of them")
    assert during < max(4 * before, 50)  # the bar is twice; the rest is the noise of the machine


def test_thousands_of_silent_connections_leave_room(server: Server) -> None:
    async def run() -> tuple[float, int, int]:
        before = server.memory
        async with clients(server.port, IDLE, silence):
            during = server.memory
            return await asyncio.to_thread(healthy, server.port), before, during

    p99, before, during = asyncio.run(run())
    grown = (during - before) / IDLE
    print(f"{IDLE:,} silent connections: p99 {p99:.1f} ms, {grown / 1024:.1f} KiB each")
    assert p99 < 500
    assert grown < 40 * 1024, "what a connection holds that has said nothing"
