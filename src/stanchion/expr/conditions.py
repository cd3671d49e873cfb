"""Give types to the conditions of a syntax tree, and to what they compare.

In: syntax.Syntax and a Scope.   Out: tree.Node.
Refuses: what has no meaning, with the place and what to write instead. Called by check.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import tree
from .error import ExpressionError
from .kinds import ORDERED, comparable, compare_hint, say, say_first, type_of
from .operands import (
    CONDITIONS,
    TEXT_TESTS,
    Operands,
    flexible,
    member_type,
    refuse,
    span_of,
    spelled,
    widest,
)
from .parse import MACROS
from .scope import Found
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
    children,
)

MAX_MACROS = 3


@dataclass(frozen=True)
class ConditionChecker:
    """Checks the conditions of one expression; `depth` macros stand around them."""

    operands: Operands
    depth: int = 0

    def condition(self, node: Syntax) -> tree.Node:
        """The node as something that is true or false."""
        span = span_of(node)
        match node:
            case Constant(value=bool(value)):
                return tree.Const(value, span)
            case Junction(every=every, parts=parts):
                checked = tuple(self.condition(part) for part in parts)
                return tree.And(checked, span) if every else tree.Or(checked, span)
            case Prefix(sign="!" | "not", operand=operand):
                return tree.Not(self.condition(operand), span)
            case Infix(sign="in"):
                return self.membership(node)
            case Infix(sign="==" | "!=" | "<" | "<=" | ">" | ">="):
                return self.comparison(node)
            case Call():
                return self.call_condition(node)
            case Param():
                return tree.Truth(self.operands.param(node, tree.BOOL), span)
            case _:
                return self.truth(node)

    def truth(self, node: Syntax) -> tree.Node:
        found = self.operands.value(node, None)
        if isinstance(found, (tree.Path, tree.Var)) and found.type.kind == "bool":
            return tree.Truth(found, span_of(node))
        shown = spelled(node) or "…"
        if type_of(found).kind == "record":
            refuse(node, "A record is no condition.", f"Write {shown} != null.")
        refuse(
            node, f"This is {say(type_of(found))}, and a condition is needed here.",
            f"Compare it: {shown} == …",
        )  # fmt: skip

    def call_condition(self, node: Call) -> tree.Node:
        if node.source is None and node.name == "has":
            return self.has(node)
        if node.source is not None and node.name in MACROS:
            return self.macro(node, node.source)
        if node.source is not None and node.name in TEXT_TESTS:
            return self.text_test(node, node.source)
        return self.truth(node)

    def has(self, node: Call) -> tree.Node:
        (argument,) = self.operands.arguments(node, 1)
        found = self.operands.resolve(argument) if isinstance(argument, (Name, Select)) else None
        if isinstance(found, tree.Many):
            refuse(argument, "'has' takes a field.", f"Write size({spelled(argument)}) > 0.")
        if not isinstance(found, tree.Path) or found.leaf is None:
            refuse(argument, "'has' takes a path to a field.", "Write has(record.name).")
        return tree.Has(found, span_of(node))

    def text_test(self, node: Call, source: Syntax) -> tree.Node:
        value = self.operands.text(source)
        (argument,) = self.operands.arguments(node, 1)
        part = self.operands.text(argument)
        return tree.TextTest(node.name, value, part, span_of(node))  # type: ignore[arg-type]  # is one of TEXT_TESTS

    def macro(self, node: Call, source: Syntax) -> tree.Node:
        over = self.macro_source(source)
        variable, body = self.operands.arguments(node, 2)
        if not isinstance(variable, Name):
            refuse(variable, f"'{node.name}' takes a variable first.", "Write exists(x, x == …).")
        if self.operands.resolver.taken(variable.name):
            refuse(
                variable, f"'{variable.name}' already has a meaning here.", "Choose another name."
            )
        if self.depth == MAX_MACROS:
            raise ExpressionError(
                "too_complex", f"At most {MAX_MACROS} macros stand inside each other.",
                node.name_start, node.name_start + len(node.name),
            )  # fmt: skip
        local = {**self.operands.local, variable.name: _item_type(over)}
        inner = ConditionChecker(replace(self.operands, local=local), self.depth + 1)
        return tree.Macro(node.name, over, variable.name, inner.condition(body), span_of(node))  # type: ignore[arg-type]  # is one of MACROS

    def macro_source(self, node: Syntax) -> tree.Many | tree.Path | tree.Var | tree.ListOf:
        found: Found | tree.Value
        found = (
            self.operands.resolve(node)
            if isinstance(node, (Name, Select))
            else self.operands.value(node, None)
        )
        if isinstance(found, tree.ListOf):
            for item, value in zip(children(node), found.items, strict=True):
                if not isinstance(value, (tree.Lit, tree.Param)):  # so no item is null
                    refuse(item, "A macro over a written list takes plain values.",
                           "Write the conditions out, joined with '||' or '&&'.")  # fmt: skip
        if isinstance(found, (tree.Many, tree.ListOf)):
            return found
        if isinstance(found, (tree.Path, tree.Var)) and found.type.kind == "list":
            return found
        refuse(node, f"A macro runs over a list or a relation, not over {say(type_of(found))}.")

    # comparisons

    def comparison(self, node: Infix) -> tree.Node:
        for this, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(this, Constant) and this.value is None:
                return self.null_comparison(node, other)
        left, right = self.sides(node)
        kinds = (type_of(left), type_of(right))
        if not comparable(*kinds):
            if kinds[0].kind == kinds[1].kind:
                detail = f"{say_first(kinds[0])} is compared with null only."
            else:
                detail = f"{say_first(kinds[0])} does not compare with {say(kinds[1])}."
            refuse(node, detail, compare_hint(*kinds))
        if node.sign not in ("==", "!=") and kinds[0].kind not in ORDERED:
            refuse(node, "Booleans have no order.", "Compare them with '==' or '!='.")
        return tree.Compare(node.sign, left, right, span_of(node))  # type: ignore[arg-type]  # `in` and sums are elsewhere

    def sides(self, node: Infix) -> tuple[tree.Operand, tree.Operand]:
        """Both operands; one without a type of its own takes that of the other."""
        loose = (flexible(node.left), flexible(node.right))
        equality = node.sign in ("==", "!=")
        if loose[0] and loose[1]:
            type = self.operands.default_type(node, node.left, node.right)
            return self.operands.value(node.left, type), self.operands.value(node.right, type)
        if loose[0]:
            right = self.operand(node.right)
            return self.operands.value(node.left, _neighbour(type_of(right), equality)), right
        left = self.operand(node.left)
        if loose[1]:
            return left, self.operands.value(node.right, _neighbour(type_of(left), equality))
        return left, self.operand(node.right)

    def operand(self, node: Syntax) -> tree.Operand:
        """A value, or a condition that is compared as a boolean."""
        match node:
            case Junction() | Prefix(sign="!" | "not"):
                return self.condition(node)
            case Infix(sign="==" | "!=" | "<" | "<=" | ">" | ">=" | "in"):
                return self.condition(node)
            case Call(name=name) if name in CONDITIONS:
                return self.condition(node)
            case _:
                return self.operands.value(node, None)

    def null_comparison(self, node: Infix, other: Syntax) -> tree.Node:
        if node.sign not in ("==", "!="):
            refuse(node, "null has no order.", "Compare with '== null' or '!= null'.")
        equal = node.sign == "=="
        match other:
            case Constant(value=value):
                return tree.Const(equal is (value is None), span_of(node))
            case Name() | Select():
                found = self.operands.resolve(other)
                if isinstance(found, tree.Many):
                    refuse(
                        other, "A relation to many is never null.",
                        f"Write size({spelled(other)}) == 0.",
                    )  # fmt: skip
                if not isinstance(found, tree.Now):
                    return tree.Compare(node.sign, found, tree.Null(), span_of(node))
        refuse(
            other, "This is never null.", "Fields, records and variables are compared with null."
        )

    # in

    def membership(self, node: Infix) -> tree.Node:
        span = span_of(node)
        match node.right:
            case Listed():
                return self.in_written_list(node, node.right)
            case Param():
                type = (
                    None if not flexible(node.left) else self.operands.default_type(node, node.left)
                )
                value = self.operands.value(node.left, type)
                listed = tree.Type("list", item=member_type(node.left, type_of(value)))
                return tree.In(value, self.operands.param(node.right, listed), span)
            case Name() | Select():
                return self.in_stored_list(node, node.right)
            case _:
                refuse(node.right, "'in' takes a list.", "Write x in [1, 2] or x in record.list.")

    def in_stored_list(self, node: Infix, source: Name | Select) -> tree.Node:
        found = self.operands.resolve(source)
        shown = spelled(source)
        if isinstance(found, tree.Many):
            refuse(
                source, "'in' takes a list, not a relation.", f"Write {shown}.exists(x, x.id == …)."
            )
        if isinstance(found, tree.Now) or found.type.item is None:
            hint = f"Write {shown}.contains(…)." if type_of(found).kind == "text" else None
            refuse(source, f"'in' takes a list, not {say(type_of(found))}.", hint)
        item = found.type.item
        value = self.operands.value(node.left, item if flexible(node.left) else None)
        self.operands.same_kind(node.left, type_of(value), item)
        return tree.In(value, found, span_of(node))

    def in_written_list(self, node: Infix, listed: Listed) -> tree.Node:
        typed = next((one for one in (node.left, *listed.items) if not flexible(one)), None)
        if typed is None:
            want = self.operands.default_type(node, node.left, *listed.items)
        else:
            want = member_type(typed, type_of(self.operands.value(typed, None)))
        value = self.operands.value(node.left, want)
        items = self.operands.items(listed, want)
        self.operands.same_kind(node.left, type_of(value), want)
        list_type = tree.Type("list", item=widest(want, items))
        return tree.In(value, tree.ListOf(items, list_type, span_of(listed)), span_of(node))


def _neighbour(type: tree.Type, equality: bool) -> tree.Type:
    """The type a literal takes: choices bind it only where it must equal one of them."""
    return type if equality else replace(type, choices=())


def _item_type(source: tree.Many | tree.Path | tree.Var | tree.ListOf) -> tree.Type:
    if isinstance(source, tree.Many):
        return tree.Type("record", collection=source.collection)
    assert source.type.item is not None
    return source.type.item
