"""Reads by id while others ask for scans of 200 ms, twice a second.

Each read has its time, and is measured from that time on: a client that waits for one answer before
it asks again would hide every stall but one. Quiet and disturbed stretches alternate on the same
server; the ratio of their p99 is what a slow query costs its neighbours.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import quote

from .connection import Connection
from .outcome import Outcome, at_least, at_most, none, percentile, told
from .server import Server, serving
from .threads import at_once, beside

NAME = "slow-reads"
ROWS, SHORT_ROWS = 20_000, 6_000
STRETCHES, SHORT_STRETCHES = 5, 1
STRETCH_S, SHORT_STRETCH_S = 6.0, 2.5
CLIENTS, EVERY_S = 4, 0.02
SCAN_S = 0.2
SCANS_EVERY_S = 0.5
RATIO = 2.0
STALLED = 0.05
"""Reads that may take longer than half a scan. NOTE: the short form is held to this alone: it runs
beside other tests on the same cores, where a ratio of p99 means little; on the event loop, scans
would stall a tenth of the reads and more."""


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    seconds = SHORT_STRETCH_S if short else STRETCH_S
    quiet: list[float] = []
    disturbed: list[float] = []
    scans = Scans()
    with tempfile.TemporaryDirectory(prefix="drill-slow-", dir="/var/tmp") as name:
        folder = Path(name)
        with serving(folder, folder, plant=plant) as server:
            keys = _fill(server, rng, SHORT_ROWS if short else ROWS)
            path = _scan_of(server, SCAN_S)
            with closing(Reads(server, keys, seed)) as reads:
                for _ in range(SHORT_STRETCHES if short else STRETCHES):
                    quiet += reads.during(seconds)
                    with _scanning(server, path, scans):
                        disturbed += reads.during(seconds)
    ratio = percentile(disturbed, 0.99) / percentile(quiet, 0.99)
    half = scans.median / 2
    stalled = sum(took > half for took in disturbed) / len(disturbed)
    return Outcome(
        NAME,
        f"{len(quiet)} quiet reads, {len(disturbed)} beside {len(scans.took)} scans",
        seed,
        (
            told("p99 beside scans / p99 without", f"{ratio:.2f}")
            if short
            else at_most("p99 beside scans / p99 without", ratio, RATIO),
            at_most("share of reads that took longer than half a scan", stalled, STALLED),
            told("p99 without scans", f"{percentile(quiet, 0.99) * 1000:.1f} ms"),
            told("p99 beside scans", f"{percentile(disturbed, 0.99) * 1000:.1f} ms"),
            told("slowest beside scans", f"{max(disturbed) * 1000:.1f} ms"),
            at_least("scans", len(scans.took), 2),
            told("a scan, median", f"{scans.median * 1000:.0f} ms"),
            none("reads that failed", reads.failed),
            none("scans that failed", scans.failed),
        ),
    )


def _fill(server: Server, rng: random.Random, rows: int) -> list[str]:
    keys = [f"00000000-0000-4000-8000-{rng.getrandbits(48):012x}" for _ in range(rows)]
    with server.connect() as connection:
        for start in range(0, rows, 500):
            batch = [{"id": key, "text": key * 8} for key in keys[start : start + 500]]
            assert connection.ask("POST", "/api/notes", batch).status == 201
    return keys


def _scan_of(server: Server, seconds: float) -> str:
    """A list whose filter no record meets, with as many parts as `seconds` take."""
    with server.connect() as connection:

        def took(parts: int) -> tuple[float, str]:
            words = (f'text.contains("x{number}x")' for number in range(parts))
            path = "/api/notes?filter=" + quote(" || ".join(words))
            begun = time.monotonic()
            answer = connection.ask("GET", path)
            assert answer.status == 200, answer.body
            return time.monotonic() - begun, path

        took(2)
        one = (min(took(12)[0] for _ in range(3)) - min(took(2)[0] for _ in range(3))) / 10
        return took(max(1, min(40, round(seconds / max(one, 0.001)))))[1]


@dataclass
class Scans:
    """How long each scan took, and how many were not answered 200."""

    took: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def median(self) -> float:
        return median(self.took or [0.0])


@contextmanager
def _scanning(server: Server, path: str, scans: Scans) -> Iterator[None]:
    """Scans at even times, two a second, each on its own connection if need be."""
    stop = threading.Event()

    def scan(first: float) -> None:
        with server.connect() as connection:
            due = time.monotonic() + first
            while not stop.wait(max(0.0, due - time.monotonic())):
                begun = time.monotonic()
                scans.failed += connection.ask("GET", path).status != 200
                scans.took.append(time.monotonic() - begun)
                due += 2 * SCANS_EVERY_S

    with beside([partial(scan, 0.0), partial(scan, SCANS_EVERY_S)], stop):
        yield


class Reads:
    """Reads by id at even times from several connections."""

    def __init__(self, server: Server, keys: list[str], seed: int) -> None:
        self.failed = 0
        self._keys = keys
        self._rng = random.Random(seed)
        self._connections = [server.connect() for _ in range(CLIENTS)]

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def during(self, seconds: float, patience: float = 600.0) -> list[float]:
        """How long each read took from the time at which it was due. Those that are later than
        `patience` after the end are not begun any more."""
        took: list[float] = []
        begun = time.monotonic() + 0.05

        def read(number: int, connection: Connection) -> None:
            due = begun + number * EVERY_S / CLIENTS
            while due < begun + seconds and time.monotonic() < begun + seconds + patience:
                time.sleep(max(0.0, due - time.monotonic()))
                answer = connection.ask("GET", f"/api/notes/{self._rng.choice(self._keys)}")
                took.append(time.monotonic() - due)
                self.failed += answer.status != 200
                due += EVERY_S

        at_once([partial(read, number, one) for number, one in enumerate(self._connections)])
        return took
