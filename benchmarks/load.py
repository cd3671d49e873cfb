"""The load generators: wrk with a script that varies every request, and oha for an open loop.

In: a server and a file of requests, one a line ("METHOD PATH BODY").   Out: a Run.
"""

from __future__ import annotations

import csv
import io
import os
import resource
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Server, cpu_seconds

SCRIPT = Path(__file__).with_name("requests.lua")
CONNECTIONS = 32


@dataclass(frozen=True)
class Run:
    """What one run of wrk measured; times in milliseconds."""

    rate: float
    p50: float
    p95: float
    p99: float
    errors: int
    cpu: float  # of the server's processes, per request
    server_cores: float
    generator_cores: float


def wrk(
    server: Server, requests: Path, seconds: float, token: str = "",
    connections: int = CONNECTIONS, callers: Path | None = None,
) -> Run:  # fmt: skip
    """One run; requests that were not answered with a 2xx or 3xx are errors. `callers` is a file of
    callers who take turns, see requests.lua."""
    environ = {**os.environ, "REQUESTS": str(requests), "AUTHORIZATION": token}
    if callers is not None:
        environ |= {"AUTHORIZATION": "", "CALLERS": str(callers)}
    before, own, begun = cpu_seconds(server.process.pid), _children(), time.monotonic()
    answer = subprocess.run(
        [
            "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s",
            "--timeout", "10s", "-s", str(SCRIPT), f"http://127.0.0.1:{server.port}",
        ],
        env=environ, capture_output=True, text=True, check=True, timeout=seconds + 60,
    )  # fmt: skip
    wall = time.monotonic() - begun
    used = cpu_seconds(server.process.pid) - before
    line = next(row for row in answer.stdout.splitlines() if row.startswith("FIGURES"))
    count, micros, p50, p95, p99, errors = map(int, line.split()[1:])
    return Run(
        rate=count / (micros / 1e6), p50=p50 / 1e3, p95=p95 / 1e3, p99=p99 / 1e3, errors=errors,
        cpu=used / max(count, 1) * 1e3, server_cores=used / wall,
        generator_cores=(_children() - own) / wall,
    )  # fmt: skip


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def middle(runs: list[Run], name: str) -> float:
    return statistics.median(getattr(run, name) for run in runs)


@dataclass(frozen=True)
class Answered:
    """One request of an open loop: when it was due, how long it took, what came."""

    start: float
    seconds: float
    status: int


def oha(
    binary: Path, server: Server, paths: Path, rate: int, seconds: float, connections: int
) -> list[Answered]:
    """Offer `rate` requests a second, whatever the server does, and list what came of each."""
    answer = subprocess.run(
        [
            str(binary), "--no-tui", "-z", f"{seconds:g}s", "-q", str(rate),
            "-c", str(connections), "--latency-correction", "-t", "10s", "--output-format", "csv",
            "--urls-from-file", str(paths),
        ],
        capture_output=True, text=True, check=True, timeout=seconds + 90,
    )  # fmt: skip
    found = []
    for row in csv.DictReader(io.StringIO(answer.stdout)):
        found.append(
            Answered(float(row["request-start"]), float(row["request-duration"]),
                     int(row["status"].split()[0]))
        )  # fmt: skip
    return found


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
