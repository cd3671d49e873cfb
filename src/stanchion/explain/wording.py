"""Conditions and statements as people read them.

In: tree nodes, SQL text.   Out: texts. Pure.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal

from ..expr import tree
from ..types import DatetimeType


def say(node: object) -> str:
    """A condition or value as it would be written; `$1` is the first literal of the request."""
    match node:
        case tree.Const(value=value):
            return {True: "true", False: "false", None: "error"}[value]
        case tree.Not(part=part):
            return f"!({say(part)})"
        case tree.And(parts=parts):
            return " && ".join(_grouped(part) for part in parts)
        case tree.Or(parts=parts):
            return " || ".join(_grouped(part) for part in parts)
        case tree.Compare(op=op, left=left, right=right):
            return f"{_side(left)} {op} {_side(right)}"
        case tree.In(value=value, items=items):
            return f"{say(value)} in {say(items)}"
        case tree.TextTest(op=op, value=value, part=part):
            return f"{say(value)}.{op}({say(part)})"
        case tree.Has(path=path):
            return f"has({say(path)})"
        case tree.Truth(value=value):
            return say(value)
        case tree.Macro(kind=kind, source=source, variable=variable, body=body):
            return f"{say(source)}.{kind}({variable}, {say(body)})"
        case _:
            return _say_value(node)


def _say_value(node: object) -> str:
    match node:
        case tree.Path(root=root, hops=hops, leaf=leaf):
            return ".".join((root, *(hop.field for hop in hops), *((leaf,) if leaf else ())))
        case tree.Many(source=source, name=name):
            return f"{say(source)}.{name}"
        case tree.Lit(slot=None, value=value):
            return _say_literal(value)
        case tree.Lit(slot=slot, negative=negative):
            return f"{'-' if negative else ''}${(slot or 0) + 1}"
        case tree.Arith(op=op, left=left, right=right):
            last = f"({say(right)})" if isinstance(right, tree.Arith) else say(right)
            return f"{say(left)} {op} {last}"
        case tree.Var(name=name):
            return name
        case tree.Param(name=name):
            return f"${name}"
        case tree.Null():
            return "null"
        case tree.Now():
            return "now"
        case tree.ListOf(items=items):
            return f"[{', '.join(map(say, items))}]"
        case tree.Negate(value=value):
            return f"-({say(value)})" if isinstance(value, tree.Arith) else f"-{say(value)}"
        case tree.Lower(value=value):
            return f"{say(value)}.lowerAscii()"
        case tree.Size(value=value):
            return f"size({say(value)})"
    raise AssertionError(node)


def _say_literal(value: object) -> str:
    """A literal as it may be written where its neighbour says its type."""
    match value:
        case Decimal():
            said = f"{value:f}"
            return said if "." in said else f"{said}.0"
        case datetime():
            return f'timestamp("{DatetimeType().wire(value)}")'
        case timedelta():
            whole, rest = divmod(abs(value), timedelta(seconds=1))
            sign = "-" if value < timedelta(0) else ""
            return f'duration("{sign}{whole}.{rest.microseconds:06}s")'
    return json.dumps(value, default=str, ensure_ascii=False)


def _side(operand: tree.Operand) -> str:
    """One side of a comparison; a condition stands in parentheses there."""
    joined = (tree.And, tree.Or, tree.Compare, tree.In)
    return f"({say(operand)})" if isinstance(operand, joined) else say(operand)


def _grouped(part: tree.Node) -> str:
    return f"({say(part)})" if isinstance(part, (tree.And, tree.Or)) else say(part)


# statements

_TOKENS = re.compile(
    r"""'(?:[^']|'')*'|"[^"]*"|\|\||[()]|,"""
    r"|\b(?:select|from|where|order by|group by|limit|offset|union all|left join|cross join)\b"
    r"|\s+|[^\s'\"(),|]+|\|",
)
_BREAKING = (
    "from",
    "where",
    "order by",
    "group by",
    "limit",
    "union all",
    "left join",
    "cross join",
)


def sql_text(sql: str) -> str:
    """A statement, one clause and one member of JSON on a line; the pieces are untouched."""
    out: list[str] = []
    nested: list[bool] = []  # for each open parenthesis, whether a select stands in it
    pieces = _TOKENS.findall(sql)
    for at, piece in enumerate(pieces):
        depth = sum(nested)
        if piece == "(":
            nested.append(at + 1 < len(pieces) and pieces[at + 1] == "select")
            out.append("(")
            if nested[-1]:
                out.append("\n" + "  " * sum(nested))
        elif piece == ")":
            if nested.pop():
                out.append("\n" + "  " * sum(nested))
            out.append(")")
        elif piece in _BREAKING and (not nested or nested[-1]):
            while out and out[-1].isspace():
                out.pop()
            out.append("\n" + "  " * depth + piece)
        elif piece.startswith(("',\"", '\'","')) and out and out[-1] in ("||", ","):
            out.append("\n" + "  " * (depth + 1) + piece)
        else:
            out.append(piece)
    text = "".join(out).strip() + "\n"
    assert re.sub(r"\s+", "", text) == re.sub(r"\s+", "", sql), "a token was lost"
    return text
