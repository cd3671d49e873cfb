"""How passwords are kept: at full cost, except by an app in memory."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from stanchion import App, SignIn, UserRecord
from stanchion.auth.passwords import FULL, NICE, SLIGHT, Hasher
from stanchion.testing import client


def test_hash_is_argon2id_at_the_cost_that_owasp_names() -> None:
    hasher = Hasher()
    try:
        kept = asyncio.run(hasher.hash("a quiet pizza oven"))
    finally:
        hasher.close()
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_app_in_memory_hashes_at_slight_cost_and_an_app_that_is_served_does_not() -> None:
    app = App("Shop")

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open")

    with client(app):
        assert app.runtime.gate is not None
        hasher = app.runtime.gate.accounts.hasher
        assert hasher.cost is SLIGHT
        kept = asyncio.run(hasher.hash("a quiet pizza oven"))
        assert not hasher.is_outdated(kept)
        hasher.cost = FULL
        assert hasher.is_outdated(kept), "signing in makes a better one of it"
    assert Hasher().cost is FULL


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_threads_that_hash_give_way_to_those_that_answer() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    hasher = Hasher()
    try:
        hashing = asyncio.run(hasher._run(priority))
    finally:
        hasher.close()
    assert hashing == min(19, priority() + NICE)
