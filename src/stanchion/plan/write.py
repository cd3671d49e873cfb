"""Turn a write into a plan: which rules must hold, which fields may be set, what is answered.

In: a collection, an operation and the caller's profile.   Out: `WritePlan`, frozen, no I/O.
Refuses: operations whose rule this caller can never meet.
Called by records; `sql/` compiles what we return and `store/` runs it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..expr.fold import certainly_false
from ..expr.tree import TRUE, Node
from ..query import Operation
from ..schema import BackReference, Collection, Field, Index, Schema
from .policy import Profile, decide_old_is_null
from .read import Body, Shown, plan_body
from .resolve import Names, refuse_closed


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A write rule that must hold where the field is set."""

    field: Field
    rule: Node


@dataclass(frozen=True, slots=True)
class ReferenceRule:
    """The record that a reference is set to must be there, and readable by the caller."""

    field: Field
    target: Collection
    rule: Node


@dataclass(frozen=True, slots=True)
class WritePlan:
    """What one operation on one collection takes, for one kind of caller.

    `rule` is the operation's row rule, `read` the read rule. `settable` are the fields that the
    caller may name, `visible` those that exist for it, `unseen` those whose stored value it may not
    always read; `field_rules` guard some. `answer` is what the caller gets back, `logged` what the
    change log keeps. `keys` are the unique sets that a clash may be about.
    """

    schema: Schema
    profile: Profile
    collection: Collection
    operation: Operation
    rule: Node
    read: Node
    settable: frozenset[str]
    visible: frozenset[str]
    unseen: frozenset[str]
    field_rules: tuple[FieldRule, ...]
    references: tuple[ReferenceRule, ...]
    keys: tuple[Index, ...]
    answer: Body
    logged: Body

    @property
    def answer_is_logged(self) -> bool:
        """Whether one JSON text serves both."""
        return self.answer == self.logged

    def many(self, name: str) -> BackReference | None:
        """The to-many relation of this name, where nothing of it is closed to the caller."""
        names = Names(self.schema, self.profile)
        found = names.many(self.collection, name)
        return found if found is not None and names.open_ends(found) else None


def plan_write(
    collection: Collection, operation: Operation, schema: Schema, profile: Profile
) -> WritePlan:
    """The plan of an operation; raises 401 or 403 where the caller can never meet its rule."""
    refuse_closed(profile, collection, operation)
    create = operation == "create"
    decide = decide_old_is_null if create else None
    write_rules = {f.name: profile.write_rule(collection.name, f.name) for f in collection.fields}
    sights = {f.name: profile.sight(collection, f) for f in collection.fields}
    visible = frozenset(name for name, sight in sights.items() if sight != "hidden")
    settable = frozenset(
        f.name
        for f in collection.fields
        if (profile.kind == "system" or not f.system)
        and _may_be_named(profile, collection, f, f.name in visible)
        and (create or not f.frozen)
    )
    return WritePlan(
        schema=schema,
        profile=profile,
        collection=collection,
        operation=operation,
        rule=profile.folded(profile.rule(collection.name, operation), decide),
        read=profile.row(collection.name),
        settable=settable,
        visible=visible,
        unseen=frozenset(name for name, sight in sights.items() if sight != "open"),
        field_rules=tuple(
            FieldRule(f, profile.folded(write_rules[f.name], decide))
            for f in collection.fields
            if f.name in settable and write_rules[f.name] != TRUE
        ),
        references=tuple(
            ReferenceRule(f, schema.target(f), profile.row(schema.target(f).name))
            for f in collection.fields
            if f.reference is not None
        ),
        keys=(
            Index(collection.key, True),
            *(i for i in collection.all_indexes if i.unique and i.fields != collection.key),
        ),
        answer=plan_body(schema, profile, collection),
        logged=logged_body(profile, collection),
    )


def _may_be_named(profile: Profile, collection: Collection, field: Field, visible: bool) -> bool:
    """Whether a body may hold the field.

    `write=False` makes it the server's alone. A rule that this caller cannot meet refuses the
    value (403), unless the field does not exist for the caller at all.
    """
    identity = (collection.name, field.name)
    if not profile.never(profile.write_rule(*identity)):
        return True
    return visible and not certainly_false(profile.policy.field_write[identity])


def logged_body(profile: Profile, collection: Collection) -> Body:
    """Every field but the secret ones: those that nobody may ever read."""
    rules = profile.policy.field_read
    return Body(
        collection,
        tuple(
            Shown(f, TRUE)
            for f in collection.fields
            if not certainly_false(rules.get((collection.name, f.name), TRUE))
        ),
    )
