"""Clients that take their time, in a process of their own so that they slow nobody else's clock.

    python -m tests.hostile.slow PORT COUNT BEHAVIOUR SECONDS

Says `ready` those seconds after all of them came, and stays until its input ends.
"""

from __future__ import annotations

import asyncio
import random
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
EVERY_S = 0.5
HEAD = b"POST /api/items HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def pause() -> float:
    """Seconds until a client says more: not the same for all, or they would all come at once."""
    return EVERY_S * random.uniform(0.2, 1.8)


async def slow_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /api/items HTTP/1.1\r\nHost: a\r\n")
    for number in range(1000):
        writer.write(b"X-%d: y\r\n" % number)
        await asyncio.sleep(pause())


async def slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b" ")
        await asyncio.sleep(pause())


async def slow_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET /api/items?limit=1000 HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
    await asyncio.sleep(1000)


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1000)


BEHAVIOURS: dict[str, Behaviour] = {
    behave.__name__: behave for behave in (slow_headers, slow_body, slow_read, silence)
}


async def _open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that takes in little of what is sent to it."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=small, limit=1024)


async def _stay(port: int, behave: Behaviour, came: Callable[[], None]) -> None:
    while True:  # one that was closed comes again, as an attacker would
        reader, writer = await _open(port)
        came()
        try:
            await behave(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()


async def _attack(port: int, count: int, behave: Behaviour, settle: float) -> None:
    opened = 0

    def came() -> None:
        nonlocal opened
        opened += 1

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(_stay(port, behave, came)))
        if number % 100 == 99:
            await asyncio.sleep(0.02)
    await asyncio.sleep(settle)
    print("ready" if opened >= count else f"{opened} connections of {count}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def clients(port: int, count: int, behave: str, settle: float = 3.0) -> Iterator[None]:
    """`count` connections that behave like this."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.slow", str(port), str(count), behave,
         str(settle)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        said = process.stdout.readline()
        assert said == b"ready\n", said
        yield
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def seconds_until_freed(port: int, count: int, behave: str, patience: float) -> list[float]:
    """How long the server keeps each of `count` connections; those beyond `patience` count it."""

    async def one() -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        slowly = asyncio.ensure_future(BEHAVIOURS[behave](reader, writer))
        try:
            async with asyncio.timeout(patience):
                while await reader.read(65_536):
                    pass
        except (TimeoutError, ConnectionError):
            pass
        finally:
            slowly.cancel()
            writer.close()
        return time.monotonic() - began

    async def run() -> list[float]:
        return await asyncio.gather(*(one() for _ in range(count)))

    return asyncio.run(run())


if __name__ == "__main__":
    given_port, given_count, name, seconds = sys.argv[1:]
    asyncio.run(_attack(int(given_port), int(given_count), BEHAVIOURS[name], float(seconds)))
