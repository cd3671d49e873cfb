"""Argon2id with the smallest parameters, for tests in which hashes are not what is tried."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from argon2.low_level import Type, hash_secret_raw

from stanchion.auth import passwords

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def _digest(text: str, salt: bytes) -> bytes:
    return hash_secret_raw(text.encode(), salt, 1, 8, 1, 32, Type.ID)


def make_hashes_cheap(patch: pytest.MonkeyPatch, waiting: int = 100) -> None:
    """Of an app that is opened from here on, `waiting` hashes may wait for each thread."""
    patch.setattr(passwords, "_argon2", lambda: _CHEAP)
    patch.setattr(passwords, "_digest", _digest)
    patch.setattr(passwords, "WAITING", waiting)
