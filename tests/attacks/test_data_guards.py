"""S4, S7, S8: the attacks of `tests/matrix` on hidden fields, on fields of the server and on
records of others, each with one guard of the product taken away. Each must then see more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stanchion.plan.policy import Profile
from stanchion.plan.write import plan_write
from stanchion.store import conflicts, door
from stanchion.testing import client
from tests.matrix.asking import Asking
from tests.matrix.safes import HIDING, KNOWN, LENGTH, Attacker, recover
from tests.matrix.safes import make_app as make_safes
from tests.matrix.test_takeover import CALLERS, TAKEOVERS, alone
from tests.matrix.test_takeover import make_app as make_documents

from .app import as_system, own_id, register
from .app import make_app as make_people

SECRET = KNOWN + "b" * LENGTH


def bits_of(tmp_path: Path) -> str:
    """What an attacker takes a field for that nobody reads, by filters alone."""
    asking = Asking(make_safes(tmp_path / "safes.db", SECRET, HIDING["nobody reads it"]))
    try:
        return recover(Attacker(asking), Attacker.by_filter)
    finally:
        asking.close()


def test_a_hidden_field_is_not_found_by_filters(tmp_path: Path) -> None:
    assert bits_of(tmp_path) != SECRET


def test_a_filter_on_a_hidden_field_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Profile, "sight", lambda *_: "open")
    assert bits_of(tmp_path) == SECRET


@pytest.fixture
def documents(tmp_path: Path) -> Iterator[Asking]:
    asking = Asking(make_documents(tmp_path / "documents.db"))
    yield asking
    asking.close()


def taken_over(asking: Asking) -> list[str]:
    """The attempts of a stranger that were not refused."""
    return [
        name
        for name, attempt in TAKEOVERS.items()
        if asking.run(alone(asking, CALLERS["eve"], attempt)) < 400
    ]


def test_a_stranger_takes_nothing_over(documents: Asking) -> None:
    assert taken_over(documents) == []


def test_a_reference_to_what_nobody_may_see_would_be_seen(
    documents: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (door, conflicts):
        monkeypatch.setattr(module, "unknown_references", lambda *_: [])
    assert "link to a hidden folder" in taken_over(documents)


def test_a_rule_that_is_not_asked_would_be_seen(
    documents: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (door, conflicts):
        monkeypatch.setattr(module, "judge_rules", lambda *_: None)
    assert {"name oneself the owner", "create for another"} <= set(taken_over(documents))


def kept(asked: dict[str, Any]) -> dict[str, Any]:
    """What is stored of a user who sets these fields of their own record."""
    with client(make_people()) as http:
        ann = register(http)
        user = own_id(http, ann)
        http.patch(f"/api/users/{user}", asked, headers=ann)
        stored: dict[str, Any] = as_system(http, "GET", f"/api/users/{user}").json()
        return {name: stored[name] for name in asked}


def test_nobody_makes_themselves_an_admin() -> None:
    assert [kept({name: True})[name] for name in ("admin", "verified")] == [False, False]


def test_a_field_of_the_server_that_may_be_named_would_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attack of `tests/matrix/test_mass_assignment.py`, of one field."""

    def plan(*given: Any) -> Any:
        made = plan_write(*given)
        return replace(made, settable=made.settable | {"admin"})

    monkeypatch.setattr("stanchion.plans.plan_write", plan)
    assert kept({"admin": True}) == {"admin": True}
