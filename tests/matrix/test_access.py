"""What `stanchion access` prints, held against the oracle: a cell is true of exactly the records of
which the oracle says so.

A condition is read again as a filter, with the caller's values in the place of `auth`, and asked by
the system, which sees everything.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from stanchion.access import AccessMatrix, find_access
from stanchion.query import SYSTEM

from .oracle import Oracle
from .people import People
from .told import oracle_of
from .world import FIELDS, KINDS, ROWS, auth_of, make_id

NAMES = {
    "anonymous": "anonymous", "ann": "role=member", "ben": "role=member", "eve": "role=member",
    "cat": "role=manager", "dan": "role=auditor", "admin": "admin",
}  # fmt: skip
"""What each caller of the world is called there."""
NONE = make_id(KINDS["teams"], 999)
FEWEST = 700


@pytest.fixture(scope="module")
def matrix(people: People) -> AccessMatrix:
    return find_access(people.app.runtime.policy)


def expected_of(oracle: Oracle, collection: str) -> Iterator[tuple[str, str | None, set[str]]]:
    """Operation, field, and the records of which a caller has it."""
    seen = [row for row in ROWS[collection].values() if oracle.sees(collection, row)]
    yield "read", None, {row["id"] for row in seen}
    for operation in ("update", "delete"):
        rule = f"{collection}.{operation}"
        open_to = [row for row in seen if oracle.possible(rule) and oracle.holds(rule, row, row)]
        yield operation, None, {row["id"] for row in open_to}
    for field in FIELDS[collection]:
        shown = [row for row in seen if oracle.sees_field(collection, row, field.name)]
        yield "read", field.name, {row["id"] for row in shown}


def found_in(people: People, collection: str, cell: str, caller: str) -> set[str]:
    """The records of which a cell is true."""
    if not cell.startswith("if "):
        return set(ROWS[collection]) if cell == "yes" else set()
    text = cell.removeprefix("if ").replace("record.", "").replace("old.", "")
    for name, value in (auth_of(caller) or {}).items():
        text = text.replace(f"auth.{name}", json.dumps(value or NONE))
    assert "auth." not in text, text
    query = {"filter": text, "fields": "id", "limit": "1000"}
    answer = people.ask(SYSTEM, "GET", f"/api/{collection}", query)
    assert answer.status == 200, (cell, answer.body)
    return {item["id"] for item in answer.json["items"]}


def test_a_cell_holds_of_the_records_of_which_the_oracle_says_so(
    people: People, matrix: AccessMatrix
) -> None:
    wrong, kinds = [], Counter[str]()
    for caller, name in NAMES.items():
        oracle = oracle_of(caller)
        for collection in FIELDS:
            for operation, field, expected in expected_of(oracle, collection):
                cell = matrix.cell(name, operation, collection, field)
                kinds[cell.partition(" ")[0]] += 1
                if found_in(people, collection, cell, caller) != expected:
                    wrong.append(f"{caller} {operation} {collection} {field}: {cell}, {expected}")
    print(kinds.total(), "cells of access", dict(kinds))
    assert not wrong, "\n".join(wrong)
    assert kinds.total() >= FEWEST and min(kinds.values()) > 50, kinds
