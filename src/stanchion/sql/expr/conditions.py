"""The compiler itself: junctions here, each kind of atom in its own file."""

from __future__ import annotations

from typing import assert_never

from ...expr.tree import (
    And,
    Compare,
    Const,
    Has,
    In,
    Macro,
    Node,
    Not,
    Or,
    TextTest,
    Truth,
    Value,
)
from ..text import Condition, all_of, any_of
from .chains import compile_chain
from .comparisons import (
    compares_conditions,
    compile_comparison,
    compile_equal_conditions,
    compile_has,
    compile_truth,
)
from .macros import compile_macro
from .membership import compile_in, compile_text_test
from .paths import crossed, joined
from .rows import Compiling, Rows, Term
from .values import compile_value


class ExpressionCompiler(Compiling):
    """Compiles the expressions of one statement; parameters and aliases are the statement's."""

    def true(self, node: Node, rows: Rows, *, wide: bool = False) -> Condition:
        match node:
            case Const(value=value):
                return value is True
            case Not(part=part):
                return self.false(part, rows)
            case And(parts=parts):
                return all_of(self.true(part, rows, wide=wide) for part in parts)
            case Or(parts=parts):
                return any_of(self.true(part, rows, wide=wide) for part in parts)
            case _:
                found = compile_chain(self, node, rows) if wide else None
                return self._atom(node, rows, True) if found is None else found

    def false(self, node: Node, rows: Rows) -> Condition:
        match node:
            case Const(value=value):
                return value is False
            case Not(part=part):
                return self.true(part, rows)
            case And(parts=parts):
                return any_of(self.false(part, rows) for part in parts)
            case Or(parts=parts):
                return all_of(self.false(part, rows) for part in parts)
            case _:
                return self._atom(node, rows, False)

    def value(self, value: Value, rows: Rows) -> Term:
        return compile_value(self, value, rows)

    def _atom(self, node: Node, rows: Rows, certainly: bool) -> Condition:
        """One comparison, test or macro, inside the joins that its paths need."""
        if isinstance(node, Compare) and compares_conditions(node):
            return compile_equal_conditions(self, node, rows, certainly)
        return joined(self, crossed(node), rows, lambda inside: self._bare(node, inside, certainly))

    def _bare(self, node: Node, rows: Rows, certainly: bool) -> Condition:
        match node:
            case Compare():
                return compile_comparison(self, node, rows, certainly)
            case In():
                return compile_in(self, node, rows, certainly)
            case TextTest():
                return compile_text_test(self, node, rows, certainly)
            case Has():
                return compile_has(self, node, rows, certainly)
            case Truth():
                return compile_truth(self, node, rows, certainly)
            case Macro():
                return compile_macro(self, node, rows, certainly)
            case Const() | Not() | And() | Or():
                raise AssertionError("junctions are taken apart by true and false")
            case _:
                assert_never(node)
