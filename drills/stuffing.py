"""S12: passwords that were stolen elsewhere are tried here, from two hundred addresses.

First many pairs of address and password, as lists of such are sold; then one account with a
thousand passwords. Afterwards its owner comes in, from where they came before: whoever tries the
passwords of somebody locks nobody out.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .outcome import Outcome, at_least, at_most, none, told
from .people_app import fill
from .server import Server, serving
from .threads import at_once

NAME = "stuffing"
ADDRESSES, SHORT_ADDRESSES = 200, 30
PAIRS, SHORT_PAIRS = 10_000, 30
ONE_ACCOUNT, SHORT_ONE_ACCOUNT = 1000, 90
ACCOUNTS = 1000
MAY, SHORT_MAY = 100, 20
"""Tries that one account bears in a day, from wherever: what `SignIn` says by itself, and what the
short form sets."""
CLIENTS = 8
OWNER, PASSWORD = "owner@example.com", "zebra fox lamp"
HOME, ELSEWHERE = "127.0.9.1", "127.0.9.2"
Pair = tuple[str, str, str]  # from which address, whose, which password


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    addresses = [f"127.0.8.{n + 1}" for n in range(SHORT_ADDRESSES if short else ADDRESSES)]
    known = [f"user{n}@example.com" for n in range(20 if short else ACCOUNTS)]
    may = SHORT_MAY if short else MAY
    with tempfile.TemporaryDirectory(prefix="drill-stuffing-", dir="/var/tmp") as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'drill.db'}"
        people = {email: {"verified": True} for email in [OWNER, *known]}
        asyncio.run(fill(url, people, PASSWORD))
        settings = {"DRILL_TRIES": str(SHORT_MAY)} if short else {}
        with serving(folder, folder, plant=plant, settings=settings, app="people_app.py") as server:
            drill = _Drill(server)
            came_in = drill.log_in(HOME, OWNER, PASSWORD) == 200
            begun = time.monotonic()
            drill.try_all(_bought(rng, addresses, known, SHORT_PAIRS if short else PAIRS))
            took = time.monotonic() - begun
            bought = drill.judged.copy()
            by_address = drill.by_address.copy()
            wrong = [(rng.choice(addresses), OWNER, f"wrong {n} lamp")
                     for n in range(SHORT_ONE_ACCOUNT if short else ONE_ACCOUNT)]  # fmt: skip
            drill.try_all(wrong)
            kept_out = sum(drill.log_in(HOME, OWNER, PASSWORD) != 200 for _ in range(5))
            elsewhere = drill.log_in(ELSEWHERE, OWNER, PASSWORD)
    minutes = int(took / 60) + 2  # a window may end within the first minute, and another begins
    return Outcome(
        NAME,
        f"{sum(drill.told.values())} tries from {len(addresses)} addresses",
        seed,
        (
            none("owners who do not get in before", int(not came_in)),
            at_most("tries of one account that were judged", drill.judged[OWNER], may),
            at_least("of so many", len(wrong), 4 * may),
            none("times that its owner was kept out", kept_out, 5),
            at_most("most tries of another account", max(bought.values()), may),
            at_most("most tries of one address", max(by_address.values()), 60.0 * minutes),
            told("pairs that were judged", f"{sum(bought.values())} in {took:.0f} s"),
            told("pairs that fitted, and opened", f"{drill.opened}"),
            told("the owner from a new address", f"{elsewhere}"),
            none("answers that are none of 200, 401, 429, 503", drill.odd()),
            told("answers", ", ".join(f"{n} x {s}" for s, n in sorted(drill.told.items()))),
        ),
    )


def _bought(
    rng: random.Random, addresses: Sequence[str], known: Sequence[str], count: int
) -> list[Pair]:
    """The pairs of a list that was bought: one in a hundred fits, one in ten is of an account."""
    pairs = []
    for number in range(count):
        email = rng.choice(known) if number % 10 == 0 else f"other{number}@example.com"
        password = PASSWORD if number % 100 == 0 else f"stolen {number} lamp"
        pairs.append((addresses[number % len(addresses)], email, password))
    return pairs


class _Drill:
    """Tries, and what they were told: judged is a password that was compared."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.told: Counter[int] = Counter()
        self.judged: Counter[str] = Counter()
        self.by_address: Counter[str] = Counter()
        self.opened = 0

    def log_in(self, source: str, email: str, password: str) -> int:
        with self._server.connect(source=source) as connection:
            body = {"email": email, "password": password}
            return connection.ask("POST", "/api/auth/login", body).status

    def try_all(self, pairs: Sequence[Pair]) -> None:
        at_once([partial(self._try, pairs[n::CLIENTS]) for n in range(CLIENTS)])

    def _try(self, pairs: Sequence[Pair]) -> None:
        for source, email, password in pairs:
            status = self.log_in(source, email, password)
            self.told[status] += 1
            if status in (200, 401):
                self.judged[email] += 1
                self.by_address[source] += 1
            if status == 200:
                self.opened += 1

    def odd(self) -> int:
        return sum(n for status, n in self.told.items() if status not in (200, 401, 429, 503))
