"""What the plan cache did for one request, and what it knows a plan by.

In: the pipelines of an app.   Out: `Noted`: the plans that were found for a request and those that
were made. Used by report and, in `dev`, for every request; a server of production keeps its plans
in a plain dictionary, which notes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ..plan.policy import Profile
from ..plans import PARTS
from ..records import Records
from .wording import say


@dataclass(slots=True)
class Noted:
    """The shapes of the plans of one request."""

    found: list[object] = field(default_factory=list)
    made: list[object] = field(default_factory=list)

    @property
    def said(self) -> str:
        """What the cache did, in words."""
        if self.made:
            return "the first request of this shape makes the plan; a running server then keeps it"
        if self.found:
            return "hit: a request of the same shape was here before"
        return "not used: the answer was known before a plan was needed"


@contextmanager
def noting(records: Records | None) -> Iterator[Noted]:
    """Note what the code inside does with the plans; nothing where no database is open yet.

    NOTE: what the writer thread plans for a cascade is not noted: it works for many requests.
    """
    if records is not None and not isinstance(records.plans.by_shape, _NotedPlans):
        records.plans.by_shape = _NotedPlans(records.plans.by_shape)
    noted = Noted()
    token = _current.set(noted)
    try:
        yield noted
    finally:
        _current.reset(token)


_current: ContextVar[Noted | None] = ContextVar("stanchion_noted_plans", default=None)


class _NotedPlans(dict[object, Any]):
    """Plans by shape, as they are kept everywhere; tells the request at hand."""

    def get(self, shape: object, default: Any = None) -> Any:
        plan = super().get(shape, default)
        noted = _current.get()
        if noted is not None and plan is not None:
            noted.found.append(shape)
        return plan

    def __setitem__(self, shape: object, plan: Any) -> None:
        super().__setitem__(shape, plan)
        noted = _current.get()
        if noted is not None:
            noted.made.append(shape)


# the shape of a plan


def say_shape(made: list[object], profile: Profile) -> tuple[tuple[str, str], ...]:
    """The parts of the key that the plan is kept under."""
    shapes = [shape for shape in made if isinstance(shape, tuple) and shape[-1] is profile]
    if not shapes:
        return ()
    operation, *parts, _ = shapes[0]
    labels = PARTS.get(operation, ("collection",))
    named = list(zip(labels, parts, strict=True))
    said = [("operation", operation)]
    for label, part in named:
        if part and not isinstance(part, bool):
            said.append((label, " && ".join(part) if isinstance(part, tuple) else str(part)))
    said.append(("caller", profile.kind))
    if ("no search", False) in named:
        said.append(("search", "q is given"))
    said += [(say(atom), say(verdict)) for atom, verdict in profile.verdicts.items()]
    if profile.null_auth_fields and profile.kind == "user":
        said.append(("null in auth", ", ".join(sorted(profile.null_auth_fields))))
    return tuple(said)
