"""The catalogue of problems: every code that a caller can meet, explained.

In: nothing; this is data.   Out: `CATALOGUE`, by code, and `FAMILIES`, in reading order.
Read by `http/pages` for `/docs/errors`; a test holds it to the codes that the source says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import PAGES
from .answers import ANSWERS
from .entry import Entry, Family, example_of
from .places import PLACES

__all__ = ["CATALOGUE", "FAMILIES", "PAGES", "Entry", "Family", "example_of", "in_order"]

FAMILIES: tuple[Family, ...] = (*ANSWERS, PLACES)


def in_order() -> Iterator[Entry]:
    """Every entry, in the order of the page."""
    for family in FAMILIES:
        yield from family.entries


CATALOGUE: Mapping[str, Entry] = {entry.code: entry for entry in in_order()}
