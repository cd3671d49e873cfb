"""F1: `kill -9` under mixed load, again and again on one file.

Singles, arrays, batches, transactions of an app route, and writes under an `Idempotency-Key` come
from several connections; the process group is killed at a random moment, or right after an
acknowledgement. The next server must have every acknowledged write, once and whole. What got no
answer is sent again, and must be there once; so are some writes with a key that got theirs.
"""

from __future__ import annotations

import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from .connection import Connection
from .ledger import Ledger, Writers, compare
from .outcome import Outcome, at_most, none, percentile, told
from .postgres import compare as compare_there
from .postgres import settings
from .server import serving

NAME = "kill"
ROUNDS, SHORT_ROUNDS = 200, 3
LASTS_S, SHORT_LASTS_S = (0.2, 2.0), (0.1, 0.6)
FEWEST = 60
"""Writes before a kill of the short form on PostgreSQL, however slow the machine is: of these the
planted fault loses one in twenty."""
PATIENCE_S = 20.0
HEALTHY_S = 2.0
REPLAYS = 50  # acknowledged writes with a key that are sent again after each kill


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    return kills(NAME, seed, SHORT_ROUNDS if short else ROUNDS, short=short, plant=plant)


def kills(
    name_of: str, seed: int, rounds: int, *, short: bool, plant: str = "", url: str = ""
) -> Outcome:
    """The drill on a file, or on the PostgreSQL of this address."""
    rng = random.Random(seed)
    more = settings(url) if url else {}
    healthy: list[float] = []
    refused = resent = forgotten = 0
    with tempfile.TemporaryDirectory(prefix="drill-kill-", dir="/var/tmp") as name:
        folder = Path(name)
        ledger = Ledger(folder / "ledger.txt")
        for number in range(rounds):
            with serving(folder, folder, plant=plant, settings=more) as server:
                healthy.append(server.healthy_s)
                with server.connect() as connection:
                    again = send_again(ledger, connection)
                resent, refused = resent + again.sent, refused + again.refused
                forgotten += again.forgotten
                with Writers(ledger, server.connect, seed * 1000 + number):
                    time.sleep(rng.uniform(*(SHORT_LASTS_S if short else LASTS_S)))
                    if short and url:
                        _wait_for_more(ledger)
                    if number % 2 or short:
                        ledger.wrote.clear()
                        ledger.wrote.wait(5)
                    server.kill()
        with serving(folder, folder, settings=more) as server:
            with server.connect() as connection:
                again = send_again(ledger, connection)
            resent, refused = resent + again.sent, refused + again.refused
            forgotten += again.forgotten
            damage = compare_there(url, ledger) if url else compare(server.database, ledger)
    damage = replace(damage, lost=damage.lost + forgotten)
    slow = percentile(healthy, 0.99)
    return Outcome(
        name_of,
        f"{rounds} kills, {len(ledger.lines)} writes",
        seed,
        (
            *damage.figures(),
            none("neither stored nor refused as known when sent again", refused, resent),
            told("seconds to healthy, median", f"{percentile(healthy, 0.5):.2f}"),
            told("seconds to healthy, p99", f"{slow:.2f}")
            if short or url  # nothing of it is the database's
            else at_most("seconds to healthy, p99", slow, HEALTHY_S),
        ),
    )


def _wait_for_more(ledger: Ledger) -> None:
    wanted, until = len(ledger.lines) + FEWEST, time.monotonic() + PATIENCE_S
    while len(ledger.lines) < wanted and time.monotonic() < until:
        time.sleep(0.02)


class Again(NamedTuple):
    """What became of writes that were sent a second time: `forgotten` were acknowledged, and done
    anew as if they had never come."""

    sent: int
    forgotten: int
    refused: int


def send_again(ledger: Ledger, connection: Connection) -> Again:
    """Send what got no answer once more: 2xx if it was not there, 409 if it was. Under an
    `Idempotency-Key` it is 2xx either way, and a replay of what was answered before. Packs have no
    key of their own and are left as they are."""
    answered = [write for write in ledger.all("ack") if write.kind == "keyed"][-REPLAYS:]
    unknown = [write for write in ledger.all("unknown") if write.kind != "pack"]
    forgotten = refused = 0
    for write in answered:
        forgotten += "idempotent-replayed" not in write.send(connection).headers
    for write in unknown:
        answer = write.send(connection)
        good = (200, 201) if write.kind == "keyed" else (200, 201, 409)
        refused += answer.status not in good
        ledger.note(write, "ack", answer.status)
    return Again(len(answered) + len(unknown), forgotten, refused)
