"""A database in memory that answers one question: how would SQLite run this statement?

In: the statements that make tables and indexes.   Out: plans, with or without one index more.
It holds no rows, and no statistics, as the databases of apps hold none; so the planner decides
here as it does there. Used by explain and check.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw

from ..base import Params, Row


class Scratch:
    """See the module."""

    def __init__(self, statements: Iterable[str]) -> None:
        self._connection = apsw.Connection(":memory:")
        for statement in statements:
            self._connection.execute(statement)

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def plan(self, text: str, params: Params = ()) -> list[Row]:
        """SQLite's plan of a statement: (id, parent, cost, what it does)."""
        found: list[Any] = self._connection.execute(
            f"explain query plan {text}", tuple(params)
        ).fetchall()
        return found

    def plan_with(self, index: str, text: str, params: Params = ()) -> list[Row]:
        """The same as if `index`, a CREATE INDEX, had been run."""
        self._connection.execute("savepoint scratch")
        try:
            self._connection.execute(index)
            return self.plan(text, params)
        finally:
            self._connection.execute("rollback to scratch")
            self._connection.execute("release scratch")
