"""How what people prove themselves with is kept."""

from __future__ import annotations

from typing import Any

import pytest
from argon2.low_level import Type, hash_secret_raw

from stanchion.testing import Client

from .test_factors import BOB, Person, Time, ann, enrol, http, time

__all__ = ["ann", "http", "time"]  # fixtures


pytestmark = pytest.mark.unordered  # recovery codes are drawn by chance


async def kept(person: Person) -> list[tuple[bytes, bytes]]:
    engine = person.http.app.runtime.engine
    return await engine.fetch(
        "select salt,digest from _recovery where user_id=?1", (id_of(person),)
    )


def id_of(person: Person) -> str:
    return str(person.http.get("/api/auth/me", headers=person.headers).json()["user"]["id"])


def slow(code: str, salt: bytes) -> bytes:
    """Argon2id as OWASP asks for it: 19 MiB, two passes, one lane."""
    letters = code.replace("-", "").encode()
    return hash_secret_raw(letters, salt, 2, 19_456, 1, 32, Type.ID)


def test_recovery_codes_are_kept_as_slow_hashes_with_a_salt(
    ann: Person, time: Time, http: Client
) -> None:
    bob = enrol(http, time, BOB)
    salts = set()
    for person in (ann, bob):
        rows: list[Any] = http.run(kept(person))
        (salt,) = {salt for salt, _ in rows}
        assert len(rows) == 10 and len(salt) >= 4
        assert slow(person.recovery[3], salt) in {digest for _, digest in rows}
        salts.add(salt)
    assert len(salts) == 2
