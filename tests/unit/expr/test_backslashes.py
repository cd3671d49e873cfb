"""Backslashes outside a text: neither literals nor a way to make `lift` slow."""

from __future__ import annotations

import pytest

from stanchion.expr.error import ExpressionError
from stanchion.expr.literals import lift
from stanchion.expr.parse import parse
from tests.cost import counted


def test_backslashes_outside_a_text_cost_no_time() -> None:
    with counted() as cost:
        lifted = lift("name == " + '\\"' * 2000)
    assert cost.seconds < 0.05
    assert lifted.literals == ()


@pytest.mark.parametrize("text", ["a \\", 'a == \\"x"', "\\1 == a", "a == \\'b'"])
def test_a_backslash_outside_a_text_is_no_literal_and_no_token(text: str) -> None:
    assert all(not one.text.startswith("\\") for one in lift(text).literals)
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert refused.value.code == "syntax"
