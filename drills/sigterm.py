"""F7: SIGTERM under full load, and no request is cut.

A request is cut when a part of its answer arrived and the rest did not; or when it had an effect,
or was the first on its connection, and no answer came at all. What remains is the one case that
HTTP cannot avoid: the server closes an idle keep-alive connection at the moment at which the client
sends its next request on it. No byte of an answer arrives, nothing was done, and the client may
send it again (RFC 9112, 9.3.1); these are counted apart. The ledger is held against the file, so
"nothing was done" is checked and not believed.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import apsw

from .connection import Closed, Connection, Cut, Refused
from .ledger import Ledger, Write, compare
from .outcome import Outcome, at_most, none, percentile, told
from .server import serving
from .threads import Work, beside

NAME = "sigterm"
ROUNDS, SHORT_ROUNDS = 100, 2
GRACE_S = 10
KEEPERS, COMERS = 12, 4


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    rounds = SHORT_ROUNDS if short else ROUNDS
    exits: list[float] = []
    bad_exits = 0
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="drill-term-", dir="/var/tmp") as name:
        folder = Path(name)
        ledger = Ledger(folder / "ledger.txt")
        for number in range(rounds):
            with (
                serving(folder, folder, workers=1 + number % 2, plant=plant) as server,
                beside(_load(ledger, server.connect, tally, f"{seed}/{number}")),
            ):
                time.sleep(rng.uniform(0.2, 0.8))
                code, took = server.stop(GRACE_S + 5)
            exits.append(took)
            bad_exits += code != 0
        with serving(folder, folder) as server:
            damage = compare(server.database, ledger)
            done = done_without_answer(server.database, ledger)
    return Outcome(
        NAME,
        f"{rounds} stops, {tally.answered} answers",
        seed,
        (
            none("answers cut in the middle", tally.cut),
            none("done, but not answered", done),
            none("new connections taken, but not answered", tally.fresh),
            told("sent on a connection that was just closed (may be sent again)", f"{tally.kept}"),
            none("5xx other than 503", tally.wrong),
            *damage.figures(),
            none("exit codes other than 0", bad_exits, rounds),
            at_most("slowest exit", max(exits), GRACE_S, "s"),
            told("exit, median", f"{percentile(exits, 0.5):.2f} s"),
        ),
    )


@dataclass
class Tally:
    """How requests ended."""

    answered: int = 0
    cut: int = 0
    fresh: int = 0
    kept: int = 0
    wrong: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, name: str) -> None:
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)


def _load(ledger: Ledger, connect: Callable[[], Connection], tally: Tally, seed: str) -> list[Work]:
    """Clients that keep their connection, clients that connect anew each time, one slow request."""

    def work(number: int) -> None:
        rng = random.Random(f"{seed}/{number}")
        with connect() as connection:
            while _ask(ledger, connection, tally, rng, slow=number == 0):
                if number >= KEEPERS:
                    connection.close()

    return [partial(work, number) for number in range(KEEPERS + COMERS)]


def _ask(
    ledger: Ledger, connection: Connection, tally: Tally, rng: random.Random, slow: bool
) -> bool:
    """One request; False when the server is gone."""
    try:
        if slow:
            status = connection.ask("GET", "/slow?seconds=0.5").status
        elif rng.random() < 0.5:
            status = connection.ask("GET", "/api/notes?limit=30").status
        else:
            key = f"{rng.getrandbits(128):032x}"
            key = f"{key[:8]}-{key[8:12]}-4{key[13:16]}-8{key[17:20]}-{key[20:]}"
            status = ledger.write(connection, Write(rng.choice(("note", "order")), key)).status
    except Refused:
        return False
    except Cut:
        tally.count("cut")
        return False
    except Closed as closed:
        tally.count("fresh" if closed.fresh else "kept")
        return not closed.fresh
    tally.count("answered")
    if status >= 500 and status != 503:
        tally.count("wrong")
    return True


def done_without_answer(database: Path, ledger: Ledger) -> int:
    """How many of the writes that got no answer, or a 503, are in the file."""
    file = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = file.execute("select id from notes union all select id from orders")
        there = {key for (key,) in rows}
    finally:
        file.close()
    return sum(write.key in there for write in ledger.all("unknown"))
