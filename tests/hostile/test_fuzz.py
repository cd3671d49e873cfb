"""The fuzzer's short form; `make fuzz` runs it for ten minutes in all: nine in memory, one on the
wire."""

from __future__ import annotations

import os
from typing import Any

import pytest

from stanchion.engines.sqlite.transactions import Transactions
from stanchion.http.dispatch import Dispatcher
from stanchion.store import idempotency
from tests.api.conftest import Api
from tests.hostile.conftest import Server, load_app
from tests.hostile.fuzz import Found, Fuzzer, Wire, keys_of, report, run

DEEP = os.environ.get("STANCHION_FUZZ") == "deep"
SECONDS = 270 if DEEP else 8  # of each of two seeds
WIRE_SECONDS = 60 if DEEP else 4


def fuzz(api: Any, seed: int, seconds: float) -> Found:
    found = run(
        api, Fuzzer(seed, keys_of(load_app("hostile_keys"))), seconds=seconds, most=1_000_000
    )
    print(f"seed {seed}, {seconds} s")
    print(report(found))
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_no_request_makes_the_server_fail(warehouse: Api, seed: int) -> None:
    found = fuzz(warehouse, seed, SECONDS)
    assert not found.wrong, report(found)
    assert found.keyed[201] > 0 and found.keyed[409] + found.keyed[422] > 0 and found.replayed > 0


def test_no_request_on_the_wire_makes_the_server_fail(server: Server) -> None:
    wire = Wire(server.port)
    found = fuzz(wire, 3, WIRE_SECONDS)
    wire.close()
    assert not found.wrong, report(found)
    assert found.statuses[200] > 0 and found.statuses[201] > 0 and found.statuses[400] > 0


def fail(*_: Any) -> None:
    raise ValueError("planted")


@pytest.mark.parametrize(
    ("place", "name"), [(idempotency, "find"), (Transactions, "_drive"), (Dispatcher, "__call__")],
    ids=["keys", "writes", "all"],
)  # fmt: skip
def test_planted_failure_is_found(
    warehouse: Api, monkeypatch: pytest.MonkeyPatch, place: Any, name: str
) -> None:
    monkeypatch.setattr(place, name, fail)
    assert fuzz(warehouse, 1, 2).wrong
