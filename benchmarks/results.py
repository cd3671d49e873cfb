"""What was measured so far: kept as values, written after every row.

In: figures of the rows.   Out: `results.json`, from which report.py renders the page.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.load import Run, middle

NAMES = ("rate", "p50", "p95", "p99", "cpu", "server_cores", "generator_cores")
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Cell:
    """One contestant at one work: medians over the rounds, and every round's rate."""

    rate: float
    p50: float
    p95: float
    p99: float
    cpu: float
    server_cores: float
    generator_cores: float
    errors: int
    rates: tuple[float, ...]
    cpus: tuple[float, ...]


def cell(runs: list[Run]) -> Cell:
    figures = {name: middle(runs, name) for name in NAMES}
    return Cell(
        **figures, errors=sum(run.errors for run in runs),
        rates=tuple(run.rate for run in runs), cpus=tuple(run.cpu for run in runs),
    )  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """One bar: what it asks, what came, and whether it is met (None: not measured)."""

    row: str
    bar: str
    found: str
    met: bool | None


@dataclass
class Results:
    """Everything that the page shows."""

    machine: dict[str, str]
    versions: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    work: dict[str, dict[str, Cell]] = field(default_factory=dict)
    starts: dict[str, float] = field(default_factory=dict)
    memory: dict[str, tuple[float, float]] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)  # row: our largest worker, MB
    scale: dict[str, dict[str, Cell]] = field(default_factory=dict)
    facts: list[tuple[str, str, str]] = field(default_factory=list)  # row, what, figure
    verdicts: list[Verdict] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)  # what, why
    void: list[str] = field(default_factory=list)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def judge(self, row: str, bar: str, found: str, met: bool | None) -> None:
        self.verdicts.append(Verdict(row, bar, found, met))

    def fact(self, row: str, what: str, figure: str) -> None:
        self.facts.append((row, what, figure))


def machine(folder: Path, command: str) -> dict[str, str]:
    """What a reader needs to know about where this was measured."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "command": command,
        "commit": commit(),
        "processor": f"{os.cpu_count()} × {_line('/proc/cpuinfo', 'model name')}",
        "memory": f"{int(_line('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "wrk": _said("wrk", "--version").partition(" [")[0],
        "load before": " ".join(f"{n:.2f}" for n in os.getloadavg()),
        "fsync p50": f"{fsync_p50(folder) * 1e3:.2f} ms",
    }


def commit() -> str:
    changed = _said("git", "-C", str(HERE), "status", "--porcelain", "--untracked-files=no")
    return _said("git", "-C", str(HERE), "rev-parse", "--short", "HEAD") + (
        " with changes" if changed else ""
    )


def fsync_p50(folder: Path) -> float:
    """How long this disk takes to make 4 KB durable."""
    taken = []
    path = folder / "fsync.probe"
    with path.open("wb") as file:
        for _ in range(100):
            begun = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begun)
    path.unlink()
    return sorted(taken)[50]


def _line(path: str, start: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(start):
            return line.partition(":")[2].strip()
    return "0 unknown"


def _said(*argv: str) -> str:
    try:
        answer = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    lines = answer.stdout.strip().splitlines()
    return lines[0] if lines else ""
