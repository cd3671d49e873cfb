"""Sign-in under attack: asked who has an account, tried with stolen passwords, flooded."""

from __future__ import annotations

import pytest

from tests.drills.short import run, sees


@pytest.mark.parametrize("name", ["enumeration", "stuffing", "password-flood"])
def test_promise_is_kept(name: str) -> None:
    assert run(name).broken == []


@pytest.mark.planted
@pytest.mark.parametrize(
    ("name", "plant", "what"),
    [
        ("enumeration", "no-dummy-work", "login, with a password: AUC of how long it took"),
        ("stuffing", "uncounted", "tries of one account that were judged"),
        ("stuffing", "locked-out", "times that its owner was kept out"),
        ("password-flood", "hashed-on-the-loop", "reads beside the flood / reads without"),
    ],
)
def test_planted_fault_breaks_the_promise(name: str, plant: str, what: str) -> None:
    sees(name, plant, what)
