"""What the files of this package share: rows, compiled values, and the compiler they call back.

`Compiling` is the lower module that lets conditions, values and paths need each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ...expr.tree import Hop, Node, Type, Value
from ...schema import Schema
from ..dialect import Dialect
from ..text import Aliases, Condition, Parameters

Way = tuple[str, tuple[Hop, ...]]  # a root, and the references that are followed from it


class Access(Protocol):
    """What the caller may see, as expressions that are already folded for this caller."""

    def row(self, collection: str) -> Node:
        """The read rule of a collection."""
        ...

    def mask(self, collection: str, field: str) -> Node:
        """The read rule of a field."""
        ...

    def auth_is_null(self, field: str) -> bool:
        """Whether the caller's record holds null there, or there is no such record."""
        ...


@dataclass(frozen=True, slots=True)
class Term:
    """A compiled value. `guards` must hold, else it is an error; `auth` says that a null in it
    equals nothing; `micro` that a datetime is a count of microseconds."""

    sql: str
    type: Type
    nullable: bool = False
    guards: tuple[Condition, ...] = ()
    auth: bool = False
    micro: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Where names are read from: the alias of each root's row, the SQL of each variable, and the
    aliases of records that an EXISTS around has joined."""

    roots: Mapping[str, str]
    variables: Mapping[str, str]
    joined: Mapping[Way, str]

    @classmethod
    def of(cls, **roots: str) -> Rows:
        """Rows for these roots: `Rows.of(record="r")`."""
        return cls(roots, {}, {})

    @classmethod
    def only(cls, root: str, alias: str) -> Rows:
        """Rows for one root of any name."""
        return cls({root: alias}, {}, {})

    def row(self, root: str, alias: str) -> Rows:
        """These rows and one more root, which hides an outer one of the same name."""
        joined = {way: alias for way, alias in self.joined.items() if way[0] != root}
        return replace(self, roots={**self.roots, root: alias}, joined=joined)

    def variable(self, variable: str, sql: str) -> Rows:
        """These rows and one more variable."""
        return replace(self, variables={**self.variables, variable: sql})

    def join(self, way: Way, alias: str) -> Rows:
        """These rows and a record that was joined."""
        return replace(self, joined={**self.joined, way: alias})


class Compiling(ABC):
    """The compiler as its parts see it: what the statement shares, and the way back in."""

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

    @abstractmethod
    def true(self, node: Node, rows: Rows, *, wide: bool = False) -> Condition:
        """SQL that is true exactly where `node` is certainly true.

        `wide` says that many rows are asked, as at the root of a list: then an identity is
        looked for from the few rows that have it.
        """

    @abstractmethod
    def false(self, node: Node, rows: Rows) -> Condition:
        """SQL that is true exactly where `node` is certainly false."""

    @abstractmethod
    def value(self, value: Value, rows: Rows) -> Term:
        """A value as SQL. Records that its paths cross must have been joined."""
