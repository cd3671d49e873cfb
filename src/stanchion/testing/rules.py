"""Rules asked in a test, without a database: `rule(app, Order, "update").allows(actor=ann, …)`.

In: an app, a record class, an operation; then a caller and records.   Out: a `RuleVerdict`.
The plan is the one that a request has, and the evaluator runs it, which a property test holds to
the SQL of both engines. What the database alone knows is not asked: whether a key is taken, and
whether a reference leads to a record that the caller may read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .. import clock
from ..actors import actor_of
from ..app import App
from ..declare import Model, Record
from ..errors import Problem
from ..explain.wording import say
from ..expr.evaluate import Env, Values, evaluate
from ..expr.tree import Node
from ..plan.policy import RowOperation
from ..plan.resolve import refuse_closed
from ..plan.write import WritePlan, plan_write
from ..query import Actor
from ..schema import rule_text


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """Whether the rules let a caller do it, and why not; true where they do."""

    allowed: bool
    why: str = ""

    def __bool__(self) -> bool:
        return self.allowed

    def __repr__(self) -> str:
        return "allowed" if self.allowed else f"refused: {self.why}"


def rule(app: App, record: type[Record], operation: RowOperation) -> AskedRule:
    """The rules that an operation on records of this class asks: that of the collection, and those
    of the fields that are set."""
    app.check()
    return AskedRule(app, record, operation)


class AskedRule:
    """Made by `rule`; see there."""

    def __init__(self, app: App, record: type[Record], operation: RowOperation) -> None:
        self._model = app.runtime.model
        self._policy = app.runtime.policy
        self._collection = self._model.of(record).collection
        self._operation = operation

    def allows(
        self,
        *,
        actor: Actor | Record | None = None,
        record: Record | None = None,
        old: Record | None = None,
        others: Iterable[Record] = (),
    ) -> RuleVerdict:
        """Whether `actor` may do it: a user's record, or None for who is not signed in.

        Args:
            record: the record as it is read or deleted, or as it would be created or become.
            old: in an update, the record as it is stored.
            others: further records that the rules reach, such as the order of an order line.
        """
        named = old if record is None else record
        if named is None or (self._operation == "update" and old is None):
            raise TypeError("allows() takes record=, and for an update old= as well")
        who = actor_of(actor, self._model)
        case = _Case(self._model, who, named, old, [*others, *self._acting(actor)])
        try:
            if self._operation == "read":
                refuse_closed(self._policy.profile(who), self._collection, "read")
                refused = next(self._reading(case, named), None)
            else:
                plan = plan_write(
                    self._collection, self._operation, self._model.schema,
                    self._policy.profile(who),
                )  # fmt: skip
                refused = next(self._writing(plan, case), None)
        except Problem as problem:
            return RuleVerdict(False, problem.detail)
        return RuleVerdict(refused is None, refused or "")

    def _acting(self, actor: Actor | Record | None) -> list[Record]:
        return [actor] if isinstance(actor, Record) else []

    def _reading(self, case: _Case, record: Record, said: str = "the record") -> Iterator[str]:
        rule = self._policy.profile(case.actor).row(self._collection.name)
        yield from self._unless(case.holds(rule, record, None), "read", said, rule)

    def _writing(self, plan: WritePlan, case: _Case) -> Iterator[str]:
        """What refuses a write, in the order of the door."""
        if self._operation != "create":
            stored = case.old or case.record
            yield from self._reading(case, stored, "the stored record")
            yield from self._judge(plan, case, stored, stored, "the stored record")
        if self._operation == "delete":
            return
        yield from self._settable(plan, case)
        new = "the new record" if case.old is None else "the record as it would be"
        for written in (False, True):  # of the records that are there, then with it among them
            case.is_written = written
            yield from self._judge(plan, case, case.record, case.old, new)

    def _judge(
        self, plan: WritePlan, case: _Case, record: Record, old: Record | None, said: str
    ) -> Iterator[str]:
        yield from self._unless(
            case.holds(plan.rule, record, old), self._operation, said, plan.rule
        )
        named = case.named(plan) if self._operation != "delete" else set()
        for guarded in plan.field_rules:
            if guarded.field.name in named and not case.holds(guarded.rule, record, old):
                name = f"{self._collection.name}.{guarded.field.name}"
                yield f"the write rule of {name} does not hold on {said}: {say(guarded.rule)}"

    def _settable(self, plan: WritePlan, case: _Case) -> Iterator[str]:
        for name in sorted(case.named(plan) - plan.settable):
            yield f"{self._collection.name}.{name} may not be set by this caller"

    def _unless(self, holds: bool, operation: str, said: str, rule: Node) -> Iterator[str]:
        if not holds:
            written = rule_text(getattr(self._collection.rules, operation))
            known = say(rule)
            more = "" if known == written else f", here {known}"
            yield f"{self._collection.name}.{operation} does not hold on {said}: {written}{more}"


class _Case:
    """One question: who asks, the records, and those around them. It is the evaluator's world."""

    def __init__(
        self, model: Model, actor: Actor, record: Record, old: Record | None, others: list[Record]
    ) -> None:
        self.actor = actor
        self.record = record
        self.old = old
        self.is_written = False
        self._model = model
        self._others = others

    def holds(self, rule: Node, record: Record, old: Record | None) -> bool:
        """Whether a rule is certainly true for the record."""
        before = None if old is None else self._values(old)
        env = Env(record=self._values(record), old=before, auth=self.actor.record,
                  now=clock.now(), world=self)  # fmt: skip
        return evaluate(rule, env) is True

    def named(self, plan: WritePlan) -> set[str]:
        """The fields that the write sets: those given to a new record, those that change."""
        binding = self._model.of(type(self.record))
        if self.old is None:
            given = set(binding.given_of(self.record)) - set(plan.collection.key)
        else:
            before, after = self._values(self.old), self._values(self.record)
            given = {name for name in after if after[name] != before[name]}
        return {name for name in given if not plan.collection.field[name].system}

    def _values(self, record: Record) -> Mapping[str, Any]:
        return self._model.of(type(record)).values_of(record)[0]

    # the world of the evaluator: rules see every record that is there

    def one(self, collection: str, key: Any) -> Values | None:
        own = self._model.schema.collection[collection].key[0]
        return next(iter(self.many(collection, own, key)), None)

    def many(self, collection: str, field: str, key: Any) -> list[Values]:
        """The records that were named, each once, the latest form of it."""
        found: dict[Any, Values] = {}
        stored = [self.old] if self.old is not None else []
        for record in (*self._others, *stored, *([self.record] if self.is_written else [])):
            if self._model.of(type(record)).collection.name == collection:
                values = self._values(record)
                found[values[self._model.schema.collection[collection].key[0]]] = values
        return [values for values in found.values() if values.get(field) == key]

    def readable(self, collection: str, row: Values) -> bool:
        return True

    def field_readable(self, collection: str, field: str, row: Values) -> bool:
        return True
