"""How what people prove themselves with is kept."""

from __future__ import annotations

import pytest
from argon2.low_level import Type, hash_secret_raw

from stanchion.auth.passwords import FULL
from stanchion.testing import Client

from .test_factors import ANN, BOB, Person, Time, enrol, http, time

__all__ = ["http", "time"]  # fixtures


pytestmark = pytest.mark.unordered  # recovery codes are drawn by chance


def kept(person: Person) -> list[tuple[bytes, bytes]]:
    http = person.http
    user = http.get("/api/auth/me", headers=person.headers).json()["user"]["id"]
    asked = "select salt,digest from _recovery where user_id=?1"
    found: list[tuple[bytes, bytes]] = http.run(http.app.runtime.engine.fetch(asked, (user,)))
    return found


def slow(code: str, salt: bytes) -> bytes:
    """Argon2id as OWASP asks for it: 19 MiB, two passes, one lane."""
    letters = code.replace("-", "").encode()
    return hash_secret_raw(letters, salt, 2, 19_456, 1, 32, Type.ID)


def test_recovery_codes_are_kept_as_slow_hashes_with_a_salt(http: Client, time: Time) -> None:
    gate = http.app.runtime.gate
    assert gate is not None
    gate.accounts.hasher.cost = FULL  # as every app has it that is not a test's
    salts = set()
    for email in (ANN, BOB):
        person = enrol(http, time, email)
        rows = kept(person)
        (salt,) = {salt for salt, _ in rows}
        assert len(rows) == 10 and len(salt) >= 4
        assert slow(person.recovery[3], salt) in {digest for _, digest in rows}
        salts.add(salt)
    assert len(salts) == 2
