"""Rules that let nobody in, or everybody, and do not say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .finding import Finding, place_of

if TYPE_CHECKING:
    from ...app import App
    from ...schema import Collection, Rule


def find_never_true(app: App, collection: Collection) -> Iterator[Finding]:
    """Rules, of the collection and of its fields, that were written as conditions and hold for no
    caller and record."""
    from ...expr.fold import certainly_false, fold
    from ...plan.policy import ROW_OPERATIONS, decide_old_is_null
    from ...schema import NEVER

    found: dict[Rule, list[str]] = {}  # `write=` makes three equal rules: one mistake
    for operation in ROW_OPERATIONS:
        written = getattr(collection.rules, operation)
        checked = app.runtime.policy.rows[collection.name, operation]
        if operation == "create":
            checked = fold(checked, decide_old_is_null)
        if written != NEVER and certainly_false(checked):
            found.setdefault(written, []).append(operation)
    for written, operations in found.items():
        yield _never_true(collection, operations, written, collection.name, "nobody")
    yield from _never_true_of_fields(app, collection)


def _never_true_of_fields(app: App, collection: Collection) -> Iterator[Finding]:
    from ...expr.fold import certainly_false
    from ...schema import NEVER

    policy = app.runtime.policy
    for stored in collection.fields:
        named = (
            ("read", stored.read, policy.field_read),
            ("write", stored.write, policy.field_write),
        )
        found: dict[Rule, list[str]] = {}
        for operation, written, checked in named:
            rule = checked.get((collection.name, stored.name))
            if written != NEVER and rule is not None and certainly_false(rule):
                found.setdefault(written, []).append(operation)
        for written, operations in found.items():
            whose = f"{collection.name}.{stored.name}"
            yield _never_true(collection, operations, written, whose, "False")


def _never_true(
    collection: Collection, operations: list[str], written: Rule, whose: str, plain: str
) -> Finding:
    from ...schema import rule_text

    return Finding(
        "mistake",
        "rule.never_true",
        f"{', '.join(operations)} of `{whose}` can never be true: {rule_text(written)}",
        *place_of(written, collection),
        f"write `{plain}` if that is meant",
    )


def find_open_writes(app: App, collection: Collection) -> Iterator[Finding]:
    """Records that everyone may change or delete. What everyone may create is told elsewhere."""
    from ...expr.tree import TRUE
    from ...query import ANONYMOUS

    everyone = app.runtime.policy.profile(ANONYMOUS)
    opened = [o for o in ("update", "delete") if everyone.rule(collection.name, o) == TRUE]
    if opened:
        yield Finding(
            "warning",
            "rule.write_open",
            f"everyone, signed in or not, may {' and '.join(opened)} every record of "
            f"`{collection.name}`",
            *place_of(getattr(collection.rules, opened[0]), collection),
            'say who: owner("…"), role("…") or signed_in',
        )


def find_constant(app: App, collection: Collection) -> Iterator[Finding]:
    """Rules that are written as conditions and hold for every caller and record."""
    from ...expr.tree import TRUE
    from ...plan.policy import ROW_OPERATIONS
    from ...schema import ALWAYS, rule_text

    found: dict[Rule, list[str]] = {}
    for operation in ROW_OPERATIONS:
        written = getattr(collection.rules, operation)
        if written != ALWAYS and app.runtime.policy.rows[collection.name, operation] == TRUE:
            found.setdefault(written, []).append(operation)
    for written, operations in found.items():
        yield Finding(
            "warning",
            "rule.constant",
            f"{', '.join(operations)} of `{collection.name}` is always true: {rule_text(written)}",
            *place_of(written, collection),
            "write `public` if that is meant",
        )
