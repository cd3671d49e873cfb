"""What is drawn by chance when people sign in: from where, and how long it is."""

from __future__ import annotations

import random
import re
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stanchion.auth import codes, factors
from stanchion.auth.codes import new_code, new_link
from stanchion.auth.providers.ways import new_way
from stanchion.auth.tickets import new_ticket
from stanchion.auth.tokens import is_key, new_key, new_token

DRAWN: dict[str, Callable[[], Any]] = {
    "token": lambda: new_token("st"),
    "key": new_key,
    "link": lambda: new_link("reset", "u", "ann@example.com")[0],
    "code": lambda: [new_code("r", "u", "ann@example.com")[0] for _ in range(4)],
    "recovery code": factors.new_recovery_code,
    "ticket": lambda: new_ticket("code", "u", b"")[0],
    "way": lambda: (new_way("/", "").nonce, new_way("/", "").verifier),
    "authenticator": factors.new_secret,
}


@pytest.fixture
def seeded() -> Iterator[Callable[[], None]]:
    state = random.getstate()
    yield lambda: random.seed(7)
    random.setstate(state)


@pytest.mark.parametrize("name", DRAWN)
def test_who_seeds_python_knows_no_secret(name: str, seeded: Callable[[], None]) -> None:
    drawn = []
    for _ in range(2):
        seeded()
        drawn.append(DRAWN[name]())
    assert drawn[0] != drawn[1]


def test_who_seeds_python_would_know_what_it_draws(
    seeded: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault, planted: codes of Python's own generator."""
    monkeypatch.setattr(secrets, "randbelow", random.randrange)
    drawn = []
    for _ in range(2):
        seeded()
        drawn.append(DRAWN["code"]())
    assert drawn[0] == drawn[1]


def test_tokens_have_256_bits() -> None:
    made = {new_token("st") for _ in range(1000)}
    assert len(made) == 1000
    for token in made:
        prefix, _, text = token.partition("_")
        assert prefix == "st" and len(urlsafe_b64decode(text + "=")) == 32
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200 and all(is_key(key) and len(key) == 53 for key in keys)
    seen = {letter for token in made for letter in token[3:]}
    assert len(seen) == 64, "no letter is left out"


def test_codes_are_as_long_as_they_must_be() -> None:
    made = [new_code("r", "u", "ann@example.com")[0] for _ in range(2000)]
    assert all(re.fullmatch("[0-9]{6}", code) for code in made) and codes.DIGITS == 6
    assert {code[0] for code in made} == set("0123456789"), "zeros in front, too"
    letters = factors.LETTERS
    assert len(set(letters)) == 32 and factors.RECOVERY_CODES == 10
    for _ in range(100):
        assert re.fullmatch(f"[{letters}]{{10}}", factors.new_recovery_code())
