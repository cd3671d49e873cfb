"""All cells of an app, and the form in which they are stored.

In: the checked rules, or the text of a stored matrix.   Out: `AccessMatrix`; its text.
Refuses: a text that is no stored matrix (`SnapshotUnusable`).
The text is JSON with one line for each place, so that a change of it reads well in a review. A
field that is reached as its record is says so in three words; the line is still there, because a
new field is a change that somebody should look at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import StanchionError
from ..plan.policy import ROW_OPERATIONS, Policy
from .callers import find_callers
from .cells import CallerRules, cell_of, operations_on

FORMAT = 1
AS_RECORD = "as the record"
AccessRow = Mapping[str, str]
"""Cells by the name of the caller."""


class AccessPlace(NamedTuple):
    """What is reached, and how: records of a collection, or one field of them."""

    collection: str
    field: str | None
    operation: str

    def __str__(self) -> str:
        name = self.collection if self.field is None else f"{self.collection}.{self.field}"
        return f"{name} {self.operation}"

    @property
    def of_records(self) -> AccessPlace:
        """The place of the whole records."""
        return self._replace(field=None)


class SnapshotUnusable(StanchionError):
    """A text that is no stored matrix."""


@dataclass(frozen=True, slots=True)
class AccessMatrix:
    """Who may do what: for each place, in the order of the declarations, its cells by caller."""

    callers: tuple[str, ...]
    rows: Mapping[AccessPlace, AccessRow]

    def cell(self, caller: str, operation: str, collection: str, field: str | None = None) -> str:
        """`yes`, `no`, or `if` and a condition; raises `KeyError` for what is not there."""
        return self.rows[AccessPlace(collection, field, operation)][caller]

    def as_its_record(self, place: AccessPlace) -> bool:
        """Whether a field is reached by all callers as its record is."""
        return place.field is not None and self.rows[place] == self.rows.get(place.of_records)


def find_access(policy: Policy) -> AccessMatrix:
    """The matrix of an app."""
    callers = find_callers(policy)
    rules = {caller.name: CallerRules(policy, caller) for caller in callers}
    rows: dict[AccessPlace, AccessRow] = {}
    for collection in policy.schema.collections:
        for operation in ROW_OPERATIONS:
            rows[AccessPlace(collection.name, None, operation)] = {
                name: cell_of(one.of_records(collection, operation)) for name, one in rules.items()
            }
        for field in collection.fields:
            for reach in operations_on(collection, field):
                rows[AccessPlace(collection.name, field.name, reach)] = {
                    name: cell_of(one.of_field(collection, field, reach))
                    for name, one in rules.items()
                }
    return AccessMatrix(tuple(rules), rows)


# the stored form


def render_snapshot(matrix: AccessMatrix) -> str:
    """The matrix as JSON, one line for each place."""
    lines = [f'  "format": {FORMAT},', f'  "callers": {_json(list(matrix.callers))},']
    rows = [
        f"    {_json(str(place))}: {_json(AS_RECORD if matrix.as_its_record(place) else dict(row))}"
        for place, row in matrix.rows.items()
    ]
    return "\n".join(["{", *lines, '  "cells": {', ",\n".join(rows), "  }", "}"]) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def parse_snapshot(text: str) -> AccessMatrix:
    """The matrix of a text that `render_snapshot` made; raises `SnapshotUnusable`."""
    try:
        stored = json.loads(text)
        if stored["format"] != FORMAT:
            raise SnapshotUnusable(f"it is of format {stored['format']}, this is {FORMAT}")
        callers = tuple(map(str, stored["callers"]))
        return AccessMatrix(callers, dict(_rows(stored["cells"], callers)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotUnusable(f"it is no stored access matrix ({error})") from None


def _rows(
    cells: Mapping[str, object], callers: tuple[str, ...]
) -> Iterator[tuple[AccessPlace, AccessRow]]:
    read: dict[AccessPlace, AccessRow] = {}
    for said, row in cells.items():
        name, _, operation = said.rpartition(" ")
        collection, _, field = name.partition(".")
        place = AccessPlace(collection, field or None, operation)
        if row == AS_RECORD:
            read[place] = read[place.of_records]
        else:
            read[place] = {caller: str(row[caller]) for caller in callers}  # type: ignore[index]  # what is no object raises TypeError, which is caught
        yield place, read[place]
