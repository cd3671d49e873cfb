"""With real sessions the matrix can fail, too: an atom of a rule that is taken away turns cells red
of those who come by cookie, by bearer token and by API key.

A few rules of each kind, all of them with `STANCHION_MATRIX=deep`. The other half is
`test_removed_atoms`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.conformance import engines

from .people import HOWS, Carried, People
from .removing import Near, by_rule, reached, turned
from .ways import WIRE_WAYS, cells_of
from .world import RULES, atoms, make_app

pytestmark = pytest.mark.planted
CHOSEN = (
    "reports.read", "projects.update", "projects.budget.write", "rooms.update", "users.phone.read",
    "users.role.write", "tags.read",
)  # fmt: skip
ASKED = tuple(RULES) if engines.WHOLE else CHOSEN
CALLERS = ("ann", "ben", "cat", "dan", "eve", "anonymous")
"""Of `auth != null` nobody shows that it is gone who is signed in; they are asked first."""


@pytest.fixture(scope="module")
def near() -> Near:
    """The cells of people who sign in, and of nobody."""
    collections = sorted({rule.split(".")[0] for rule in ASKED})
    return by_rule(cell for who in CALLERS for cell in cells_of(who, collections, WIRE_WAYS))


@pytest.fixture
def database(peopled: tuple[Path, Carried], tmp_path: Path) -> Iterator[Path]:
    """A copy of the world in which everybody is signed in."""
    with engines.copied(peopled[0], tmp_path / "people.db") as path:
        yield path


@pytest.mark.parametrize("rule", ASKED)
def test_each_atom_that_is_taken_away_turns_cells_of_sessions_and_keys_red(
    database: Path, peopled: tuple[Path, Carried], near: Near, rule: str
) -> None:
    hows = cycle(HOWS)
    for atom in (one for one in atoms() if one.rule == rule):
        for instead in ("true", "false"):
            app = make_app(database, {(atom.rule, atom.number): instead})
            people = People(app, peopled[1])
            people.by = next(hows)
            red, asked, first = turned(people, reached(near, rule))
            print(f"{rule} {atom.text} -> {instead} by {people.by}: {red} of {asked}, {first}")
            assert red, f"{atom} -> {instead}"
