"""What an expression may name: its variables, and the fields that can be seen from it.

A `Scope` says where an expression stands; `resolve` follows a written path through the schema.
A field that the caller may not see is treated, and reported, as one that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Collection as Names
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from ..errors import did_you_mean
from ..schema import BackReference, Collection, Field, Schema
from . import tree
from .error import ExpressionError
from .kinds import kind_of, say
from .syntax import Name, Select, Syntax

MAX_PATH = 5

Sight = Literal["open", "masked", "hidden"]
See = Callable[[Collection, Field], Sight]
Listed = Callable[[Collection], bool]
Found = tree.Path | tree.Var | tree.Now | tree.Many


def everything(collection: Collection, field: Field) -> Sight:
    """Every field is open: how rules see, and system code."""
    return "open"


def anywhere(collection: Collection) -> bool:
    """Hints name fields of every collection: for who writes rules, and system code."""
    return True


@dataclass(frozen=True)
class Scope:
    """Where an expression stands.

    `collection` is that of `record`; `bare` lets its fields be named without `record.`. `old`
    is there in rules of create and update, and in write rules of fields. `auth` is the users
    collection, or None where there is none. `params` are the names that `$name` may have, None for
    any. `lifted` leaves literals in their slots; otherwise they get their values at once. `caller`
    says that a caller wrote the text: then `see` judges each field it names. `listed` says of
    which collections a hint may name fields. `variables` are values that a host or a test gives.
    """

    schema: Schema
    collection: Collection | None = None
    bare: bool = False
    old: bool = False
    auth: Collection | None = None
    params: Names[str] | None = None
    lifted: bool = False
    caller: bool = False
    see: See = everything
    listed: Listed = anywhere
    variables: Mapping[str, tree.Type] = field(default_factory=lambda: MappingProxyType({}))


Step = tuple[str, int]  # a name, and where it starts


@dataclass(frozen=True)
class Start:
    """Where a path begins: a record named `root`, and the steps that are written after it."""

    root: str
    collection: Collection
    steps: tuple[Step, ...]
    nullable: bool = False


@dataclass(frozen=True)
class Resolver:
    """Follows written paths; `local` holds the macro variables around them."""

    scope: Scope
    local: Mapping[str, tree.Type]

    def resolve(self, node: Name | Select) -> Found:
        """What the path leads to; raises ExpressionError where it leads nowhere."""
        base, steps = _steps(node)
        start = self._start(base, steps, node)
        if not isinstance(start, Start):
            return start
        if len(start.steps) > MAX_PATH:
            raise ExpressionError(
                "too_complex", f"A path has at most {MAX_PATH} names.", node.start, node.end
            )
        return self._follow(start, (node.start, node.end))

    def taken(self, name: str) -> bool:
        """Whether a macro variable may not have this name."""
        fixed = ("record", "old", "auth", "now")
        return name in fixed or name in self.local or name in self.scope.variables

    # the start

    def _start(self, base: Name, steps: tuple[Step, ...], node: Syntax) -> Start | Found:
        scope, name = self.scope, base.name
        variable = self.local.get(name) or scope.variables.get(name)
        if variable is not None:
            return self._variable(base, variable, steps, node)
        if name == "record" and scope.collection is not None:
            return Start("record", scope.collection, steps)
        if name == "old" and scope.old and scope.collection is not None:
            return Start("old", scope.collection, steps, nullable=True)
        if name == "auth":
            return self._auth(steps, node)
        if name == "now":
            _refuse_steps(base, tree.DATETIME, steps)
            return tree.Now(span=(node.start, node.end))
        if scope.bare and scope.collection is not None:
            return Start("record", scope.collection, ((name, base.start), *steps))
        raise self._unknown_variable(base)

    def _variable(
        self, base: Name, type: tree.Type, steps: tuple[Step, ...], node: Syntax
    ) -> Start | tree.Var:
        if type.kind == "record":
            assert type.collection is not None
            return Start(base.name, self.scope.schema.collection[type.collection], steps)
        _refuse_steps(base, type, steps)
        given = base.name not in self.local
        return tree.Var(base.name, type, nullable=given, span=(node.start, node.end))

    def _auth(self, steps: tuple[Step, ...], node: Syntax) -> Start | tree.Path:
        if self.scope.auth is not None:
            return Start("auth", self.scope.auth, steps, nullable=True)
        if not steps:
            span = (node.start, node.end)
            return tree.Path("auth", "", (), None, tree.Type("record"), True, span=span)
        name, start = steps[0]
        raise ExpressionError(
            "unknown_field", f"'auth' has no field '{name}': no users collection is declared.",
            start, start + len(name), "Declare one: class User(UserRecord).",
        )  # fmt: skip

    def _unknown_variable(self, base: Name) -> ExpressionError:
        name = base.name
        known = [*self.local, *self.scope.variables, "auth", "now", "true", "false", "null"]
        if self.scope.collection is not None:
            known = [*(["record", "old"] if self.scope.old else ["record"]), *known]
            if name in self.visible(self.scope.collection):
                known = [f"record.{name}"]
        if name == "old" and not self.scope.old:
            hint: str | None = (
                "'old' is there in rules of create and update, and in write rules of fields."
            )
        elif known == [f"record.{name}"]:
            hint = f"Did you mean '{known[0]}'?"
        else:
            there = [each for each in known if each not in ("true", "false", "null")]
            hint = _constant_hint(name) or did_you_mean(name, known)
            hint = hint or f"Known here: {', '.join(there)}."
        return ExpressionError(
            "unknown_variable", f"There is no variable '{name}'.", base.start, base.end, hint
        )

    # the way

    def _follow(self, start: Start, span: tree.Span) -> tree.Path | tree.Many:
        here = start.collection
        hops: list[tree.Hop] = []
        for number, (name, at) in enumerate(start.steps):
            last = number + 1 == len(start.steps)
            relation = self._relation(here, name)
            if relation is not None:
                if not last:
                    raise _selects_from_many(name, at, start.steps[number + 1][0])
                return self._many(start, hops, here, relation, span)
            found = self._field(start, here, name, at)
            if last:
                return self._leaf(start, hops, here, found, span)
            here = self._hop(hops, here, found, start.steps[number + 1], at)
        return self._whole(start, (), here, span)

    def _field(self, start: Start, here: Collection, name: str, at: int) -> Field:
        found = here.field.get(name)
        if found is not None and self._sight(here, found) != "hidden":
            return found
        known = self.visible(here) if self.scope.listed(here) else ()
        first = start.steps[0][1] == at
        if first and start.root == "record" and self.scope.bare:
            known = (*known, *self.local, *self.scope.variables, "record", "auth", "now")
        hint = _constant_hint(name) if first else None
        raise ExpressionError(
            "unknown_field", f"'{here.name}' has no field '{name}'.", at, at + len(name),
            hint or did_you_mean(name, known),
        )  # fmt: skip

    def _hop(
        self, hops: list[tree.Hop], here: Collection, found: Field, after: Step, at: int
    ) -> Collection:
        if found.reference is None:
            name, start = after
            raise ExpressionError(
                "type", f"'{found.name}' is {say(kind_of(found.type))} and has no field '{name}'.",
                start, start + len(name),
                "What stands inside JSON is not asked yet: give it a field of its own."
                if found.type.kind == "json" else None,
            )  # fmt: skip
        if self._sight(here, found) == "masked":
            raise ExpressionError(
                "type", f"'{found.name}' is hidden in some records, so no path leads through it.",
                at, at + len(found.name),
            )  # fmt: skip
        target = self.scope.schema.target(found)
        hops.append(tree.Hop(here.name, found.name, target.name))
        return target

    def _leaf(
        self, start: Start, hops: list[tree.Hop], here: Collection, found: Field, span: tree.Span
    ) -> tree.Path:
        masked = self._sight(here, found) == "masked"
        return tree.Path(
            start.root, start.collection.name, tuple(hops), found.name, kind_of(found.type),
            found.nullable or masked, self.scope.caller, masked, span,
        )  # fmt: skip

    def _whole(
        self, start: Start, hops: tuple[tree.Hop, ...], here: Collection, span: tree.Span
    ) -> tree.Path:
        return tree.Path(
            start.root, start.collection.name, hops, None,
            tree.Type("record", collection=here.name), start.nullable, self.scope.caller, span=span,
        )  # fmt: skip

    def _many(
        self,
        start: Start,
        hops: list[tree.Hop],
        here: Collection,
        relation: BackReference,
        span: tree.Span,
    ) -> tree.Many:
        source = self._whole(start, tuple(hops), here, span)
        return tree.Many(
            source, relation.collection, relation.field, self.scope.caller, here.key[0],
            relation.link or "", relation.reach, span, relation.name,
        )  # fmt: skip

    # what can be seen

    def visible(self, collection: Collection) -> tuple[str, ...]:
        """Every name that may be selected from a record of the collection."""
        return tuple(self._visible(collection))

    def _visible(self, collection: Collection) -> Iterator[str]:
        for one in collection.fields:
            if self._sight(collection, one) != "hidden":
                yield one.name
        for relation in collection.back_references:
            if self._relation(collection, relation.name) is not None:
                yield relation.name

    def _sight(self, collection: Collection, found: Field) -> Sight:
        return self.scope.see(collection, found) if self.scope.caller else "open"

    def _relation(self, collection: Collection, name: str) -> BackReference | None:
        """The relation, where the fields that make it are open: it tells what they hold."""
        relation = collection.back_reference.get(name)
        if relation is None:
            return None
        holder = self.scope.schema.collection[relation.holder]
        makes = (relation.field, relation.reach) if relation.link else (relation.field,)
        seen = all(self._sight(holder, holder.field[one]) == "open" for one in makes)
        return relation if seen else None


def is_path(node: Syntax) -> bool:
    """Whether the node is a name, or names selected from a name."""
    while isinstance(node, Select):
        node = node.source
    return isinstance(node, Name)


def _steps(node: Name | Select) -> tuple[Name, tuple[Step, ...]]:
    steps: list[Step] = []
    here: Syntax = node
    while isinstance(here, Select):
        steps.append((here.name, here.name_start))
        here = here.source
    if not isinstance(here, Name):
        raise ExpressionError(
            "type", f"'{steps[-1][0]}' cannot be selected from this.", here.start, here.end,
            "Fields are selected from record, old, auth and macro variables.",
        )  # fmt: skip
    return here, tuple(reversed(steps))


def _refuse_steps(base: Name, type: tree.Type, steps: tuple[Step, ...]) -> None:
    if steps:
        name, start = steps[0]
        raise ExpressionError(
            "type", f"'{base.name}' is {say(type)} and has no field '{name}'.",
            start, start + len(name),
        )  # fmt: skip


def _selects_from_many(name: str, at: int, wanted: str) -> ExpressionError:
    return ExpressionError(
        "type", f"'{name}' holds many records, so '{wanted}' cannot be selected from it.",
        at, at + len(name), f"Write {name}.exists(x, x.{wanted} …).",
    )  # fmt: skip


def _constant_hint(name: str) -> str | None:
    constant = {"none": "null", "nil": "null", "undefined": "null"}.get(name.lower(), name.lower())
    return f"Did you mean '{constant}'?" if constant in ("true", "false", "null") else None
