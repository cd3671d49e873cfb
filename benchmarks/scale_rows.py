"""P7 and P8: pages of 30 at growing sizes, and by-id latency beside scans.

In: a folder to make the databases in.   Out: cells by size and page; p99 with and without scans.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from benchmarks.contestants import Contestant, Page
from benchmarks.contestants.own import Limit, Stanchion
from benchmarks.data import grow, make
from benchmarks.http_rows import Entrant
from benchmarks.load import Run, middle, wrk
from benchmarks.processes import BadAnswer, Server, call, free_port, start

WALKED_BELOW = 2_000  # of prices up to 10,000: the last page is a fifth of all items away
SCANS_EVERY = 0.5
SCAN_SECONDS = 0.2


@dataclass(frozen=True)
class Sized:
    """A contestant on a database of one size, with its first and its last pages."""

    rows: int
    entrant: Entrant
    files: dict[str, Path]


def open_sizes(folder: Path, sizes: tuple[int, ...], servers: list[Server]) -> list[Sized]:
    """Databases of all sizes, ours and the limit on each; what was started is in `servers`."""
    found = []
    kinds: tuple[type[Contestant], ...] = (Stanchion, Limit)
    for rows in sizes:
        home = folder / str(rows)
        home.mkdir(parents=True)
        make(home / "source.db", 100)
        grow(home / "source.db", rows)
        for kind in kinds:
            who = kind()
            place = home / who.name
            place.mkdir()
            who.prepare(home / "source.db", place)
            port = free_port()
            server = start(who.command(place, port), port, who.probe(), place / "server.log")
            servers.append(server)
            entrant = Entrant(who.name, who, server, "")
            found.append(Sized(rows, entrant, _pages(entrant, place)))
        (home / "source.db").unlink()
    return found


def _pages(entrant: Entrant, folder: Path) -> dict[str, Path]:
    """First pages of different filters; last pages from the walk to the end of one list."""
    who, rng = entrant.contestant, random.Random(20_260_103)
    first = [f"GET {who.page(Page(price))}" for price in range(1_000, 10_000, 30)]
    rng.shuffle(first)
    at = before = Page(WALKED_BELOW, limit=1_000)
    while True:
        following = who.following(at, entrant.get(who.page(at)))
        if following is None:
            break
        before, at = at, following
    ask: Page | None = replace(before, limit=30)
    last = []
    while ask is not None:
        path = who.page(ask)
        last.append(f"GET {path}")
        ask = who.following(ask, entrant.get(path))
    files = {"first page": folder / "first.txt", "last page": folder / "last.txt"}
    files["first page"].write_text("\n".join(first) + "\n")
    files["last page"].write_text("\n".join(last[-30:]) + "\n")
    return files


def measure_pages(
    sized: list[Sized], rounds: int, seconds: float
) -> dict[tuple[str, int, str], list[Run]]:
    """Alternating over contestants, sizes and pages."""
    jobs = [(one, page) for one in sized for page in one.files]
    runs: dict[tuple[str, int, str], list[Run]] = {}
    for one, page in jobs:
        wrk(one.entrant.server, one.files[page], 1)
    for turn in range(rounds):
        for one, page in jobs if turn % 2 == 0 else jobs[::-1]:
            key = (one.entrant.label, one.rows, page)
            runs.setdefault(key, []).append(wrk(one.entrant.server, one.files[page], seconds))
    return runs


@dataclass(frozen=True)
class Beside:
    """By-id latency without and with scans."""

    scan_seconds: float
    scans: int
    alone: float  # p99, milliseconds
    beside: float
    errors: int


def beside_scans(one: Sized, folder: Path, rounds: int, seconds: float) -> Beside:
    """By-id p99 at 32 connections while a scan of about 200 ms starts twice a second."""
    who, rng = one.entrant.contestant, random.Random(4)
    path = folder / "beside.txt"
    numbers = [rng.randrange(one.rows) for _ in range(5_000)]
    path.write_text("\n".join(f"GET {who.one(n)}" for n in numbers) + "\n")
    scan, took = _calibrate(one)
    alone, beside, scans = [], [], 0
    wrk(one.entrant.server, path, 1)
    for _ in range(rounds):
        alone.append(wrk(one.entrant.server, path, seconds))
        ended = threading.Event()
        counted: list[float] = []
        thread = threading.Thread(
            target=_scan_until, args=(one.entrant.server.port, scan, ended, counted)
        )
        thread.start()
        try:
            beside.append(wrk(one.entrant.server, path, seconds))
        finally:
            ended.set()
            thread.join()
        scans += len(counted)
    errors = sum(run.errors for run in (*alone, *beside))
    return Beside(took, scans, middle(alone, "p99"), middle(beside, "p99"), errors)


def _scan_path(price: int) -> str:
    """Reads every item below a price and finds none of them: `contains` has no index."""
    text = quote(f'price < {price} && note.contains("no such words")')
    return f"/api/items?filter={text}&limit=30"


def _calibrate(one: Sized) -> tuple[int, float]:
    """How many items a scan must read to take about 200 ms on this machine, alone."""
    price, took = 200, 0.0
    while True:
        begun = time.perf_counter()
        call(one.entrant.server.port, "GET", _scan_path(price))
        took = time.perf_counter() - begun
        if took >= SCAN_SECONDS * 0.75 or price >= 10_000:
            return price, took
        grown = price * SCAN_SECONDS / max(took, SCAN_SECONDS / 4)
        price = min(10_000, max(price + 50, int(grown)))


def _scan_until(port: int, price: int, ended: threading.Event, counted: list[float]) -> None:
    while not ended.is_set():
        begun = time.perf_counter()
        try:
            call(port, "GET", _scan_path(price + len(counted) % 7))
        except BadAnswer:
            return
        took = time.perf_counter() - begun
        counted.append(took)
        ended.wait(max(0.0, SCANS_EVERY - took))
