"""What was planned before: plans and their statements, kept by the shape of what was asked.

In: a shape (a query without the values that vary, and the caller's profile).   Out: its plan.
Called by `records`, `writing` and `transaction`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .declare import Model
from .plan.policy import Policy
from .plan.write import plan_write
from .query import SYSTEM, Actor, Operation
from .sql.dialect import Dialect
from .sql.write import WriteStatements, compile_write
from .store.judge import not_found
from .types import WireError

T = TypeVar("T")

PARTS = {
    "one": ("collection", "expand", "fields"),
    "list": ("collection", "filter", "no search", "sort", "expand", "fields"),
    "aggregate": ("collection", "filter", "no search", *("asked",) * 7),
    "describe": (),
}
"""What a shape of a read holds between its operation and the caller's profile; of a write it is the
collection. WHY-NOT named tuples: making one takes 0.4 us, a read of one record 20 in all."""


TEXT_FOR_EACH = 8_192
"""Characters of SQL that the kept plans have at most, on average: a list has 1,000 to 6,000, and
its pages after cursors as many each. In memory a plan takes four times its text."""


class Plans:
    """The plans of one app for one engine. `by_shape` is what is kept of them."""

    def __init__(self, model: Model, policy: Policy, dialect: Dialect, most: int) -> None:
        self.model = model
        self.schema = model.schema
        self.policy = policy
        self.dialect = dialect
        self.by_shape: dict[object, Any] = {}
        self._most = most
        self._text = 0

    def kept(self, shape: object, make: Callable[[], T]) -> T:
        """The plan of this shape, made if need be."""
        found: T | None = self.by_shape.get(shape)
        return self.keep(shape, make()) if found is None else found

    def keep(self, shape: object, plan: T) -> T:
        """Remember a plan; the oldest half goes when there are too many."""
        if len(self.by_shape) >= self._most:
            self._forget()
        self.by_shape[shape] = plan
        self.grown(_text_of(plan))
        return plan

    def grown(self, characters: int) -> None:
        """Count what a kept plan has grown by; the oldest half goes when all are too large."""
        self._text += characters
        if self._text > self._most * TEXT_FOR_EACH:
            self._forget()

    def _forget(self) -> None:
        for old in list(self.by_shape)[: max(1, len(self.by_shape) // 2)]:
            self.by_shape.pop(old, None)  # the writer thread keeps plans here too
        self._text = sum(map(_text_of, list(self.by_shape.values())))

    def statements(self, collection: str, operation: Operation, actor: Actor) -> WriteStatements:
        """The compiled plan of an operation for this kind of caller."""
        profile = self.policy.profile(actor)
        shape = (operation, collection, profile)
        found = self.by_shape.get(shape)
        if found is None:
            plan = plan_write(self.schema.collection[collection], operation, self.schema, profile)
            found = self.keep(shape, compile_write(plan, self.dialect))
        return found

    def system_statements(self, collection: str) -> WriteStatements:
        """The statements that planned steps run with: the system's."""
        return self.statements(collection, "update", SYSTEM)

    def key(self, collection: str, key: str) -> str:
        """A key in its canonical form; one that cannot be a key is simply not there."""
        found = self.schema.collection[collection]
        try:
            return found.key_field.type.parse(key)  # type: ignore[no-any-return]  # keys are texts
        except WireError:
            raise not_found(found, key) from None


def _text_of(plan: object) -> int:
    """The characters of what a read keeps; a write has as many plans as the app has rules for."""
    return getattr(plan, "size", 0)
