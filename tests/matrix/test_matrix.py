"""Every caller, operation, field and way in: each cell is asked, and held against the oracle.

On engines beside SQLite some of the cells are, see `part`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from stanchion.schema import BackReference

from .asking import Asking
from .part import kinds_of, part_of, sample
from .sending import OTHER_SENDERS
from .told import told_too_much
from .ways import all_cells, cells_of, other_cells_of, wrong_cells
from .world import BACKS, CALLERS, FIELDS, ROWS, THROUGH

NOT_IN_FIELDS = {"created", "updated", "version", "verified", "disabled"}
FEWEST = 5_000


@pytest.mark.parametrize("caller", CALLERS)
def test_no_cell_of_a_caller_is_wrong(asking: Asking, caller: str) -> None:
    wrong = asking.run(wrong_cells(asking, part_of(cells_of(caller))))
    assert not wrong, f"{len(wrong)} wrong cells\n" + "\n".join(wrong[:10])
    assert asking.stored() == ROWS, "what was tried was taken back"


@pytest.mark.parametrize("sender", OTHER_SENDERS)
@pytest.mark.parametrize("caller", CALLERS)
def test_no_write_is_judged_otherwise_when_it_is_sent_otherwise(
    asking: Asking, caller: str, sender: str
) -> None:
    wrong = asking.run(wrong_cells(asking, part_of(other_cells_of(caller, sender))))
    assert not wrong, f"{len(wrong)} wrong cells\n" + "\n".join(wrong[:10])
    assert asking.stored() == ROWS


def test_the_matrix_is_as_large_as_promised_and_holds_every_way() -> None:
    cells = all_cells()
    ways = Counter(cell.way for cell in cells)
    print("\n".join(f"{number:6} {way}" for way, number in ways.most_common()), len(cells))
    assert len(cells) >= FEWEST
    assert set(ways) >= {
        "by id", "list", "fields", "filter", "path in filter", "macro in filter", "sort, cursor",
        "path in sort", "search", "expand to-one", "expand to-many", "expand many-to-many",
        "many-to-many in filter", "many-to-many in aggregate", "macro in aggregate", "group", "sum",
        "avg", "min", "max", "changes", "patch", "create", "put", "delete",
    }  # fmt: skip
    answers = Counter((cell.writes, cell.expected[0]) for cell in cells)
    for status in (200, 400, 401, 403, 404):
        assert answers[False, status] > 20, f"reads that answer {status}"
    for status in (200, 201, 204, 401, 403, 404, 409, 422):
        assert answers[True, status] > 5, f"writes that answer {status}"


def test_the_sample_for_another_engine_leaves_out_no_kind_of_cell() -> None:
    whole = all_cells()
    asked = [cell for caller in CALLERS for cell in sample(cells_of(caller))]
    print(f"{len(asked):,} of {len(whole):,}")
    assert len(asked) < len(whole) / 6
    every = {kind for cell in whole for kind in kinds_of(cell)}
    assert every == {kind for cell in asked for kind in kinds_of(cell)}


def test_no_field_and_no_relation_of_the_model_is_left_out(asking: Asking) -> None:
    schema = asking.app.runtime.model.schema
    stored = {c.name: {f.name for f in c.fields} - NOT_IN_FIELDS for c in schema.collections}
    assert stored == {name: {f.name for f in fields} for name, fields in FIELDS.items()}
    backs = {
        c.name: {r.name: (r.collection, r.field) for r in c.back_references if not r.link}
        for c in schema.collections
    }
    assert {name: found for name, found in backs.items() if found} == BACKS
    far = {
        c.name: {r.name: _ends(r) for r in c.back_references if r.link} for c in schema.collections
    }
    assert {name: found for name, found in far.items() if found} == THROUGH


def _ends(relation: BackReference) -> tuple[str, str, str, str]:
    return relation.collection, relation.link, relation.field, relation.reach


def test_a_hidden_name_or_value_in_a_refusal_would_be_noticed() -> None:
    assert told_too_much("ann", "", {"detail": "There is no `pin`."}) == {"pin"}
    assert told_too_much("ann", "", {"errors": [{"detail": "`b2` is taken."}]}) == {"b2"}
    assert not told_too_much("ann", "{'pin': 'p2'}", {"detail": "There is no `pin`."})
    assert not told_too_much("dan", "", {"detail": "`b1` is taken."}), "it may read it"
