"""A compiler as one would write it first, kept to show that the property test can fail.

SQL's `=` and `<>`, `NOT` for `!`, IN for lists, scalar subqueries for paths: each looks right, and
in none of them is null a value or an error an error. Related rows that the caller may not see are
hidden here as well, and sums and decimals are not asked of it (their representation is another
matter), so that what fails is the logic alone.
"""

from __future__ import annotations

from dataclasses import replace

from stanchion.expr.tree import (
    And,
    Arith,
    Compare,
    Const,
    Has,
    In,
    ListOf,
    Lit,
    Lower,
    Macro,
    Many,
    Negate,
    Node,
    Not,
    Now,
    Null,
    Operand,
    Or,
    Param,
    Path,
    Size,
    TextTest,
    Truth,
    Type,
    Var,
    walk,
)
from stanchion.plan.policy import Profile
from stanchion.schema import Schema
from stanchion.sql.dialect import Dialect, quoted
from stanchion.sql.expr import Rows
from stanchion.sql.text import Aliases, Given, Parameters
from stanchion.sql.values import literal_binder, param_binder, raw_value

TESTS = {"contains": "contains", "startsWith": "starts_with", "endsWith": "ends_with"}


def suits(node: Node) -> bool:
    """Whether the naive compiler is asked: neither sums nor decimals, nor links."""
    return not any(
        isinstance(part, (Arith, Negate))
        or (isinstance(part, Many) and bool(part.link))
        or getattr(part, "type", Type("null")).kind == "decimal"
        for part in walk(node)
    )


class NaiveCompiler:
    """One predicate for each expression, and its NOT."""

    def __init__(
        self, schema: Schema, profile: Profile, dialect: Dialect, parameters: Parameters
    ) -> None:
        self.schema = schema
        self.profile = profile
        self.dialect = dialect
        self.parameters = parameters
        self.aliases = Aliases()

    def true(self, node: Node, rows: Rows, *, wide: bool = False) -> str:
        return self.condition(node, rows)

    def false(self, node: Node, rows: Rows) -> str:
        return f"not ({self.condition(node, rows)})"

    def condition(self, node: Node, rows: Rows) -> str:
        match node:
            case Const(value=value):
                return "1=1" if value else "1=0"
            case Not(part=part):
                return f"not ({self.condition(part, rows)})"
            case And(parts=parts):
                return "(" + " and ".join(self.condition(part, rows) for part in parts) + ")"
            case Or(parts=parts):
                return "(" + " or ".join(self.condition(part, rows) for part in parts) + ")"
            case Compare():
                return self.compare(node, rows)
            case In():
                return self.membership(node, rows)
            case TextTest(op=op, value=value, part=part):
                test = getattr(self.dialect, TESTS[op])
                return str(test(self.value(value, rows), self.value(part, rows)))
            case Has(path=path):
                return f"{self.value(path, rows)} is not null"
            case Truth(value=value):
                return self.value(value, rows)
            case Macro():
                return self.macro(node, rows)

    def compare(self, node: Compare, rows: Rows) -> str:
        sides = (node.left, node.right)
        if any(isinstance(side, Null) for side in sides):
            other = node.left if isinstance(node.right, Null) else node.right
            if isinstance(other, Path) and other.leaf is None:
                gone = other.root == "auth" and self.profile.auth_is_null("id")
                return "1=1" if gone is (node.op == "==") else "1=0"
            return f"{self.operand(other, rows)} is {'' if node.op == '==' else 'not '}null"
        sign = {"==": "=", "!=": "<>"}.get(node.op, node.op)
        return f"{self.operand(node.left, rows)}{sign}{self.operand(node.right, rows)}"

    def operand(self, operand: Operand, rows: Rows) -> str:
        if isinstance(operand, Node):
            return f"({self.condition(operand, rows)})"
        return self.value(operand, rows)

    def membership(self, node: In, rows: Rows) -> str:
        value = self.value(node.value, rows)
        if isinstance(node.items, ListOf):
            return f"{value} in ({','.join(self.value(i, rows) for i in node.items.items)})"
        alias = self.aliases.next()
        item = self.dialect.item(node.items.type.item or Type("text"), alias)
        source = self.dialect.list_items(self.value(node.items, rows), alias)
        return f"{value} in (select {item} from {source})"

    def macro(self, node: Macro, rows: Rows) -> str:
        alias = self.aliases.next()
        source, inside = self.source(node, rows, alias)
        body = self.condition(node.body, inside)
        if node.kind == "exists":
            return f"exists(select 1 from {source} and {body})"
        if node.kind == "all":
            return f"not exists(select 1 from {source} and not ({body}))"
        return f"(select count(*) from {source} and {body})=1"

    def source(self, node: Macro, rows: Rows, alias: str) -> tuple[str, Rows]:
        source = node.source
        if isinstance(source, Many):
            return self.children(source, rows, alias), rows.row(node.variable, alias)
        if isinstance(source, ListOf):
            selects = [f"select {self.value(item, rows)} as value" for item in source.items]
            listed = " union all ".join(selects)
            text = f"({listed}) {alias} where 1=1"
            return text, rows.variable(node.variable, f"{alias}.value")
        item = self.dialect.item(source.type.item or Type("text"), alias)
        text = f"{self.dialect.list_items(self.value(source, rows), alias)} where 1=1"
        return text, rows.variable(node.variable, item)

    def children(self, many: Many, rows: Rows, alias: str) -> str:
        key = self.value(replace(many.source, leaf=many.key, type=Type("uuid")), rows)
        seen = self.seen(many.collection, alias) if many.caller else "1=1"
        link = f"{alias}.{quoted(many.field)}={key} and {seen}"
        return f"{quoted(many.collection)} {alias} where {link}"

    def seen(self, collection: str, alias: str) -> str:
        return self.condition(self.profile.row(collection), Rows.of(record=alias))

    def value(self, value: object, rows: Rows) -> str:
        match value:
            case Path():
                return self.path(value, rows)
            case Var(name=variable):
                return rows.variables[variable]
            case Lit(type=kind):
                return self.literal(value, kind)
            case Param(type=kind):
                binder = param_binder(value, kind, "floor", self.dialect)
                return self.parameters.add(("param", value.name, kind), binder)
            case Now():
                return self.parameters.add("now", self.now)
            case Lower(value=inner):
                return self.dialect.lower_ascii(self.value(inner, rows))
            case Size(value=inner):
                return self.size(inner, rows)
            case _:
                raise AssertionError(value)

    def literal(self, literal: Lit, kind: Type) -> str:
        identity = ("literal", literal.slot, repr(literal.value), kind, literal.negative)
        return self.parameters.add(identity, literal_binder(literal, kind, "floor", self.dialect))

    def now(self, given: Given) -> object:
        return raw_value(given.moment(), Type("datetime"), "exact", self.dialect)

    def size(self, inner: object, rows: Rows) -> str:
        if isinstance(inner, Many):
            return f"(select count(*) from {self.children(inner, rows, self.aliases.next())})"
        sql = self.value(inner, rows)
        listed = getattr(inner, "type", Type("text")).kind == "list"
        return self.dialect.list_size(sql) if listed else self.dialect.text_size(sql)

    def path(self, path: Path, rows: Rows) -> str:
        assert path.leaf is not None
        if not path.hops:
            return self.column(path, rows)
        hop, alias = path.hops[-1], self.aliases.next()
        key = self.path(replace(path, hops=path.hops[:-1], leaf=hop.field, masked=False), rows)
        target = self.schema.collection[hop.target]
        leaf = replace(path, root="last", collection=hop.target, hops=())
        seen = self.seen(hop.target, alias) if path.caller else "1=1"
        value = self.column(leaf, Rows.of(last=alias))
        return (
            f"(select {value} from {quoted(target.name)} {alias} "
            f"where {alias}.{quoted(target.key[0])}={key} and {seen})"
        )

    def column(self, path: Path, rows: Rows) -> str:
        assert path.leaf is not None
        leaf = path.leaf
        if path.root == "auth":
            users = self.schema.users
            assert users is not None
            kind = users.field[leaf].type
            return self.parameters.add(
                ("auth", leaf), lambda given: self.dialect.raw(kind, (given.auth or {}).get(leaf))
            )
        sql = f"{rows.roots[path.root]}.{quoted(leaf)}"
        if not path.masked:
            return sql
        mask = self.profile.mask(path.last, leaf)
        held = self.condition(mask, Rows.of(record=rows.roots[path.root]))
        return f"(case when {held} then {sql} end)"
