"""Measure what each dependency costs: the figures of docs/dependencies.md.

In: the installed distributions.   Out: a table on stdout.
Sizes are of the files as installed, without bytecode. Times are what Python spends in the modules
of a distribution itself (`-X importtime`, self), so that they add up; the median of several starts
of what `stanchion serve` imports, and for what it does not import, of that alone. The bytecode is
there, as after a first start.

    python -m tools.dependencies            the package's own
    python -m tools.dependencies --tools    sizes of the groups of pyproject.toml
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
SERVER = "import stanchion.app; from stanchion.cli.serve import load_server; load_server()"
STARTS = 5
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def with_all_it_needs(names: Iterable[str]) -> set[str]:
    """The distributions and what they pull in on this platform."""
    found: set[str] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        asked = waiting.pop()
        name = normal(asked.name)
        if name in found and not asked.extras:
            continue
        found.add(name)
        for text in distribution(name).requires or ():
            needed = Requirement(text)
            extras = asked.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(needed)
    return found


def size_of(name: str) -> int:
    """Bytes of the installed files."""
    paths = [Path(str(file.locate())) for file in distribution(name).files or ()]
    return sum(p.stat().st_size for p in paths if p.suffix != ".pyc" and p.exists())


def self_times(code: str, bytecode: str) -> Counter[str]:
    """Microseconds in the modules of each distribution, in one start of Python."""
    command = [sys.executable, "-X", "importtime", "-c", code]
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = bytecode
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True, env=environ)
    homes = {**packages_distributions(), "stanchion": ["stanchion"]}
    spent: Counter[str] = Counter()
    for micros, module in _LINE.findall(done.stderr):
        first = module.partition(".")[0]
        spent[normal(homes[first][0]) if first in homes else "python"] += int(micros)
    return spent


def median_times(code: str) -> dict[str, float]:
    """Milliseconds for each distribution, and in all."""
    with TemporaryDirectory() as bytecode:
        self_times(code, bytecode)  # writes it
        starts = [self_times(code, bytecode) for _ in range(STARTS)]
    names = {name for start in starts for name in start}
    times = {name: statistics.median(s[name] for s in starts) / 1000 for name in names}
    return {**times, "all": statistics.median(sum(s.values()) for s in starts) / 1000}


def say_runtime() -> None:
    served = median_times(SERVER)
    names = with_all_it_needs(PROJECT["project"]["dependencies"])
    modules = {normal(homes[0]): module for module, homes in packages_distributions().items()}
    for name in sorted(names):
        took, where = served.get(name), "serve"
        if took is None:
            took, where = median_times(f"import {modules[name]}")[name], "alone"
        version = distribution(name).version
        print(f"{name:20} {version:10} {size_of(name) / 1e6:6.2f} MB  {took:6.1f} ms  {where}")
    for name in ("stanchion", "python", "all"):
        print(f"{name:35} {served[name]:13.1f} ms  serve")
    print(f"{sum(map(size_of, names)) / 1e6:.1f} MB in all")


def say_tools() -> None:
    ours = with_all_it_needs(PROJECT["project"]["dependencies"])
    for group, requirements in PROJECT["dependency-groups"].items():
        for text in requirements:
            name = normal(Requirement(text).name)
            more = with_all_it_needs([text]) - {name} - ours
            sizes = f"{size_of(name) / 1e6:7.2f} MB, with {len(more):2} others"
            print(f"{group:6} {name:22} {distribution(name).version:10} {sizes}", end=" ")
            print(f"{sum(map(size_of, more | {name})) / 1e6:7.2f} MB")


if __name__ == "__main__":
    say_tools() if "--tools" in sys.argv[1:] else say_runtime()
