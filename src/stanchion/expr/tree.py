"""The typed tree of a checked expression.

Made by `check`, simplified by `fold`, run by `evaluate` and compiled by `sql/expr.py`. Every node
is a frozen value. Boolean nodes have three outcomes: certainly true, certainly false, or an
error; an error denies. A value may be null, and null is a value in `==` and `!=` only.

`span` is the part of the source text a node came from; it never takes part in comparisons.
"""
# ruff: noqa: RUF009  (`_span()` makes a dataclass field, anew for each class)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ..types import Kind

Span = tuple[int, int]
NOWHERE: Span = (0, 0)


def _span() -> Any:
    return field(default=NOWHERE, compare=False)


def _name() -> Any:
    return field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Type:
    """The static type of an expression.

    `places` is for decimals, `item` for lists, `collection` for records and to-many relations,
    `choices` for texts that are one of a few.
    """

    kind: Kind | Literal["duration", "null", "record", "many"]
    places: int = 0
    item: Type | None = None
    collection: str | None = None
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.item is not None:
            return f"list of {self.item}"
        if self.kind in ("record", "many"):
            return f"{self.kind} of {self.collection}"
        return self.kind


TEXT = Type("text")
INT = Type("int")
FLOAT = Type("float")
BOOL = Type("bool")
DATE = Type("date")
DATETIME = Type("datetime")
DURATION = Type("duration")
UUID = Type("uuid")
JSON = Type("json")
NULL = Type("null")


# values


@dataclass(frozen=True, slots=True)
class Lit:
    """A literal, already of the type its neighbour asks for.

    With `slot` None the value is here. Otherwise it was lifted out of a caller's text: the value
    is made from literal number `slot` of each request by `literals.value_of_lit`; `negative`
    says that a minus sign stood before it. `exact` says that it is added or subtracted: then a
    decimal has no more places than `type`, while one that is compared may have any number.
    `whole`: it is written without a point, so that it is an int of 64 bits where `type` is int.
    """

    type: Type
    value: Any = None
    slot: int | None = None
    negative: bool = False
    exact: bool = False
    span: Span = _span()
    whole: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Param:
    """`$name`: a value that Python code hands over, of the type its neighbour asks for."""

    name: str
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Null:
    """The literal `null`."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of the request, a datetime."""

    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Hop:
    """One step along a to-one reference: `collection.field` refers to a record of `target`."""

    collection: str
    field: str
    target: str


@dataclass(frozen=True, slots=True)
class Path:
    """A selection that starts at `root` and follows `hops` to one field, or to a whole record.

    `root` is "record", "old", "auth" or the name of a macro variable that runs over records of
    `collection`. `leaf` is a field of the last collection; None means the record itself (compared
    with null only, or the start of a to-many relation). Selecting from a record that is null or
    not there is an error. `caller` marks paths that the caller wrote: each record they cross by a
    hop must be readable by the caller, else it is not there. `masked` says that the leaf has a
    read rule that depends on its row: where that is not certainly true, the value is null.
    """

    root: str
    collection: str
    hops: tuple[Hop, ...]
    leaf: str | None
    type: Type
    nullable: bool
    caller: bool = False
    masked: bool = False
    span: Span = _span()

    @property
    def last(self) -> str:
        """The collection that the leaf is a field of."""
        return self.hops[-1].target if self.hops else self.collection


@dataclass(frozen=True, slots=True)
class Var:
    """A variable that holds a value: the item of a macro over a list, or one given by a host."""

    name: str
    type: Type
    nullable: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Many:
    """The records of `collection` whose `field` holds the key of the record `source` leads to.

    `key` is the name of that key in the collection of `source`. `caller` marks relations that
    the caller wrote: records that the caller may not read are not among them.

    With `link`, `field` is one of that collection of pairs, and its `reach` holds the keys of the
    records: each that a link leads to is there once. The caller must be able to read the link, too.
    `name` is what the relation is called where it starts.
    """

    source: Path
    collection: str
    field: str
    caller: bool = False
    key: str = "id"
    link: str = ""
    reach: str = ""
    span: Span = _span()
    name: str = _name()


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list written out: `[1, 2, record.limit]`."""

    items: tuple[Value, ...]
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Arith:
    """`+` or `-`; null, or a result out of 64 bits, is an error."""

    op: Literal["+", "-"]
    left: Value
    right: Value
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Negate:
    """A minus sign before a number; null, or a result out of 64 bits, is an error."""

    value: Value
    type: Type
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Lower:
    """`x.lowerAscii()`: A to Z in lower case, nothing else changed; null is an error."""

    value: Value
    type: Type = TEXT
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Size:
    """`size(x)`: code points of a text, items of a list, records of a to-many relation."""

    value: Value | Many
    type: Type = INT
    span: Span = _span()


# booleans


@dataclass(frozen=True, slots=True)
class Const:
    """A boolean that is known: True, False, or None for an error."""

    value: bool | None
    span: Span = _span()
    type: Type = field(default=BOOL, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    part: Node
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class And:
    """False as soon as one part is false, even if another is an error."""

    parts: tuple[Node, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Or:
    """True as soon as one part is true, even if another is an error."""

    parts: tuple[Node, ...]
    span: Span = _span()


Operator = Literal["==", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Compare:
    """`==` and `!=` take nulls as values (one that comes from `auth` equals nothing but the
    literal null); the others make an error of them."""

    op: Operator
    left: Operand
    right: Operand
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class In:
    """`x in list`: some item equals x; a null list is an error."""

    value: Value
    items: ListOf | Path | Var | Param
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TextTest:
    """`text.contains(part)` and its sisters; null on either side is an error."""

    op: Literal["contains", "startsWith", "endsWith"]
    value: Value
    part: Value
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Has:
    """`has(path)`: the leaf is not null; an error where the path does not lead to a record."""

    path: Path
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Truth:
    """A boolean value used as a condition; null is an error."""

    value: Path | Var | Lit | Param
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Macro:
    """`exists`, `all` and `exists_one` over a list or a to-many relation.

    exists is true if one body is true, false if all are false, else an error; all is its mirror;
    exists_one is an error as soon as one body is. A null list is an error.
    """

    kind: Literal["exists", "all", "exists_one"]
    source: Many | Path | Var | ListOf
    variable: str
    body: Node
    span: Span = _span()


Value = Lit | Param | Null | Now | Path | Var | ListOf | Arith | Negate | Lower | Size
Node = Const | Not | And | Or | Compare | In | TextTest | Has | Truth | Macro
Operand = Value | Node  # booleans compare with booleans

TRUE = Const(True)
FALSE = Const(False)
ERROR = Const(None)


def walk(node: Any) -> Iterator[Any]:
    """`node` and everything below it, parents first; Hops and Types are not nodes."""
    yield node
    for slot in fields(node):
        value = getattr(node, slot.name)
        if isinstance(value, NODE_CLASSES):
            yield from walk(value)
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, NODE_CLASSES):
                    yield from walk(item)


NODE_CLASSES = (
    Lit, Param, Null, Now, Path, Var, Many, ListOf, Arith, Negate, Lower, Size,
    Const, Not, And, Or, Compare, In, TextTest, Has, Truth, Macro,
)  # fmt: skip

INT64 = (-(2**63), 2**63 - 1)
