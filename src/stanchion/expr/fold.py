"""Simplify a checked condition with what is already known, without changing its outcome.

In: tree.Node and a verdict for some of its parts.   Out: tree.Node.
Used by plan/ once a caller is known: parts that depend on `auth` alone become constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import tree

Decide = Callable[[tree.Node], tree.Const | None]


def fold(node: tree.Node, decide: Decide = lambda node: None) -> tree.Node:
    """The same condition, with each part that `decide` knows replaced and the rest simplified.

    For every record the outcome (true, false or error) stays what it was: false decides an
    `&&` and true an `||` even beside an error, and `!` of an error is an error. Junctions inside
    junctions of their kind are flattened.
    """
    decided = decide(node)
    if decided is not None:
        return decided
    match node:
        case tree.Not(part=part):
            return _negated(fold(part, decide), node)
        case tree.And(parts=parts):
            return _joined(node, [fold(part, decide) for part in parts], absorbing=False)
        case tree.Or(parts=parts):
            return _joined(node, [fold(part, decide) for part in parts], absorbing=True)
        case tree.Macro(body=body):
            return replace(node, body=fold(body, decide))
        case tree.Compare():
            return _compared(node, decide)
        case _:
            return node


def _negated(part: tree.Node, node: tree.Not) -> tree.Node:
    if isinstance(part, tree.Const):
        return replace(part, value=None if part.value is None else not part.value)
    if isinstance(part, tree.Not):
        return part.part
    return replace(node, part=part)


def _joined(node: tree.And | tree.Or, parts: list[tree.Node], absorbing: bool) -> tree.Node:
    kept: list[tree.Node] = []
    error: tree.Const | None = None
    for part in _flat(type(node), parts):
        if not isinstance(part, tree.Const):
            kept.append(part)
        elif part.value is absorbing:
            return part
        elif part.value is None:
            error = error or part
    if error is not None:
        kept.append(error)
    if not kept:
        return tree.Const(not absorbing, node.span)
    return kept[0] if len(kept) == 1 else replace(node, parts=tuple(kept))


def _flat(kind: type, parts: list[tree.Node]) -> list[tree.Node]:
    flat: list[tree.Node] = []
    for part in parts:
        if isinstance(part, kind) and isinstance(part, (tree.And, tree.Or)):
            flat.extend(part.parts)
        else:
            flat.append(part)
    return flat


def _compared(node: tree.Compare, decide: Decide) -> tree.Node:
    left, right = _operand(node.left, decide), _operand(node.right, decide)
    known = (_known(left), _known(right))
    if any(side is not None and side.value is None for side in known):
        return tree.Const(None, node.span)
    if known[0] is not None and known[1] is not None:
        equal = known[0].value is known[1].value
        return tree.Const(equal is (node.op == "=="), node.span)
    if left is node.left and right is node.right:
        return node
    return replace(node, left=left, right=right)


def _operand(operand: tree.Operand, decide: Decide) -> tree.Operand:
    return fold(operand, decide) if isinstance(operand, tree.Node) else operand


def _known(operand: tree.Operand) -> tree.Const | None:
    if isinstance(operand, tree.Const):
        return operand
    if isinstance(operand, tree.Lit) and operand.type.kind == "bool" and operand.slot is None:
        return tree.Const(operand.value)
    return None


# questions


def depends_on_auth_alone(node: tree.Node) -> bool:
    """Whether the outcome is the same for every record, moment and request of one caller.

    Holds for conditions over literals and the fields of `auth` itself, no path beyond them.
    """
    bound: set[str] = set()
    for part in tree.walk(node):
        match part:
            case tree.Path():
                if part.root != "auth" or part.hops or part.masked:
                    return False
            case tree.Now() | tree.Param() | tree.Many():
                return False
            case tree.Lit():
                if part.slot is not None:
                    return False
            case tree.Macro():
                bound.add(part.variable)  # parents come first, so a body is met after this
            case tree.Var():
                if part.name not in bound:
                    return False
    return True


IsNull = Callable[[tree.Operand], bool]


def certainly_false(node: tree.Node, absent: IsNull = lambda operand: False) -> bool:
    """Whether the condition can be true for no record; an error is not true either.

    Sees through constants, junctions, `!` and macros; a True answer is certain, a False one is
    not. Fold first. `absent` says of an operand that it is a null of `auth`, which equals no value
    and has no order.
    """
    return _never(node, True, absent)


def _never(node: tree.Node, outcome: bool, absent: IsNull) -> bool:
    match node:
        case tree.Const(value=value):
            return value is not outcome
        case tree.Not(part=part):
            return _never(part, not outcome, absent)
        case tree.And(parts=parts):
            return (any if outcome else all)(_never(part, outcome, absent) for part in parts)
        case tree.Or(parts=parts):
            return (all if outcome else any)(_never(part, outcome, absent) for part in parts)
        case tree.Macro(kind="exists" | "exists_one", body=body):
            return outcome and _never(body, True, absent)
        case tree.Macro(kind="all", body=body):
            return not outcome and _never(body, False, absent)
        case tree.Compare(op=op, left=left, right=right):
            return _never_compares(op, outcome, (left, right), absent)
        case _:
            return False


def _never_compares(
    op: str, outcome: bool, sides: tuple[tree.Operand, tree.Operand], absent: IsNull
) -> bool:
    if any(isinstance(side, tree.Null) for side in sides) or not any(map(absent, sides)):
        return False
    return outcome is (op == "==") if op in ("==", "!=") else True
