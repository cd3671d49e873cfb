"""F20: workers killed in the middle of their jobs, every half second, or stopped for longer than a
lease and then let go on.

Jobs are made meanwhile, some in transactions that are taken back. Each must be done, none lost; an
effect under the id of its job is there once; of a transaction that was taken back there is nothing;
and of a job that was taken over the end is noted by one alone.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from stanchion import App, Settings
from stanchion.errors import Unavailable

from .crew import Crew
from .outcome import Outcome, none, told
from .queue_app import make_app

NAME = "jobs"
JOBS, SHORT_JOBS = 1000, 60
WORKERS = 3
EVERY_S = 0.5
SHORT_FAULTS = 12
STOPPED_S = 3.0  # longer than a lease and a look, shorter than others wait for the file
LONGEST_S, SHORT_LONGEST_S = 900.0, 45.0
NEVER = 1_000_000  # from here on: numbers of jobs that are taken back


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    with tempfile.TemporaryDirectory(prefix="drill-jobs-", dir="/var/tmp") as name:
        url = f"sqlite:////{name.lstrip('/')}/drill.db"
        return killing(NAME, seed, Path(name), url, short=short, plant=plant)


def killing(name: str, seed: int, folder: Path, url: str, *, short: bool, plant: str) -> Outcome:
    """The drill on the database of this address."""
    lease_s = 1 if short else 2
    settings = {
        "STANCHION_DATABASE_URL": url,
        "STANCHION_JOB_LEASE_S": str(lease_s),
        "STANCHION_GRACE_S": "4",
    }
    app = make_app(Settings(database_url=url))
    drill = _Drill(
        app,
        random.Random(seed),
        SHORT_JOBS if short else JOBS,
        lease_s,
        SHORT_FAULTS if short else JOBS,
    )
    crew = Crew(folder / "work.log", settings, plant)
    try:
        asyncio.run(drill.run(crew, SHORT_LONGEST_S if short else LONGEST_S))
    finally:
        crew.end()
    return drill.outcome(name, seed, crew.log)


class _Drill:
    def __init__(self, app: App, rng: random.Random, jobs: int, lease_s: int, most: int) -> None:
        self._app = app
        self._rng = rng
        self._jobs = jobs
        self._lease_s = lease_s
        self._most = most
        self._made: dict[int, str] = {}
        self._kills = self._stops = 0
        self._seconds = 0.0
        self._payments: list[tuple[str, int]] = []
        self._tries = 0
        self._states: Counter[str] = Counter()

    async def run(self, crew: Crew, longest_s: float) -> None:
        await self._app.runtime.records()
        for _ in range(WORKERS):
            crew.start()
        begun = time.monotonic()
        try:
            await self._disturb(crew, begun + longest_s)
            await self._end(crew)
            await self._count()
        finally:
            self._seconds = time.monotonic() - begun
            await self._app.runtime.close()

    async def _disturb(self, crew: Crew, until: float) -> None:
        stopped: dict[int, float] = {}
        turn = 0
        while time.monotonic() < until:
            if len(self._made) < self._jobs:
                try:
                    await self._make(max(self._jobs // 20, 5))
                except Unavailable:
                    pass  # one that was stopped holds the file; it is made later
            elif await self._ended():
                break
            await asyncio.sleep(EVERY_S)
            now = time.monotonic()
            for pid in [pid for pid, since in stopped.items() if now - since > STOPPED_S]:
                crew.send(pid, signal.SIGCONT)
                del stopped[pid]
            turn += 1
            if turn > self._most:
                continue
            crew.bury()
            while len(crew.pids) - len(stopped) < WORKERS:
                crew.start()
            pid = self._rng.choice(await self._at_work([p for p in crew.pids if p not in stopped]))
            if turn % 3 == 1:  # it goes on after its lease, with a job that is another's by then
                crew.send(pid, signal.SIGSTOP)
                stopped[pid] = now
                self._stops += 1
            else:
                crew.send(pid, signal.SIGKILL)
                crew.pids.remove(pid)
                self._kills += 1
        for pid in stopped:
            crew.send(pid, signal.SIGCONT)

    async def _at_work(self, pids: list[int]) -> list[int]:
        """Those of them that are in the middle of a job; all, if none is."""
        running = await self._rows("select worker from _jobs where state='running'")
        busy = {int(worker.rpartition(":")[2]) for (worker,) in running}
        return [pid for pid in pids if pid in busy] or pids

    async def _make(self, count: int) -> None:
        numbers = range(len(self._made), min(len(self._made) + count, self._jobs))
        made = {}
        async with self._app.transaction(actor=self._app.system()) as tx:
            for number in numbers:
                made[number] = await tx.enqueue(
                    self._app.state.pay, number=number, seconds=self._rng.uniform(0.0, 0.6)
                )
        self._made |= made
        try:
            async with self._app.transaction(actor=self._app.system()) as tx:
                await tx.enqueue(self._app.state.pay, number=NEVER + len(made), seconds=0.0)
                raise LookupError
        except LookupError:
            pass

    async def _rows(self, text: str) -> list[Any]:
        return [tuple(row) for row in await self._app.runtime.engine.fetch(text, ())]

    async def _ended(self) -> bool:
        found = "select count(*) from _jobs where ended is null"
        return bool((await self._rows(found))[0][0] == 0)

    async def _end(self, crew: Crew) -> None:
        """What runs may finish, and what was stopped may do its worst."""
        await asyncio.sleep(1.5 * self._lease_s)
        for pid in crew.pids:
            crew.send(pid, signal.SIGTERM)
        await asyncio.sleep(2.0)

    async def _count(self) -> None:
        rows = await self._rows("select id,number from payments")
        self._payments = [(str(id), number) for id, number in rows]
        self._tries = (await self._rows("select count(*) from tries"))[0][0]
        self._states = Counter(
            dict(await self._rows("select state,count(*) from _jobs group by 1"))
        )

    def outcome(self, name: str, seed: int, log: Path) -> Outcome:
        paid = Counter(number for _, number in self._payments)
        ids = {number: id for id, number in self._payments}
        said = [json.loads(line) for line in log.read_text().splitlines() if line[:1] == "{"]
        ends = Counter(line["job"] for line in said if line["event"] == "job.done")
        over = sum(line["event"] == "job.taken_over" for line in said)
        lost = sum(line["event"] == "job.lost" for line in said)
        return Outcome(
            name,
            f"{len(self._made)} jobs, {self._kills} kills, {self._stops} stops",
            seed,
            (
                none("jobs lost", sum(number not in paid for number in self._made), self._jobs),
                none("jobs not done", len(self._made) - self._states["done"], self._jobs),
                none("effects doubled under the id of the job", sum(paid.values()) - len(paid)),
                none("effects under another id", sum(ids[n] != self._made[n] for n in ids
                                                     if n in self._made)),
                none("jobs of transactions that were taken back", sum(n >= NEVER for n in paid)),
                none("ends that were noted twice", sum(count > 1 for count in ends.values())),
                told("taken over", f"{over}"),
                told("tries of those who had lost their lease", f"{lost}"),
                told("effects without a key, of these jobs", f"{self._tries}"),
                told("seconds", f"{self._seconds:.1f}"),
            ),
        )  # fmt: skip
