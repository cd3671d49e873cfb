"""A first speed table: Stanchion against the hand-written limit, in one run, alternating.

    make bench-quick        under three minutes; needs wrk

Every request differs from the one before: ids, literals and cursors vary, so no cached answer and
no plan of one text can win. Ratios are within one round; absolute figures move with the machine.
`make bench` is the whole table.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.contestants.own import Limit, Stanchion
from benchmarks.data import make
from benchmarks.http_rows import WORK, Entrant, check_bodies, measure, write_requests
from benchmarks.judge import ratio
from benchmarks.processes import Server, free_port, start
from benchmarks.results import Cell, cell

ROWS = 5_000
SECONDS = 3
ROUNDS = 3
PAGES = 300


def main() -> int:
    if shutil.which("wrk") is None:
        print("wrk is not installed (Debian: apt-get install wrk)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="stanchion-bench-", dir="/var/tmp") as folder:
        return run(Path(folder))


def run(folder: Path) -> int:
    source = folder / "source.db"
    make(source, ROWS)
    servers: list[Server] = []
    try:
        entrants = open_both(source, folder, servers)
        check_bodies(entrants, ROWS)
        print(f"{ROWS} rows of 8 fields, 1 worker, wrk with 32 connections, {ROUNDS} rounds")
        head = ("work", "stanchion/s", "p50 ms", "p99 ms", "limit/s", "p99 ms", "ratio", "CPU")
        print("{:<18}{:>12}{:>8}{:>8}{:>10}{:>8}{:>8}{:>8}".format(*head))
        return sum(one_row(entrants, row, folder) for row in WORK) and 1
    finally:
        for server in servers:
            server.stop()


def open_both(source: Path, folder: Path, servers: list[Server]) -> list[Entrant]:
    entrants = []
    for who in (Stanchion(), Limit()):
        place = folder / who.name
        place.mkdir()
        who.prepare(source, place)
        port = free_port()
        servers.append(
            start(who.command(place, port), port, who.probe(), place / "server.log")
        )  # fmt: skip
        entrants.append(Entrant(who.name, who, servers[-1], ""))
    return entrants


def one_row(entrants: list[Entrant], row: str, folder: Path) -> int:
    """Measure and print one kind of work; the number of answers that were errors."""
    files = {e.label: write_requests(e, row, ROWS, folder, PAGES) for e in entrants}
    runs = measure(entrants, files, ROUNDS, SECONDS)
    ours, limit = (cell(found) for found in runs.values())
    print(line(WORK[row], ours, limit))
    errors = ours.errors + limit.errors
    if errors:
        print(f"  void: {errors} answers were errors")
    return errors


def line(work: str, ours: Cell, limit: Cell) -> str:
    return (
        f"{work:<18}{ours.rate:>12,.0f}{ours.p50:>8.1f}{ours.p99:>8.1f}{limit.rate:>10,.0f}"
        f"{limit.p99:>8.1f}{ratio(ours.rates, limit.rates):>8.0%}"
        f"{ratio(limit.cpus, ours.cpus):>8.0%}"
    )


if __name__ == "__main__":
    sys.exit(main())
