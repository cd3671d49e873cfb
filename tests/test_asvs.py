"""`docs/asvs.md` judges every item of OWASP ASVS 5.0, V6 to V10, of levels 1 and 2, by a test.

Whether a named test would notice a broken promise is for people to see, who tried it for the rows
at the end of the page; that nothing is left out and each test is there, is seen here.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.test_contract import functions_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "asvs.md"
VERDICTS = ("met", "not applicable", "not met")
TRIED = "\n## Rows that were broken by hand\n"
BEYOND = "\n## Of level 3\n"
LEVELS = {
    "6.1": "122", "6.2": "111111112222", "6.3": "1122", "6.4": "1122", "6.5": "22222",
    "6.6": "222", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "22", "7.6": "22",
    "8.1": "12", "8.2": "112", "8.3": "1", "8.4": "2",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "22", "10.3": "2222", "10.4": "11111222222", "10.5": "22222",
    "10.6": "22", "10.7": "222",
}  # fmt: skip
"""The level of each item of a section, in their order. What is of level 3 comes last in its section
wherever there is any, so the items of levels 1 and 2 are numbered from 1 without a gap."""
ITEMS = {
    f"{section}.{number}": level
    for section, levels in LEVELS.items()
    for number, level in enumerate(levels, start=1)
}


@dataclass(frozen=True, slots=True)
class Item:
    """One row: the number, what is asked, the verdict, what is to be said of it, who shows it."""

    number: str
    level: str
    asks: str
    verdict: str
    why: str
    by: str


def items() -> list[Item]:
    """The rows of levels 1 and 2."""
    found, _, _ = PAGE.read_text("utf-8").partition(BEYOND)
    return [Item(*cells) for cells in rows_of(found, 6)]


def beyond() -> list[Item]:
    """The rows of level 3 that are told besides."""
    _, _, rest = PAGE.read_text("utf-8").partition(BEYOND)
    return [Item(*cells) for cells in rows_of(rest.partition(TRIED)[0], 6)]


def tried() -> list[list[str]]:
    """The rows that were broken by hand: number, faults, the tests that turned red."""
    _, _, section = PAGE.read_text("utf-8").partition(TRIED)
    return rows_of(section, 3)


def rows_of(text: str, cells: int) -> list[list[str]]:
    """The cells of each row that begins with a number, whatever the table."""
    found = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
        for line in text.splitlines()
        if re.match(r"\| \d", line)
    ]
    assert all(len(row) == cells for row in found), [r for r in found if len(r) != cells]
    return found


def test_every_item_of_levels_1_and_2_has_its_row() -> None:
    assert [(item.number, item.level) for item in items()] == list(ITEMS.items())
    assert len(ITEMS) == 96 and all(item.level == "3" for item in beyond())


@pytest.mark.parametrize("item", [*items(), *beyond()], ids=lambda item: item.number)
def test_an_item_says_who_shows_it_or_why_not(item: Item) -> None:
    assert item.verdict in VERDICTS
    assert len(item.asks) > 10
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", item.by)
    assert item.by == ", ".join(f"`{path}::{name}`" for path, name in named)
    for path, name in named:
        assert (ROOT / path).is_file(), f"there is no {path}"
        assert name in functions_of(ROOT / path), f"no {name} in {path}"
    if item.verdict == "met":
        assert named
    else:
        assert len(item.why) > 25, "why it is not, and what that means for an app"
    assert (item.verdict == "not applicable") <= (not named)


def test_the_page_counts_right() -> None:
    said = Counter(item.verdict for item in items())
    told = re.search(
        r"(\d+) are met, (\d+) are not applicable, (\d+) are not met", PAGE.read_text("utf-8")
    )
    assert told is not None
    assert [int(number) for number in told.groups()] == [said[verdict] for verdict in VERDICTS]


def test_what_was_broken_by_hand_is_shown_by_the_tests_that_turned_red() -> None:
    shown = {item.number: item.by for item in [*items(), *beyond()]}
    assert len({number for number, _, _ in tried()}) == len(tried()) >= 12
    for number, faults, red in tried():
        assert len(faults) > 10
        names = re.findall(r"`(test_\w+)`", red)
        assert names and set(names) <= set(re.findall(r"::(\w+)`", shown[number])), number
