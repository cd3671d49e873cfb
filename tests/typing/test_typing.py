"""What mypy --strict and pyright say of an app: nothing of a right one, the same of a wrong one."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = "  # error"


def needs(module: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"{module} is not installed: make check installs it")


def mypy_lines(path: Path, cache: Path) -> dict[int, str]:
    """The lines that mypy --strict flags, and what it says."""
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), str(path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode in (0, 1), told.stdout + told.stderr
    found = {}
    for line in told.stdout.splitlines():
        place, _, said = line.partition(": error: ")
        if said:
            name, number = place.rsplit(":", 1)
            assert name.endswith(path.name), line
            found[int(number)] = said
    return found


def pyright_lines(path: Path) -> dict[int, str]:
    """The lines that pyright flags, and what it says."""
    command = [sys.executable, "-m", "pyright", "--outputjson", str(path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        found["range"]["start"]["line"] + 1: found["message"]
        for found in json.loads(told.stdout)["generalDiagnostics"]
    }


def marked_lines(path: Path) -> set[int]:
    lines = path.read_text().splitlines()
    return {number for number, line in enumerate(lines, start=1) if line.endswith(MARK)}


@needs("mypy")
def test_mypy_finds_nothing_in_right_use(tmp_path: Path) -> None:
    assert mypy_lines(HERE / "good.py", tmp_path) == {}


@needs("pyright")
def test_pyright_finds_nothing_in_right_use() -> None:
    assert pyright_lines(HERE / "good.py") == {}


def test_right_use_ignores_nothing_and_runs() -> None:
    text = (HERE / "good.py").read_text()
    assert "# type:" not in text and "# pyright:" not in text and "cast(" not in text
    spec = importlib.util.spec_from_file_location("typing_good", HERE / "good.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["typing_good"] = module
    spec.loader.exec_module(module)
    module.app.check()
    assert module.build().name == "Funghi"


@needs("mypy")
@needs("pyright")
def test_both_flag_every_mistake_and_nothing_else(tmp_path: Path) -> None:
    path = HERE / "mistakes.py"
    marked = marked_lines(path)
    assert len(marked) >= 10
    assert set(mypy_lines(path, tmp_path)) == marked
    assert set(pyright_lines(path)) == marked
