"""F5: the disk is full, and then has room again.

The data lie on a small tmpfs. Writes fill it up: each that finds no room gets 507 as problem+json
and is not there; reads go on. When room is made, writes succeed without a restart. The access log
goes to the same full disk: a log that cannot be written must not stop requests.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .connection import Answer, Connection
from .ledger import KINDS, Ledger, Write, compare
from .outcome import Figure, Outcome, at_least, at_most, missing, none, told
from .power_cut import unmount
from .server import Server, serving

NAME = "disk-full"
MEGABYTES = 16
ROOM = 2 << 20
SECONDS, SHORT_SECONDS = 20.0, 1.5
TURNS, SHORT_TURNS = 3, 1
RECOVERY_S = 5.0


def why_not() -> str:
    return missing("mount", "umount", mounts=True)


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    turns = SHORT_TURNS if short else TURNS
    full = Full()
    with tempfile.TemporaryDirectory(prefix="drill-full-", dir="/var/tmp") as name:
        folder = Path(name)
        ledger = Ledger(folder / "ledger.txt")
        with small_disk(folder / "disk") as disk:
            log = {"STANCHION_ACCESS_LOG": "1"}
            with serving(
                disk, folder, plant=plant, settings=log, stdout=disk / "access.log"
            ) as server:
                pids = server.workers
                for _ in range(turns):
                    ballast = disk / "ballast"
                    ballast.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - ROOM)))
                    _turn(server, ledger, full, rng, SHORT_SECONDS if short else SECONDS, ballast)
                same = server.workers == pids
            with serving(disk, folder) as server:
                damage = compare(server.database, ledger)
    return Outcome(
        NAME,
        f"{turns} times full, {len(ledger.lines)} writes, {full.reads} reads",
        seed,
        (
            at_least("writes that found no room", full.writes[507], 1),
            none("other answers to them than 507 problem+json", full.wrong, full.writes.total()),
            none("reads that failed while full", full.failed_reads, full.reads),
            at_least("writes that were answered 201 when there was room", full.afterwards, turns),
            at_most("slowest recovery", full.slowest, RECOVERY_S, "s"),
            Figure("restarts", "none" if same else "some", "none", same),
            told("answers while full", f"{dict(full.writes)}"),
            *damage.figures(),
        ),
    )


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A tmpfs of `MEGABYTES`."""
    place.mkdir()
    options = f"size={MEGABYTES}m"
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "drill", str(place)],
        check=True, capture_output=True,
    )  # fmt: skip
    try:
        yield place
    finally:
        unmount(place)


class Full:
    """What was answered while the disk was full, and afterwards."""

    def __init__(self) -> None:
        self.writes: Counter[int] = Counter()
        self.wrong = self.reads = self.failed_reads = self.afterwards = 0
        self.slowest = 0.0

    def wrote(self, answer: Answer) -> None:
        self.writes[answer.status] += 1
        refused = answer.headers.get("content-type") == "application/problem+json"
        # A small write may still fit into what a larger one left.
        self.wrong += answer.status != 201 and not (answer.status == 507 and refused)

    def read(self, answer: Answer) -> None:
        self.reads += 1
        self.failed_reads += answer.status != 200


def _turn(
    server: Server, ledger: Ledger, full: Full, rng: random.Random, seconds: float, ballast: Path
) -> None:
    """Fill the disk, stay full for a while, make room, and write again."""
    with server.connect() as connection:
        _fill(connection, ledger, rng, full)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            full.wrote(_write(connection, ledger, rng))
            full.read(connection.ask("GET", "/api/notes?limit=20"))
            full.read(connection.ask("GET", "/api/counters"))
        ballast.unlink()
        begun = time.monotonic()
        while _write(connection, ledger, rng).status not in (200, 201):
            if time.monotonic() - begun > 2 * RECOVERY_S:
                break
        full.slowest = max(full.slowest, time.monotonic() - begun)
        for _ in range(20):
            full.afterwards += _write(connection, ledger, rng).status in (200, 201)


def _fill(connection: Connection, ledger: Ledger, rng: random.Random, full: Full) -> None:
    """Write until there is no room, in records of some size first."""
    while True:
        parts = [{"pack": "filler", "of": 0}] * 200
        answer = connection.ask("POST", "/api/parts", parts)
        if answer.status != 201:
            full.wrote(answer)
            break
    for _ in range(10_000):
        answer = _write(connection, ledger, rng)
        if answer.status not in (200, 201):
            full.wrote(answer)
            return
    raise AssertionError("the disk does not become full")


def _write(connection: Connection, ledger: Ledger, rng: random.Random) -> Answer:
    key = f"{rng.getrandbits(128):032x}"
    key = f"{key[:8]}-{key[8:12]}-4{key[13:16]}-8{key[17:20]}-{key[20:]}"
    return ledger.write(connection, Write(rng.choice(KINDS), key))
