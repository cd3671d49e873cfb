"""Run drills one after the other, print their figures, and close with a table."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from types import ModuleType

from . import (
    cut_method,
    disk_full,
    enumeration,
    exhausted_pg,
    foreign_lock,
    fsync,
    jobs,
    jobs_pg,
    kill,
    kill_pg,
    long_holders,
    out_of_fds,
    partition_pg,
    password_flood,
    power_cut,
    power_cut_pg,
    restarts_pg,
    sigterm,
    slow_reads,
    stuffing,
)
from .outcome import Outcome, conditions

DRILLS: tuple[ModuleType, ...] = (
    slow_reads,
    long_holders,
    disk_full,
    foreign_lock,
    sigterm,
    kill,
    cut_method,
    power_cut,
    fsync,
    out_of_fds,
    jobs,
    enumeration,
    stuffing,
    password_flood,
    kill_pg,
    power_cut_pg,
    restarts_pg,
    exhausted_pg,
    partition_pg,
    jobs_pg,
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("drill", nargs="*", help=", ".join(drill.NAME for drill in DRILLS))
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--short", action="store_true", help="the rounds that the tests run")
    parser.add_argument("--plant", default="", help="a fault of drills/planted.py")
    asked = parser.parse_args(arguments)
    chosen = [drill for drill in DRILLS if not asked.drill or drill.NAME in asked.drill]
    if unknown := set(asked.drill) - {drill.NAME for drill in DRILLS}:
        parser.error(f"no such drill: {', '.join(sorted(unknown))}")
    rows = []
    for drill in chosen:
        begun = time.monotonic()
        reason = drill.why_not()
        if reason:
            rows.append(f"  skip  {drill.NAME:<14}{reason}")
            continue
        outcome: Outcome = drill.run(asked.seed, short=asked.short, plant=asked.plant)
        print(outcome, flush=True)
        took = time.monotonic() - begun
        verdict = "ok  " if outcome.kept else "FAIL"
        said = "; ".join(outcome.broken) or outcome.n
        rows.append(f"  {verdict}  {outcome.drill:<14}{said}  ({took:.0f} s)")
    print("\n".join([f"\n{conditions()}, seed {asked.seed}", *rows]))
    return 1 if any("FAIL" in row[:7] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
