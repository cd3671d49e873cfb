"""What a drill found, and how it is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from stanchion.engines.sqlite.connection import WRITER_PRAGMAS
from stanchion.version import __version__

CAP_SYS_ADMIN = 21


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was counted or measured, what it must be, and whether it is."""

    what: str
    value: str
    bar: str
    kept: bool

    def __str__(self) -> str:
        bar = f"  ({self.bar})" if self.bar else ""
        return f"  {'ok  ' if self.kept else 'FAIL'} {self.what}: {self.value}{bar}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one drill found; `n` says how much was tried."""

    drill: str
    n: str
    seed: int
    figures: tuple[Figure, ...]

    @property
    def kept(self) -> bool:
        """Whether every promise held."""
        return all(figure.kept for figure in self.figures)

    @property
    def broken(self) -> list[str]:
        """The promises that did not hold, in words."""
        return [f"{f.what}: {f.value}, not {f.bar}" for f in self.figures if not f.kept]

    def __str__(self) -> str:
        head = f"{self.drill}  n: {self.n}  seed {self.seed}  {conditions()}"
        rows = [str(figure) for figure in self.figures]
        return "\n".join([head, *rows])


def none(what: str, found: int, tried: int | None = None) -> Figure:
    """A figure that must be 0."""
    return Figure(what, f"{found}" if tried is None else f"{found} of {tried}", "0", found == 0)


def at_most(what: str, value: float, bar: float, unit: str = "") -> Figure:
    """A figure with a ceiling."""
    unit = f" {unit}" if unit else ""
    return Figure(what, f"{value:.4g}{unit}", f"at most {bar:g}{unit}", value <= bar)


def at_least(what: str, value: float, bar: float) -> Figure:
    """A figure with a floor."""
    return Figure(what, f"{value:g}", f"at least {bar:g}", value >= bar)


def told(what: str, value: str) -> Figure:
    """A figure without a bar."""
    return Figure(what, value, "", True)


def conditions() -> str:
    """The versions and the sync mode that the figures belong to."""
    sync = next(pragma.value for pragma in WRITER_PRAGMAS if pragma.name == "synchronous")
    return f"stanchion {__version__}, SQLite {apsw.sqlite_lib_version()}, synchronous={sync}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie; NaN of none."""
    if not values:
        return float("nan")
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def missing(*tools: str, mounts: bool = False) -> str:
    """Why a drill cannot run here, in a few words; empty if it can."""
    if mounts and os.geteuid() != 0:
        return "needs root to mount a file system"
    if mounts and not _has_capability(CAP_SYS_ADMIN):
        return "needs CAP_SYS_ADMIN to mount a file system"
    gone = [tool for tool in tools if shutil.which(tool) is None]
    return f"needs {', '.join(gone)}" if gone else ""


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False
