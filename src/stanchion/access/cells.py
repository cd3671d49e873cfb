"""What the rules come to for one kind of caller: all that must hold, and no more.

In: the checked rules, an `AccessCaller`.   Out: conditions, simplified, and their cells.
A cell says what a caller can do in effect. So whoever changes or deletes a record must be able to
read it, as the API has it (else it is 404), and a field is reached through its record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from ..explain.wording import say
from ..expr.check import Scope, check
from ..expr.error import ExpressionError
from ..expr.fold import certainly_false, fold
from ..expr.parse import parse
from ..expr.tree import FALSE, TRUE, And, Const, Macro, Node, Not, Or
from ..plan.policy import Policy, RowOperation, decide_old_is_null
from ..query import ANONYMOUS
from ..schema import Collection, Field, Schema
from .callers import AccessCaller

YES, NO, IF = "yes", "no", "if "
FieldOperation = Literal["read", "create", "update"]
FIELD_OPERATIONS: tuple[FieldOperation, ...] = ("read", "create", "update")


def operations_on(collection: Collection, field: Field) -> tuple[FieldOperation, ...]:
    """What rules decide about a field. System fields are set by nobody, and a key only once."""
    if field.system:
        return ("read",)
    return ("read", "create") if field.name in collection.key else FIELD_OPERATIONS


class CallerRules:
    """The rules of an app, for one kind of caller."""

    def __init__(self, policy: Policy, caller: AccessCaller) -> None:
        self._policy = policy
        self._caller = caller
        self._anonymous = policy.profile(ANONYMOUS)

    def of_records(self, collection: Collection, operation: RowOperation) -> Node:
        """What must hold of a record."""
        if self._caller.kind == "admin":
            return TRUE
        rule = self._needed(self._policy.rows[collection.name, operation], operation)
        if operation in ("update", "delete"):
            return simplify(And((self.of_records(collection, "read"), rule)))
        return rule

    def of_field(self, collection: Collection, field: Field, operation: FieldOperation) -> Node:
        """What must hold of a record, so that the field of it is read or set."""
        if operation == "update" and field.frozen:
            return FALSE
        rules = self._policy.field_read if operation == "read" else self._policy.field_write
        rule = rules.get((collection.name, field.name), TRUE)
        if self._caller.kind == "admin":
            return FALSE if rule == FALSE else TRUE
        record = self.of_records(collection, operation)
        return simplify(And((record, self._needed(rule, operation))))

    def _needed(self, rule: Node, operation: str) -> Node:
        decide = decide_old_is_null if operation == "create" else _decide_old_is_there
        if self._caller.kind == "anonymous":
            folded = self._anonymous.folded(rule, decide)
            return FALSE if self._anonymous.never(folded) else simplify(folded)
        folded = fold(fold(rule, self._caller.decide), decide)
        return FALSE if certainly_false(folded, self._caller.is_null) else simplify(folded)


def _decide_old_is_there(part: Node) -> Const | None:
    """What is changed was there before."""
    decided = decide_old_is_null(part)
    return None if decided is None or decided.value is None else Const(not decided.value)


def simplify(node: Node, wanted: bool = True) -> Node:
    """A condition that comes to `wanted` for the same records; elsewhere it may be the opposite
    where the other one is an error, for both deny. Parts that others imply are gone."""
    match node:
        case Const(value=None):
            return Const(not wanted)
        case Const():
            return TRUE if node.value else FALSE
        case And(parts=parts):
            return _joined([simplify(part, wanted) for part in parts], And, Or, TRUE, FALSE)
        case Or(parts=parts):
            return _joined([simplify(part, wanted) for part in parts], Or, And, FALSE, TRUE)
        case Not(part=part):
            return fold(Not(simplify(part, not wanted)))
        case Macro(kind="exists" | "all", body=body):
            node = replace(node, body=simplify(body, wanted))
    if wanted:
        return FALSE if certainly_false(node) else node
    return TRUE if certainly_false(Not(node)) else node


def _joined(
    parts: Iterable[Node],
    kind: type[And | Or],
    other: type[And | Or],
    idle: Const,
    absorbing: Const,
) -> Node:
    flat: dict[Node, None] = {}
    for part in parts:
        flat |= dict.fromkeys(part.parts if isinstance(part, kind) else (part,))
    flat.pop(idle, None)
    if absorbing in flat:
        return absorbing
    # a && (a || b) is a, and so is a || (a && b)
    kept = [p for p in flat if not (isinstance(p, other) and any(q in flat for q in p.parts))]
    if not kept:
        return idle
    return kept[0] if len(kept) == 1 else kind(tuple(kept))


def cell_of(node: Node) -> str:
    """`yes`, `no`, or `if` and the condition."""
    if isinstance(node, Const):
        return YES if node.value else NO
    return IF + say(node)


def condition_of(cell: str, schema: Schema, collection: Collection, operation: str) -> Node | None:
    """The condition that a cell says; None where it does not fit the schema."""
    if cell in (YES, NO):
        return TRUE if cell == YES else FALSE
    scope = Scope(
        schema=schema, collection=collection, old=operation == "update",
        auth=schema.users, params=(),
    )  # fmt: skip
    try:
        return check(parse(cell.removeprefix(IF)), scope)
    except ExpressionError:
        return None
