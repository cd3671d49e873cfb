"""What is asked of an explanation, and what it says.

In: what `report` gathers.   Out: `Explanation`, and the values that it is made of. Pure data.
Read by text and by the pages of `dev`, which show it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Origin
from ..query import Actor
from ..records import Records
from .cost import Advice, Step
from .verdicts import Outcome, Part


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the generated API. `body` is decoded JSON; `has_body` tells null from none;
    `sent` are its bytes, where they are known: they need be no JSON."""

    method: str
    path: str
    query: str = ""
    body: Any = None
    has_body: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller would get; `document` is its JSON."""

    status: int
    headers: Mapping[str, str]
    document: Any


@dataclass(frozen=True, slots=True)
class RuleSaid:
    """A row rule, asked once: `on` says of what."""

    name: str
    text: str
    place: Origin | None
    on: str
    outcome: Outcome | None  # None: the caller steps past it
    part: Part


@dataclass(frozen=True, slots=True)
class FieldSaid:
    """A field that is not simply there, or not simply settable."""

    collection: str
    field: str
    side: str  # "read" or "write"
    effect: str
    rule: str


@dataclass(frozen=True, slots=True)
class StatementSaid:
    """A statement that ran, its parameters, its plan, and the index that would help. `planned`
    says for which values, where the engine looks at them."""

    title: str
    sql: str
    params: tuple[Any, ...]
    steps: tuple[Step, ...]
    advice: Advice | None
    planned: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it."""

    request: Request
    actor: str
    answer: Answer
    rules: tuple[RuleSaid, ...]
    fields: tuple[FieldSaid, ...]
    statements: tuple[StatementSaid, ...]
    cache: str
    shape: tuple[tuple[str, str], ...]


Answering = Callable[[Records, Actor], Awaitable[Answer]]
