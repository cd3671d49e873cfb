"""Compile a checked boolean expression to SQL: *certainly true* and *certainly false*.

In: a node of `expr/tree.py`, rows to read its names from.   Out: a `Condition`.
Only "true" counts in what we return: NULL is as good as false. So `!` swaps the two questions,
nothing is ever negated in SQL, and an error (a path through null, an overflow, a comparison with
null) makes neither of them true. The one NOT, in `all`, is over `is not true`.

A path across references becomes an EXISTS around the whole atom, joined by key, so a broken path
makes both questions fail. At the root of a list, `wide`, a path that is compared with an identity
becomes a nested IN instead, which starts from the few rows that match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, assert_never

from ..expr.tree import (
    And, Arith, Compare, Const, Has, In, Lit, ListOf, Lower, Macro, Many, Negate, Node, Not,
    Now, Null, Operand, Operator, Or, Param, Path, Size, TextTest, Truth, Type, Value, Var, walk,
)  # fmt: skip
from ..schema import Schema
from .dialect import Dialect, name
from .text import Aliases, Condition, Given, Parameters, all_of, any_of, boolean
from .values import ROUNDINGS, Rounding, literal_binder, param_binder, raw_value

NEGATED: dict[Operator, Operator] = {
    "==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<",
}  # fmt: skip
MIRRORED: dict[Operator, Operator] = {
    "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=",
}  # fmt: skip
SQL_OPERATOR = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Access(Protocol):
    """What the caller may see, as expressions that are already folded for this caller."""

    def row(self, collection: str) -> Node:
        """The read rule of a collection."""
        ...

    def mask(self, collection: str, field: str) -> Node:
        """The read rule of a field."""
        ...

    def auth_is_null(self, field: str) -> bool:
        """Whether the caller's record holds null there."""
        ...


@dataclass(frozen=True, slots=True)
class V:
    """A compiled value. `guards` must hold, else it is an error; `auth` says that a null in it
    equals nothing; `micro` that a datetime is a count of microseconds."""

    sql: str
    type: Type
    nullable: bool = False
    guards: tuple[str, ...] = ()
    auth: bool = False
    micro: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Where names are read from: the alias of each root's row, and the SQL of each variable."""

    roots: Mapping[str, str]
    variables: Mapping[str, str]
    joined: Mapping[tuple[str, tuple[Any, ...]], str]

    @classmethod
    def of(cls, **roots: str) -> Rows:
        """Rows for these roots: `Rows.of(record="r")`."""
        return cls(roots, {}, {})

    def row(self, root: str, alias: str) -> Rows:
        """These rows and one more root, which hides an outer one of the same name."""
        joined = {key: value for key, value in self.joined.items() if key[0] != root}
        return replace(self, roots={**self.roots, root: alias}, joined=joined)

    def variable(self, variable: str, sql: str) -> Rows:
        """These rows and one more variable."""
        return replace(self, variables={**self.variables, variable: sql})


class ExpressionCompiler:
    """Compiles the expressions of one statement; parameters and aliases are the statement's."""

    def __init__(
        self,
        schema: Schema,
        access: Access,
        dialect: Dialect,
        parameters: Parameters,
        aliases: Aliases,
    ) -> None:
        self.schema = schema
        self.access = access
        self.dialect = dialect
        self.parameters = parameters
        self.aliases = aliases

    # booleans

    def true(self, node: Node, rows: Rows, *, wide: bool = False) -> Condition:
        """SQL that is true exactly where `node` is certainly true."""
        match node:
            case Const(value=value):
                return value is True
            case Not(part=part):
                return self.false(part, rows)
            case And(parts=parts):
                return all_of(self.true(part, rows, wide=wide) for part in parts)
            case Or(parts=parts):
                return any_of(self.true(part, rows, wide=wide) for part in parts)
            case Compare(op="==") if wide and (chain := self._chain(node, rows)) is not None:
                return chain
            case Macro(kind="exists") if wide and (chain := self._chain(node, rows)) is not None:
                return chain
            case _:
                return self._atom(node, rows, certainly=True)

    def false(self, node: Node, rows: Rows) -> Condition:
        """SQL that is true exactly where `node` is certainly false."""
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
                return self._atom(node, rows, certainly=False)

    def _known(self, node: Node, rows: Rows) -> Condition:
        """Where `node` is no error."""
        return any_of((self.true(node, rows), self.false(node, rows)))

    def _atom(self, node: Node, rows: Rows, *, certainly: bool) -> Condition:
        """One comparison, test or macro, inside the joins that its paths need."""
        if isinstance(node, Compare) and (_is_condition(node.left) or _is_condition(node.right)):
            return self._compare_booleans(node, rows, certainly)
        return self._joined(
            _paths(node), rows, lambda inside: self._bare_atom(node, inside, certainly)
        )

    def _bare_atom(self, node: Node, rows: Rows, certainly: bool) -> Condition:
        match node:
            case Compare():
                return self._compare(node, rows, certainly)
            case In():
                return self._in(node, rows, certainly)
            case TextTest():
                return self._text_test(node, rows, certainly)
            case Has(path=path):
                sql = self.value(path, rows).sql
                return f"{sql} is not null" if certainly else f"{sql} is null"
            case Truth(value=value):
                v = self.value(value, rows)
                if self.dialect.name == "sqlite":
                    return all_of((*v.guards, f"{v.sql}={1 if certainly else 0}"))
                return all_of((*v.guards, v.sql if certainly else f"not {v.sql}"))
            case Macro():
                return self._macro(node, rows, certainly)
            case Const() | Not() | And() | Or():
                return self.true(node, rows) if certainly else self.false(node, rows)
            case _:
                assert_never(node)

    # paths

    def _joined(
        self, paths: Iterable[Path], rows: Rows, build: Callable[[Rows], Condition]
    ) -> Condition:
        """`build` inside EXISTS over the records that the paths cross, or bare without any."""
        sources: list[str] = []
        links: list[Condition] = []
        joined = dict(rows.joined)
        for path in paths:
            for depth in range(1, len(path.hops) + 1):
                way = (path.root, path.hops[:depth])
                if way in joined:
                    continue
                hop = path.hops[depth - 1]
                alias = joined[way] = self.aliases.next()
                before = replace(
                    path, hops=path.hops[: depth - 1], leaf=hop.field, masked=path.caller
                )
                start = self.value(before, replace(rows, joined=joined))
                target = self.schema.collection[hop.target]
                sources.append(f"{name(target.name)} {alias}")
                links.extend(start.guards)
                links.append(f"{alias}.{name(target.key[0])}={start.sql}")
                if path.caller:
                    links.append(self._visible(hop.target, alias))
        if not sources:
            return build(rows)
        condition = all_of([*links, build(replace(rows, joined=joined))])
        if condition is False:
            return False
        return (
            f"exists(select 1 from {' cross join '.join(sources)} "
            f"where {boolean(condition)}{self.dialect.exists_limit})"
        )

    def _chain(self, node: Compare | Macro, rows: Rows) -> Condition | None:
        """A nested IN for a path or macro that ends at an identity; None where that is no gain."""
        if not _selective(node):
            return None
        if isinstance(node, Compare):
            return self._chain_to_value(node, rows)
        many = node.source
        if not isinstance(many, Many) or many.source.root == "auth" or _names_outer_rows(node):
            return None
        child = self.aliases.next()
        inside = Rows.of(**{node.variable: child})
        found = all_of((self._visible_child(many, child), self.true(node.body, inside, wide=True)))
        if found is False:
            return False
        keys = (
            f"select {child}.{name(many.field)} from {name(many.collection)} {child} "
            f"where {boolean(found)}"
        )
        key = name(self.schema.collection[many.source.last].key[0])
        return self._descend(many.source, rows, lambda alias: f"{alias}.{key} in ({keys})")

    def _chain_to_value(self, node: Compare, rows: Rows) -> Condition | None:
        sides = (node.left, node.right)
        paths = [s for s in sides if isinstance(s, Path) and s.root != "auth" and s.hops]
        if len(paths) != 1:
            return None
        path = paths[0]
        other = node.right if node.left is path else node.left
        leaf = replace(path, root="record", collection=path.last, hops=())
        end = Compare("==", leaf, other)
        return self._descend(path, rows, lambda alias: self.true(end, Rows.of(record=alias)))

    def _descend(
        self, path: Path, rows: Rows, end: Callable[[str], Condition], depth: int = 0, alias: str = ""
    ) -> Condition:
        """`r.order in (select id from orders t where t.customer in (select … where <end>))`."""
        alias = alias or rows.roots[path.root]
        if depth == len(path.hops):
            return end(alias)
        hop = path.hops[depth]
        target = self.schema.collection[hop.target]
        inner = self.aliases.next()
        visible = self._visible(hop.target, inner) if path.caller else True
        condition = all_of((visible, self._descend(path, rows, end, depth + 1, inner)))
        if condition is False:
            return False
        start = Path("record", hop.collection, (), hop.field, Type("uuid"), True, masked=path.caller)
        return (
            f"{self._path(start, Rows.of(record=alias)).sql} in (select {inner}.{name(target.key[0])} "
            f"from {name(hop.target)} {inner} where {boolean(condition)})"
        )

    def _visible(self, collection: str, alias: str) -> Condition:
        """Whether the caller may read the row `alias`."""
        return self.true(self.access.row(collection), Rows.of(record=alias))

    def _visible_child(self, many: Many, alias: str) -> Condition:
        """Whether the caller may see that the row `alias` belongs to its parent."""
        if not many.caller:
            return True
        mask = self.true(self.access.mask(many.collection, many.field), Rows.of(record=alias))
        return all_of((self._visible(many.collection, alias), mask))

    # comparisons

    def _compare(self, node: Compare, rows: Rows, certainly: bool) -> Condition:
        op = node.op if certainly else NEGATED[node.op]
        left, right = node.left, node.right
        if isinstance(left, Null):
            left, right, op = right, left, MIRRORED[op]
        if isinstance(right, Null):
            return self._compare_null(left, rows, op)
        a, b = self._pair(left, right, node.op, rows)
        guards = a.guards + b.guards
        if op not in ("==", "!="):
            return all_of((*guards, f"{a.sql}{SQL_OPERATOR[op]}{b.sql}"))
        if self._null_auth(left) or self._null_auth(right):
            return False if op == "==" else all_of(guards)
        return all_of((*guards, self._equal(a, b) if op == "==" else self._unequal(a, b)))

    def _equal(self, a: V, b: V) -> str:
        if a.nullable and b.nullable and not (a.auth or b.auth):
            return f"{a.sql} {self.dialect.null_safe_equal} {b.sql}"
        return f"{a.sql}={b.sql}"

    def _unequal(self, a: V, b: V) -> str:
        if not (a.nullable or b.nullable):
            return f"{a.sql}<>{b.sql}"
        unequal = f"{a.sql} {self.dialect.null_safe_unequal} {b.sql}"
        null_auth = [f"{v.sql} is null" for v in (a, b) if v.auth and v.nullable]
        return str(any_of([unequal, *null_auth]))

    def _compare_null(self, operand: Operand, rows: Rows, op: Operator) -> Condition:
        wants_null = op == "=="
        if isinstance(operand, Null):
            return wants_null
        if isinstance(operand, Path) and operand.leaf is None:
            return not wants_null  # a row that is being looked at; the rest was folded
        if _is_condition(operand):
            return False if wants_null else self._known(operand, rows)  # type: ignore[arg-type]  # _is_condition
        v = self.value(operand, rows)  # type: ignore[arg-type]  # not a condition, so a value
        return all_of((*v.guards, f"{v.sql} is {'' if wants_null else 'not '}null"))

    def _compare_booleans(self, node: Compare, rows: Rows, certainly: bool) -> Condition:
        """`a == b` where one side is a condition: true, false and null of both sides matched."""
        equal = (node.op == "==") is certainly
        left, right = self._outcomes(node.left, rows), self._outcomes(node.right, rows)
        pairs = [
            all_of((left[i], right[j])) for i in range(3) for j in range(3) if (i == j) is equal
        ]
        return any_of(pairs)

    def _outcomes(self, operand: Operand, rows: Rows) -> tuple[Condition, Condition, Condition]:
        if isinstance(operand, Null):
            return False, False, True
        if _is_condition(operand):
            return self.true(operand, rows), self.false(operand, rows), False  # type: ignore[arg-type]  # _is_condition
        assert isinstance(operand, (Path, Var, Lit, Param))
        if isinstance(operand, Lit) and operand.slot is None:
            return operand.value is True, operand.value is False, False
        truth = Truth(operand)
        null: Condition = False
        if not (isinstance(operand, Path) and operand.root == "auth"):
            null = self._atom(Compare("==", operand, Null()), rows, certainly=True)
        return self.true(truth, rows), self.false(truth, rows), null

    def _null_auth(self, operand: Operand) -> bool:
        """Whether this is a field of `auth` that is null for this caller: it equals nothing."""
        return (
            isinstance(operand, Path)
            and operand.root == "auth"
            and not operand.hops
            and operand.leaf is not None
            and self.access.auth_is_null(operand.leaf)
        )

    def _pair(self, left: Operand, right: Operand, op: Operator, rows: Rows) -> tuple[V, V]:
        """Both sides in one representation: decimals of equal places, moments alike."""
        left_open = isinstance(left, (Lit, Param))
        right_open = isinstance(right, (Lit, Param))
        if left_open and not right_open:
            b = self.value(right, rows)  # type: ignore[arg-type]  # conditions went elsewhere
            return self._beside(left, b, ROUNDINGS[MIRRORED[op]], rows), b  # type: ignore[arg-type]  # as above
        a = self.value(left, rows)  # type: ignore[arg-type]  # as above
        if right_open and not left_open:
            return a, self._beside(right, a, ROUNDINGS[op], rows)  # type: ignore[arg-type]  # as above
        b = self.value(right, rows)  # type: ignore[arg-type]  # as above
        return self._aligned(a, b)

    def _beside(self, operand: Lit | Param, other: V, rounding: Rounding, rows: Rows) -> V:
        """A literal or parameter in the representation of its neighbour."""
        kind = other.type if other.type.kind in ("int", "decimal") else operand.type
        return self._parameter(operand, kind, rounding, micro=other.micro)

    def _aligned(self, a: V, b: V) -> tuple[V, V]:
        if a.micro != b.micro:
            return self._micro(a), self._micro(b)
        numbers = ("int", "decimal")
        if a.type.kind in numbers and b.type.kind in numbers:
            places = max(a.type.places, b.type.places)
            return self._scaled(a, places), self._scaled(b, places)
        return a, b

    def _scaled(self, v: V, places: int) -> V:
        """A number as a count of its `places`th place (SQLite); PostgreSQL's need no scaling.

        A product that leaves 64 bits becomes a double in SQLite, larger than any decimal, so the
        comparison stays right.
        """
        if v.type.places == places or not self.dialect.scaled_literal(places):
            return v
        factor = 10 ** (places - v.type.places)
        return replace(v, sql=f"({v.sql}*{factor})", type=Type("decimal", places=places))

    def _micro(self, v: V) -> V:
        if v.micro or v.type.kind != "datetime":
            return v
        return replace(v, sql=self.dialect.microseconds(v.sql), micro=True)

    def _in(self, node: In, rows: Rows, certainly: bool) -> Condition:
        items = node.items
        if isinstance(items, ListOf):
            plain = all(isinstance(item, Lit) for item in items.items)
            auth = any(isinstance(part, Path) and part.root == "auth" for part in walk(node.value))
            if not items.items or not plain or auth or isinstance(node.value, (Null, Lit, Param)):
                tests = [Compare("==", node.value, item) for item in items.items]
                if certainly:
                    return any_of(self._compare(t, rows, True) for t in tests)
                guards = self._guards_of(node.value, rows)
                return all_of([*guards, *(self._compare(t, rows, False) for t in tests)])
            v = self.value(node.value, rows)
            listed = ",".join(self._beside(i, v, "equal", rows).sql for i in items.items)  # type: ignore[arg-type]  # plain
            return self._membership(v, f"({listed})", certainly)
        return self._in_list(node, rows, certainly)

    def _guards_of(self, value: Value, rows: Rows) -> tuple[str, ...]:
        return () if isinstance(value, Null) else self.value(value, rows).guards

    def _membership(self, v: V, listed: str, certainly: bool) -> Condition:
        if certainly:
            return all_of((*v.guards, f"{v.sql} in {listed}"))
        outside = f"{v.sql} not in {listed}"
        return all_of((*v.guards, f"({outside} or {v.sql} is null)" if v.nullable else outside))

    def _in_list(self, node: In, rows: Rows, certainly: bool) -> Condition:
        assert isinstance(node.items, (Path, Var, Param))
        items = self.value(node.items, rows)
        item_type = items.type.item or Type("text")
        alias = self.aliases.next()
        item = V(self.dialect.item(item_type, alias), item_type)
        if isinstance(node.value, Null):
            found: Condition = False
            guards: tuple[str, ...] = ()
        else:
            if isinstance(node.value, (Lit, Param)):
                v = self._beside(node.value, item, "equal", rows)
            else:
                v = self.value(node.value, rows)
                v, item = self._aligned(v, item)
            guards = v.guards
            matches = False if self._null_auth(node.value) else f"{item.sql}={v.sql}"
            found = matches if matches is False else (
                f"exists(select 1 from {self.dialect.list_items(items.sql, alias)} where {matches})"
            )
        held = f"{items.sql} is not null"
        if certainly:
            return all_of((*items.guards, *guards, held, found))
        return all_of((*items.guards, *guards, held, True if found is False else f"not {found}"))

    def _text_test(self, node: TextTest, rows: Rows, certainly: bool) -> Condition:
        a, b = self.value(node.value, rows), self.value(node.part, rows)
        test = {
            "contains": self.dialect.contains,
            "startsWith": self.dialect.starts_with,
            "endsWith": self.dialect.ends_with,
        }[node.op](a.sql, b.sql)
        return all_of((*a.guards, *b.guards, test if certainly else f"not ({test})"))

    # macros

    def _macro(self, node: Macro, rows: Rows, certainly: bool) -> Condition:
        source, inside, held = self._macro_source(node, rows)
        t, f = self.true(node.body, inside), self.false(node.body, inside)
        outcome: Condition
        match node.kind, certainly:
            case "exists", True:
                outcome = self._some(source, t)
            case "exists", False:
                outcome = self._every(source, f)
            case "all", True:
                outcome = self._every(source, t)
            case "all", False:
                outcome = self._some(source, f)
            case _:
                count = f"(select count(*) from {source} {self._and(t)})"
                one = f"{count}=1" if certainly else f"{count}<>1"
                outcome = all_of((self._every(source, any_of((t, f))), one))
        return all_of((*held, outcome))

    def _macro_source(self, node: Macro, rows: Rows) -> tuple[str, Rows, tuple[Condition, ...]]:
        """FROM and WHERE of what a macro runs over, the rows inside it, and its guards."""
        alias = self.aliases.next()
        source = node.source
        if isinstance(source, Many):
            link = f"{alias}.{name(source.field)}={self._key_of(source.source, rows).sql}"
            where = boolean(all_of((link, self._visible_child(source, alias))))
            text = f"{name(source.collection)} {alias} where {where}"
            return text, rows.row(node.variable, alias), ()
        if isinstance(source, ListOf):
            listed = " union all ".join(
                f"select {self.value(item, rows).sql} as value" for item in source.items
            )
            text = f"({listed or 'select null as value where 1=0'}) {alias} where 1=1"
            return text, rows.variable(node.variable, f"{alias}.value"), ()
        items = self.value(source, rows)
        item = self.dialect.item(items.type.item or Type("text"), alias)
        text = f"{self.dialect.list_items(items.sql, alias)} where 1=1"
        held = (*items.guards, f"{items.sql} is not null")
        return text, rows.variable(node.variable, item), held

    def _and(self, condition: Condition) -> str:
        return "" if condition is True else f"and {boolean(condition)}"

    def _some(self, source: str, condition: Condition) -> Condition:
        if condition is False:
            return False
        return f"exists(select 1 from {source} {self._and(condition)}{self.dialect.exists_limit})"

    def _every(self, source: str, condition: Condition) -> Condition:
        if condition is True:
            return True
        failing = f"and ({boolean(condition)}) is not true"
        return f"not exists(select 1 from {source} {failing}{self.dialect.exists_limit})"

    def _key_of(self, path: Path, rows: Rows) -> V:
        """The key of the record that a path leads to."""
        key = self.schema.collection[path.last].key[0]
        return self.value(replace(path, leaf=key, type=Type("uuid"), masked=False), rows)

    # values

    def value(self, value: Value, rows: Rows) -> V:
        """A value as SQL. Paths must have been joined by `_joined`."""
        match value:
            case Path():
                return self._path(value, rows)
            case Var(name=variable, type=kind, nullable=nullable):
                return V(rows.variables[variable], kind, nullable)
            case Lit() | Param():
                return self._parameter(value, value.type, "exact")
            case Null():
                return V("null", value_type(value), nullable=True)
            case Now():
                moment = Type("datetime")
                dialect = self.dialect
                mark = self.parameters.add(
                    "now",
                    lambda given: raw_value(given.moment(), moment, "exact", dialect),
                    dialect.expression_cast(moment),
                )
                return V(mark, moment)
            case Arith():
                return self._arith(value, rows)
            case Negate(value=inner):
                v = self.value(inner, rows)
                sql = f"(-{self.dialect.widen(v.sql)})" if v.type.kind != "float" else f"(-{v.sql})"
                guard = () if v.type.kind == "float" else (self.dialect.fits_int64(sql),)
                return V(sql, value.type, v.nullable, (*v.guards, *guard))
            case Lower(value=inner):
                v = self.value(inner, rows)
                guards = (*v.guards, f"{v.sql} is not null") if v.nullable else v.guards
                return replace(v, sql=self.dialect.lower_ascii(v.sql), guards=guards, auth=False)
            case Size(value=inner):
                return self._size(inner, rows)
            case ListOf():
                raise AssertionError("a written-out list stands beside `in` or before a macro")
            case _:
                assert_never(value)

    def _path(self, path: Path, rows: Rows) -> V:
        assert path.leaf is not None, "records themselves are compared with null only"
        if path.root == "auth" and not path.hops:
            return self._auth(path)
        if not path.hops:
            alias = rows.roots[path.root]
        else:
            alias = rows.joined[(path.root, path.hops)]
        sql = f"{alias}.{name(path.leaf)}"
        if path.masked:
            mask = self.true(self.access.mask(path.last, path.leaf), Rows.of(record=alias))
            if mask is not True:
                sql = f"(case when {boolean(mask)} then {sql} end)"
        return V(sql, path.type, path.nullable, (), path.root == "auth")

    def _auth(self, path: Path) -> V:
        users = self.schema.users
        assert users is not None and path.leaf is not None
        leaf, kind = path.leaf, users.field[path.leaf].type
        dialect = self.dialect

        def bind(given: Given) -> Any:
            return None if given.auth is None else dialect.raw(kind, given.auth.get(leaf))

        mark = self.parameters.add(("auth", leaf), bind, dialect.cast(kind))
        return V(mark, path.type, path.nullable, (), True)

    def _parameter(
        self, operand: Lit | Param, kind: Type, rounding: Rounding, *, micro: bool = False
    ) -> V:
        make = literal_binder if isinstance(operand, Lit) else param_binder
        binder = make(operand, kind, rounding, self.dialect, micro=micro)  # type: ignore[operator]  # both take their own operand
        if isinstance(operand, Lit) and operand.slot is None:
            identity: object = ("value", repr(operand.value), kind, rounding, micro)
        elif isinstance(operand, Lit):
            identity = ("literal", operand.slot, operand.type, operand.negative, kind, rounding, micro)
        else:
            identity = ("param", operand.name, kind, rounding, micro)
        cast = "::numeric" if micro and self.dialect.typed_parameters else (
            self.dialect.expression_cast(kind)
        )
        if rounding == "equal" and kind.kind == "int" and self.dialect.typed_parameters:
            cast = "::numeric"
        return V(self.parameters.add(identity, binder, cast), kind, micro=micro)

    def _arith(self, node: Arith, rows: Rows) -> V:
        a, b = self._operand(node.left, node.right, rows), self._operand(node.right, node.left, rows)
        kind = node.type
        guards = a.guards + b.guards
        if kind.kind in ("datetime", "duration"):
            a, b = self._micro(a), self._micro(b)
            sql = f"({a.sql}{node.op}{b.sql})"
            fits = self.dialect.fits_int64(sql)
            if kind.kind == "datetime":
                fits = f"{sql} between -62135596800000000 and 253402300799999999"
            return V(sql, kind, a.nullable or b.nullable, (*guards, fits), micro=kind.kind == "datetime")
        a, b = self._scaled(a, kind.places), self._scaled(b, kind.places)
        sql = f"({self.dialect.widen(a.sql)}{node.op}{self.dialect.widen(b.sql)})"
        checked = sql
        if kind.places and not self.dialect.scaled_literal(kind.places):
            checked = f"{sql}*{10**kind.places}"
        return V(sql, kind, a.nullable or b.nullable, (*guards, self.dialect.fits_int64(checked)))

    def _operand(self, value: Value, other: Value, rows: Rows) -> V:
        """One side of an arithmetic; a moment written out becomes microseconds at once."""
        if isinstance(value, (Lit, Param)):
            return self._parameter(
                value, value.type, "exact", micro=value.type.kind == "datetime"
            )
        return self.value(value, rows)

    def _size(self, value: Value | Many, rows: Rows) -> V:
        if isinstance(value, Many):
            alias = self.aliases.next()
            link = f"{alias}.{name(value.field)}={self._key_of(value.source, rows).sql}"
            where = boolean(all_of((link, self._visible_child(value, alias))))
            count = f"(select count(*) from {name(value.collection)} {alias} where {where})"
            return V(count, Type("int"))
        v = self.value(value, rows)
        size = self.dialect.list_size if v.type.kind == "list" else self.dialect.text_size
        guards = (*v.guards, f"{v.sql} is not null") if v.nullable else v.guards
        return V(size(v.sql), Type("int"), v.nullable, guards)


def value_type(value: Value) -> Type:
    """The static type of a value node."""
    if isinstance(value, Null):
        return Type("null")
    return Type("datetime") if isinstance(value, Now) else value.type


def _is_condition(operand: Operand) -> bool:
    return isinstance(operand, (Const, Not, And, Or, Compare, In, TextTest, Has, Truth, Macro))


def _paths(node: Node) -> list[Path]:
    """The paths of an atom that cross references; those inside a macro's body are its own."""
    found: list[Path] = []

    def visit(part: Any) -> None:
        if isinstance(part, Macro):
            visit(part.source)
        elif isinstance(part, Many):
            key = part.source
            if key.hops:
                found.append(key)
        elif isinstance(part, Path):
            if part.hops:
                found.append(part)
        elif isinstance(part, (Compare, Arith)):
            visit(part.left)
            visit(part.right)
        elif isinstance(part, In):
            visit(part.value)
            visit(part.items)
        elif isinstance(part, ListOf):
            for item in part.items:
                visit(item)
        elif isinstance(part, TextTest):
            visit(part.value)
            visit(part.part)
        elif isinstance(part, (Negate, Lower, Size, Truth)):
            visit(part.value)
        elif isinstance(part, Has):
            visit(part.path)

    visit(node)
    return found


def _selective(node: Node) -> bool:
    """Whether few rows can meet `node`: it compares a key or reference with an identity."""
    match node:
        case Compare(op="==", left=left, right=right):
            pair = (left, right)
            identity = any(
                (isinstance(s, Path) and s.root == "auth" and not s.hops)
                or isinstance(s, (Lit, Param))
                for s in pair
            )
            key = any(isinstance(s, Path) and s.root != "auth" and s.type.kind == "uuid" for s in pair)
            return identity and key
        case And(parts=parts):
            return any(_selective(part) for part in parts)
        case Macro(kind="exists", source=Many(), body=body):
            return _selective(body)
        case _:
            return False


def _names_outer_rows(node: Macro) -> bool:
    """Whether the body names rows outside the macro."""
    inner = {n.variable for n in walk(node) if isinstance(n, Macro)}
    return any(
        (isinstance(n, Path) and n.root not in inner and n.root != "auth")
        or (isinstance(n, Var) and n.name not in inner)
        for n in walk(node.body)
    )
