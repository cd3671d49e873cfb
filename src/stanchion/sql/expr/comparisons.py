"""`==`, `!=` and the orders; `has`; booleans, and conditions that are compared as booleans.

Null is a value in `==` and `!=` only, and a null of `auth` equals nothing but the literal null.
"""

from __future__ import annotations

from ...expr.tree import (
    And,
    Compare,
    Const,
    Has,
    Lit,
    Node,
    Not,
    Null,
    Operand,
    Operator,
    Or,
    Param,
    Path,
    Truth,
    Var,
)
from ..text import Condition, all_of, any_of, boolean
from ..values import ROUNDINGS
from .paths import is_absent, is_null_auth
from .rows import Compiling, Rows, Term
from .values import aligned, beside

NEGATED: dict[Operator, Operator] = {
    "==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<",
}  # fmt: skip
MIRRORED: dict[Operator, Operator] = {
    "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=",
}  # fmt: skip


def compile_comparison(c: Compiling, node: Compare, rows: Rows, certainly: bool) -> Condition:
    """Where a comparison of two values is certainly true, or certainly false."""
    op = node.op if certainly else NEGATED[node.op]
    left, right = node.left, node.right
    if isinstance(left, Null):
        left, right, op = right, left, MIRRORED[op]
    if isinstance(right, Null):
        return _compare_null(c, left, rows, op == "==")
    a, b = _sides(c, left, right, node.op, rows)
    guards = a.guards + b.guards
    if op not in ("==", "!="):
        return all_of((*guards, f"{a.sql}{op}{b.sql}"))
    if is_null_auth(c, left) or is_null_auth(c, right):
        return False if op == "==" else all_of(guards)
    return all_of((*guards, _equal(c, a, b) if op == "==" else _unequal(c, a, b)))


def _sides(
    c: Compiling, left: Operand, right: Operand, op: Operator, rows: Rows
) -> tuple[Term, Term]:
    """Both sides in one representation; a literal takes that of its neighbour."""
    assert not isinstance(left, Node) and not isinstance(right, Node), "compared as conditions"
    open_left, open_right = isinstance(left, (Lit, Param)), isinstance(right, (Lit, Param))
    if isinstance(left, (Lit, Param)) and not open_right:
        b = c.value(right, rows)
        return beside(c, left, b, ROUNDINGS[MIRRORED[op]]), b
    a = c.value(left, rows)
    if isinstance(right, (Lit, Param)) and not open_left:
        return a, beside(c, right, a, ROUNDINGS[op])
    return aligned(c, a, c.value(right, rows))


def _equal(c: Compiling, a: Term, b: Term) -> str:
    if a.nullable and b.nullable and not (a.auth or b.auth):
        return f"{a.sql} {c.dialect.null_safe_equal} {b.sql}"
    return f"{a.sql}={b.sql}"  # quicker, and where one is null it must not hold


def _unequal(c: Compiling, a: Term, b: Term) -> Condition:
    if not (a.nullable or b.nullable):
        return f"{a.sql}<>{b.sql}"
    unequal = f"{a.sql} {c.dialect.null_safe_unequal} {b.sql}"
    return any_of([unequal, *(f"{t.sql} is null" for t in (a, b) if t.auth and t.nullable)])


def _compare_null(c: Compiling, operand: Operand, rows: Rows, wants_null: bool) -> Condition:
    assert not isinstance(operand, Node), "compared as conditions"
    if isinstance(operand, Null):
        return wants_null
    if isinstance(operand, Path) and operand.leaf is None:
        missing = operand.root == "auth" and is_absent(c)  # other rows are being looked at
        return missing is wants_null
    v = c.value(operand, rows)
    return all_of((*v.guards, f"{v.sql} is {'' if wants_null else 'not '}null"))


def compile_has(c: Compiling, node: Has, rows: Rows, certainly: bool) -> Condition:
    """Whether the field at the end of a path is not null."""
    v = c.value(node.path, rows)
    return all_of((*v.guards, f"{v.sql} is {'not ' if certainly else ''}null"))


def compile_truth(c: Compiling, node: Truth, rows: Rows, certainly: bool) -> Condition:
    """A boolean value as a condition."""
    v = c.value(node.value, rows)
    return all_of((*v.guards, c.dialect.truth(v.sql, certainly)))


# conditions as values
#
# Here the outcome of a condition is one SQL boolean with NULL for an error: SQL's own AND, OR and
# NOT treat it as the language does. Asking for true and for false apart would double the text at
# each level of `((a == b) == c) == d`.


def compares_conditions(node: Compare) -> bool:
    """Whether a side is a condition rather than a value."""
    return isinstance(node.left, Node) or isinstance(node.right, Node)


def compile_equal_conditions(c: Compiling, node: Compare, rows: Rows, certainly: bool) -> Condition:
    """`a == b` where a side is a condition; an error on either side is one of the whole."""
    sign = "=" if (node.op == "==") is certainly else "<>"
    return f"{_code(c, node.left, rows)}{sign}{_code(c, node.right, rows)}"


def _code(c: Compiling, operand: Operand, rows: Rows) -> str:
    """1 for true, 0 for false, 2 for null, NULL for an error."""
    if isinstance(operand, Null):
        return "2"
    if isinstance(operand, Node):
        return f"(case {_outcome(c, operand, rows)} when true then 1 when false then 0 end)"
    if isinstance(operand, Lit) and operand.slot is None:
        return "1" if operand.value else "0"
    assert isinstance(operand, (Path, Var, Lit, Param)), "the only values that are boolean"
    known = Truth(operand)
    null = c.true(Compare("==", operand, Null()), rows)
    return _case([(c.true(known, rows), "1"), (c.false(known, rows), "0"), (null, "2")])


def _outcome(c: Compiling, node: Node, rows: Rows) -> str:
    match node:
        case Const(value=value):
            # a bare null has no type, and PostgreSQL takes it for a text
            return {True: "true", False: "false", None: "cast(null as boolean)"}[value]
        case Not(part=part):
            return f"(not {_outcome(c, part, rows)})"
        case And(parts=parts) | Or(parts=parts):
            word = " and " if isinstance(node, And) else " or "
            return f"({word.join(_outcome(c, part, rows) for part in parts)})"
        case Compare() if compares_conditions(node):
            return f"({boolean(compile_equal_conditions(c, node, rows, True))})"
        case _:
            return _case([(c.true(node, rows), "true"), (c.false(node, rows), "false")])


def _case(outcomes: list[tuple[Condition, str]]) -> str:
    whens = "".join(f" when {boolean(when)} then {then}" for when, then in outcomes)
    return f"(case{whens} end)"
