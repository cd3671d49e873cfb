"""No drill is without its test, and none of `drills/planted.py` is planted nowhere."""

from __future__ import annotations

from pathlib import Path

from drills.__main__ import DRILLS
from drills.planted import FAULTS

TESTS = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))


def test_every_drill_is_run_and_every_fault_is_planted() -> None:
    names = {drill.NAME for drill in DRILLS} | FAULTS.keys()
    assert {name for name in names if f'"{name}"' not in TESTS} == set()
