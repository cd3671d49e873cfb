"""The bars of the speed table can be missed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import judge
from benchmarks.machine_rows import Overload
from benchmarks.results import Cell, Results

GOOD = Overload(
    peak=1_000, offered=3_000, reached=3_000, goodput=950, good_p99=0.05, refused=20_000,
    refused_p99=0.02, lost=100, recovered=0.5,
)  # fmt: skip
REST = "the rest refused within 100 ms, but for 1 %"


def missed(results: Results) -> list[str]:
    return [verdict.bar for verdict in results.verdicts if not verdict.met]


@pytest.mark.parametrize(
    ("found", "bars"),
    [
        (GOOD, []),
        (replace(GOOD, lost=1_000), [REST]),
        (replace(GOOD, refused=100, lost=100_000), [REST]),
        (replace(GOOD, refused=0, lost=0), [REST]),
        (replace(GOOD, refused_p99=0.2), [REST]),
        (replace(GOOD, goodput=700), ["goodput ≥ 80 % of peak"]),
        (replace(GOOD, recovered=None), ["recovered ≤ 5 s after"]),
    ],
    ids=["good", "a few dropped", "nearly all dropped", "none refused", "late", "slow", "never"],
)
def test_overload_is_judged_by_all_that_was_offered(found: Overload, bars: list[str]) -> None:
    results = Results({})
    judge.judge_overload(results, found, 60)
    assert missed(results) == bars


@pytest.mark.parametrize(("cost", "met"), [(0.05, True), (0.0625, True), (0.07, False)])
def test_what_signing_in_costs_is_judged_by_processor_time(cost: float, met: bool) -> None:
    def cell(cpu: float) -> Cell:
        return Cell(1, 1, 1, 1, cpu, 1, 1, 0, rates=(1.0,), cpus=(cpu,))

    cells = {judge.OURS: cell(cost), judge.NOBODY: cell(0.05)}
    results = Results({})
    judge.judge_people(results, "P1", "by id", cells)
    assert bool(missed(results)) != met
    judge.judge_people(results, "P2", "list 30", cells)
    assert len(results.verdicts) == 1 and len(results.facts) == 2


def test_memory_is_judged_by_the_heaviest_row() -> None:
    bar = "≤ 110 MB per worker (PSS), after any row"
    for weights, bars in (
        ({"P1 to P5": 80.0, "P9": 100.0}, []),
        ({"P1 to P5": 80.0, "P7 and P8": 130.0, "P9": 90.0}, [bar]),
        ({}, [bar]),
    ):
        results = Results({}, weights=weights)
        judge.judge_memory(results)
        assert missed(results) == bars
