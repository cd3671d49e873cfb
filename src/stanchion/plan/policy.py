"""Every rule of an app, checked once; and what they come to for one kind of caller.

In: the schema.   Out: `Policy`, and from it a `Profile` for each kind of actor.
Refuses: rules that do not fit the schema, as `DeclarationError`, when the app is loaded.

A profile holds everything about a caller that a plan may depend on: the kind, the verdict of each
part of a rule that depends on `auth` alone, and which used `auth` fields are null. Two callers
with equal profiles share every plan; their identities are parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .. import clock
from ..expr.check import Scope, Sight, check_rule
from ..expr.evaluate import Env, evaluate
from ..expr.fold import certainly_false, depends_on_auth_alone, fold
from ..expr.tree import (
    ERROR,
    FALSE,
    TRUE,
    And,
    Compare,
    Const,
    Has,
    In,
    Macro,
    Node,
    Not,
    Null,
    Operand,
    Or,
    Path,
    TextTest,
    Truth,
    walk,
)
from ..query import Actor
from ..schema import ALWAYS, Collection, Field, Rule, RuleConst, RuleText, Schema
from .scopes import allows

RowOperation = Literal["read", "create", "update", "delete"]
ROW_OPERATIONS: tuple[RowOperation, ...] = ("read", "create", "update", "delete")


@dataclass(eq=False)
class Policy:
    """The checked rules of a schema."""

    schema: Schema
    rows: Mapping[tuple[str, RowOperation], Node]
    field_read: Mapping[tuple[str, str], Node]
    field_write: Mapping[tuple[str, str], Node]
    auth_atoms: tuple[Node, ...]
    auth_fields: tuple[str, ...]
    key_write: Mapping[tuple[str, str], Node]
    _profiles: dict[object, Profile] = field(default_factory=dict)
    _meanings: dict[Rule, Node] = field(default_factory=dict)

    def meaning(self, rule: Rule) -> Node:
        """A rule that is about the caller alone, such as that of a route; raises
        `DeclarationError`."""
        if rule not in self._meanings:
            scope = Scope(schema=self.schema, auth=self.schema.users, params=())
            self._meanings[rule] = fold(check_rule(rule, scope), _decide_static)
        return self._meanings[rule]

    def admits(self, rule: Rule, actor: Actor) -> bool:
        """Whether a rule about the caller alone holds for this one. Admins are past rules."""
        if actor.kind in ("admin", "system"):
            return True
        return evaluate(self.meaning(rule), Env(auth=actor.record, now=clock.now())) is True

    def profile(self, actor: Actor) -> Profile:
        """The profile of an actor, remembered on it."""
        found = actor.profile
        if found is None or found.policy is not self:
            found = actor.profile = self._find_profile(actor)
        return found  # type: ignore[no-any-return]  # Actor.profile is ours to type

    def _find_profile(self, actor: Actor) -> Profile:
        env = Env(auth=actor.record, now=clock.now())
        verdicts = tuple(evaluate(atom, env) for atom in self.auth_atoms)
        record = actor.record or {}
        nulls = frozenset(name for name in self.auth_fields if record.get(name) is None)
        identity = (actor.kind, verdicts, nulls, actor.scopes)
        if identity not in self._profiles:
            if len(self._profiles) >= 1024:
                self._profiles.clear()
            known = dict(zip(self.auth_atoms, (Const(v) for v in verdicts), strict=True))
            self._profiles[identity] = Profile(self, actor.kind, known, nulls, actor.scopes)
        return self._profiles[identity]


@dataclass(eq=False)
class Profile:
    """What the rules come to for one kind of caller; `Access` of the SQL compiler. The scopes of an
    API key take away here, where every way to a record asks, also those of admins."""

    policy: Policy
    kind: str
    verdicts: Mapping[Node, Const]
    null_auth_fields: frozenset[str]
    scopes: frozenset[str] | None = None
    _rows: dict[tuple[str, RowOperation], Node] = field(default_factory=dict)
    _masks: dict[tuple[str, str], Node] = field(default_factory=dict)

    @property
    def past_rules(self) -> bool:
        """Whether this caller steps past row rules: admins, and the system."""
        return self.kind in ("admin", "system")

    def in_scope(self, collection: str, operation: RowOperation) -> bool:
        """Whether nothing but rules may close this to the caller."""
        return self.scopes is None or allows(self.scopes, collection, operation)

    def rule(self, collection: str, operation: RowOperation) -> Node:
        """A row rule, folded for this caller."""
        identity = (collection, operation)
        if identity not in self._rows:
            rule = self.policy.rows[identity]
            if not self.in_scope(collection, operation):
                rule = FALSE
            elif self.past_rules:
                rule = TRUE
            self._rows[identity] = self.folded(rule)
        return self._rows[identity]

    def row(self, collection: str) -> Node:
        """The read rule of a collection, folded for this caller."""
        return self.rule(collection, "read")

    def mask(self, collection: str, name: str) -> Node:
        """The read rule of a field, folded for this caller."""
        identity = (collection, name)
        if identity not in self._masks:
            self._masks[identity] = self._mask(identity)
        return self._masks[identity]

    def _mask(self, identity: tuple[str, str]) -> Node:
        rule = self.policy.field_read.get(identity, TRUE)
        if self.kind == "system":
            return TRUE
        if self.kind == "admin":
            return FALSE if rule == FALSE else TRUE
        return self.folded(rule)

    def sight(self, collection: Collection, stored: Field) -> Sight:
        """How a field looks to this caller."""
        rule = self.mask(collection.name, stored.name)
        if rule == TRUE:
            return "open"
        return "hidden" if self.never(rule) else "masked"

    def write_rule(self, collection: str, name: str) -> Node:
        """The write rule of a field, folded for this caller."""
        rule = self.policy.field_write.get((collection, name), TRUE)
        if self.scopes is not None and (collection, name) in self.policy.key_write:
            return self.folded(self.policy.key_write[collection, name])
        if self.kind == "system":
            return TRUE
        if self.kind == "admin":
            return FALSE if rule == FALSE else TRUE
        return self.folded(rule)

    def may_always_write(self, collection: str, name: str) -> bool:
        """Whether this caller may set a field, whatever the record holds."""
        return self.write_rule(collection, name) == TRUE

    def refused(self, collection: str, operation: RowOperation) -> bool:
        """Whether the rule can never be true for this caller."""
        return self.never(self.rule(collection, operation))

    def never(self, rule: Node) -> bool:
        """Whether a rule that was folded for this caller can be true for no record."""
        return certainly_false(rule, self._is_null_of_auth)

    def _is_null_of_auth(self, operand: Operand) -> bool:
        if not isinstance(operand, Path) or operand.root != "auth" or operand.hops:
            return False
        return operand.leaf is not None and self.auth_is_null(operand.leaf)

    def auth_is_null(self, name: str) -> bool:
        """Whether the caller's record holds null in this field."""
        return self.kind in ("anonymous", "system") or name in self.null_auth_fields

    def folded(self, node: Node, decide: Callable[[Node], Const | None] | None = None) -> Node:
        """`node` with every part that is known for this caller decided."""

        def known(part: Node) -> Const | None:
            verdict = self.verdicts.get(part)
            if verdict is not None:
                return verdict
            if self.kind == "anonymous" and _selects_from_auth(part):
                return ERROR
            return decide(part) if decide is not None else None

        return fold(node, known)


def compile_policy(schema: Schema) -> Policy:
    """Check every rule of the schema; raises `DeclarationError`."""
    rows: dict[tuple[str, RowOperation], Node] = {}
    reads: dict[tuple[str, str], Node] = {}
    writes: dict[tuple[str, str], Node] = {}
    for collection in schema.collections:
        for operation in ROW_OPERATIONS:
            rule = getattr(collection.rules, operation)
            rows[collection.name, operation] = _checked(
                rule, schema, collection, old=operation in ("create", "update")
            )
        for stored in collection.fields:
            if stored.read != ALWAYS:
                reads[collection.name, stored.name] = _checked(
                    stored.read, schema, collection, old=False
                )
            if stored.write != ALWAYS:
                writes[collection.name, stored.name] = _checked(
                    stored.write, schema, collection, old=True
                )
    every = [*rows.values(), *reads.values(), *writes.values()]
    atoms = tuple(dict.fromkeys(atom for rule in every for atom in _auth_atoms(rule)))
    return Policy(schema, rows, reads, writes, atoms, _auth_fields(schema), _key_writes(schema))


def _key_writes(schema: Schema) -> dict[tuple[str, str], Node]:
    """What an API key may do to the address of a user: who leads the mail elsewhere takes the
    account over, and a key must not come to that, whoever made it."""
    users = schema.users
    if users is None or "email" not in users.field:
        return {}
    rule = RuleText("old == null || record.email == old.email")
    return {(users.name, "email"): _checked(rule, schema, users, old=True)}


def _checked(rule: Rule, schema: Schema, collection: Collection, *, old: bool) -> Node:
    if isinstance(rule, RuleConst):
        return TRUE if rule.value else FALSE
    scope = Scope(schema=schema, collection=collection, old=old, auth=schema.users, params=())
    return fold(check_rule(rule, scope), _decide_static)


def _decide_static(part: Node) -> Const | None:
    """The outcome of a part that is the same for every caller, record and moment: `1 == 2`."""
    if isinstance(part, Const) or not depends_on_auth_alone(part):
        return None
    if any(isinstance(below, Path) for below in walk(part)):
        return None
    return Const(evaluate(part, Env()), part.span)


def _auth_atoms(node: Node) -> Iterator[Node]:
    """The largest parts that depend on `auth` alone."""
    if isinstance(node, Const):
        return
    if depends_on_auth_alone(node):
        yield node
        return
    match node:
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from _auth_atoms(part)
        case Not(part=part):
            yield from _auth_atoms(part)
        case _:
            # inside macros and comparisons of conditions
            for part in walk(node):
                if part is not node and _is_auth_atom(part):
                    yield part


def _selects_from_auth(part: Node) -> bool:
    """Whether an atom selects a field of `auth`: without a caller that is an error."""
    if not isinstance(part, (Compare, In, TextTest, Has, Truth)):
        return False
    inside = list(walk(part))
    if any(isinstance(p, (Macro, And, Or, Not)) for p in inside):
        return False  # what is inside may be decided without that field
    return any(isinstance(p, Path) and p.root == "auth" and p.leaf is not None for p in inside)


def _is_auth_atom(part: object) -> bool:
    return isinstance(part, CONDITIONS) and depends_on_auth_alone(part)


def _auth_fields(schema: Schema) -> tuple[str, ...]:
    return tuple(f.name for f in schema.users.fields if f.nullable) if schema.users else ()


def decide_old_is_null(part: Node) -> Const | None:
    """In a create there is no old row: `old == null` holds, and selecting from it is an error."""
    if isinstance(part, Compare) and part.op in ("==", "!="):
        sides = (part.left, part.right)
        whole = any(isinstance(s, Path) and s.root == "old" and s.leaf is None for s in sides)
        if whole and any(isinstance(s, Null) for s in sides):
            return TRUE if part.op == "==" else FALSE
    return ERROR if _selects_from_old(part) else None


CONDITIONS = (Const, Not, And, Or, Compare, In, TextTest, Has, Truth, Macro)


def _selects_from_old(part: Node) -> bool:
    """Whether this part alone is an error without an old row; parts inside it are asked apart."""
    values: list[Any]
    match part:
        case Const() | Not() | And() | Or():
            return False
        case Macro(source=source):
            values = [source]
        case Compare(left=left, right=right):
            values = [side for side in (left, right) if not isinstance(side, CONDITIONS)]
        case _:
            values = [part]
    return any(
        isinstance(below, Path) and below.root == "old" for value in values for below in walk(value)
    )
