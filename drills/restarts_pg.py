"""F16: PostgreSQL is restarted, and its connections are ended, every two seconds.

In turn: every connection is ended (`pg_terminate_backend`), the server is restarted as its packages
do it (fast), and as after a crash (immediate). Writers and readers go on all the time. Nothing that
was answered 2xx may be lost, nothing that was told to have failed may be there, nothing is there
twice; and a second after the server takes connections again, no request fails.
"""

from __future__ import annotations

import random
import signal
import tempfile
import time
from pathlib import Path

from tests.postgres import Postgres, start

from .ledger import Call, Ledger, Writers
from .outcome import Outcome, at_least, none, percentile, told
from .postgres import BUSY_S, VERSION, WRITE_S, compare, prepared, running, settings
from .postgres import needs_server as why_not
from .reading import Readers
from .server import serving

__all__ = ["NAME", "run", "why_not"]

NAME = "restarts-pg"
LASTS_S, SHORT_LASTS_S = 300.0, 0.0
KINDS = 3
"""Of faults; the short form has one of each."""
ENDED, CRASH = 0, 2
EVERY_S = 2.0
RECOVERS_S = 1.0
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    ends_after = SHORT_LASTS_S if short else LASTS_S
    faults: list[Fault] = []
    with tempfile.TemporaryDirectory(prefix="drill-restarts-", dir="/var/tmp") as name:
        folder = Path(name)
        place = prepared(folder)
        ledger = Ledger(folder / "ledger.txt", certain=True)
        with running(place) as first:
            database, url = first, first.url()
            with serving(folder, folder, workers=2, plant=plant, settings=settings(url)) as server:
                with (
                    Writers(ledger, server.connect, seed, lasting=True) as writers,
                    Readers(server.connect) as readers,
                ):
                    until = time.monotonic() + ends_after
                    while time.monotonic() < until or len(faults) < KINDS:
                        time.sleep(EVERY_S + rng.random() / 2)
                        # in its short form a planted fault is one that a crash shows
                        kind = CRASH if short and plant else len(faults) % KINDS
                        database, fault = _disturb(database, kind)
                        faults.append(fault)
                    time.sleep(EVERY_S)
                try:
                    damage = compare(url, ledger)
                finally:
                    database.stop()
            said = server.err.read_text()
    calls = writers.calls + readers.calls
    wrong = sum(call.status not in (200, 201, 503) for call in calls)
    return Outcome(
        NAME,
        f"{len(faults)} faults, {len(writers.calls)} writes, {len(readers.calls)} reads",
        seed,
        (
            *damage.figures(),
            none("told something else than 2xx or 503", wrong, len(calls)),
            none(
                "failed, though begun a second after the database was back",
                sum(_is_late(call, faults) for call in calls if call.status == 503),
                sum(call.status == 503 for call in calls),
            ),
            none(
                "answered past the deadline",
                sum(call.ended - call.begun > WRITE_S + BUSY_S for call in calls), len(calls),
            ),
            at_least("share of faults followed by a 2xx in time", _recovered(calls, faults), 1),
            told("seconds to a write, median", f"{_first_write(writers.calls, faults):.2f}"),
            told("told 503", f"{sum(call.status == 503 for call in calls)}"),
            told("lines in the log", f"{len(said.splitlines())} for {len(faults)} faults"),
        ),
    )  # fmt: skip


class Fault(tuple[float, float]):
    """From when the database was disturbed until it took connections again."""


def _disturb(database: Postgres, kind: int) -> tuple[Postgres, Fault]:
    begun = time.monotonic()
    if kind == ENDED:
        database.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where backend_type='client backend' and pid<>pg_backend_pid()"
        )
        return database, Fault((begun, time.monotonic()))
    database.process.send_signal(IMMEDIATE if kind == CRASH else FAST)
    database.process.wait(30)
    again = start(VERSION, database.folder, port=database.port)
    return again, Fault((begun, time.monotonic()))


def _is_late(call: Call, faults: list[Fault]) -> bool:
    """Whether a request that failed cannot blame a fault: it began a second after the last one."""
    return not any(
        begun <= call.ended and call.begun <= back + RECOVERS_S for begun, back in faults
    )


def _recovered(calls: list[Call], faults: list[Fault]) -> float:
    """The share of faults after which something was answered 2xx within a second."""
    good = sum(
        any(
            call.status < 300 and back <= call.ended <= back + RECOVERS_S + BUSY_S for call in calls
        )
        for _, back in faults
    )
    return good / max(1, len(faults))


def _first_write(calls: list[Call], faults: list[Fault]) -> float:
    firsts = []
    for _, back in faults:
        after = [c.ended - back for c in calls if c.status < 300 and c.begun >= back]
        firsts += [min(after)] if after else []
    return percentile(firsts, 0.5)
