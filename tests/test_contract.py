"""`docs/contract.md` names tests and decisions; each of them is there.

Whether a named test would notice a broken promise is for people to see; that it exists, and that
the page says what it is for, is seen here.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "contract.md"
STATES = ("holds", "differs", "missing")
TRIED = "\n## Twenty rows, broken by hand\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One promise: what is promised, whether it holds, and who says so."""

    line: int
    promise: str
    state: str
    by: str


def rows() -> list[Row]:
    """Every row of every table of promises, without the heads."""
    promised, _, _ = PAGE.read_text("utf-8").partition(TRIED)
    found = []
    for number, line in enumerate(promised.splitlines(), start=1):
        if line.startswith("| ") and not line.startswith("| what we promise"):
            cells = re.split(r"(?<!\\)\|", line.strip()[1:-1])
            promise, state, by = (cell.strip() for cell in cells)
            found.append(Row(number, promise, state, by))
    return found


def tried() -> list[list[str]]:
    """The rows that were broken by hand: promise, faults, the tests that turned red."""
    _, _, section = PAGE.read_text("utf-8").partition(TRIED)
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in lines[1:]]


@cache
def functions_of(path: Path) -> frozenset[str]:
    """The test functions of a file, whatever their parameters."""
    tree = ast.parse(path.read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, functions) and node.name.startswith("test_")
    )


def test_every_test_of_the_contract_is_there() -> None:
    for row in rows():
        for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)(?:\[[^`]*\])?`", row.by):
            assert (ROOT / path).is_file(), f"{PAGE.name}:{row.line}: there is no {path}"
            assert name in functions_of(ROOT / path), f"{PAGE.name}:{row.line}: no {name} in {path}"


def test_every_decision_of_the_contract_is_there() -> None:
    numbers = {path.name[:3] for path in (ROOT / "docs" / "decisions").glob("*.md")}
    for row in rows():
        for number in re.findall(r"Decision (\d+)", row.by):
            assert number in numbers, f"{PAGE.name}:{row.line}: there is no decision {number}"


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"line {row.line}")
def test_every_row_says_who_holds_it_or_why_not(row: Row) -> None:
    assert row.state in STATES
    assert len(row.promise) > 10
    if row.state == "holds":
        assert re.fullmatch(r"`tests/[\w/]+\.py::\w+`(, `tests/[\w/]+\.py::\w+`)*", row.by)
    else:
        assert "tests/" not in row.by and len(row.by) > 25
        assert (re.search(r"Decision \d{3}$", row.by) is not None) is (row.state == "differs")


def test_no_promise_stands_twice_and_the_page_counts_right() -> None:
    promises = Counter(row.promise for row in rows())
    assert [promise for promise, times in promises.items() if times > 1] == []
    states = Counter(row.state for row in rows())
    told = re.search(
        r"(\d+) promises hold, (\d+) differ, (\d+) are missing", PAGE.read_text("utf-8")
    )
    assert told is not None
    assert [int(number) for number in told.groups()] == [states[state] for state in STATES]


def test_what_was_broken_by_hand_is_held_by_the_tests_that_turned_red() -> None:
    held = {row.promise: row.by for row in rows() if row.state == "holds"}
    assert len({promise for promise, _, _ in tried()}) == len(tried()) == 20
    for promise, faults, red in tried():
        assert len(faults) > 10
        names = re.findall(r"`(test_\w+)`", red)
        assert names and set(names) <= set(re.findall(r"::(\w+)`", held[promise])), promise
