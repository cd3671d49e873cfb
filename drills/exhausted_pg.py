"""F17: 200 slow handlers hold a transaction each, and there are 10 connections for them.

Nobody waits for ever: who gets none in time is told 503 with Retry-After. Reads go on meanwhile,
and when the handlers are done nothing is left open in the database.
"""

from __future__ import annotations

import random
import tempfile
import time
from functools import partial
from pathlib import Path
from uuid import UUID

from .ledger import Call, Ledger, Writers
from .outcome import Outcome, at_least, at_most, none, percentile, told
from .postgres import BUSY_S, WRITE_S, InDatabase, compare, prepared, running, settings
from .postgres import needs_server as why_not
from .reading import Readers
from .server import Server, serving
from .threads import at_once

__all__ = ["NAME", "run", "why_not"]

NAME = "exhausted-pg"
HANDLERS, SHORT_HANDLERS = 200, 60
ROUNDS, SHORT_ROUNDS = 5, 1
HELD_S = 1.0
LIMITS = {
    "STANCHION_DATABASE_CONNECTIONS": "10",
    "STANCHION_OVERLOAD_MS": "60000",  # a busy machine is not what is tried here
}
HELD = "select cast(id as text) from notes where text='held'"


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    handlers = Handlers()
    with tempfile.TemporaryDirectory(prefix="drill-exhausted-", dir="/var/tmp") as name:
        folder = Path(name)
        ledger = Ledger(folder / "ledger.txt", certain=True)
        with running(prepared(folder)) as database:
            more = {**settings(database.url()), **LIMITS}
            with serving(folder, folder, plant=plant, settings=more) as server:
                with Readers(server.connect) as readers:
                    for _ in range(SHORT_ROUNDS if short else ROUNDS):
                        handlers.go(server, rng, SHORT_HANDLERS if short else HANDLERS)
                with Writers(ledger, server.connect, seed, lasting=True):
                    time.sleep(2)
            with_held = InDatabase(database.url())
            with_held.wait_until_quiet()
            stored = {row[0] for row in with_held.rows(HELD)}
            with_held.rows(f"delete from _changes where key in ({HELD}) returning 1")
            with_held.rows("delete from notes where text='held' returning 1")
            with_held.close()
            damage = compare(database.url(), ledger)
    calls = handlers.calls
    done = [call for call in calls if call.status == 200]
    after = sum(count for status, count in ledger.statuses.items() if status >= 300)
    return Outcome(
        NAME,
        f"{len(calls)} handlers, {len(readers.calls)} reads",
        seed,
        (
            at_least("handlers that were served", len(done), 5),
            at_least("handlers told 503", sum(call.status == 503 for call in calls), 1),
            none("handlers told something else than 200 or 503 with Retry-After",
                 handlers.wrong, len(calls)),
            at_most("slowest answer to a handler",
                    max(call.ended - call.begun for call in calls), WRITE_S + 2 * BUSY_S, "s"),
            none("acknowledged and not there", len(handlers.acknowledged - stored), len(done)),
            none("refused, and there", len(stored - handlers.acknowledged)),
            none("reads that failed meanwhile",
                 sum(call.status != 200 for call in readers.calls), len(readers.calls)),
            told("reads meanwhile, p99 in ms",
                 f"{percentile([c.ended - c.begun for c in readers.calls], 0.99) * 1000:.0f}"),
            none("writes refused afterwards", after, len(ledger.lines)),
            *damage.figures(),
        ),
    )  # fmt: skip


class Handlers:
    """Requests to a route that holds its transaction, all at once."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.acknowledged: set[str] = set()
        self.wrong = 0

    def go(self, server: Server, rng: random.Random, count: int) -> None:
        """Send as many at once, and wait for all of them."""
        keys = [str(UUID(int=rng.getrandbits(128), version=4)) for _ in range(count)]
        at_once([partial(self._hold, server, key) for key in keys])

    def _hold(self, server: Server, key: str) -> None:
        begun = time.monotonic()
        with server.connect() as connection:
            answer = connection.ask("POST", f"/hold/{key}?seconds={HELD_S}")
        self.calls.append(Call(begun, time.monotonic(), answer.status))
        if answer.status == 200:
            self.acknowledged.add(key)
        elif answer.status != 503 or "retry-after" not in answer.headers:
            self.wrong += 1
