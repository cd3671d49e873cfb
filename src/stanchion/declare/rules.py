"""Rules as an app writes them: strings, or values that compose with `&`, `|` and `~`.

Each remembers the line it was written on, so that a mistake is shown where it stands.
"""

from __future__ import annotations

import sys

from .. import schema
from ..errors import DeclarationError, Origin
from ..schema import Rule, RuleConst, RuleOwner, RuleRole, RuleSignedIn, RuleText

RuleLike = Rule | str | bool
_RULE_CLASSES = (
    schema.RuleText, schema.RuleConst, schema.RuleSignedIn, schema.RuleRole,
    schema.RuleOwner, schema.RuleAll, schema.RuleAny, schema.RuleNot,
)  # fmt: skip

public: RuleConst = schema.ALWAYS
"""Everyone, signed in or not."""

nobody: RuleConst = schema.NEVER
"""No caller at all; admins and `app.system()` step past rules."""

signed_in: RuleSignedIn = RuleSignedIn()
"""Whoever is signed in."""


def role(name: str) -> RuleRole:
    """Callers whose `role` field is `name`, or as a list holds it."""
    return RuleRole(name, caller_origin())


def owner(path: str) -> RuleOwner:
    """The caller whose id stands at `path` of the record: `owner("customer")`."""
    return RuleOwner(path, caller_origin())


def rule(text: str) -> RuleText:
    """A rule in the expression language, to be composed: `rule("record.open") & signed_in`."""
    return RuleText(text, caller_origin())


class Rules:
    """Who may do what with the records of a collection; what is not said is closed.

    `write` stands for create, update and delete at once; one that is named wins over it. Each is
    a string in the expression language, a composed value, or True / False.
    """

    def __init__(
        self,
        *,
        read: RuleLike = nobody,
        write: RuleLike | None = None,
        create: RuleLike | None = None,
        update: RuleLike | None = None,
        delete: RuleLike | None = None,
    ) -> None:
        origin = caller_origin()
        fallback = nobody if write is None else write

        def chosen(named: RuleLike | None) -> Rule:
            return as_rule(fallback if named is None else named, origin)

        self.value = schema.Rules(
            read=as_rule(read, origin),
            create=chosen(create),
            update=chosen(update),
            delete=chosen(delete),
        )


def as_rule(given: RuleLike, origin: Origin | None) -> Rule:
    """The rule value of what an app wrote; raises `DeclarationError` for anything else."""
    if isinstance(given, bool):
        return public if given else nobody
    if isinstance(given, str):
        return RuleText(given, origin)
    if isinstance(given, _RULE_CLASSES):
        return given
    raise DeclarationError(
        "rule.type",
        f"a rule is a string, a rule value or a bool, not {type(given).__name__}",
        origin=origin,
        hint='for example Rules(read=public, write=role("owner"))',
    )


def caller_origin() -> Origin | None:
    """The line of the app that is calling: the first frame outside this package."""
    frame = sys._getframe(1)
    package = __name__.partition(".")[0]
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] not in (package, "pydantic", "fastapi"):
            return Origin(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]  # None ends the loop
    return None
