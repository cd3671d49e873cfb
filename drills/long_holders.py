"""F28: what stays open too long: a transaction, a client that does not read, a foreign reader.

A route holds `app.transaction()` past its limit: it is told so and rolled back, its neighbours go
on. A client asks for a long list and does not read the answer; scans overlap without a gap: both
leave the write-ahead log (WAL) bounded, because a read of ours ends, at the latest, at its
deadline. A reader of another process that never ends is not ours to end: the WAL grows with every
write until it does, and is cut back afterwards. Both sizes are stated.
"""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from .ledger import Ledger, Writers, compare
from .outcome import Figure, Outcome, at_least, at_most, none, told
from .server import Server, serving
from .threads import beside

NAME = "long-holders"
HOLDS, SHORT_HOLDS = 5, 1
HOLD_S = 4.0
LIMIT_S = 2.0  # STANCHION_TRANSACTION_MS
IDLE_S, SHORT_IDLE_S = 120.0, 3.0
MEGABYTE = 1 << 20
WAL_BAR = 80.0
"""Megabytes: the size to which a grown WAL is cut back, and what a batch or two may add."""
FILLERS, SHORT_FILLERS = (60, 60, 60), (24, 12, 4)
MOST_FILLERS = 30
"""A writer tries again 64 MiB after it met a reader that did not end."""
FILLER = [{"pack": "x" * 2000, "of": 0}] * 400
"""About 5 MB of WAL each: in any form of the drill it would grow past its bar beside readers of
ours, further beside a foreign one, and a few more show that it is cut back."""

FOREIGN_READER = """
import sys, apsw
file = apsw.Connection(sys.argv[1])
file.execute("begin")
file.execute("select count(*) from notes").fetchall()
print("reading", flush=True)
sys.stdin.readline()
file.execute("rollback")
"""


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    seconds = SHORT_IDLE_S if short else IDLE_S
    fillers = SHORT_FILLERS if short else FILLERS
    with tempfile.TemporaryDirectory(prefix="drill-long-", dir="/var/tmp") as name:
        folder = Path(name)
        ledger = Ledger(folder / "ledger.txt")
        with serving(folder, folder, workers=2, plant=plant) as server:
            held = _open_transaction(server, ledger, seed, SHORT_HOLDS if short else HOLDS)
            ours = _under(server, ledger, seed + 1, seconds, fillers[0], _our_readers(server))
            foreign = _under(
                server, ledger, seed + 2, seconds / 2, fillers[1], _foreign_reader(server)
            )
            after = _under(
                server, ledger, seed + 3, min(seconds, 5.0), fillers[2], _nobody(), MOST_FILLERS
            )
            damage = compare(server.database, ledger)
    failed = sum(count for status, count in ledger.statuses.items() if status not in (200, 201))
    return Outcome(
        NAME,
        f"{held.tried} held, readers for {seconds:g} s, {len(ledger.lines)} writes",
        seed,
        (
            Figure("a transaction past its limit is told",
                   ", ".join(sorted(held.said)), "503 transaction.timeout",
                   held.said == {"503 transaction.timeout"}),
            at_most("slowest write beside it", held.slowest, LIMIT_S + 1, "s"),
            none("writes of neighbours that failed", failed, len(ledger.lines)),
            none("records of it that were left", held.left),
            at_least("writes beside readers of ours", ours.writes, 100),
            at_most("largest WAL beside readers of ours", ours.largest, WAL_BAR, "MB"),
            told("WAL while a foreign reader stays",
                 f"grows by {foreign.per_write:.1f} KB a write, to {foreign.largest:.1f} MB"),
            at_most("WAL after the foreign reader ended", after.last, WAL_BAR, "MB"),
            *damage.figures(),
        ),
    )  # fmt: skip


class Held:
    """What became of transactions that were held too long, and of writes beside them."""

    def __init__(self) -> None:
        self.tried = self.left = 0
        self.said: set[str] = set()
        self.slowest = 0.0


def _open_transaction(server: Server, ledger: Ledger, seed: int, holds: int) -> Held:
    held = Held()
    rng = random.Random(seed)
    with (
        Writers(ledger, server.connect, seed, count=4, lasting=True) as writers,
        server.connect() as connection,
    ):
        for _ in range(holds):
            key = f"00000000-0000-4000-8000-{rng.getrandbits(48):012x}"
            answer = connection.ask("POST", f"/hold/{key}?seconds={HOLD_S}")
            code = answer.json().get("code") if answer.status >= 400 else ""
            held.said.add(f"{answer.status} {code}")
            held.tried += 1
            held.left += connection.ask("GET", f"/api/notes/{key}").status != 404
            time.sleep(0.2)
    held.slowest = writers.slowest
    return held


class Wal:
    """The size of the WAL over a while, in megabytes, and the writes of that while."""

    def __init__(self) -> None:
        self.largest = self.last = 0.0
        self.first: float | None = None
        self.writes = 0

    def look(self, path: Path) -> None:
        self.last = path.stat().st_size / MEGABYTE
        self.first = self.last if self.first is None else self.first
        self.largest = max(self.largest, self.last)

    @property
    def per_write(self) -> float:
        grown = self.largest - (self.first or 0.0)
        return grown * 1024 / max(1, self.writes)


def _under(
    server: Server, ledger: Ledger, seed: int, seconds: float, fillers: int,
    readers: Iterator[None], most: int = 0,
) -> Wal:  # fmt: skip
    """Write for a while beside `readers`, and watch the WAL: with so many fillers, and with as many
    as `most` where it is not cut back by then."""
    wal = Wal()
    path = server.database.with_name(server.database.name + "-wal")
    before = len(ledger.lines)
    reading = contextmanager(lambda: readers)
    with (
        reading(),
        Writers(ledger, server.connect, seed, count=4, lasting=True),
        server.connect() as connection,
    ):
        for number in range(max(fillers, most)):
            if number >= fillers and wal.last <= WAL_BAR:
                break
            due = time.monotonic() + seconds / fillers
            answer = connection.ask("POST", "/api/parts", FILLER)
            assert answer.status == 201, answer.body
            wal.look(path)
            time.sleep(max(0.0, due - time.monotonic()))
            wal.look(path)
    wal.writes = len(ledger.lines) - before
    return wal


def _nobody() -> Iterator[None]:
    yield


def _our_readers(server: Server) -> Iterator[None]:
    """Scans that overlap, so that there is always one, and a client that does not read."""
    stop = threading.Event()
    words = " || ".join(f'text.contains("x{number}x")' for number in range(30))
    path = "/api/notes?filter=" + quote(words)

    def scan() -> None:
        with server.connect() as connection:
            while not stop.is_set():
                connection.ask("GET", path)

    with socket.create_connection(("127.0.0.1", server.port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(b"GET /api/notes?limit=1000 HTTP/1.1\r\nhost: drill\r\n\r\n")
        with beside([scan] * 3, stop):
            yield


def _foreign_reader(server: Server) -> Iterator[None]:
    """Another process that begins to read and does not end."""
    with subprocess.Popen(
        [sys.executable, "-c", FOREIGN_READER, str(server.database)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as reader:  # fmt: skip
        assert reader.stdin is not None and reader.stdout is not None
        assert reader.stdout.readline() == b"reading\n"
        try:
            yield
        finally:
            reader.stdin.close()
            reader.wait(10)
