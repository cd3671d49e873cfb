"""The short form of a drill of `drills/`: that its promise is kept, and that it sees a fault."""

from __future__ import annotations

import pytest

from drills.__main__ import DRILLS
from drills.outcome import Figure, Outcome


def run(name: str, plant: str = "") -> Outcome:
    """The short form; skipped where the machine lacks what it needs."""
    drill = next(drill for drill in DRILLS if name == drill.NAME)
    reason = drill.why_not()
    if reason:
        pytest.skip(reason)  # the machine lacks what the drill needs
    outcome: Outcome = drill.run(seed=4, short=True, plant=plant)
    print(outcome)
    return outcome


def broken(figures: list[Figure]) -> set[str]:
    return {figure.what for figure in figures if not figure.kept}


def sees(name: str, plant: str, what: str) -> None:
    """The drill must find what the planted fault breaks."""
    assert what in broken(list(run(name, plant).figures))
