"""Give types to the values of a syntax tree: every name resolved, every literal the type of its
neighbour.

In: syntax.Syntax and a Scope.   Out: tree.Value.
Refuses: what has no meaning, with the place and what to write instead. Called by conditions, which
no value calls, and by check for a value that stands alone.
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
    Listed,
    Name,
    Param,
    Prefix,
    Select,
    Syntax,
    Written,
    children,
)

TEXT_TESTS = ("contains", "startsWith", "endsWith")
FUNCTIONS = ("has", "size", "timestamp", "duration")
METHODS = (*TEXT_TESTS, "lowerAscii", "size", *MACROS)
CONDITIONS = (*TEXT_TESTS, *MACROS, "has")


def refuse(node: Syntax, detail: str, hint: str | None = None) -> NoReturn:
    """Raise a `type` error at `node`."""
    raise ExpressionError("type", detail, node.start, node.end, hint)


@dataclass(frozen=True)
class Operands:
    """Checks the values of one expression; `local` holds the macro variables around them."""

    scope: Scope
    local: Mapping[str, tree.Type] = field(default_factory=dict)

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.scope, self.local)

    def resolve(self, node: Name | Select) -> Found:
        return self.resolver.resolve(node)

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
                return tree.Lit(tree.BOOL, truth, span=span_of(node))
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
        span, whole = (node.start, node.end), literal.kind == "int"
        if self.scope.lifted:
            return tree.Lit(type, None, node.slot, negative, exact, span, whole)
        value = literal_value(literal, type, negative, exact=exact)
        return tree.Lit(type, value, None, negative, exact, span, whole)

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
        return tree.Param(node.name, replace(want, choices=()), span_of(node))

    def listed(self, node: Listed, want: tree.Type | None) -> tree.Value:
        item = want.item if want is not None else None
        if item is None:
            typed = next((one for one in node.items if not flexible(one)), None)
            if typed is not None:
                item = member_type(typed, type_of(self.value(typed, None)))
            else:
                item = self.default_type(node, *node.items) if node.items else tree.INT
        items = self.items(node, item)
        return tree.ListOf(items, tree.Type("list", item=widest(item, items)), span_of(node))

    # arithmetic

    def minus(self, node: Prefix, want: tree.Type | None, exact: bool) -> tree.Value:
        if isinstance(node.operand, Written):
            literal = self.literal(node.operand, want, negative=True, exact=exact)
            return replace(literal, span=span_of(node))
        value = self.value(node.operand, want, exact=True)
        type = type_of(value)
        if type.kind not in NUMBERS:
            hint = sum_hint(type, type) if type.kind == "float" else None
            if type.kind == "duration":
                hint = 'Write duration("-1h").'
            refuse(node, f"A minus sign cannot stand before {say(type)}.", hint)
        return tree.Negate(value, type, span_of(node))

    def sum(self, node: Infix, want: tree.Type | None) -> tree.Value:
        left, right = self.terms(node, want)
        kinds = (type_of(left), type_of(right))
        type = sum_type(node.sign, *kinds)
        if type is None:
            word = "add to" if node.sign == "+" else "subtract from"
            first, second = kinds if node.sign == "+" else kinds[::-1]
            refuse(node, f"{say_first(first)} does not {word} {say(second)}.", sum_hint(*kinds))
        return tree.Arith(node.sign, left, right, type, span_of(node))  # type: ignore[arg-type]  # + or -

    def terms(self, node: Infix, want: tree.Type | None) -> tuple[tree.Value, tree.Value]:
        loose = (flexible(node.left), flexible(node.right))
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
            return tree.Lower(self.text(node.source), span=span_of(node))
        if node.name in CONDITIONS and (node.source is None) is (node.name == "has"):
            refuse(node, "A condition cannot be used as a value here.")
        raise _unknown_function(node)

    def size(self, node: Call, source: Syntax) -> tree.Value:
        found: Found | tree.Value
        if isinstance(source, (Name, Select)):
            found = self.resolve(source)
        else:
            found = self.value(source, None)
        if isinstance(found, tree.ListOf) and all(isinstance(i, tree.Lit) for i in found.items):
            return tree.Lit(tree.INT, len(found.items), span=span_of(node))
        if not isinstance(found, tree.Many) and type_of(found).kind not in ("text", "list"):
            refuse(source, f"{say_first(type_of(found))} has no size.")
        assert not isinstance(found, tree.Now)
        return tree.Size(found, span=span_of(node))

    def moment(self, node: Call) -> tree.Value:
        (argument,) = self.arguments(node, 1)
        if not isinstance(argument, Written) or argument.literal.kind != "text":
            refuse(
                argument, f"'{node.name}' takes a text that is written out.",
                "A param or a field is used as it is.",
            )  # fmt: skip
        type = tree.DATETIME if node.name == "timestamp" else tree.DURATION
        return replace(self.literal(argument, type), span=span_of(node))

    def text(self, node: Syntax) -> tree.Value:
        value = self.value(node, tree.TEXT if flexible(node) else None)
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

    # lists

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


def _unknown_function(node: Call) -> ExpressionError:
    known = FUNCTIONS if node.source is None else METHODS
    kind = "function" if node.source is None else "method"
    hint = did_you_mean(node.name, known)
    if node.source is None and node.name in METHODS:
        hint = f"Write {'list' if node.name in MACROS else 'text'}.{node.name}(…)."
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


def span_of(node: Syntax) -> tree.Span:
    return (node.start, node.end)


def flexible(node: Syntax) -> bool:
    """Whether the node has no type of its own: literals, params, and what is made of them."""
    match node:
        case Written() | Param():
            return True
        case Prefix(sign="-") | Infix(sign="+" | "-"):
            return all(flexible(child) for child in children(node))
        case _:
            return False


def _written(node: Syntax) -> list[Written]:
    if isinstance(node, Written):
        return [node]
    return [leaf for child in children(node) for leaf in _written(child)]


def member_type(node: Syntax, type: tree.Type) -> tree.Type:
    """The type of the items beside a typed value; refuses what is in no list."""
    if type.kind not in ORDERED and type.kind != "bool":
        refuse(node, f"{say_first(type)} cannot be in a list.", compare_hint(type, type))
    return type


def widest(want: tree.Type, items: tuple[tree.Value, ...]) -> tree.Type:
    """One type for all items: as many places as the item that has most."""
    types = [want, *(type_of(item) for item in items)]
    if any(type.kind == "decimal" for type in types):
        return tree.Type("decimal", places=max(type.places for type in types))
    return replace(want, choices=())
