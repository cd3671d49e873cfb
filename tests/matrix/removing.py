"""Taking one atom of a rule away, and counting the cells that turn red.

In: an atom, what stands in its place, the cells that its rule can reach.   Out: how many of them
turned red, how many were asked until enough had, and the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from .asking import Asking
from .ways import CHANGES_WAY, Cell, outcome

ENOUGH = 3
EVERY = 7  # one in so many cells is asked first; then the others
Turned = tuple[int, int, str]
Near = dict[str, list[Cell]]


def by_rule(cells: Iterable[Cell]) -> Near:
    """The cells about each collection and operation."""
    found: Near = defaultdict(list)
    for cell in cells:
        if cell.way == CHANGES_WAY:
            continue  # dear to ask, and asked apart
        operations = {"patch": ("update",), "put": ("update", "create")}.get(cell.way, (cell.way,))
        for operation in operations if cell.writes else ("read",):
            found[f"{cell.collection}.{operation}"].append(cell)
    return found


def reached(cells: Near, rule: str) -> Iterator[Cell]:
    """The cells that a rule decides, spread over callers and rows."""
    collection, *field, operation = rule.split(".")
    operations = [operation]
    if operation == "write":
        operations = ["create", "update"] if field else ["create", "update", "delete"]
    near = [cell for one in operations for cell in cells[f"{collection}.{one}"]]
    if field:
        near.sort(key=lambda cell: field[0] not in cell.about)
    for start in range(EVERY):
        yield from near[start::EVERY]


def turned(asking: Asking, wanted: Iterator[Cell]) -> Turned:
    """What an app does with the cells, which is closed then."""
    try:
        return asking.run(count_red(asking, wanted))
    finally:
        asking.close()


async def count_red(asking: Asking, wanted: Iterator[Cell]) -> Turned:
    """The same of an app that stays open."""
    red, asked, first = 0, 0, ""
    for cell in wanted:
        asked += 1
        if await outcome(asking, cell) != cell.expected:
            red += 1
            first = first or str(cell)
            if red == ENOUGH:
                break
    return red, asked, first
