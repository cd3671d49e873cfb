"""F18: the network between the app and PostgreSQL drops every packet, of both ways or of one.

Nothing is closed and nobody is told: what was open stays open on one side or both. No request may
wait past its deadline; what was answered 2xx is there, what was told to have failed is not, and a
commit without an answer is told as such (503 `server.uncertain`). Afterwards it goes on by itself.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

from . import network
from .ledger import Call, Ledger, Writers
from .network import WAYS, Network
from .outcome import Outcome, at_least, at_most, none, told
from .postgres import BUSY_S, READ_S, WRITE_S, compare, needs_server, prepared, running, settings
from .reading import Readers
from .server import serving

NAME = "partition-pg"
LASTS_S, SHORT_LASTS_S = 60.0, 4.0
BEFORE_S = 1.0
AFTER_S, SHORT_AFTER_S = 8.0, 3.5
RECOVERS_S = 2.0


def why_not() -> str:
    return needs_server() or network.why_not()


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    lasts, after = (SHORT_LASTS_S, SHORT_AFTER_S) if short else (LASTS_S, AFTER_S)
    ways = WAYS[:1] if short and plant else WAYS  # who waits for ever does so in the first
    healed: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="drill-partition-", dir="/var/tmp") as name,
        Network().up() as net,
    ):
        folder = Path(name)
        ledger = Ledger(folder / "ledger.txt", certain=True)
        place = prepared(folder)
        with running(place):
            pass  # it makes the data
        with (place / "data" / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.0.0.0/8 trust\n")
        with running(place, f"listen_addresses=127.0.0.1,{net.far}") as database:
            url = database.url().replace("127.0.0.1", net.far)
            with (
                net.near(),
                serving(folder, folder, plant=plant, settings=settings(url)) as server,
                Writers(ledger, server.connect, seed, lasting=True) as writers,
                Readers(server.connect) as readers,
            ):
                for way in ways:
                    time.sleep(BEFORE_S)
                    with net.cut(way):
                        time.sleep(lasts)
                    healed.append(time.monotonic())
                    time.sleep(after)
            said = server.err.read_text()
            damage = compare(database.url(), ledger)
    calls = writers.calls + readers.calls
    hung = _hung(writers.calls, WRITE_S) + _hung(readers.calls, READ_S)
    wrong = sum(call.status not in (200, 201, 503) for call in calls)
    statuses = Counter(call.status for call in calls)
    return Outcome(
        NAME,
        f"{len(ways)} cuts of {lasts:g} s, {len(writers.calls)} writes, {len(readers.calls)} reads",
        seed,
        (
            none("answered past the deadline", hung, len(calls)),
            none("without an answer", readers.refused + ledger.statuses[0], len(calls)),
            none("told something else than 2xx or 503", wrong, len(calls)),
            at_least("told 503", statuses[503], 1),
            at_most("seconds from the end of a cut to a 2xx",
                    max(_back(writers.calls, at) for at in healed), RECOVERS_S + BUSY_S),
            told("told that nobody knows", f"{_uncertain(ledger)}"),
            told("slowest write, read in seconds",
                 f"{_slowest(writers.calls):.1f}, {_slowest(readers.calls):.1f}"),
            told("lines in the log", f"{len(said.splitlines())} for {len(ways)} cuts"),
            *damage.figures(),
        ),
    )  # fmt: skip


def _hung(calls: list[Call], bar: float) -> int:
    return sum(call.ended - call.begun > bar + BUSY_S for call in calls)


def _slowest(calls: list[Call]) -> float:
    return max(call.ended - call.begun for call in calls)


def _back(calls: list[Call], at: float) -> float:
    """Seconds from a moment until something that began after it was answered 2xx."""
    ends = [call.ended - at for call in calls if call.begun >= at and call.status < 300]
    return min(ends, default=float("inf"))


def _uncertain(ledger: Ledger) -> int:
    """Writes that were told 503 `server.uncertain`: nothing else that has an answer is unknown."""
    return len(ledger.all("unknown")) - ledger.statuses[0]
