"""What each part of a rule comes to: for a caller, and for a caller and a record.

In: a checked rule, the caller's profile, an evaluator's environment.   Out: `Part`s.
The caller's verdict is the one that the plan was made with (`Profile.folded`); that on a record is
the evaluator's, which a property test holds to the SQL of both engines.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Literal

from ..expr.evaluate import FAILED, Env, evaluate, value_of
from ..expr.fold import Decide, certainly_false
from ..expr.reach import TooFar
from ..expr.tree import And, Const, Macro, Many, Node, Not, Or, Path, walk
from ..plan.policy import Profile
from ..schema import NEVER
from .rows import Loaded
from .wording import say

Outcome = Literal["holds", "does not hold", "error", "depends on the record", "too much to look at"]
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a rule. `outcome` is for the record where one is looked at, else for the caller;
    `values` are what decided it, as `path is value`."""

    text: str
    joined: Literal["all", "any", "not"] | None
    parts: tuple[Part, ...]
    outcome: Outcome
    values: tuple[str, ...]


class Judge:
    """Judges the rules of one caller."""

    def __init__(self, profile: Profile, rows: Loaded, env: Env) -> None:
        self.profile = profile
        self.rows = rows
        self.env = env

    def for_caller(self, node: Node, decide: Decide | None = None) -> Outcome:
        """What a rule comes to without a record."""
        folded = self.profile.folded(node, decide)
        if isinstance(folded, Const):
            return _outcome(folded.value)
        return "does not hold" if certainly_false(folded) else "depends on the record"

    async def part(self, node: Node, env: Env | None, decide: Decide | None = None) -> Part:
        """A rule and its parts; on the record of `env` if there is one."""
        inner: tuple[Node, ...] = ()
        joined: Literal["all", "any", "not"] | None = None
        match node:
            case And(parts=inner):
                joined = "all"
            case Or(parts=inner):
                joined = "any"
            case Not(part=And() | Or() | Not() as part):
                joined, inner = "not", (part,)
        outcome = self.for_caller(node, decide) if env is None else await self._judged(node, env)
        values = () if inner else tuple([text async for text in self._values(node, env)])
        parts = tuple([await self.part(one, env, decide) for one in inner])
        return Part(say(node), joined, parts, outcome, values)

    async def _judged(self, node: Node, env: Env) -> Outcome:
        try:
            return _outcome(await self.rows.settle(lambda: evaluate(node, env)))
        except TooFar:
            return "too much to look at"

    async def _values(self, node: Node, env: Env | None) -> AsyncIterator[str]:
        """The values of every path of a condition, each once."""
        seen: set[str] = set()
        for path in _paths(node):
            text = say(path)
            if text in seen or (env is None and path.root != "auth"):
                continue
            seen.add(text)
            yield await self._say_value(path, text, self.env if env is None else env)

    async def _say_value(self, path: Path, text: str, env: Env) -> str:
        if path.root == "auth" and env.auth is None:
            return "nobody is signed in"
        if path.leaf is None:
            return f"{text} is {'null' if getattr(env, path.root, None) is None else 'there'}"
        try:
            value = await self.rows.settle(lambda: value_of(path, env))
        except TooFar:
            return f"{text} is too far to look at"
        if value is FAILED:
            return f"{text} leads to no record"
        stored = self.profile.policy.schema.collection[path.last].field[path.leaf]
        if stored.read == NEVER:
            return f"{text} is a value that nobody may read"
        wire = json.dumps(None if value is None else stored.type.wire(value), ensure_ascii=False)
        return f"{text} is {wire if len(wire) <= LONGEST else wire[: LONGEST - 1] + '…'}"


def _outcome(value: bool | None) -> Outcome:
    return "error" if value is None else "holds" if value else "does not hold"


def _paths(node: Node) -> Iterator[Path]:
    """The paths whose values can be told: not those over the variable of a macro."""
    inside = {part.variable for part in walk(node) if isinstance(part, Macro)}
    sources = {id(part.source) for part in walk(node) if isinstance(part, Many)}
    for part in walk(node):
        if isinstance(part, Path) and part.root not in inside and id(part) not in sources:
            yield part
