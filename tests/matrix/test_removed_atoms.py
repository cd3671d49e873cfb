"""The matrix can fail: every atom of every rule, when it is taken away, turns cells red.

For each atom the app is built twice, with `true` and with `false` in its place, on the same
database; the oracle stays as it is. Only cells that the rule can reach are asked, and no more than
are needed to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .asking import Asking
from .removing import Near, Turned, by_rule, reached, turned
from .told import oracle_of
from .ways import Asker, Cell, all_cells, changes
from .world import CALLERS, Atom, atoms, make_app

pytestmark = pytest.mark.planted
MANY_TO_MANY = ("expand many-to-many", "many-to-many in filter", "many-to-many in aggregate")
READ_ATOMS = [atom for atom in atoms() if atom.rule.endswith(".read")]


@pytest.fixture(scope="module")
def cells() -> Near:
    """The cells about each collection and operation."""
    return by_rule(all_cells())


def test_each_atom_that_is_taken_away_turns_cells_red(copied: Path, cells: Near) -> None:
    table = []
    for atom in atoms():
        for instead in ("true", "false"):
            red, asked, first = _turned(copied, reached(cells, atom.rule), atom, instead)
            line = f"{atom.rule:24} {atom.text:34} -> {instead:5} {red} of {asked:5}  {first}"
            table.append((red, line))
    print("\n".join(line for _, line in table))
    green = [line for red, line in table if not red]
    assert not green, "\n".join(green)


@pytest.mark.parametrize("collection", sorted({atom.rule.split(".")[0] for atom in READ_ATOMS}))
def test_each_atom_of_a_read_rule_turns_what_the_change_log_tells_red(
    copied: Path, collection: str
) -> None:
    cells = [c for caller in CALLERS for c in changes(Asker(caller, collection, oracle_of(caller)))]
    for atom in (one for one in READ_ATOMS if one.rule.startswith(f"{collection}.")):
        for instead in ("true", "false"):
            red, asked, first = _turned(copied, iter(cells), atom, instead)
            print(f"{atom.rule:24} {atom.text:34} -> {instead:5} {red} of {asked:5}  {first}")
            assert red, f"{atom} -> {instead}"


@pytest.mark.parametrize("rule", ["marks.read", "tags.read", "projects.read"])
def test_a_rule_of_a_link_or_of_either_end_turns_every_way_over_many_to_many_red(
    copied: Path, cells: Near, rule: str
) -> None:
    other = {"tags.read": "projects", "projects.read": "tags"}  # the relation's own side
    near = [c for name in ("projects", "tags") for c in cells[f"{name}.read"]]
    for way in MANY_TO_MANY:
        asked = [c for c in near if c.way == way and c.collection == other.get(rule, c.collection)]
        for atom in (one for one in atoms() if one.rule == rule):
            reds = [
                _turned(copied, reached({rule: asked}, rule), atom, instead)
                for instead in ("true", "false")
            ]
            assert all(red for red, _, _ in reds), f"{atom} in {way}: {reds}"


def _turned(database: Path, wanted: Iterator[Cell], atom: Atom, instead: str) -> Turned:
    return turned(Asking(make_app(database, {(atom.rule, atom.number): instead})), wanted)
