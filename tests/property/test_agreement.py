"""For every expression that the checker accepts, and every row, SQL and the evaluator agree.

A few hundred expressions are tried; `STANCHION_PROPERTY=deep pytest tests/property -s` tries
thousands and prints what they came to. Which ones is the same in every run.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from .agreement import Disagreement, Tally, check_postgres_text, disagreements, judge
from .expressions import Written, write
from .naive import NaiveCompiler, suits
from .trying import EXPRESSIONS, SEEDS, try_expressions
from .worlds import World


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [World(seed) for seed in SEEDS]


def test_sql_and_evaluator_agree_on_every_row(worlds: list[World]) -> None:
    def judged(world: World, expression: Written, tally: Tally) -> Iterator[Disagreement]:
        yield from disagreements(world, expression, tally)
        for one in judge(world, expression):
            check_postgres_text(world, one)

    try_expressions(worlds[0], worlds, judged)


def test_naive_compiler_disagrees_and_wrongly_allows(worlds: list[World]) -> None:
    tally = Tally()
    seed = 0
    while len(tally.expressions) < EXPRESSIONS // 2:
        seed += 1
        world = worlds[seed % len(worlds)]
        expression = write(world.schema, random.Random(seed).randrange)
        if all(suits(judged.node) for judged in judge(world, expression)):
            for found in disagreements(world, expression, tally, NaiveCompiler, ("true",)):
                tally.add(found)
    print(f"\nnaive: {tally}")
    assert tally.disagreements > tally.wrongly_allowed > 0
    assert len(tally.disagreeing) > len(tally.expressions) // 20
    assert len(tally.wrongly_allowing) > len(tally.expressions) // 50
