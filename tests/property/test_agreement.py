"""For every expression that the checker accepts, and every row, SQL and the evaluator agree.

A few hundred expressions are tried; `STANCHION_PROPERTY=deep pytest tests/property -s` tries
thousands and prints what they came to. Which ones is the same in every run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .agreement import Tally, check_postgres_text, disagreements, judge
from .expressions import Written, write
from .naive import NaiveCompiler, suits
from .worlds import World

DEEP = os.environ.get("STANCHION_PROPERTY") == "deep"
EXPRESSIONS = 3_000 if DEEP else 400
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [World(seed) for seed in SEEDS]


@st.composite
def written(draw: Callable[..., int], world: World) -> Written:
    """An expression whose choices hypothesis makes, so that it can make them smaller."""
    return write(world.schema, lambda count: draw(st.integers(0, count - 1)))


def test_sql_and_evaluator_agree_on_every_row(worlds: list[World]) -> None:
    tally = Tally()

    @settings(
        max_examples=EXPRESSIONS * 4,  # hypothesis tries many of them twice
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(written(worlds[0]), st.sampled_from(worlds))
    def agree(expression: Written, world: World) -> None:
        if expression.text in tally.expressions or len(tally.expressions) == EXPRESSIONS:
            return
        for disagreement in disagreements(world, expression, tally):
            raise AssertionError(str(disagreement))
        for judged in judge(world, expression):
            check_postgres_text(world, judged)

    agree()
    print(f"\nours: {tally}")
    assert len(tally.expressions) == EXPRESSIONS
    for outcome in ("true", "false", "error"):
        assert tally.share(outcome) > 0.1, f"too few are {outcome}: nothing is shown"


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
