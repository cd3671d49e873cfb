"""D8: two hundred sign-ins a second, and passwords of a megabyte, beside reads of others.

The flood comes from as many addresses as the limits by address let through, for accounts that are
not there: each is worth a hash. What the machine cannot hash is refused, and the memory of the
process stays what it was but for the hashes under way; a password that is too long is not hashed.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from .outcome import Outcome, at_least, at_most, none, percentile, told
from .people_app import NOTE, fill
from .server import Server, serving
from .slow_reads import Reads
from .threads import beside

NAME = "password-flood"
NOTES = 300
STRETCHES, SHORT_STRETCHES = 6, 1
STRETCH_S, SHORT_STRETCH_S = 8.0, 2.0
PER_SECOND = 200
ADDRESSES = 250
CLIENTS = 80
LONG = 1_000_000
"""Characters of a password that is far too long, in a body that is just within its limit."""
RATIO = 2.0
RISE_MB = 100.0
"""A hash takes 19 MiB, one for each core at a time; bodies of a megabyte are under way with it."""
SHORT_SHARE = 0.25
"""NOTE: the short form is held to this alone, how many reads are answered in the time of a flood as
against the same time without: it runs beside other tests on the same cores, where a p99 means
little. Hashes on the event loop leave some in a hundred."""


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    seconds, late = (SHORT_STRETCH_S, 0.0) if short else (STRETCH_S, 60.0)
    quiet: list[float] = []
    flooded: list[float] = []
    with tempfile.TemporaryDirectory(prefix="drill-flood-", dir="/var/tmp") as name:
        folder = Path(name)
        asyncio.run(fill(f"sqlite:///{folder / 'drill.db'}", {}, "zebra fox lamp", NOTES))
        with serving(folder, folder, plant=plant, app="people_app.py") as server:
            flood, long = _Flood(server, 20), _Flood(server, LONG)
            keys = [NOTE.format(n) for n in range(NOTES)]
            with closing(Reads(server, keys, seed)) as reads:
                reads.during(1.0)  # what is done once is done
                before = _peak_mb(server)
                for _ in range(SHORT_STRETCHES if short else STRETCHES):
                    quiet += reads.during(seconds, late)
                    with flood.going():
                        flooded += reads.during(seconds, late)
                long.send(20 if short else 200)
                rise = _peak_mb(server) - before
    p99 = percentile(flooded, 0.99)
    ratio = p99 / percentile(quiet, 0.99)
    share = len(flooded) / len(quiet)
    tried = sum(flood.told.values())
    return Outcome(
        NAME,
        f"{tried} sign-ins beside {len(flooded)} reads, {len(quiet)} reads without",
        seed,
        (
            at_least("reads beside the flood / reads without", share, SHORT_SHARE)
            if short
            else at_most("p99 beside the flood / p99 without", ratio, RATIO),
            told("p99 without", f"{percentile(quiet, 0.99) * 1000:.1f} ms"),
            told("p99 beside the flood", f"{p99 * 1000:.1f} ms, {ratio:.2f} times"),
            none("reads that failed", reads.failed),
            at_least("sign-ins", tried, 20 if short else 0.5 * PER_SECOND * STRETCHES * seconds),
            told("sign-ins that were hashed", f"{flood.told[401]}"),
            told("told that too many sign in (503)", f"{flood.told[503]}"),
            told("told that their address tried too often (429)", f"{flood.told[429]}"),
            none("other answers to them", tried - sum(flood.told[s] for s in (401, 429, 503))),
            none("refusals without Retry-After", flood.silent),
            none("passwords of a megabyte told something else than 422 or 429",
                 sum(n for s, n in long.told.items() if s not in (422, 429))),
            told("a password of a megabyte, p99", f"{percentile(long.took, 0.99) * 1000:.0f} ms"),
            at_most("rise of the peak memory", rise, RISE_MB, "MB"),
        ),
    )  # fmt: skip


class _Flood:
    """Sign-ins at even times from many addresses, each with a password of so many characters."""

    def __init__(self, server: Server, length: int) -> None:
        self._server = server
        self._password = "x" * length
        self._lock = threading.Lock()
        self._sent = 0
        self.told: Counter[int] = Counter()
        self.took: list[float] = []
        self.silent = 0

    @contextmanager
    def going(self) -> Iterator[None]:
        stop = threading.Event()
        begun = time.monotonic()
        with beside([partial(self._go, n, begun, stop) for n in range(CLIENTS)], stop):
            yield

    def _go(self, client: int, begun: float, stop: threading.Event) -> None:
        due = begun + client / PER_SECOND
        while not stop.wait(max(0.0, due - time.monotonic())):
            self._sign_in()
            due += CLIENTS / PER_SECOND

    def send(self, count: int) -> None:
        """So many, one after the other."""
        for _ in range(count):
            self._sign_in()

    def _sign_in(self) -> None:
        with self._lock:
            number = self._sent
            self._sent += 1
        source = f"127.0.7.{number % ADDRESSES + 1}"
        body = {"email": f"nobody{number}@example.com", "password": self._password}
        begun = time.monotonic()
        with self._server.connect(120.0, source) as connection:
            answer = connection.ask("POST", "/api/auth/login", body)
        with self._lock:
            self.told[answer.status] += 1
            self.took.append(time.monotonic() - begun)
            refused = answer.status in (429, 503)
            self.silent += refused and "retry-after" not in answer.headers


def _peak_mb(server: Server) -> float:
    """The most memory that a worker had so far."""
    found = 0
    for pid in server.workers:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                found = max(found, int(line.split()[1]))
    return found / 1024
