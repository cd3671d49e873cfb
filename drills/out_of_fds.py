"""F14: 500 clients come to a server that may open 64 files.

Clients beyond the limit wait or are turned away; no process ends, nothing acknowledged is lost, and
the server recovers by itself when they are gone.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

from .connection import Closed, Connection, Cut, Refused
from .ledger import Ledger, Write, compare
from .outcome import Figure, Outcome, at_least, at_most, missing, none, told
from .server import Server, serving
from .threads import at_once

NAME = "out-of-fds"
FILES = 64
CLIENTS = 500
SECONDS, SHORT_SECONDS = 10.0, 2.0
RECOVERY_S = 5.0


def why_not() -> str:
    return missing("prlimit")


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    with tempfile.TemporaryDirectory(prefix="drill-fds-", dir="/var/tmp") as name:
        folder = Path(name)
        ledger = Ledger(folder / "ledger.txt")
        limit = ("prlimit", f"--nofile={FILES}")
        with serving(folder, folder, plant=plant, before=limit) as server:
            pids = server.workers
            ends = _crowd(server, ledger, seed, SHORT_SECONDS if short else SECONDS)
            recovered = _recovery(server)
            same = server.workers == pids and server.process.poll() is None
            damage = compare(server.database, ledger)
            said = server.err.read_text()
    return Outcome(
        NAME,
        f"{CLIENTS} clients, {FILES} files",
        seed,
        (
            Figure("processes that ended", "none" if same else "some", "none", same),
            at_least("answered while crowded", ends["answered"], 1),
            none("5xx other than 503", ends["wrong"]),
            none("answers cut in the middle", ends["cut"]),
            told("how requests ended", f"{dict(ends)}"),
            at_most("seconds until it answers again", recovered, RECOVERY_S),
            none("tracebacks in the log", said.count("Traceback")),
            *damage.figures(),
        ),
    )


def _crowd(server: Server, ledger: Ledger, seed: int, seconds: float) -> Counter[str]:
    """All clients at once, each on its own connection, which it keeps open to the end."""
    ends: Counter[str] = Counter()
    lock = threading.Lock()
    until = time.monotonic() + seconds

    def come(number: int) -> None:
        rng = random.Random(f"{seed}/{number}")
        with server.connect(seconds) as connection:
            while time.monotonic() < until:
                end = _ask(connection, ledger, rng)
                with lock:
                    ends[end] += 1
                if end != "answered":
                    return
                time.sleep(0.2)

    at_once([partial(come, number) for number in range(CLIENTS)])
    return ends


def _ask(connection: Connection, ledger: Ledger, rng: random.Random) -> str:
    key = f"00000000-0000-4000-8000-{rng.getrandbits(48):012x}"
    try:
        status = ledger.write(connection, Write("note", key)).status
    except Refused:
        return "refused"
    except Cut:
        return "cut"
    except Closed as closed:
        return "waited" if "timed out" in str(closed) else "closed"
    return "wrong" if status >= 500 and status != 503 else "answered"


def _recovery(server: Server) -> float:
    """Seconds until 20 requests in a row, each on a connection of its own, are answered."""
    begun = time.monotonic()
    good = 0
    while good < 20 and time.monotonic() - begun < RECOVERY_S + 1:
        with server.connect(2) as connection:
            try:
                good = good + 1 if connection.ask("GET", "/api/notes?limit=1").status == 200 else 0
            except (Refused, Closed, Cut):
                good = 0
                time.sleep(0.05)
    return time.monotonic() - begun
