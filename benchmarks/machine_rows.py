"""P9, P10 and P12: overload, start and memory, two workers against one.

In: prepared folders.   Out: figures; the bars are judged in judge.py.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants.base import BUILD, Contestant, NotInstalled, run_quietly
from benchmarks.http_rows import Entrant
from benchmarks.load import Run, middle, oha, percentile, wrk
from benchmarks.processes import BadAnswer, call, free_port, start

OHA = BUILD / "oha" / "bin" / "oha"
OHA_VERSION = "1.16.0"
IN_FLIGHT = 8_000
"""What waits at three times the peak: with fewer, the generator would wait for answers itself."""


def starts(who: Contestant, folder: Path, times: int) -> float:
    """Seconds from the start of the process to its first 200; the middle of several."""
    taken = []
    for _ in range(times):
        port = free_port()
        server = start(who.command(folder, port), port, who.probe(), folder / "start.log")
        server.stop()
        taken.append(server.seconds)
    return statistics.median(taken)


def oha_binary(install: bool) -> Path:
    """The open-loop generator, from crates; NotInstalled where cargo cannot build it."""
    found = shutil.which("oha")
    if found:
        return Path(found)
    if not OHA.exists():
        if not install or shutil.which("cargo") is None:
            raise NotInstalled("oha is not installed (cargo install --locked oha)")
        run_quietly(
            "cargo", "install", "--locked", "--root", BUILD / "oha", "oha",
            "--version", OHA_VERSION,
        )  # fmt: skip
    return OHA


@dataclass(frozen=True)
class Overload:
    """What came of an offered load of three times the peak."""

    peak: float
    offered: int
    reached: float  # requests a second that the generator had answered
    goodput: float
    good_p99: float  # seconds
    refused: int
    refused_p99: float  # seconds
    lost: int  # offered, and neither served nor refused
    recovered: float | None  # seconds after the end; None: not within ten seconds


def overload(entrant: Entrant, requests: Path, binary: Path, seconds: float) -> Overload:
    """Peak with wrk, then an open loop at three times of it, then how long until all is calm."""
    peak = middle(
        [wrk(entrant.server, requests, max(1, min(5, seconds))) for _ in range(3)], "rate"
    )
    base = f"http://127.0.0.1:{entrant.server.port}"
    urls = requests.with_suffix(".urls")
    lines = [base + line.partition(" ")[2] for line in requests.read_text().splitlines()]
    urls.write_text("\n".join(lines) + "\n")
    calm = statistics.median(_poll(entrant) for _ in range(20))
    rate = int(peak * 3)
    watch = _Recovery(entrant, max(0.05, 3 * calm))
    begun = time.monotonic()
    ending = threading.Timer(seconds, watch.begin)
    ending.start()
    try:
        answered = oha(binary, entrant.server, urls, rate, seconds, IN_FLIGHT)
    finally:
        ending.join()
    wall = min(seconds, time.monotonic() - begun)
    recovered = watch.wait()
    good = [one.seconds for one in answered if 200 <= one.status < 300]
    refused = [one.seconds for one in answered if one.status in (429, 503)]
    lost = max(0, int(rate * wall) - len(good) - len(refused))
    return Overload(
        peak, rate, len(answered) / wall, len(good) / wall, percentile(good, 0.99),
        len(refused), percentile(refused, 0.99), lost, recovered,
    )  # fmt: skip


def _poll(entrant: Entrant) -> float:
    begun = time.perf_counter()
    call(entrant.server.port, "GET", entrant.contestant.one(7), token=entrant.token, timeout=10)
    return time.perf_counter() - begun


class _Recovery:
    """Asks from the end of the load on until ten answers in a row are quick."""

    def __init__(self, entrant: Entrant, quick: float) -> None:
        self.entrant, self.quick = entrant, quick
        self.after: float | None = None
        self.thread = threading.Thread(target=self._watch)

    def begin(self) -> None:
        self.thread.start()

    def wait(self) -> float | None:
        self.thread.join()
        return self.after

    def _watch(self) -> None:
        begun, row, first = time.monotonic(), 0, 0.0
        while time.monotonic() - begun < 10:
            asked = time.monotonic() - begun
            try:
                quick = _poll(self.entrant) <= self.quick
            except BadAnswer:
                quick = False
            first = asked if row == 0 else first
            row = row + 1 if quick else 0
            if row == 10:
                self.after = first
                return
            time.sleep(0.02)


def scaling(one: list[Run], two: list[Run]) -> tuple[float, float]:
    """Two workers against one: as seen, and with the load generator's share taken off.

    The cores that a server could have had are those that wrk left over, at most one per worker;
    throughput per such core, times the workers, is what a machine with cores to spare would show.
    """
    cores = os.cpu_count() or 2

    def per_core(runs: list[Run], workers: int) -> float:
        free = min(float(workers), cores - middle(runs, "generator_cores"))
        return middle(runs, "rate") / max(free, 0.1)

    seen = middle(two, "rate") / middle(one, "rate")
    return seen, 2 * per_core(two, 2) / per_core(one, 1)


def installed_oha(binary: Path) -> str:
    return subprocess.run(
        [str(binary), "--version"], capture_output=True, text=True, check=False
    ).stdout.strip()
