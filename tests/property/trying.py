"""The expressions that are tried: hypothesis draws them, the same in every run and on every engine.

In: what says how a world disagrees with an expression.   Out: what it came to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .agreement import Tally
from .expressions import Written, write
from .worlds import World

DEEP = os.environ.get("STANCHION_PROPERTY") == "deep"
EXPRESSIONS = 3_000 if DEEP else 400
SEEDS = (1, 2, 3)

Place = TypeVar("Place")
"""A world, or where one is stored."""


@st.composite
def written(draw: Callable[..., int], world: World) -> Written:
    """An expression whose choices hypothesis makes, so that it can make them smaller."""
    return write(world.schema, lambda count: draw(st.integers(0, count - 1)))


def try_expressions(
    world: World,
    places: Sequence[Place],
    disagreements: Callable[[Place, Written, Tally], Iterable[object]],
) -> Tally:
    """Hold each expression against one of the places; the first disagreement is raised, as small as
    it can be. The choices follow from this text, so they are the same for every caller."""
    tally = Tally()

    @settings(
        max_examples=EXPRESSIONS * 4,  # hypothesis tries many of them twice
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(written(world), st.sampled_from(places))
    def agree(expression: Written, place: Place) -> None:
        if expression.text in tally.expressions or len(tally.expressions) == EXPRESSIONS:
            return
        for disagreement in disagreements(place, expression, tally):
            raise AssertionError(str(disagreement))

    agree()
    print(f"\n{tally}")
    assert len(tally.expressions) == EXPRESSIONS
    for outcome in ("true", "false", "error"):
        assert tally.share(outcome) > 0.1, f"too few are {outcome}: nothing is shown"
    return tally
