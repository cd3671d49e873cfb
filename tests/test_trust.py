"""`docs/trust.md` names tests, drills and planted faults; each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drills.__main__ import DRILLS
from drills.planted import FAULTS
from tests.test_contract import functions_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "trust.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROWS = (
    "S4", "S5", "S6", "S7", "S8", "S10", "S11", "S12", "S13", "S14", "S19", "S20", "S22", "S24",
    "S25", "D8", "D11", "F20",
)  # fmt: skip
"""Those that are promised for sign-in."""
SEES = re.compile("would_be|is_found|are_found|fault|missing|more_than|sells|turns|seen")
"""What a test is called that plants a fault."""


def rows() -> dict[str, list[str]]:
    """The cells of each row of the table."""
    found = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
        if re.fullmatch("[SDF][0-9]+", cells[0]):
            found[cells[0]] = cells
    return found


def test_no_row_is_left_out() -> None:
    assert tuple(rows()) == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_each_row_says_what_was_tried_and_what_was_found(row: str) -> None:
    cells = rows()[row]
    assert len(cells) == 6 and all(cells)
    assert re.search("[0-9]", cells[2]) and len(cells[1]) > 20


@pytest.mark.parametrize("row", ROWS)
def test_each_row_is_held_by_tests_and_by_a_fault_that_is_seen(row: str) -> None:
    by, planted = rows()[row][4:]
    for path, name in [*TEST.findall(by), *TEST.findall(planted)]:
        assert (ROOT / path).is_file(), f"{row}: there is no {path}"
        assert name in functions_of(ROOT / path), f"{row}: no {name} in {path}"
    assert TEST.search(by)
    faults = [name for _, name in TEST.findall(planted)]
    assert faults and all(SEES.search(name) for name in faults), faults


def test_the_drills_and_faults_that_it_names_are_there() -> None:
    text = "".join(cell for cells in rows().values() for cell in cells)
    drills = set(re.findall(r"drill `([\w-]+)`", text))
    assert drills == {"enumeration", "stuffing", "password-flood", "jobs", "jobs-pg"}
    assert drills <= {drill.NAME for drill in DRILLS}
    planted = {name for cells in rows().values() for name in re.findall(r"\(`([\w-]+)`", cells[5])}
    assert len(planted) == 6 and planted <= FAULTS.keys()
