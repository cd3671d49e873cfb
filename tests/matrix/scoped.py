"""What an API key takes away, said again in plain Python: the oracle of one caller with a key.

In: rows, a caller, scopes.   Out: an `Oracle` that lets them do no more than their user, and no
more than the scopes name. Imports nothing of the product, like the oracle.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .oracle import Oracle, Row, Verdict
from .world import Rows


class Scoped(Oracle):
    """A caller with an API key."""

    def __init__(self, rows: Rows, kind: str, me: Row | None, scopes: Iterable[str]) -> None:
        super().__init__(rows, kind, me)
        self.scopes = frozenset(scopes)

    def opens(self, rule: str) -> bool:
        """Whether a scope names what a rule is about; fields come with their record."""
        collection, *field, operation = rule.split(".")
        named = {f"{collection}:write", "*:write"}
        if operation == "read":
            named |= {f"{collection}:read", "*:read"}
        return bool(field) or not named.isdisjoint(self.scopes)

    def possible(self, rule: str) -> bool:
        return self.opens(rule) and super().possible(rule)

    def holds(self, rule: str, row: Row, old: Row | None = None) -> bool:
        if rule == "users.email.write":  # whoever's key it is, an admin's too
            return self._holds(rule, row, old)
        return self.opens(rule) and super().holds(rule, row, old)

    def create(self, collection: str, sent: Row) -> Verdict:
        return self._shut(collection) or super().create(collection, sent)

    def update(self, collection: str, key: str, sent: Row, missing: Any = ()) -> Verdict:
        return self._shut(collection) or super().update(collection, key, sent, missing)

    def put(self, collection: str, key: str, sent: Row) -> Verdict:
        return self._shut(collection) or super().put(collection, key, sent)

    def delete(self, collection: str, key: str) -> Verdict:
        return self._shut(collection) or super().delete(collection, key)

    def _shut(self, collection: str) -> Verdict | None:
        if self.opens(f"{collection}.update"):
            return None
        return Verdict(403, self.rows, code="auth.key_scope")
