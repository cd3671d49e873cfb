"""Run a checked condition on values in this process: the meaning that the SQL must agree with.

In: tree.Node, and an Env that holds the records.   Out: True, False, or None for an error.
Used by tests, and to judge live changes before the database is asked. Data never raises here:
whatever a value cannot be, is an error of the expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from enum import Enum
from typing import Any, Final, Protocol

from . import tree
from .error import ExpressionError
from .literals import Literal, value_of_lit

Values = Mapping[str, Any]
"""A record: its values by field name."""


class World(Protocol):
    """The records that an expression can reach, and what the caller may see of them."""

    def one(self, collection: str, key: Any) -> Values | None:
        """The record with this key."""

    def many(self, collection: str, field: str, key: Any) -> Iterable[Values]:
        """The records whose `field` holds this key."""

    def readable(self, collection: str, row: Values) -> bool:
        """Whether the caller's row rule is certainly true for the record."""

    def field_readable(self, collection: str, field: str, row: Values) -> bool:
        """Whether the field's read rule is certainly true for the record."""


@dataclass(frozen=True)
class NoWorld:
    """No records anywhere."""

    def one(self, collection: str, key: Any) -> Values | None:
        return None

    def many(self, collection: str, field: str, key: Any) -> Iterable[Values]:
        return ()

    def readable(self, collection: str, row: Values) -> bool:
        return False

    def field_readable(self, collection: str, field: str, row: Values) -> bool:
        return False


@dataclass(frozen=True)
class Env:
    """What an expression is run on. Records map names to values in their Python form; a name
    that is missing is null. `variables` are those of the host and of macros around."""

    record: Values | None = None
    old: Values | None = None
    auth: Values | None = None
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    literals: Sequence[Literal] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    world: World = field(default_factory=NoWorld)


class _Failed(Enum):
    FAILED = "an error"

    def __repr__(self) -> str:
        return "FAILED"


FAILED: Final = _Failed.FAILED


def evaluate(node: tree.Node, env: Env) -> bool | None:
    """The outcome of a condition: True, False, or None for an error, which denies."""
    match node:
        case tree.Const(value=value):
            return value
        case tree.Not(part=part):
            outcome = evaluate(part, env)
            return None if outcome is None else not outcome
        case tree.And(parts=parts):
            return _all(evaluate(part, env) for part in parts)
        case tree.Or(parts=parts):
            return _any(evaluate(part, env) for part in parts)
        case tree.Compare():
            return _compare(node, env)
        case tree.In():
            return _in(node, env)
        case tree.TextTest():
            return _text_test(node, env)
        case tree.Has(path=path):
            value = value_of(path, env)
            return None if value is FAILED else value is not None
        case tree.Truth(value=truth):
            value = value_of(truth, env)
            return value if isinstance(value, bool) else None
        case tree.Macro():
            return _macro(node, env)


def _all(outcomes: Iterable[bool | None]) -> bool | None:
    error = False
    for outcome in outcomes:
        if outcome is False:
            return False
        error = error or outcome is None
    return None if error else True


def _any(outcomes: Iterable[bool | None]) -> bool | None:
    error = False
    for outcome in outcomes:
        if outcome is True:
            return True
        error = error or outcome is None
    return None if error else False


# comparisons


def _compare(node: tree.Compare, env: Env) -> bool | None:
    left, right = _operand(node.left, env), _operand(node.right, env)
    if left is FAILED or right is FAILED:
        return None
    if node.op == "==":
        return _equal(node.left, left, node.right, right)
    if node.op == "!=":
        return not _equal(node.left, left, node.right, right)
    if left is None or right is None:
        return None
    return _ORDER[node.op](left, right)


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _operand(operand: tree.Operand, env: Env) -> Any:
    if isinstance(operand, tree.Node):
        outcome = evaluate(operand, env)
        return FAILED if outcome is None else outcome
    return value_of(operand, env)


def _equal(left: tree.Operand, a: Any, right: tree.Operand, b: Any) -> bool:
    """Equality with null as a value; a null from `auth` equals only the literal null."""
    if a is None or b is None:
        if isinstance(left, tree.Null) or isinstance(right, tree.Null):
            return a is b
        from_auth = (a is None and _from_auth(left)) or (b is None and _from_auth(right))
        return a is b and not from_auth
    return bool(a == b)


def _from_auth(operand: tree.Operand) -> bool:
    return isinstance(operand, tree.Path) and operand.root == "auth"


def _in(node: tree.In, env: Env) -> bool | None:
    value = value_of(node.value, env)
    if isinstance(node.items, tree.ListOf):
        pairs = [(item, value_of(item, env)) for item in node.items.items]
        if value is FAILED or any(item is FAILED for _, item in pairs):
            return None
        return any(_equal(node.value, value, source, item) for source, item in pairs)
    items = value_of(node.items, env)
    if value is FAILED or items is FAILED or items is None:
        return None
    return value is not None and any(value == item for item in items)


def _text_test(node: tree.TextTest, env: Env) -> bool | None:
    value, part = value_of(node.value, env), value_of(node.part, env)
    if not isinstance(value, str) or not isinstance(part, str):
        return None
    if node.op == "contains":
        return part in value
    return value.startswith(part) if node.op == "startsWith" else value.endswith(part)


def _macro(node: tree.Macro, env: Env) -> bool | None:
    items = _items(node.source, env)
    if items is None:
        return None
    outcomes = (evaluate(node.body, _bound(env, node.variable, item)) for item in items)
    if node.kind == "exists":
        return _any(outcomes)
    if node.kind == "all":
        return _all(outcomes)
    found = list(outcomes)
    return None if None in found else found.count(True) == 1


def _bound(env: Env, variable: str, item: Any) -> Env:
    return Env(
        env.record, env.old, env.auth, env.now, env.literals, env.params,
        {**env.variables, variable: item}, env.world,
    )  # fmt: skip


def _items(source: tree.Many | tree.Path | tree.Var | tree.ListOf, env: Env) -> list[Any] | None:
    if isinstance(source, tree.Many):
        return _related(source, env)
    items = value_of(source, env)
    return None if items is FAILED or items is None else list(items)


def _related(many: tree.Many, env: Env) -> list[Any] | None:
    row = _row(many.source, env)
    if row is None or row.get(many.key) is None:
        return None
    if many.link:
        rows = _linked(many, row[many.key], env)
    else:
        rows = env.world.many(many.collection, many.field, row[many.key])
    if many.caller:
        return [row for row in rows if env.world.readable(many.collection, row)]
    return list(rows)


def _linked(many: tree.Many, key: Any, env: Env) -> Iterable[Values]:
    """The records that links lead to, each once."""
    links = env.world.many(many.link, many.field, key)
    keys = [
        link[many.reach] for link in links if not many.caller or env.world.readable(many.link, link)
    ]
    found = (env.world.one(many.collection, one) for one in dict.fromkeys(keys) if one is not None)
    return [row for row in found if row is not None]


# values


def value_of(value: tree.Value, env: Env) -> Any:
    """The value, None for null, or FAILED for an error."""
    match value:
        case tree.Path():
            return _path(value, env)
        case tree.Lit():
            return _literal(value, env)
        case tree.Null():
            return None
        case tree.Var(name=name):
            return env.variables.get(name, FAILED)
        case tree.Param(name=name):
            return env.params.get(name, FAILED)
        case tree.Now():
            return env.now
        case tree.ListOf(items=items):
            values = [value_of(item, env) for item in items]
            return FAILED if any(item is FAILED for item in values) else values
        case tree.Arith():
            return _sum(value, env)
        case tree.Negate(value=inner, type=type):
            zero = Decimal(0) if type.kind == "decimal" else 0
            return _added("-", zero, value_of(inner, env), type)
        case tree.Lower(value=inner):
            text = value_of(inner, env)
            return text.translate(_LOWER) if isinstance(text, str) else FAILED
        case tree.Size(value=inner):
            return _size(inner, env)


_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _literal(lit: tree.Lit, env: Env) -> Any:
    try:
        return value_of_lit(lit, env.literals)
    except (ExpressionError, IndexError):
        return FAILED


def _size(inner: tree.Value | tree.Many, env: Env) -> Any:
    if isinstance(inner, tree.Many):
        rows = _related(inner, env)
        return FAILED if rows is None else len(rows)
    value = value_of(inner, env)
    return FAILED if value is FAILED or value is None else len(value)


# paths


def _path(path: tree.Path, env: Env) -> Any:
    if path.leaf is None and not path.hops:
        return _root(path, env)
    row = _row(path, env)
    if row is None:
        return FAILED
    if path.leaf is None:
        return row
    if path.masked and not env.world.field_readable(path.last, path.leaf, row):
        return None
    return row.get(path.leaf)


def _root(path: tree.Path, env: Env) -> Values | None:
    match path.root:
        case "record":
            return env.record
        case "old":
            return env.old
        case "auth":
            return env.auth
        case name:
            row: Values | None = env.variables.get(name)
            return row


def _row(path: tree.Path, env: Env) -> Values | None:
    """The record at the end of the hops, or None where the way is broken."""
    row = _root(path, env)
    for hop in path.hops:
        key = row.get(hop.field) if row is not None else None
        if key is None:
            return None
        row = env.world.one(hop.target, key)
        if row is None or (path.caller and not env.world.readable(hop.target, row)):
            return None
    return row


# arithmetic

_EXACT = Context(prec=3000, Emax=MAX_EMAX, Emin=MIN_EMIN)


def _sum(node: tree.Arith, env: Env) -> Any:
    left, right = value_of(node.left, env), value_of(node.right, env)
    return _added(node.op, left, right, node.type)


def _added(op: str, left: Any, right: Any, type: tree.Type) -> Any:
    if left is FAILED or right is FAILED or left is None or right is None:
        return FAILED
    if type.kind == "decimal":
        return _decimal_sum(op, left, right, type.places)
    try:
        result = left + right if op == "+" else left - right
    except OverflowError:
        return FAILED
    if type.kind == "int":
        return _whole(result)
    if type.kind == "duration":
        return FAILED if _whole(result // timedelta(microseconds=1)) is FAILED else result
    return result


def _whole(count: Any) -> Any:
    """The count if it fits into 64 bits."""
    fits = isinstance(count, int) and tree.INT64[0] <= count <= tree.INT64[1]
    return count if fits else FAILED


def _decimal_sum(op: str, left: Any, right: Any, places: int) -> Any:
    a, b = _last_places(left, places), _last_places(right, places)
    if a is FAILED or b is FAILED:
        return FAILED
    count = _whole(a + b if op == "+" else a - b)
    return FAILED if count is FAILED else Decimal(count).scaleb(-places, _EXACT)


def _last_places(value: Any, places: int) -> Any:
    """How many of its last place a number is; an operand must fit into 64 bits as well."""
    scaled = Decimal(value).scaleb(places, _EXACT)
    if scaled != scaled.to_integral_value(context=_EXACT):
        return FAILED
    return _whole(int(scaled))
