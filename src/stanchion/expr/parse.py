"""Parse a text into its syntax tree, and refuse it with a place and a hint.

In: the text of a rule or a filter.   Out: syntax.Syntax (frozen).
Refuses: what is no expression, and what is larger than the limits. Size is judged before the
table runs, and nothing here recurses, so a hostile text costs no more than its length.
Called by plan/ for texts whose shape is new, and for every rule when an app is loaded.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

from . import grammar
from .error import ExpressionError
from .literals import Literal, decode_text
from .syntax import (
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
    children,
)  # fmt: skip
from .tokens import LITERAL_TOKENS, Token, tokenize

MAX_CHARACTERS = 4096
MAX_NODES = 200
MAX_NESTING = 32

MACROS = ("exists", "all", "exists_one")


def parse(text: str) -> Syntax:
    """The syntax tree of a text; raises ExpressionError.

    `&&`, `||` and `!` are also written `and`, `or` and `not`. `!` binds as in CEL, tighter than a
    comparison; `not` binds as in Python, looser: `not a == b` is `!(a == b)`. A comparison
    takes two sides: `a < b < c` is refused. Nodes are names, literals, operators, calls and
    lists; nesting counts parentheses, brackets and prefix signs, and the levels of the tree.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(
            "too_long", f"An expression has at most {MAX_CHARACTERS} characters.",
            MAX_CHARACTERS, len(text),
        )  # fmt: skip
    tokens = tokenize(text)
    if not tokens:
        raise ExpressionError("syntax", "The expression is empty.", 0, len(text))
    _judge_size(tokens)
    _judge_pairs(tokens)
    tree = _run(tokens)
    if len(tokens) > MAX_NESTING:  # a tree is no higher than its tokens are many
        _judge_depth(tree)
    return tree


# limits

_UNCOUNTED = frozenset({"OPEN", "CLOSE", "END", "DOT", "COMMA"})
_OPENING = {"OPEN": "CLOSE", "BEGIN": "END"}
_SIGNS = {"CLOSE": ")", "END": "]"}
_PREFIXES = frozenset({"BANG", "NOT", "MINUS"})
_OPERAND_ENDS = LITERAL_TOKENS | {"NAME", "PARAM", "TRUE", "FALSE", "NULL", "CLOSE", "END"}


def _judge_size(tokens: list[Token]) -> None:
    count = 0
    for token in tokens:
        if token.kind not in _UNCOUNTED:
            count += 1
            if count > MAX_NODES:
                raise ExpressionError(
                    "too_complex",
                    f"An expression has at most {MAX_NODES} names, values and operators.",
                    token.start, token.end, "Ask for less at once.",
                )  # fmt: skip


def _judge_pairs(tokens: list[Token]) -> None:
    """Refuse parentheses and brackets that do not pair, and deep nesting."""
    open_tokens: list[tuple[Token, int]] = []
    signs = 0  # prefix signs directly before this token
    level = 0
    before = ""
    for token in tokens:
        if token.kind in _PREFIXES and before not in _OPERAND_ENDS:
            signs += 1
        elif token.kind in _OPENING:
            open_tokens.append((token, level))
            level += signs + 1
            signs = 0
        elif token.kind in _SIGNS:
            level = _closed(open_tokens, token)
            signs = 0
        elif token.kind != "DOT":
            signs = 0
        if level + signs > MAX_NESTING:
            raise _too_deep(token.start, token.end)
        before = token.kind
    if open_tokens:
        token, _ = open_tokens[-1]
        raise ExpressionError(
            "syntax", f"This '{token.text}' is not closed.", token.start, token.end,
            f"Add a '{_SIGNS[_OPENING[token.kind]]}'.",
        )  # fmt: skip


def _closed(open_tokens: list[tuple[Token, int]], token: Token) -> int:
    if not open_tokens:
        raise ExpressionError(
            "syntax", f"This '{token.text}' closes nothing.", token.start, token.end
        )
    opening, level = open_tokens.pop()
    wanted = _OPENING[opening.kind]
    if token.kind != wanted:
        raise ExpressionError(
            "syntax", f"This '{token.text}' cannot close '{opening.text}'.", token.start, token.end,
            f"Close '{opening.text}' with '{_SIGNS[wanted]}' first.",
        )  # fmt: skip
    return level


def _too_deep(start: int, end: int) -> ExpressionError:
    return ExpressionError(
        "too_complex", f"An expression is nested at most {MAX_NESTING} levels deep.", start, end
    )


def _judge_depth(tree: Syntax) -> None:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_NESTING:
            raise _too_deep(node.start, node.end)
        waiting.extend((child, depth + 1) for child in children(node))


# the table

_END = "$END"


@cache
def _table() -> grammar.Table:
    return grammar.load_table()


def _run(tokens: list[Token]) -> Syntax:
    table = _table()
    states, rules = table.states, table.rules
    stack = [table.start]
    values: list[Any] = []
    slots = 0
    last = tokens[-1].end
    for number, token in enumerate([*tokens, Token(_END, "", last, last)]):
        while True:
            action = states[stack[-1]].get(token.kind)
            if action is None:
                raise _unexpected(tokens, number, states[stack[-1]])
            if action >= 0:
                break
            rule = rules[-1 - action]
            parts = values[-rule.size :]
            del values[-rule.size :]
            del stack[-rule.size :]
            values.append(parts[0] if rule.form == "same" else _BUILD[rule.form](parts))
            stack.append(states[stack[-1]][rule.origin])
            if token.kind == _END and stack[-1] == table.end:
                tree: Syntax = values[-1]
                return tree
        stack.append(action)
        if token.kind in LITERAL_TOKENS:
            values.append((token, slots))
            slots += 1
        else:
            values.append(token)
    raise AssertionError("the end of the text always ends the run")


# building


def _junction(parts: list[Any]) -> Syntax:
    left, sign, right = parts
    every = sign.kind == "AND"
    chained = isinstance(left, Junction) and left.every is every
    first = left.parts if chained else (left,)
    return Junction(every, (*first, right), left.start, right.end)


def _prefix(parts: list[Any]) -> Syntax:
    sign, operand = parts
    return Prefix(sign.text, operand, sign.start, operand.end)


def _infix(parts: list[Any]) -> Syntax:
    left, sign, right = parts
    return Infix(sign.text, left, right, sign.start, left.start, right.end)


def _chain(parts: list[Any]) -> Syntax:
    a, first, _, second, c = parts
    raise ExpressionError(
        "syntax", f"'{first.text}' and '{second.text}' cannot be chained.", a.start, c.end,
        f"Write a {first.text} b && b {second.text} c, or use parentheses.",
    )  # fmt: skip


def _select(parts: list[Any]) -> Syntax:
    source, _, name = parts
    return Select(source, name.text, name.start, source.start, name.end)


def _method(parts: list[Any]) -> Syntax:
    source, _, name, _, *rest = parts
    arguments = tuple(rest[0]) if len(rest) == 2 else ()
    return Call(source, name.text, arguments, name.start, source.start, rest[-1].end)


def _call(parts: list[Any]) -> Syntax:
    name, _, *rest = parts
    arguments = tuple(rest[0]) if len(rest) == 2 else ()
    return Call(None, name.text, arguments, name.start, name.start, rest[-1].end)


def _group(parts: list[Any]) -> Syntax:
    opening, inner, closing = parts
    if isinstance(inner, Junction):  # a group of its own: `a && (b && c)` stays two nodes
        return Junction(inner.every, inner.parts, opening.start, closing.end)
    if isinstance(inner, (Infix, Prefix)):
        return replace(inner, start=opening.start, end=closing.end)
    node: Syntax = inner
    return node


def _listed(parts: list[Any]) -> Syntax:
    items = tuple(parts[1]) if len(parts) == 3 else ()
    return Listed(items, parts[0].start, parts[-1].end)


def _written(parts: list[Any]) -> Syntax:
    token, slot = parts[0]
    literal = Literal(token.kind.lower(), token.text, token.start, token.end)
    if literal.kind == "text":
        decode_text(literal)
    return Written(literal, slot, token.start, token.end)


_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}

_BUILD: dict[str, Callable[[list[Any]], Any]] = {
    "any_of": _junction,
    "all_of": _junction,
    "prefix": _prefix,
    "infix": _infix,
    "chain": _chain,
    "select": _select,
    "method": _method,
    "call": _call,
    "group": _group,
    "list": _listed,
    "literal": _written,
    "name": lambda parts: Name(parts[0].text, parts[0].start, parts[0].end),
    "param": lambda parts: Param(parts[0].text[1:], parts[0].start, parts[0].end),
    "constant": lambda parts: Constant(_CONSTANTS[parts[0].kind], parts[0].start, parts[0].end),
    "first": lambda parts: [parts[0]],
    "more": lambda parts: [*parts[0], parts[2]],
}


# what a person may have meant

_FOREIGN = {
    "and": "Write 'and' in lower case, or '&&'.",
    "or": "Write 'or' in lower case, or '||'.",
    "not": "Write 'not' in lower case, or '!'.",
    "in": "Write 'in' in lower case.",
    "is": "Write '== null' or '!= null'.",
    "isnull": "Write '== null'.",
    "like": 'Write name.contains("…"), name.startsWith("…") or name.endsWith("…").',
    "ilike": 'Write name.lowerAscii().contains("…").',
    "matches": 'There are no patterns yet: write name.contains("…").',
    "contains": 'Write name.contains("…").',
    "startswith": 'Write name.startsWith("…").',
    "endswith": 'Write name.endsWith("…").',
    "between": "Write a <= x && x <= b.",
    "eq": "Write '=='.",
    "ne": "Write '!='.",
    "lt": "Write '<'.",
    "le": "Write '<='.",
    "lte": "Write '<='.",
    "gt": "Write '>'.",
    "ge": "Write '>='.",
    "gte": "Write '>='.",
    "if": "There is no condition of this kind yet: write a && b || !a && c.",
}


def _unexpected(tokens: list[Token], number: int, expected: dict[str, int]) -> ExpressionError:
    if number == len(tokens):
        return _ended(tokens[-1])
    token = tokens[number]
    before = tokens[number - 1] if number else None
    meant = _meant(token, before)
    if meant is not None:
        wrong, hint = meant
        return ExpressionError(
            "syntax", f"'{wrong.text}' is not an operator here.", wrong.start, wrong.end, hint
        )
    shown = token.text if len(token.text) <= 40 else token.text[:30] + "…"
    after = f" after '{before.text[:30]}'" if before is not None else " first"
    missing = _round_list(tokens[:number]) if token.text == "," else None
    return ExpressionError(
        "syntax", f"'{shown}' cannot stand{after}.", token.start, token.end,
        missing or _missing(token, before, expected),
    )  # fmt: skip


def _ended(last: Token) -> ExpressionError:
    return ExpressionError(
        "syntax", f"The expression ends after '{last.text[:30]}', and something is missing.",
        last.end, last.end + 1,
    )  # fmt: skip


def _meant(token: Token, before: Token | None) -> tuple[Token, str] | None:
    """A word of another language that stands here, or just before, and what to write instead."""
    if token.kind == "NOT" and before is not None and before.kind in _OPERAND_ENDS:
        return token, "Write !(x in y)."
    for word in (token, before):
        if word is not None and word.kind == "NAME" and word.text.lower() in _FOREIGN:
            return word, _FOREIGN[word.text.lower()]
    return None


def _missing(token: Token, before: Token | None, expected: dict[str, int]) -> str | None:
    if before is None:
        return None
    if token.kind == "TEXT" and before.kind == "NAME" and before.text in ("r", "b", "R", "B"):
        return "There are plain texts only, without a letter before the quote."
    if token.kind == "BEGIN" and before.kind in _OPERAND_ENDS:
        return "Items are not taken by number or key: write x in list, or list.exists(…)."
    if token.kind == "NAME" and before.kind == "NAME":
        near = difflib.get_close_matches(token.text.lower(), ["and", "or", "in"], n=1, cutoff=0.6)
        if near:
            return f"Did you mean '{near[0]}'?"
    if token.kind in _OPERAND_ENDS - {"CLOSE", "END"} and before.kind in _OPERAND_ENDS:
        return "Is an operator missing between them? Conditions are joined with '&&' or '||'."
    if "DOT" not in expected and token.kind == "RELATION":
        return "A comparison has two sides."
    return None


def _round_list(tokens: list[Token]) -> str | None:
    """For `x in (1, 2)`, of which these are the tokens before the comma."""
    opened = [word.text == "in" and mark.text == "(" for word, mark in pairwise(tokens)]
    return "A list stands in square brackets: x in [1, 2]." if any(opened) else None
