"""A way to the database that can fall silent, or be refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Middle:
    """Passes bytes on. `silent` keeps those of both ways, `deaf` those that come back, as a network
    does that drops packets: no end is told. `until` falls silent once such bytes were passed on;
    `cut` ends the connection that sends such bytes, which are passed on first if `passed`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._url = url
        self._there = parts.hostname or "", parts.port or 0
        self._server: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.silent = self.deaf = False
        self.until = self.cut = b""
        self.passed = True
        self.opened = 0

    @property
    def url(self) -> str:
        host, port = self._there
        return self._url.replace(f"{host}:{port}", f"127.0.0.1:{self._port}")

    async def listen(self) -> None:
        """Take connections again, at the same port."""
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Close every connection, and take none."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writers.clear()

    def ways(self) -> set[asyncio.Task[None]]:
        """The connections that are there now; one is done when both of its ends have noticed."""
        return set(self._tasks)

    async def _pass_on(
        self, near_reader: asyncio.StreamReader, near_writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(near_writer)
        while self.silent or self.deaf:
            await asyncio.sleep(0.02)
        self.opened += 1
        with suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._there)
            self._writers.add(far_writer)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._carry(near_reader, far_writer, back=False))
                    both.create_task(self._carry(far_reader, near_writer, back=True))
            except* ConnectionAbortedError:
                near_writer.transport.abort()
            far_writer.close()
        near_writer.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool
    ) -> None:
        with suppress(ConnectionResetError, BrokenPipeError):
            while data := await reader.read(65_536):
                while self.silent or (back and self.deaf):
                    await asyncio.sleep(0.02)
                if not back and self.until and self.until in data:
                    self.deaf = True
                cut = not back and self.cut and self.cut in data
                if self.passed or not cut:
                    writer.write(data)
                    await writer.drain()
                if cut:
                    raise ConnectionAbortedError
        with suppress(OSError):  # the other way goes on until its end has noticed too
            writer.write_eof()


@asynccontextmanager
async def between(url: str) -> AsyncIterator[Middle]:
    """A way to the database of this address."""
    middle = Middle(url)
    await middle.listen()
    try:
        yield middle
    finally:
        middle.silent = middle.deaf = False
        await middle.refuse()
