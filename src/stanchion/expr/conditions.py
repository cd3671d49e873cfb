"""Give types to a syntax tree: every name resolved, every literal the type of its neighbour.

In: syntax.Syntax and a Scope.   Out: tree.Node or tree.Value.
Refuses: what has no meaning, with the place and what to write instead. Called by check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from ..errors import did_you_mean
from . import tree
from .error import ExpressionError
from .kinds import (
    LITERAL_KINDS,
    NUMBERS,
    ORDERED,
    comparable,
    compare_hint,
    say,
    say_first,
    sum_hint,
    sum_type,
    type_of,
)
from .literals import literal_value
from .parse import MACROS
from .scope import Found, Resolver, Scope
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
)

MAX_MACROS = 3
TEXT_TESTS = ("contains", "startsWith", "endsWith")
FUNCTIONS = ("has", "size", "timestamp", "duration")
METHODS = (*TEXT_TESTS, "lowerAscii", "size", *MACROS)
_CONDITIONS = (*TEXT_TESTS, *MACROS, "has")


def refuse(node: Syntax, detail: str, hint: str | None = None) -> NoReturn:
    """Raise a `type` error at `node`."""
    raise ExpressionError("type", detail, node.start, node.end, hint)


@dataclass(frozen=True)
class Checker:
    """Checks one expression; `local` holds the macro variables around it."""

    scope: Scope
    local: Mapping[str, tree.Type] = field(default_factory=dict)
    depth: int = 0

    def resolve(self, node: Name | Select) -> Found:
        return Resolver(self.scope, self.local).resolve(node)

    # conditions

    def condition(self, node: Syntax) -> tree.Node:
        """The node as something that is true or false."""
        span = _span(node)
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
                return tree.Truth(self.param(node, tree.BOOL), span)
            case _:
                return self.truth(node)

    def truth(self, node: Syntax) -> tree.Node:
        found = self.value(node, None)
        if isinstance(found, (tree.Path, tree.Var)) and found.type.kind == "bool":
            return tree.Truth(found, _span(node))
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
        (argument,) = self.arguments(node, 1)
        found = self.resolve(argument) if isinstance(argument, (Name, Select)) else None
        if isinstance(found, tree.Many):
            refuse(argument, "'has' takes a field.", f"Write size({spelled(argument)}) > 0.")
        if not isinstance(found, tree.Path) or found.leaf is None:
            refuse(argument, "'has' takes a path to a field.", "Write has(record.name).")
        return tree.Has(found, _span(node))

    def text_test(self, node: Call, source: Syntax) -> tree.Node:
        value = self.text(source)
        (argument,) = self.arguments(node, 1)
        part = self.text(argument)
        return tree.TextTest(node.name, value, part, _span(node))  # type: ignore[arg-type]  # is one of TEXT_TESTS

    def macro(self, node: Call, source: Syntax) -> tree.Node:
        over = self.macro_source(source)
        variable, body = self.arguments(node, 2)
        if not isinstance(variable, Name):
            refuse(variable, f"'{node.name}' takes a variable first.", "Write exists(x, x == …).")
        if Resolver(self.scope, self.local).taken(variable.name):
            refuse(
                variable, f"'{variable.name}' already has a meaning here.", "Choose another name."
            )
        if self.depth == MAX_MACROS:
            raise ExpressionError(
                "too_complex", f"At most {MAX_MACROS} macros stand inside each other.",
                node.name_start, node.name_start + len(node.name),
            )  # fmt: skip
        inner = replace(
            self,
            local={**self.local, variable.name: _item_type(over)},
            depth=self.depth + 1,
        )
        return tree.Macro(node.name, over, variable.name, inner.condition(body), _span(node))  # type: ignore[arg-type]  # is one of MACROS

    def macro_source(self, node: Syntax) -> tree.Many | tree.Path | tree.Var | tree.ListOf:
        found: Found | tree.Value
        found = self.resolve(node) if isinstance(node, (Name, Select)) else self.value(node, None)
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
        return tree.Compare(node.sign, left, right, _span(node))  # type: ignore[arg-type]  # `in` and sums are elsewhere

    def sides(self, node: Infix) -> tuple[tree.Operand, tree.Operand]:
        """Both operands; one without a type of its own takes that of the other."""
        loose = (_flexible(node.left), _flexible(node.right))
        equality = node.sign in ("==", "!=")
        if loose[0] and loose[1]:
            type = self.default_type(node, node.left, node.right)
            return self.value(node.left, type), self.value(node.right, type)
        if loose[0]:
            right = self.operand(node.right)
            return self.value(node.left, _neighbour(type_of(right), equality)), right
        left = self.operand(node.left)
        if loose[1]:
            return left, self.value(node.right, _neighbour(type_of(left), equality))
        return left, self.operand(node.right)

    def operand(self, node: Syntax) -> tree.Operand:
        """A value, or a condition that is compared as a boolean."""
        match node:
            case Junction() | Prefix(sign="!" | "not"):
                return self.condition(node)
            case Infix(sign="==" | "!=" | "<" | "<=" | ">" | ">=" | "in"):
                return self.condition(node)
            case Call(name=name) if name in _CONDITIONS:
                return self.condition(node)
            case _:
                return self.value(node, None)

    def null_comparison(self, node: Infix, other: Syntax) -> tree.Node:
        if node.sign not in ("==", "!="):
            refuse(node, "null has no order.", "Compare with '== null' or '!= null'.")
        equal = node.sign == "=="
        match other:
            case Constant(value=value):
                return tree.Const(equal is (value is None), _span(node))
            case Name() | Select():
                found = self.resolve(other)
                if isinstance(found, tree.Many):
                    refuse(
                        other, "A relation to many is never null.",
                        f"Write size({spelled(other)}) == 0.",
                    )  # fmt: skip
                if not isinstance(found, tree.Now):
                    return tree.Compare(node.sign, found, tree.Null(), _span(node))
        refuse(
            other, "This is never null.", "Fields, records and variables are compared with null."
        )

    def default_type(self, node: Syntax, *operands: Syntax) -> tree.Type:
        """The type of literals that stand beside literals only."""
        kinds = {leaf.literal.kind for one in operands for leaf in _written(one)}
        if "text" in kinds:
            if len(kinds) > 1:
                refuse(node, "A text does not go with a number.")
            return tree.TEXT
        if not kinds:
            refuse(node, "Nothing here says of what type the values are.", "Name a field.")
        return tree.FLOAT if "float" in kinds else tree.INT

    # in

    def membership(self, node: Infix) -> tree.Node:
        span = _span(node)
        match node.right:
            case Listed():
                return self.in_written_list(node, node.right)
            case Param():
                type = None if not _flexible(node.left) else self.default_type(node, node.left)
                value = self.value(node.left, type)
                listed = tree.Type("list", item=_member(node.left, type_of(value)))
                return tree.In(value, self.param(node.right, listed), span)
            case Name() | Select():
                return self.in_stored_list(node, node.right)
            case _:
                refuse(node.right, "'in' takes a list.", "Write x in [1, 2] or x in record.list.")

    def in_stored_list(self, node: Infix, source: Name | Select) -> tree.Node:
        found = self.resolve(source)
        shown = spelled(source)
        if isinstance(found, tree.Many):
            refuse(
                source, "'in' takes a list, not a relation.", f"Write {shown}.exists(x, x.id == …)."
            )
        if isinstance(found, tree.Now) or found.type.item is None:
            hint = f"Write {shown}.contains(…)." if type_of(found).kind == "text" else None
            refuse(source, f"'in' takes a list, not {say(type_of(found))}.", hint)
        item = found.type.item
        value = self.value(node.left, item if _flexible(node.left) else None)
        self.same_kind(node.left, type_of(value), item)
        return tree.In(value, found, _span(node))

    def in_written_list(self, node: Infix, listed: Listed) -> tree.Node:
        typed = next((one for one in (node.left, *listed.items) if not _flexible(one)), None)
        if typed is None:
            want = self.default_type(node, node.left, *listed.items)
        else:
            want = _member(typed, type_of(self.value(typed, None)))
        value = self.value(node.left, want)
        items = self.items(listed, want)
        self.same_kind(node.left, type_of(value), want)
        list_type = tree.Type("list", item=_widest(want, items))
        return tree.In(value, tree.ListOf(items, list_type, _span(listed)), _span(node))

    def items(self, listed: Listed, want: tree.Type) -> tuple[tree.Value, ...]:
        values = []
        for item in listed.items:
            if isinstance(item, Constant) and item.value is None:
                refuse(item, "A list holds no null.", "Write x == null || x in […].")
            value = self.value(item, want)
            self.same_kind(item, type_of(value), want)
            values.append(value)
        return tuple(values)

    def same_kind(self, node: Syntax, type: tree.Type, want: tree.Type) -> None:
        if not comparable(type, want):
            refuse(node, f"{say_first(type)} does not compare with {say(want)}.",
                   compare_hint(type, want))  # fmt: skip

    # values

    def value(self, node: Syntax, want: tree.Type | None, exact: bool = False) -> tree.Value:
        """The node as a value. Literals and params take the type `want`; None where nothing
        stands beside them. `exact`: the value is added or subtracted."""
        match node:
            case Written():
                return self.literal(node, want, exact=exact)
            case Param():
                return self.param(node, want)
            case Prefix(sign="-"):
                return self.minus(node, want, exact)
            case Infix(sign="+" | "-"):
                return self.sum(node, want)
            case Listed():
                return self.listed(node, want)
            case Call():
                return self.call_value(node)
            case Constant(value=bool(truth)):
                return tree.Lit(tree.BOOL, truth, span=_span(node))
            case Name() | Select():
                return self.named(node)
            case Constant():
                refuse(node, "null cannot stand here.", "null is compared with '==' and '!=' only.")
            case _:
                refuse(node, "A condition cannot be used as a value here.")

    def named(self, node: Name | Select) -> tree.Value:
        found = self.resolve(node)
        if isinstance(found, tree.Many):
            shown = spelled(node)
            refuse(
                node, f"'{shown}' holds many records.",
                f"Write {shown}.exists(x, …), {shown}.all(x, …) or size({shown}).",
            )  # fmt: skip
        return found

    def literal(
        self, node: Written, want: tree.Type | None, negative: bool = False, exact: bool = False
    ) -> tree.Value:
        literal = node.literal
        defaults = {"int": tree.INT, "float": tree.FLOAT, "text": tree.TEXT}
        type = want or defaults[literal.kind]
        if type.kind not in LITERAL_KINDS[literal.kind]:
            self.wrong_literal(node, type)
        if negative and literal.kind == "text":
            refuse(node, "A minus sign stands before numbers only.")
        if exact and literal.kind == "float" and type.kind == "int":
            refuse(
                node, f"{literal.text} is no whole number.", "Whole numbers add to whole numbers."
            )
        exact = exact and type.kind == "decimal"
        start = node.start
        if self.scope.lifted:
            return tree.Lit(type, None, node.slot, negative, exact, (start, node.end))
        value = literal_value(literal, type, negative, exact=exact)
        return tree.Lit(type, value, None, negative, exact, (start, node.end))

    def wrong_literal(self, node: Written, type: tree.Type) -> NoReturn:
        literal = node.literal
        shown = literal.text if len(literal.text) <= 40 else literal.text[:30] + "…"
        hint = compare_hint(type, type)
        if type.kind == "bool":
            hint = "Write true or false, without quotes."
        elif literal.kind == "text" and type.kind in ("int", "decimal", "float"):
            hint = "Write the number without quotes."
        elif literal.kind != "text" and type.kind == "text":
            hint = f'Write "{shown}" in quotes.'
        elif literal.kind != "text" and type.kind == "duration":
            hint = 'Write duration("1h30m").'
        elif literal.kind != "text" and type.kind in ("date", "datetime"):
            example = "2026-01-31" if type.kind == "date" else "2026-01-31T12:00:00Z"
            hint = f'Write "{example}" in quotes.'
        elif literal.kind != "text" and type.kind == "uuid":
            hint = "Write the id as it was answered, in quotes."
        refuse(node, f"{shown} does not go with {say(type)}.", hint)

    def param(self, node: Param, want: tree.Type | None) -> tree.Param:
        names = self.scope.params
        if names is not None and node.name not in names:
            hint = did_you_mean(node.name, names)
            if not names:
                hint = "A value is written in its place; $name is for Python code."
            raise ExpressionError(
                "unknown_variable",
                f"There is no value for '${node.name}'.",
                node.start,
                node.end,
                hint,
            )
        if want is None:
            refuse(
                node,
                f"Nothing here says of what type '${node.name}' is.",
                "Compare it with a field.",
            )
        return tree.Param(node.name, replace(want, choices=()), _span(node))

    def listed(self, node: Listed, want: tree.Type | None) -> tree.Value:
        item = want.item if want is not None else None
        if item is None:
            typed = next((one for one in node.items if not _flexible(one)), None)
            if typed is not None:
                item = _member(typed, type_of(self.value(typed, None)))
            else:
                item = self.default_type(node, *node.items) if node.items else tree.INT
        items = self.items(node, item)
        return tree.ListOf(items, tree.Type("list", item=_widest(item, items)), _span(node))

    # arithmetic

    def minus(self, node: Prefix, want: tree.Type | None, exact: bool) -> tree.Value:
        if isinstance(node.operand, Written):
            literal = self.literal(node.operand, want, negative=True, exact=exact)
            return replace(literal, span=_span(node))
        value = self.value(node.operand, want, exact=True)
        type = type_of(value)
        if type.kind not in NUMBERS:
            hint = sum_hint(type, type) if type.kind == "float" else None
            if type.kind == "duration":
                hint = 'Write duration("-1h").'
            refuse(node, f"A minus sign cannot stand before {say(type)}.", hint)
        return tree.Negate(value, type, _span(node))

    def sum(self, node: Infix, want: tree.Type | None) -> tree.Value:
        left, right = self.terms(node, want)
        kinds = (type_of(left), type_of(right))
        type = sum_type(node.sign, *kinds)
        if type is None:
            word = "add to" if node.sign == "+" else "subtract from"
            first, second = kinds if node.sign == "+" else kinds[::-1]
            refuse(node, f"{say_first(first)} does not {word} {say(second)}.", sum_hint(*kinds))
        return tree.Arith(node.sign, left, right, type, _span(node))  # type: ignore[arg-type]  # + or -

    def terms(self, node: Infix, want: tree.Type | None) -> tuple[tree.Value, tree.Value]:
        loose = (_flexible(node.left), _flexible(node.right))
        if loose[0] and loose[1]:
            type = want or self.default_type(node, node.left, node.right)
            return self.value(node.left, type, exact=True), self.value(node.right, type, exact=True)
        if loose[0]:
            right = self.value(node.right, None)
            beside = self.beside(node, node.left, type_of(right), want)
            return self.value(node.left, beside, exact=True), right
        left = self.value(node.left, None)
        if loose[1]:
            beside = self.beside(node, node.right, type_of(left), want)
            return left, self.value(node.right, beside, exact=True)
        return left, self.value(node.right, None)

    def beside(
        self, node: Infix, loose: Syntax, other: tree.Type, want: tree.Type | None
    ) -> tree.Type:
        """The type of a literal or param that is added to, or subtracted from, `other`."""
        if other.kind == "datetime" and node.sign == "+":
            return tree.DURATION
        if other.kind in ("datetime", "duration"):
            if want is not None and want.kind in ("datetime", "duration"):
                same = other.kind == want.kind
                return tree.DURATION if same else tree.DATETIME
            refuse(
                loose, "This may be a moment or a duration.",
                'Write timestamp("2026-01-31T12:00:00Z") or duration("1h30m").',
            )  # fmt: skip
        if other.kind not in NUMBERS:
            refuse(node, f"Nothing is added to {say(other)}.", sum_hint(other, other))
        return other

    # calls

    def call_value(self, node: Call) -> tree.Value:
        if node.source is None:
            if node.name == "size":
                return self.size(node, *self.arguments(node, 1))
            if node.name in ("timestamp", "duration"):
                return self.moment(node)
        elif node.name == "size":
            self.arguments(node, 0)
            return self.size(node, node.source)
        elif node.name == "lowerAscii":
            self.arguments(node, 0)
            return tree.Lower(self.text(node.source), span=_span(node))
        if node.name in _CONDITIONS and (node.source is None) is (node.name == "has"):
            refuse(node, "A condition cannot be used as a value here.")
        raise _unknown_function(node)

    def size(self, node: Call, source: Syntax) -> tree.Value:
        found: Found | tree.Value
        if isinstance(source, (Name, Select)):
            found = self.resolve(source)
        else:
            found = self.value(source, None)
        if isinstance(found, tree.ListOf) and all(isinstance(i, tree.Lit) for i in found.items):
            return tree.Lit(tree.INT, len(found.items), span=_span(node))
        if not isinstance(found, tree.Many) and type_of(found).kind not in ("text", "list"):
            refuse(source, f"{say_first(type_of(found))} has no size.")
        assert not isinstance(found, tree.Now)
        return tree.Size(found, span=_span(node))

    def moment(self, node: Call) -> tree.Value:
        (argument,) = self.arguments(node, 1)
        if not isinstance(argument, Written) or argument.literal.kind != "text":
            refuse(
                argument, f"'{node.name}' takes a text that is written out.",
                "A param or a field is used as it is.",
            )  # fmt: skip
        type = tree.DATETIME if node.name == "timestamp" else tree.DURATION
        return replace(self.literal(argument, type), span=_span(node))

    def text(self, node: Syntax) -> tree.Value:
        value = self.value(node, tree.TEXT if _flexible(node) else None)
        if type_of(value).kind != "text":
            shown = spelled(node) or "list"
            hint = f"Write x in {shown}." if type_of(value).kind == "list" else None
            refuse(node, f"Text is needed here, not {say(type_of(value))}.", hint)
        return value

    def arguments(self, node: Call, count: int) -> tuple[Syntax, ...]:
        if len(node.arguments) != count:
            wanted = ("no arguments", "one argument", "two arguments")[count]
            hint = None
            if node.name in MACROS:
                hint = f"Write {node.name}(x, …) with a condition on x."
            refuse(node, f"'{node.name}' takes {wanted}, not {len(node.arguments)}.", hint)
        return node.arguments


def _unknown_function(node: Call) -> ExpressionError:
    known = FUNCTIONS if node.source is None else METHODS
    kind = "function" if node.source is None else "method"
    hint = did_you_mean(node.name, known)
    if node.source is None and node.name in METHODS:
        hint = f"Write text.{node.name}(…)."
    elif node.source is not None and node.name in FUNCTIONS:
        hint = f"Write {node.name}(…) on its own."
    elif hint is None:
        named = {name.lower(): name for name in known}
        near = named.get(node.name.replace("_", "").lower())
        hint = f"Did you mean '{near}'?" if near else f"There are {', '.join(known)}."
    return ExpressionError(
        "unknown_function", f"There is no {kind} '{node.name}'.",
        node.name_start, node.name_start + len(node.name), hint,
    )  # fmt: skip


def spelled(node: Syntax) -> str | None:
    """A path as it was written, or None for anything else."""
    names: list[str] = []
    while isinstance(node, Select):
        names.append(node.name)
        node = node.source
    if not isinstance(node, Name):
        return None
    return ".".join([node.name, *reversed(names)])


def _span(node: Syntax) -> tree.Span:
    return (node.start, node.end)


def _flexible(node: Syntax) -> bool:
    """Whether the node has no type of its own: literals, params, and what is made of them."""
    match node:
        case Written() | Param():
            return True
        case Prefix(sign="-") | Infix(sign="+" | "-"):
            return all(_flexible(child) for child in children(node))
        case _:
            return False


def _written(node: Syntax) -> list[Written]:
    if isinstance(node, Written):
        return [node]
    return [leaf for child in children(node) for leaf in _written(child)]


def _neighbour(type: tree.Type, equality: bool) -> tree.Type:
    """The type a literal takes: choices bind it only where it must equal one of them."""
    return type if equality else replace(type, choices=())


def _member(node: Syntax, type: tree.Type) -> tree.Type:
    """The type of the items beside a typed value; refuses what is in no list."""
    if type.kind not in ORDERED and type.kind != "bool":
        refuse(node, f"{say_first(type)} cannot be in a list.", compare_hint(type, type))
    return type


def _widest(want: tree.Type, items: tuple[tree.Value, ...]) -> tree.Type:
    """One type for all items: as many places as the item that has most."""
    types = [want, *(type_of(item) for item in items)]
    if any(type.kind == "decimal" for type in types):
        return tree.Type("decimal", places=max(type.places for type in types))
    return replace(want, choices=())


def _item_type(source: tree.Many | tree.Path | tree.Var | tree.ListOf) -> tree.Type:
    if isinstance(source, tree.Many):
        return tree.Type("record", collection=source.collection)
    assert source.type.item is not None
    return source.type.item
