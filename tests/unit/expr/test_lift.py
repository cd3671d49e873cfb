from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.expr import tree
from stanchion.expr.error import ExpressionError
from stanchion.expr.literals import Literal, lift, literal_value, value_of_lit
from stanchion.expr.parse import parse
from stanchion.expr.syntax import Syntax, Written, children
from stanchion.expr.tokens import LITERAL_TOKENS, tokenize

PIECES = st.sampled_from(
    [
        "a", "price", "record", ".", "name", "and", "or", "not", "in", "true", "null", "$n", "(",
        ")", "[", "]", ",", "==", "!=", "<", "<=", "&&", "||", "!", "-", "+", "1", "42", "0x1F",
        "0x", "007", "1.5", ".5", "5.", "1e3", "1.5e-3", "e5", "u", "_1", "a1", '"x"', "'y'", "''",
        '"a\\"b"', "'\\n'", '"\\q"', '"', "'", "\\", "#", "#i", "##", " ", "\n", "é", "=", "size(",
        ".size()", 'has(a.b)', "x.exists(y, y > 1)",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=30))
EXPRESSIONS = st.lists(
    st.sampled_from(["a == 1", "b < 2.5", "c in ['x', \"y\", 3]", "d.e(4)", "-5 < f", "g == .5"]),
    min_size=1, max_size=6,
).map(" && ".join)  # fmt: skip


def _leaves(node: Syntax) -> list[Written]:
    own = [node] if isinstance(node, Written) else []
    return own + [leaf for child in children(node) for leaf in _leaves(child)]


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_lift_finds_the_tokens_of_the_parser(text: str) -> None:
    try:
        tokens = tokenize(text)
    except ExpressionError:
        with pytest.raises(ExpressionError):
            parse(text)
        return
    found = [(t.text, t.start, t.end) for t in tokens if t.kind in LITERAL_TOKENS]
    assert [(x.text, x.start, x.end) for x in lift(text).literals] == found


@settings(max_examples=200, deadline=None)
@given(st.one_of(TEXTS, EXPRESSIONS))
def test_slots_number_the_lifted_literals(text: str) -> None:
    try:
        syntax = parse(text)
    except ExpressionError:
        return
    literals = lift(text).literals
    leaves = sorted(_leaves(syntax), key=lambda leaf: leaf.slot)
    assert tuple(leaf.literal for leaf in leaves) == literals
    assert [leaf.slot for leaf in leaves] == list(range(len(literals)))


@settings(max_examples=400, deadline=None)
@given(TEXTS, TEXTS)
def test_equal_shapes_parse_alike(one: str, other: str) -> None:
    if lift(one).shape == lift(other).shape:
        assert _kinds(one) == _kinds(other)


def _kinds(text: str) -> list[str] | None:
    try:
        return [token.kind for token in tokenize(text)]
    except ExpressionError:
        return None


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ('price < 500 && name == "x"', "price < #i && name == #s"),
        ("a1 == $n1 and b == 1.5", "a1 == $n1 and b == #f"),
        ("a in [0x1F, .5, 1e3, '']", "a in [#i, #f, #f, #s]"),
        ("a == true || b != null", "a == true || b != null"),
        ('a == "it\\"s 5"', "a == #s"),
        ("a == #i", "a == ##i"),
        ("a == 1u", "a == 1u"),
    ],
)
def test_lift_replaces_numbers_and_texts_alone(text: str, shape: str) -> None:
    assert lift(text).shape == shape


def _literal(text: str) -> Literal:
    (literal,) = lift(text).literals
    return literal


@pytest.mark.parametrize(
    ("text", "type", "negative", "value"),
    [
        ("5", tree.INT, True, -5),
        ("0x10", tree.INT, False, 16),
        ("9223372036854775808", tree.INT, True, -(2**63)),
        ("2.50", tree.INT, False, Decimal("2.50")),
        ("12.345", tree.Type("decimal", places=2), False, Decimal("12.345")),
        ("0e999999999", tree.Type("decimal", places=2), False, Decimal(0)),
        ("3", tree.Type("decimal", places=2), True, Decimal(-3)),
        ("1", tree.FLOAT, False, 1.0),
        ("0.0", tree.FLOAT, True, 0.0),
        ('"a\\u00e9\\n\\x41\\101\\U0001f600\\\\"', tree.TEXT, False, "aé\nAA😀\\"),
        ("'it\\'s'", tree.TEXT, False, "it's"),
        ('"018F3C2E7A4B7C1D9E2F3A4B5C6D7E8F"', tree.UUID, False,
         "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"),
        ('"2026-01-31"', tree.DATE, False, date(2026, 1, 31)),
        ('"2026-01-31T12:00:00+02:00"', tree.DATETIME, False,
         datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ('"1h30m"', tree.DURATION, False, timedelta(minutes=90)),
        ('"-1.5s"', tree.DURATION, False, timedelta(seconds=-1.5)),
        ('"1000ns"', tree.DURATION, False, timedelta(microseconds=1)),
        ('"0"', tree.DURATION, False, timedelta(0)),
        ('"87660000h"', tree.DURATION, False, timedelta(days=3_652_500)),
    ],
)  # fmt: skip
def test_literal_takes_the_type_that_is_asked_for(
    text: str, type: tree.Type, negative: bool, value: Any
) -> None:
    found = literal_value(_literal(text), type, negative)
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("text", "type", "hint"),
    [
        ("9223372036854775808", tree.INT, None),
        ("1e401", tree.Type("decimal", places=2), None),
        ("1e-401", tree.INT, None),
        ("1" * 401, tree.Type("decimal", places=2), None),
        ("1e309", tree.FLOAT, None),
        ('"pad"', tree.Type("text", choices=("new", "paid")), "Did you mean 'paid'?"),
        ('"zzz"', tree.Type("text", choices=("new", "paid")), 'Its values are "new", "paid".'),
        ('"5"', tree.UUID, 'Must be a UUID such as "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f".'),
        ('"2026-02-30"', tree.DATE,
         'Must be a day of the calendar, such as "2026-01-31": there is no such day.'),
        ('"2026-01-01T00:00:00"', tree.DATETIME,
         'Must say its offset, as in "2026-01-31T12:00:00Z" or +02:00.'),
        ('"1x"', tree.DURATION, 'Write hours, minutes and seconds, such as "1h30m" or "1.5s".'),
        ('"1ns"', tree.DURATION, None),
        ('"99999999h"', tree.DURATION, None),
        ('"87660000h0.000001s"', tree.DURATION, None),
        ('"a\\u0000b"', tree.TEXT, None),
        ('"\\ud800"', tree.TEXT, None),
        ('"\\UFFFFFFFF"', tree.TEXT, None),
    ],
)  # fmt: skip
def test_literal_that_cannot_be_is_refused_at_its_place(
    text: str, type: tree.Type, hint: str | None
) -> None:
    with pytest.raises(ExpressionError) as caught:
        literal_value(_literal(f"a == {text}"), type, False)
    error = caught.value
    assert (error.code, error.start, error.end) == ("literal", 5, 5 + len(text))
    assert error.hint == hint


def test_exact_refuses_places_that_arithmetic_would_lose() -> None:
    price = tree.Type("decimal", places=2)
    literal = _literal("1.255")
    assert literal_value(literal, price) == Decimal("1.255")
    with pytest.raises(ExpressionError, match="more than the 2 places"):
        literal_value(literal, price, exact=True)
    assert literal_value(_literal("1.250"), price, exact=True) == Decimal("1.25")
    huge = literal_value(_literal("1" * 60 + ".50"), price, exact=True)
    assert huge == Decimal("1" * 60 + ".50")


def test_value_of_lit_reads_its_slot() -> None:
    lit = tree.Lit(tree.INT, slot=1, negative=True)
    assert value_of_lit(lit, lift("a == 4 && b == -7").literals) == -7
    assert value_of_lit(tree.Lit(tree.INT, 3), ()) == 3


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_quote_alone_is_no_number(quote: str) -> None:
    assert lift(f"a == {quote}").literals == ()
    assert lift(f"a == {quote}").shape != lift("a == 5").shape
    with pytest.raises(ExpressionError):
        tokenize(f"a == {quote}")
