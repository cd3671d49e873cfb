"""The change log as a way in: a reader that judges less, or in another world, turns cells red."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.changelog.past import Past
from stanchion.changelog.sight import LogSight
from stanchion.expr.tree import TRUE

from .asking import Asking
from .removing import count_red
from .told import oracle_of
from .ways import Asker, changes
from .world import CALLERS, make_app

Fault = Callable[[pytest.MonkeyPatch], None]
AT_THE_END = 1_000_000


def no_row_rules(patch: pytest.MonkeyPatch) -> None:
    judge = LogSight._judge
    patch.setattr(LogSight, "_judge", lambda *asked: replace(judge(*asked), read=TRUE))


def no_field_rules(patch: pytest.MonkeyPatch) -> None:
    judge = LogSight._judge

    def judging(*asked: Any) -> Any:
        found = judge(*asked)
        return replace(found, fields={f.name: TRUE for f in found.collection.fields})

    patch.setattr(LogSight, "_judge", judging)


def the_row_before_is_not_judged(patch: pytest.MonkeyPatch) -> None:
    seen = LogSight._seen

    async def seeing(sight: Any, judged: Any, row: Any, at: Any, change: Any, side: str) -> Any:
        found = replace(judged, read=TRUE) if side == "before" else judged
        return await seen(sight, found, row, at, change, side)  # type: ignore[arg-type]  # a side

    patch.setattr(LogSight, "_seen", seeing)


def by_the_records_of_today(patch: pytest.MonkeyPatch) -> None:
    async def find(past: Past) -> int:
        return AT_THE_END

    patch.setattr(Past, "_find_place", find)


def only_one_world(side: str) -> Fault:
    def plant(patch: pytest.MonkeyPatch) -> None:
        past = LogSight._past
        patch.setattr(LogSight, "_past", lambda sight, at, tx, _: past(sight, at, tx, side))  # type: ignore[arg-type]  # a side

    return plant


def each_step_by_itself(patch: pytest.MonkeyPatch) -> None:
    async def find(*_: object) -> dict[Any, Any]:
        return {}

    patch.setattr("stanchion.changelog.sight.find_several", find)


ALL = ("projects", "tasks", "comments", "rooms", "tags", "marks")
ACROSS = ("tasks", "comments", "rooms", "tags", "marks")
"""Whose read rules follow references."""
FAULTS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "no row rules": (no_row_rules, ALL),
    "no field rules": (no_field_rules, ("projects", "tasks", "rooms", "tags")),
    "the row before is not judged": (the_row_before_is_not_judged, ALL),
    "by the records of today": (by_the_records_of_today, ACROSS),
    "each step by itself": (each_step_by_itself, ("users", *ALL)),
    "only the world before": (only_one_world("before"), ACROSS),
    "only the world after": (only_one_world("after"), ACROSS),
}


@pytest.mark.planted
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_reader_alone_turns_cells_red(
    copied: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    plant, collections = FAULTS[fault]
    plant(monkeypatch)
    asking = Asking(make_app(copied))
    try:
        for collection in collections:
            askers = [Asker(caller, collection, oracle_of(caller)) for caller in CALLERS]
            cells = (cell for a in askers for cell in changes(a))
            red, asked, first = asking.run(count_red(asking, cells))
            print(f"{fault}: {red} of {asked} {first}")
            assert red, f"{fault}: no cell of {collection} turned red"
    finally:
        asking.close()
