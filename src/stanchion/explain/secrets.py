"""Values that nobody may read (`read=False`), and statements told without them.

In: what a request wrote, and who asks.   Out: parameters in which such values are not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from ..query import Actor
from ..schema import NEVER, Collection, Schema
from .rehearsal import Became


class Hidden:
    """Stands where such a value was."""

    def __repr__(self) -> str:
        return "(a value that nobody may read)"


HIDDEN = Hidden()


def find_secrets(schema: Schema, became: Iterable[Became], actor: Actor) -> frozenset[object]:
    """The values of such fields in the rows that were written, and in the caller's own record."""
    found: set[object] = set()
    for row in became:
        found |= _secret(schema.collection[row.collection], row.raw)
    if schema.users is not None and actor.record:
        found |= _secret(schema.users, actor.record)
    return frozenset(found)


def hide(params: Sequence[Any], secrets: frozenset[object]) -> tuple[Any, ...]:
    """The parameters without them. A value that is the same by chance is hidden, too."""
    return tuple(HIDDEN if _is_value(p) and p in secrets else p for p in params)


def _secret(collection: Collection, row: Mapping[str, Any]) -> set[object]:
    fields = (f.name for f in collection.fields if f.read == NEVER)
    return {row[name] for name in fields if name in row and _is_value(row[name])}


def _is_value(value: object) -> bool:
    """What says nothing by itself, such as null or true, is no secret."""
    kinds = (str, bytes, int, float, Decimal, UUID, date)
    return isinstance(value, kinds) and not isinstance(value, bool)
