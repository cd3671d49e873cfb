"""The records that a rule reaches, fetched as the evaluator asks for them.

In: the schema, and a subclass that knows where the records are.   Out: an `evaluate.World`.
Refuses: rules that reach further than anybody should wait for (`TooFar`).
The evaluator does no I/O: where it needs records that are not here yet it is stopped, they are
fetched, and it starts again. Used by `changelog/past` and `explain/rows`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from ..errors import StanchionError
from ..schema import Schema
from .evaluate import Values

T = TypeVar("T")


class TooFar(StanchionError):
    """A rule reaches more records than are looked at for it."""


class _Missing(Exception):
    """The evaluator needs these records: those of `collection` whose `field` holds `key`."""

    def __init__(self, collection: str, field: str, key: Any) -> None:
        super().__init__(collection, field)
        self.what = (collection, field, key)


class Reached(ABC):
    """A whole database, of which is here what was asked for. Rules see everything, so every record
    is readable."""

    most_fetches: ClassVar[int]

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._found: dict[tuple[str, str, Any], list[Values]] = {}

    @abstractmethod
    async def _load(self, collection: str, field: str, key: Any) -> list[Values]:
        """The records of a collection whose `field` holds `key`; raises `TooFar`."""

    async def settle(self, work: Callable[[], T]) -> T:
        """What `work` comes to, with every record that it asks for; raises `TooFar`."""
        for _ in range(self.most_fetches):
            try:
                return work()
            except _Missing as missing:
                self._found[missing.what] = await self._load(*missing.what)
        raise TooFar(f"a rule asks for records more than {self.most_fetches} times")

    def one(self, collection: str, key: Any) -> Values | None:
        own = self._schema.collection[collection].key[0]
        return next(iter(self.many(collection, own, key)), None)

    def many(self, collection: str, field: str, key: Any) -> Iterable[Values]:
        what = (collection, field, key)
        if what not in self._found:
            raise _Missing(*what)
        return self._found[what]

    def readable(self, collection: str, row: Values) -> bool:
        return True

    def field_readable(self, collection: str, field: str, row: Values) -> bool:
        return True
