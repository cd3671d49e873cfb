"""A hidden value cannot be learned: not bit by bit, not in the open, not by an error or a header.

The same attack runs in two worlds that differ in nothing but the secret, under a clock that
stands still. Whatever an attacker may conclude, it concludes from the answers; where each answer
is the same, byte for byte, no bit of the secret is in them. The control is an app in which the
field may be read: there each way by itself gives the whole secret away, so the attack works.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanchion import clock, owner, public

from .asking import Asking
from .safes import (
    ATTACKER,
    BITS,
    BUDGET,
    HIDING,
    KNOWN,
    LENGTH,
    LETTERS,
    OPEN,
    STARTS,
    VICTIM_OWNER,
    Attacker,
    attack,
    in_the_open,
    make_app,
)

NOON = 1_800_000_000_000_000_000


@pytest.fixture(autouse=True)
def still_clock() -> Iterator[None]:
    clock.use(lambda: NOON)
    yield
    clock.use(None)


def random_secret() -> str:
    return KNOWN + "".join(random.choices(LETTERS, k=LENGTH))


@pytest.mark.parametrize("hiding", [*HIDING, "its row is hidden"])
def test_no_bit_of_a_hidden_value_is_in_any_answer(tmp_path: Path, hiding: str) -> None:
    declared = HIDING.get(hiding, {"unique": True})
    rows = public if hiding in HIDING else owner("owner")
    secrets = [random_secret(), random_secret()]
    told = []
    for number, secret in enumerate(secrets):
        asking = Asking(make_app(tmp_path / f"{number}.db", secret, declared, rows))
        attacker = Attacker(asking)
        found = attack(attacker, search="search" in declared)
        attacker.try_writes(secrets[0])  # in one of the worlds this is the secret
        asking.close()
        assert secret not in found.values()
        assert in_the_open(attacker, secret) == []
        told.append(attacker.told)
    assert len(told[0]) <= BUDGET
    for one, other in zip(*told, strict=True):
        assert one == other, "an answer that depends on the secret"


def test_where_the_field_may_be_read_each_way_gives_all_of_it(tmp_path: Path) -> None:
    secret = random_secret()
    asking = Asking(make_app(tmp_path / "open.db", secret, OPEN))
    attacker = Attacker(asking)
    found = attack(attacker, search=True)
    assert found == dict.fromkeys([*BITS, *STARTS], secret)
    assert len(attacker.told) <= BUDGET
    assert any("group" in asked for asked in in_the_open(attacker, secret))
    assert any("'limit': '1'" in asked for asked in in_the_open(attacker, secret)), "cursors"
    asking.close()


def test_a_unique_hidden_value_answers_an_equal_guess_only_and_names_no_field(
    tmp_path: Path,
) -> None:
    """Uniqueness itself tells that a value is taken, whole or not at all: 64 bits at once."""
    secret = random_secret()
    asking = Asking(make_app(tmp_path / "unique.db", secret, HIDING["nobody reads it"]))
    attacker = Attacker(asking)
    for guess in (secret[:-1], secret + "a", secret.upper(), KNOWN):
        body = {"name": "x", "owner": ATTACKER, "secret": guess}
        assert attacker.ask("POST", "/api/safes", body).status == 201
    body = {"name": "x", "owner": ATTACKER, "secret": secret}
    clash = attacker.ask("POST", "/api/safes", body)
    assert clash.status == 409
    assert [error.get("pointer") for error in clash.json["errors"]] == [None]
    assert b"secret" not in clash.body
    stranger = {"name": "x", "owner": VICTIM_OWNER, "secret": secret}
    refused = attacker.ask("POST", "/api/safes", stranger)
    assert refused.status == 403, "a clash is told only to whoever passes the rule"
    asking.close()
