from __future__ import annotations

import time
from importlib import resources

import pytest

from stanchion.expr import grammar


def test_saved_table_is_the_one_of_the_grammar() -> None:
    pytest.importorskip("lark")
    source = grammar.grammar_source()
    fresh = grammar.render_table(grammar.make_table(source))
    saved = resources.files("stanchion.expr").joinpath(grammar.SAVED).read_text("utf-8")
    assert saved == fresh, "run: python -m stanchion.expr.grammar"


def test_digest_tells_a_stale_table_without_lark() -> None:
    assert grammar.load_table().digest == grammar.digest_of(grammar.grammar_source())


def test_table_loads_in_a_few_milliseconds() -> None:
    best = min(_seconds() for _ in range(5))
    assert best < 0.02


def _seconds() -> float:
    started = time.perf_counter()
    grammar.load_table()
    return time.perf_counter() - started
