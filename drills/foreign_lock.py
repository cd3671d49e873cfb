"""F15: another process holds the write lock (`BEGIN IMMEDIATE`) for 20 seconds.

Reads go on; a write waits, and is told 503 with Retry-After when it waited too long, never another
5xx. After the release every write succeeds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .ledger import Ledger, Writers, compare
from .outcome import Outcome, at_least, at_most, none, percentile
from .reading import Readers
from .server import Server, serving

NAME = "foreign-lock"
HELD_S, SHORT_HELD_S = 20.0, 2.0
SHORT_DEADLINE_MS = "800"
RELEASED_S = 2.0

HOLDER = """
import sys, time, apsw
file = apsw.Connection(sys.argv[1])
file.set_busy_timeout(10000)
file.execute("begin immediate")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
file.execute("rollback")
print("released", flush=True)
"""


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    held = SHORT_HELD_S if short else HELD_S
    settings = {"STANCHION_WRITE_DEADLINE_MS": SHORT_DEADLINE_MS} if short else {}
    with tempfile.TemporaryDirectory(prefix="drill-lock-", dir="/var/tmp") as name:
        folder = Path(name)
        ledger, after = Ledger(folder / "ledger.txt"), Ledger(folder / "after.txt")
        with serving(folder, folder, plant=plant, settings=settings) as server:
            with (
                Writers(ledger, server.connect, seed, lasting=True) as writers,
                Readers(server.connect, count=1) as reads,
            ):
                _hold(server, held)
            slowest = writers.slowest
            with Writers(after, server.connect, seed + 1, lasting=True):
                time.sleep(RELEASED_S)
            both = Ledger(folder / "both.txt", {**ledger.lines, **after.lines})
            damage = compare(server.database, both)
    statuses = ledger.statuses
    wrong = sum(count for status, count in statuses.items() if status not in (200, 201, 503))
    deadline = float(settings.get("STANCHION_WRITE_DEADLINE_MS", "5000")) / 1000
    refused_after = sum(count for status, count in after.statuses.items() if status >= 300)
    return Outcome(
        NAME,
        f"held {held:g} s, {len(both.lines)} writes, {len(reads.seconds)} reads",
        seed,
        (
            at_least("writes told 503", statuses[503], 1),
            none("writes told something else than 2xx or 503", wrong, len(ledger.lines)),
            at_most("slowest answer to a write", slowest, 2 * deadline + 1, "s"),
            none("reads that failed", reads.failed, len(reads.seconds)),
            at_most("reads, p99", percentile(reads.seconds, 0.99) * 1000, 250, "ms"),
            none("writes refused after the release", refused_after, len(after.lines)),
            *damage.figures(),
        ),
    )


def _hold(server: Server, seconds: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(server.database), str(seconds)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert holder.stdout.readline() == b"released\n"
    assert holder.returncode == 0
