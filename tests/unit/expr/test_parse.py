from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stanchion.expr.error import ExpressionError
from stanchion.expr.parse import parse
from stanchion.expr.syntax import (
    Call,
    Constant,
    Infix,
    Junction,
    Listed,
    Name,
    Param,
    Prefix,
    Select,
    Syntax,
    Written,
)
from tests.cost import counted


def shape(node: Syntax) -> Any:
    """The tree as nested lists: operators first."""
    match node:
        case Written(literal=literal):
            return literal.text
        case Constant(value=value):
            return value
        case Name(name=name):
            return name
        case Param(name=name):
            return f"${name}"
        case Select(source=source, name=name):
            return [".", shape(source), name]
        case Call(source=source, name=name, arguments=arguments):
            of = [shape(source)] if source is not None else []
            return [f"{name}()", *of, *map(shape, arguments)]
        case Listed(items=items):
            return ["[]", *map(shape, items)]
        case Prefix(sign=sign, operand=operand):
            return [sign, shape(operand)]
        case Infix(sign=sign, left=left, right=right):
            return [sign, shape(left), shape(right)]
        case Junction(every=every, parts=parts):
            return ["&&" if every else "||", *map(shape, parts)]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a && b and c", ["&&", "a", "b", "c"]),
        ("a || b && c or d", ["||", "a", ["&&", "b", "c"], "d"]),
        ("!a == b", ["==", ["!", "a"], "b"]),
        ("not a == b", ["not", ["==", "a", "b"]]),
        ("not not a and b", ["&&", ["not", ["not", "a"]], "b"]),
        ("-a - -b + 1", ["+", ["-", ["-", "a"], ["-", "b"]], "1"]),
        ("a - (b - c)", ["-", "a", ["-", "b", "c"]]),
        ("a + 1 < b", ["<", ["+", "a", "1"], "b"]),
        ("(a == b) == c", ["==", ["==", "a", "b"], "c"]),
        ("x in [1, 'a', $n, null]", ["in", "x", ["[]", "1", "'a'", "$n", None]]),
        ("a.b.c", [".", [".", "a", "b"], "c"]),
        ("a.in == record.not", ["==", [".", "a", "in"], [".", "record", "not"]]),
        ("size(a) == a.size()", ["==", ["size()", "a"], ["size()", "a"]]),
        ("a.exists(x, x > 1)", ["exists()", "a", "x", [">", "x", "1"]]),
        ("true != false", ["!=", True, False]),
        ("1.size()", ["size()", "1"]),
        ("'a'.contains(\"b\")", ["contains()", "'a'", '"b"']),
        (" [ ] \n\t", ["[]"]),
    ],
)
def test_text_becomes_its_tree(text: str, tree: Any) -> None:
    assert shape(parse(text)) == tree


def test_nodes_know_where_they_stand() -> None:
    text = "a.b == (c + 10)"
    node = parse(text)
    assert isinstance(node, Infix)
    spans = [text[part.start : part.end] for part in (node, node.left, node.right)]
    assert spans == [text, "a.b", "(c + 10)"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("price = 5", """
syntax: '=' is not an operator here.
 | price = 5
 |       ^
hint: Write '==' to compare."""),
        ("a === b", """
syntax: '===' is not an operator here.
 | a === b
 |   ^^^
hint: Write '==' to compare."""),
        ("a <> b", """
syntax: '<>' is not an operator here.
 | a <> b
 |   ^^
hint: Write '!=' to compare."""),
        ("a AND b", """
syntax: 'AND' is not an operator here.
 | a AND b
 |   ^^^
hint: Write 'and' in lower case, or '&&'."""),
        ("a OR b", """
syntax: 'OR' is not an operator here.
 | a OR b
 |   ^^
hint: Write 'or' in lower case, or '||'."""),
        ("NOT a", """
syntax: 'NOT' is not an operator here.
 | NOT a
 | ^^^
hint: Write 'not' in lower case, or '!'."""),
        ("a & b", """
syntax: '&' is not an operator here.
 | a & b
 |   ^
hint: Write '&&' or 'and'; in a URL, '&' is written %26."""),
        ("a | b", """
syntax: '|' is not an operator here.
 | a | b
 |   ^
hint: Write '||' or 'or'."""),
        ("note is null", """
syntax: 'is' is not an operator here.
 | note is null
 |      ^^
hint: Write '== null' or '!= null'."""),
        ('name LIKE "Mar%"', """
syntax: 'LIKE' is not an operator here.
 | name LIKE "Mar%"
 |      ^^^^
hint: Write name.contains("…"), name.startsWith("…") or name.endsWith("…")."""),
        ("name ~ 'Mar'", """
syntax: '~' is not an operator here.
 | name ~ 'Mar'
 |      ^
hint: There are no patterns yet: write name.contains("…") or name.startsWith("…")."""),
        ("a in (1, 2)", """
syntax: ',' cannot stand after '1'.
 | a in (1, 2)
 |        ^
hint: A list stands in square brackets: x in [1, 2]."""),
        ("a not in b", """
syntax: 'not' is not an operator here.
 | a not in b
 |   ^^^
hint: Write !(x in y)."""),
        ("(a == b", """
syntax: This '(' is not closed.
 | (a == b
 | ^
hint: Add a ')'."""),
        ("a == b)", """
syntax: This ')' closes nothing.
 | a == b)
 |       ^"""),
        ("a in [1, 2)", """
syntax: This ')' cannot close '['.
 | a in [1, 2)
 |           ^
hint: Close '[' with ']' first."""),
        ('name == "Mar', """
syntax: The text that starts here has no end.
 | name == "Mar
 |         ^^^^
hint: Close it with " on the same line; a line break inside is written \\n."""),
        ("1 < a < 5", """
syntax: '<' and '<' cannot be chained.
 | 1 < a < 5
 | ^^^^^^^^^
hint: Write a < b && b < c, or use parentheses."""),
        ("a ==", """
syntax: The expression ends after '==', and something is missing.
 | a ==
 |     ^"""),
        ("", """
syntax: The expression is empty.
 |
 | ^"""),
        ("1u == a", """
syntax: '1u' is no number.
 | 1u == a
 | ^^
hint: Integers have no suffix: leave the 'u' out."""),
        ('"a\\q" == b', """
syntax: '\\q' is no escape.
 | "a\\q" == b
 |   ^^
hint: Write a backslash as '\\\\'."""),
        ("a b", """
syntax: 'b' cannot stand after 'a'.
 | a b
 |   ^
hint: Is an operator missing between them? Conditions are joined with '&&' or '||'."""),
        ("a[0] == 1", """
syntax: '[' cannot stand after 'a'.
 | a[0] == 1
 |  ^
hint: Items are not taken by number or key: write x in list, or list.exists(…)."""),
        ("a ? 1 : 2", """
syntax: '?' is not an operator here.
 | a ? 1 : 2
 |   ^
hint: 'a ? b : c' is not part of the language yet: write a && b || !a && c."""),
        ("a == “x”", """
syntax: '“' is no quotation mark here.
 | a == “x”
 |      ^
hint: Write plain quotes: "…"."""),
        ("a == 1 &&\n  b = 2", """
syntax: '=' is not an operator here.
 |   b = 2
 |     ^
hint: Write '==' to compare."""),
        ("a amd b", """
syntax: 'amd' cannot stand after 'a'.
 | a amd b
 |   ^^^ did you mean 'and'?"""),
    ],
)  # fmt: skip
def test_mistake_is_shown_with_its_place_and_a_way_out(
    text: str, shown: str, frame: Callable[[ExpressionError, str], str]
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert frame(caught.value, text) == shown.strip("\n")


def test_frame_numbers_its_line_and_cuts_a_long_one() -> None:
    text = "a == 1 && " * 30 + "b = 2"
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    source, carets = caught.value.frame(text, line=31).split("\n")
    assert source.startswith("31 | ")
    assert len(source) <= 105
    assert source[carets.index("^")] == "="
    assert caught.value.column == text.index("= 2") + 1


def test_error_reads_as_one_line() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("a = 1")
    assert str(caught.value) == "'=' is not an operator here. (column 3) Write '==' to compare."
    with pytest.raises(ExpressionError) as caught:
        parse("a ==")
    assert str(caught.value).endswith("something is missing. (column 5)")


# limits


def _code(text: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    return caught.value.code


def test_text_of_4096_characters_is_the_longest() -> None:
    assert isinstance(parse("a" + " " * 4095), Name)
    assert _code("a" + " " * 4096) == "too_long"
    with pytest.raises(ExpressionError) as caught:
        parse("a" * 4100)
    assert (caught.value.start, caught.value.end) == (4096, 4100)


def test_200_nodes_are_the_most() -> None:
    assert isinstance(parse(" && ".join(["a"] * 100)), Junction)
    assert _code(" && ".join(["a"] * 101)) == "too_complex"
    with pytest.raises(ExpressionError, match="Ask for less at once"):
        parse(" && ".join(["a"] * 101))
    assert isinstance(parse(f"a in [{', '.join(['1'] * 197)}]"), Infix)
    assert _code(f"a in [{', '.join(['1'] * 198)}]") == "too_complex"


@pytest.mark.parametrize(
    ("before", "after", "levels"),
    [("(", ")", 1), ("!", "", 1), ("not ", "", 1), ("-", "", 1), ("!(", ")", 2), ("[", "]", 1)],
)
def test_32_levels_are_the_deepest(before: str, after: str, levels: int) -> None:
    most = 32 // levels
    if before not in ("!", "not ", "-", "["):  # those are levels of the tree as well
        parse(before * most + "a" + after * most)
    parse(before * (most - 1) + "a" + after * (most - 1))
    assert _code(before * (most + 1) + "a" + after * (most + 1)) == "too_complex"


def test_long_chains_are_levels_too() -> None:
    parse(" + ".join(["a"] * 32))
    assert _code(" + ".join(["a"] * 33)) == "too_complex"
    assert _code("a" + ".b" * 32) == "too_complex"
    assert _code("a" + ".lowerAscii()" * 32) == "too_complex"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2000 + "a" + ")" * 2000,
        "!" * 4000 + "a",
        "[" * 4000,
        "a." * 2000 + "a",
        " || ".join(["a"] * 800),
        '"' * 4095,
        "1." * 2000,
        "'\\" * 2000,
        "9" * 4000 + "a",
    ],
    ids=range(9),
)  # fmt: skip
def test_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    with counted() as cost:
        assert _code(text)
    assert cost.seconds < 0.5
