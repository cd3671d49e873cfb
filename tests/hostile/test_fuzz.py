"""The fuzzer's short form; `make fuzz` runs it for ten minutes."""

from __future__ import annotations

import os

import pytest

from tests.api.conftest import Api
from tests.hostile.conftest import load_app
from tests.hostile.fuzz import Fuzzer, keys_of, report, run

SECONDS = 300 if os.environ.get("STANCHION_FUZZ") == "deep" else 8


@pytest.mark.parametrize("seed", [1, 2])
def test_no_request_makes_the_server_fail(warehouse: Api, seed: int) -> None:
    fuzzer = Fuzzer(seed, keys_of(load_app("hostile_keys")))
    found = run(warehouse, fuzzer, seconds=SECONDS, most=1_000_000)
    print(report(found))
    assert not found.wrong, report(found)
    assert found.statuses.total() > 500, "too few requests to say anything"
    assert {200, 201, 400, 404, 405, 415, 422} <= found.statuses.keys(), "the attacks got nowhere"


def test_fuzzer_notices_a_failing_server(warehouse: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("stanchion.http.parameters._limit", fail)
    fuzzer = Fuzzer(1, keys_of(load_app("hostile_keys")))
    assert run(warehouse, fuzzer, seconds=5, most=2_000).wrong
