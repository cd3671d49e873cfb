"""The kinds of callers that the rules of an app tell apart.

In: the checked rules.   Out: `AccessCaller`s: anonymous, one for each value that a rule compares
a text of `auth` with (`role=cook`), or `signed in` where no rule does, and admin.
Of a caller some fields are known and the others open: what hangs on those stays a condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..expr.evaluate import Env, evaluate
from ..expr.fold import depends_on_auth_alone
from ..expr.tree import Compare, Const, Has, In, ListOf, Lit, Node, Null, Operand, Path, Value, walk
from ..plan.policy import Policy
from ..query import ActorKind
from ..schema import Field
from ..types import EnumType, ListType

MOST_CHOICES = 12
"""Of a field with more choices only those are callers of their own that a rule names."""
ANONYMOUS, SIGNED_IN, ADMIN = "anonymous", "signed in", "admin"
OTHER, NOTHING = "(other)", "(none)"
_SOME_OTHER = "\x00 a text that no rule names"


@dataclass(frozen=True, slots=True)
class AccessCaller:
    """Callers who are alike to the rules. `known` are the fields of `auth` that are known of them;
    `other` names the one that holds a text which no rule names."""

    name: str
    kind: ActorKind
    known: Mapping[str, Any]
    other: str | None = None

    def decide(self, part: Node) -> Const | None:
        """The outcome of a part of a rule, where it hangs on nothing but what is known."""
        if isinstance(part, Const) or not depends_on_auth_alone(part):
            return None
        named = {p.leaf for p in walk(part) if isinstance(p, Path) and p.leaf is not None}
        if not named <= {*self.known, self.other}:
            return None
        if self.other in named and not _tells_texts_apart(part):
            return None
        auth = dict(self.known)
        if self.other is not None:
            auth[self.other] = _SOME_OTHER
        return Const(evaluate(part, Env(auth=auth)))

    def is_null(self, operand: Operand) -> bool:
        """Whether this is a field of `auth` that is known to be null."""
        if not isinstance(operand, Path) or operand.root != "auth" or operand.hops:
            return False
        return self.known.get(operand.leaf or "", "") is None


def find_callers(policy: Policy) -> tuple[AccessCaller, ...]:
    """Every kind of caller, those who may least first."""
    users = policy.schema.users
    found = [AccessCaller(ANONYMOUS, "anonymous", {})]
    if users is None:
        return tuple(found)  # nobody can sign in
    # who is disabled is nobody, and who is an admin is a caller of his own
    base = {name: False for name in ("admin", "disabled") if name in users.field}
    roles = _named_texts(policy)
    for name, texts in roles.items():
        found += _callers_by(users.field[name], texts, base)
    if not roles:
        found.append(AccessCaller(SIGNED_IN, "user", base))
    return (*found, AccessCaller(ADMIN, "admin", {}))


def _callers_by(field: Field, named: list[str], base: Mapping[str, Any]) -> Iterator[AccessCaller]:
    listed = isinstance(field.type, ListType)
    kind = field.type.item if isinstance(field.type, ListType) else field.type
    choices = kind.values if isinstance(kind, EnumType) else ()
    whole = 0 < len(choices) <= MOST_CHOICES
    for text in choices if whole else named:
        value = [text] if listed else text
        yield AccessCaller(f"{field.name}={text}", "user", {**base, field.name: value})
    if listed:
        yield AccessCaller(f"{field.name}={NOTHING}", "user", {**base, field.name: []})
        return
    if not whole:
        yield AccessCaller(f"{field.name}={OTHER}", "user", base, other=field.name)
    if field.nullable:
        yield AccessCaller(f"{field.name}={NOTHING}", "user", {**base, field.name: None})


def _named_texts(policy: Policy) -> dict[str, list[str]]:
    """For each text, or list of texts, of `auth`: what rules compare it with, in their order."""
    found: dict[str, dict[str, None]] = {}
    rules = (*policy.rows.values(), *policy.field_read.values(), *policy.field_write.values())
    for part in (part for rule in rules for part in walk(rule)):
        for path, literal in _comparisons(part):
            found.setdefault(path, {})[literal] = None
    return {name: list(texts) for name, texts in found.items()}


def _comparisons(part: Any) -> Iterator[tuple[str, str]]:
    """A field of `auth` and a text that it is compared with."""
    sides: list[tuple[Any, Any]] = []
    match part:
        case Compare(op="==" | "!=", left=left, right=right):
            sides = [(left, right), (right, left)]
        case In(value=value, items=ListOf(items=items)):
            sides = [(value, item) for item in items]
        case In(value=value, items=Path() as path):
            sides = [(path, value)]
    for path, literal in sides:
        if not (isinstance(path, Path) and path.root == "auth" and not path.hops and path.leaf):
            continue
        texts = (path.type.item or path.type).kind == "text"
        if texts and isinstance(literal, Lit) and isinstance(literal.value, str):
            yield path.leaf, literal.value


def _tells_texts_apart(part: Node) -> bool:
    """Whether a part asks no more of a text than whether it is one of those that are named, so that
    all others are alike to it."""
    match part:
        case Compare(op="==" | "!=", left=left, right=right):
            return _is_plain(left) and _is_plain(right)
        case In(value=value, items=ListOf(items=items)):
            return _is_plain(value) and all(map(_is_plain, items))
        case Has():
            return True
        case _:
            return False


def _is_plain(operand: Operand | Value) -> bool:
    return isinstance(operand, (Path, Lit, Null))


def is_one(user: Mapping[str, Any], caller: AccessCaller, callers: Iterable[AccessCaller]) -> bool:
    """Whether a user is of this kind of callers."""
    if not all(_same(user.get(name), value) for name, value in caller.known.items()):
        return False
    if caller.other is None:
        return True
    named = {str(each.known.get(caller.other)) for each in callers if caller.other in each.known}
    value: Any = user.get(caller.other)
    return value is not None and str(value) not in named


def _same(stored: Any, known: Any) -> bool:
    return bool(stored == known) if not isinstance(known, list) else list(stored or ()) == known
