"""What the steps of the write door share: who writes, and how a statement is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..engines import Ask, AskAll, Steps
from ..sql.text import Given, Statement
from .changes import Occasion

__all__ = ["Caller", "Steps", "ask", "ask_all", "ask_each"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who writes: the values of `auth`, the occasion that the log remembers, and the values of
    `$names` in conditions of Python code."""

    auth: Mapping[str, Any] | None
    occasion: Occasion
    now: datetime | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def given(self, **more: Any) -> Given:
        """The values that a statement is bound with, for this caller."""
        return Given(auth=self.auth, now=self.now, params=self.params, **more)


def ask(statement: Statement, given: Given) -> Ask:
    """The statement with its parameters."""
    return Ask(statement.text, statement.bind(given))


def ask_each(statement: Statement, each: Iterable[Given]) -> Ask | AskAll:
    """The statement with the parameters of each, none of which depends on another one's rows."""
    text, bind = statement.text, statement.bind
    asks = [Ask(text, bind(given)) for given in each]
    return asks[0] if len(asks) == 1 else AskAll(asks)  # as `ask_all`, a call less for each write


def ask_all(asks: Sequence[Ask]) -> Ask | AskAll:
    """Statements none of which depends on another one's rows. Most writes are of one record: one
    alone goes the short way."""
    return asks[0] if len(asks) == 1 else AskAll(asks)
