"""An app with a queue, on a database and an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from stanchion import App, Record, Settings, clock, events
from stanchion.engines import Ask
from stanchion.jobs import WorkPlan
from stanchion.jobs.rows import JobsWanted, TakenJob, take
from stanchion.working import working
from tests.conformance.engines import url

T = TypeVar("T")
PATIENCE_S = 30.0


class Queue:
    """An app that declares what its test says, and short ways to its jobs."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.app = App("Queue", settings=Settings(database_url=url(folder / "q.db"), **settings))
        self.told: list[Any] = []
        self._runner = asyncio.Runner()

        @self.app.collection("notes")
        class Note(Record):
            text: str

        self.note = Note

    def set(self, **settings: Any) -> None:
        """Other settings, before the database is opened."""
        self.app.runtime._settings = replace(self.app.runtime.settings, **settings)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asyncio.wait_for(work, PATIENCE_S))

    def close(self) -> None:
        self._runner.run(self.app.runtime.close())
        self._runner.close()

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        return self.app.transaction(actor=self.app.system())

    async def enqueue(self, job: Any, **arguments: Any) -> str:
        async with self.transaction() as tx:
            return await tx.enqueue(job, **arguments)

    def working(self, workers: int = 4, grace_s: float = 5.0) -> AbstractAsyncContextManager[None]:
        return working(self.app.runtime, WorkPlan(workers, grace_s))

    async def rows(self, columns: str = "*", more: str = "order by id") -> list[tuple[Any, ...]]:
        engine = (await self.app.runtime.records()).engine
        rows = await engine.fetch(f"select {columns} from _jobs {more}", ())
        return [tuple(row) for row in rows]

    async def take(
        self, most: int = 10, worker: str = "here:1", lease_s: float = 30
    ) -> list[TakenJob]:
        engine = (await self.app.runtime.records()).engine
        wanted = JobsWanted(tuple(self.app.runtime.model.jobs.by_name))
        return await engine.claim(lambda: take(engine.name, wanted, most, worker, lease_s))

    async def claim(self, steps: Callable[[], Any]) -> Any:
        return await (await self.app.runtime.records()).engine.claim(steps)

    async def say(self, text: str, *params: Any) -> Any:
        def steps() -> Any:
            return (yield Ask(text, params))

        return await self.claim(steps)

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await asyncio.sleep(0.01)

    async def until_rows(self, columns: str, expected: list[tuple[Any, ...]]) -> None:
        """Wait until these columns of the jobs are so."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.rows(columns) != expected:
                await asyncio.sleep(0.01)

    def events(self, *kinds: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kinds)]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    made = Queue(tmp_path)
    forget = events.subscribe(made.told.append)
    try:
        yield made
    finally:
        forget()
        made.close()


class Moved:
    """The clock, as far ahead as a test says."""

    def __init__(self) -> None:
        self._read = clock._read_ns
        self._ahead = 0

    def on(self, **amount: float) -> None:
        self._ahead += int(timedelta(**amount).total_seconds() * 1e9)
        clock.use(lambda: self._read() + self._ahead)


@pytest.fixture
def moved() -> Iterator[Moved]:
    yield Moved()
    clock.use(None)
