from __future__ import annotations

from importlib import resources

from stanchion.expr import grammar
from tests.cost import counted
from tools.grammar import make_table, render_table


def test_saved_table_is_the_one_of_the_grammar() -> None:
    fresh = render_table(make_table(grammar.grammar_source()))
    saved = resources.files("stanchion.expr").joinpath(grammar.SAVED).read_text("utf-8")
    assert saved == fresh, "run: make grammar"


def test_digest_tells_a_stale_table_without_lark() -> None:
    assert grammar.load_table().digest == grammar.digest_of(grammar.grammar_source())


def test_table_loads_in_a_few_milliseconds() -> None:
    best = min(_seconds() for _ in range(5))
    assert best < 0.02


def _seconds() -> float:
    with counted() as cost:
        grammar.load_table()
    return cost.seconds
