"""S11: whether an address has an account, asked a thousand times of each kind.

Known and unknown addresses are mixed on one connection, each address once. The answers must be
equal in status, headers and body; how long they take must not tell them apart: the share of pairs
in which the known one took longer (the area under the ROC curve, AUC) stays near a half. Nor must
the answer to the request that comes next, which waits for what the first one left to be done. Of a
sign-in that is asked for each kind of account that it must not tell from none: with a password,
disabled, unverified, without a password.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from .connection import Answer, Connection
from .outcome import Figure, Outcome, at_most, none, told
from .people_app import fill
from .server import serving

NAME = "enumeration"
EACH, SHORT_EACH = 1000, 24
WARM, SHORT_WARM = 50, 4
AUC = 0.55
SHORT_AUC = 0.85
"""NOTE: with 24 of each kind the AUC of equals is within 0.5 +- 0.34 (four standard deviations);
the short form runs beside other tests; what a planted fault does is 1.0."""
PASSWORD = "zebra fox lamp"
VARIES = ("x-request-id", "date")
KINDS: dict[str, dict[str, Any]] = {
    "with a password": {"verified": True},
    "disabled": {"verified": True, "disabled": True},
    "unverified": {},
    "without a password": {"verified": True, "password": False},
}
SHORT_KINDS = ("with a password",)


def why_not() -> str:
    return ""


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    each, warm = (SHORT_EACH, SHORT_WARM) if short else (EACH, WARM)
    ways = _ways(each + warm // 2, SHORT_KINDS if short else tuple(KINDS), rng)
    people = {email: fields for way in ways for email, fields in way.people.items()}
    with tempfile.TemporaryDirectory(prefix="drill-alike-", dir="/var/tmp") as name:
        folder = Path(name)
        with _mail_server() as mail, _alike():
            asyncio.run(fill(f"sqlite:///{folder / 'drill.db'}", people, PASSWORD))
            settings = {
                "DRILL_ALIKE": "1",
                "STANCHION_PUBLIC_URL": "http://localhost:8000",
                "STANCHION_MAIL_URL": f"smtp://localhost:{mail}",
                "STANCHION_MAIL_FROM": "drill@example.com",
            }
            with (
                serving(folder, folder, plant=plant, settings=settings, app="people_app.py") as up,
                up.connect() as connection,
            ):
                for way in ways:
                    way.ask(connection, rng, warm)
    bar = SHORT_AUC if short else AUC
    return Outcome(
        NAME,
        f"{each} known and {each} unknown addresses, {len(ways)} ways",
        seed,
        tuple(figure for way in ways for figure in way.figures(each, bar)),
    )


@contextmanager
def _alike() -> Iterator[None]:
    """The app that fills the database is the one that will be served."""
    os.environ["DRILL_ALIKE"] = "1"
    try:
        yield
    finally:
        del os.environ["DRILL_ALIKE"]


@contextmanager
def _mail_server() -> Iterator[int]:
    """A mail server in a process of its own, so that it takes no time from who measures."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", "-c",
         "aiosmtpd.handlers.Sink"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield port
    finally:
        process.kill()
        process.wait()


@dataclass
class _Way:
    """One question, and how long its answers took, for addresses that have an account and such that
    have none."""

    name: str
    path: str
    known: list[str]
    unknown: list[str]
    fields: dict[str, Any] = field(default_factory=dict)
    body: dict[str, str] = field(default_factory=dict)
    took: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    after: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    told: dict[bool, set[Any]] = field(default_factory=lambda: {True: set(), False: set()})

    @property
    def people(self) -> dict[str, dict[str, Any]]:
        return dict.fromkeys(self.known, self.fields)

    def ask(self, connection: Connection, rng: random.Random, warm: int) -> None:
        asked = [(True, email) for email in self.known] + [(False, email) for email in self.unknown]
        rng.shuffle(asked)
        before: bool | None = None
        for number, (is_known, email) in enumerate(asked):
            begun = time.perf_counter()
            answer = connection.ask("POST", self.path, {"email": email, **self.body})
            took = time.perf_counter() - begun
            self.told[is_known].add(_as_told(answer, email))
            if number >= warm:
                self.took[is_known].append(took)
                if before is not None:
                    self.after[before].append(took)
            before = is_known

    def figures(self, each: int, bar: float) -> Iterator[Figure]:
        area = auc(self.took[True], self.took[False])
        known, unknown = (median(self.took[is_known]) * 1000 for is_known in (True, False))
        different = len(self.told[True] ^ self.told[False]) + len(self.told[True]) - 1
        assert len(self.took[True]) + len(self.took[False]) == 2 * each
        yield none(f"{self.name}: answers that differ", different)
        yield at_most(f"{self.name}: AUC of how long it took", max(area, 1 - area), bar)
        yield told(f"{self.name}: medians", f"{known:.2f} ms known, {unknown:.2f} ms unknown")
        later = auc(self.after[True], self.after[False])
        yield at_most(f"{self.name}: AUC of the request after it", max(later, 1 - later), bar)


def _ways(count: int, kinds: Sequence[str], rng: random.Random) -> list[_Way]:
    """All of them, each with addresses of its own; known and unknown ones are written alike."""
    texts = [f"{rng.getrandbits(40):010x}@example.com" for _ in range(2 * count * (len(kinds) + 3))]
    pairs = iter(zip(texts[::2], texts[1::2], strict=True))

    def way(name: str, path: str, fields: dict[str, Any], **body: str) -> _Way:
        known, unknown = zip(*(next(pairs) for _ in range(count)), strict=True)
        return _Way(name, f"/api/auth{path}", list(known), list(unknown), fields, body)

    return [
        *(way(f"login, {kind}", "/login", KINDS[kind], password="wrong fox lamp")
          for kind in kinds),
        way("reset", "/reset", {"verified": True}),
        way("register", "/register", {"verified": True}),
        way("code", "/code", {"verified": True}),
    ]  # fmt: skip


def _as_told(answer: Answer, email: str) -> tuple[int, tuple[tuple[str, str], ...], str]:
    """What may be compared: the text that goes with a code is another one each time, as long."""
    body = answer.json()
    if "request" in body:
        body["request"] = len(body["request"])
    headers = {k: v for k, v in answer.headers.items() if k not in VARIES}
    for name, value in headers.items():
        if name.startswith("ratelimit"):  # counts down with every request, whosever address it is
            headers[name] = str(len(value.split(",")))
    return answer.status, tuple(sorted(headers.items())), str(body).replace(email, "")


def auc(longer: Sequence[float], others: Sequence[float]) -> float:
    """The share of pairs in which the first one took longer; equals count half (Mann-Whitney)."""
    ranked = sorted([(value, True) for value in longer] + [(value, False) for value in others])
    total, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        rank = (at + end + 1) / 2
        total += rank * sum(is_first for _, is_first in ranked[at:end])
        at = end
    return (total - len(longer) * (len(longer) + 1) / 2) / (len(longer) * len(others))
