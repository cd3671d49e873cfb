"""D4: JSON on which readers differ, or that a reader takes and a database does not.

Each is refused with a status and a code of its own, and changes nothing. Plainly wrong values are
422; what is no JSON that everybody understands alike is 400.
"""

from __future__ import annotations

import json

import pytest

from stanchion.http import json_in
from tests.api.conftest import Api

ITEMS = "/api/items"
TRAPS: dict[str, tuple[bytes, int, str]] = {
    "integer of 5,000 digits": (b'{"name":"n","count":' + b"9" * 5_000 + b"}", 400, "body.number"),
    "nests 2,000 deep": (b'{"name":"n","notes":' + b"[" * 2_000 + b"]" * 2_000 + b"}", 400,
                         "body.depth"),
    "not a number": (b'{"name":"n","weight":NaN}', 400, "body.number"),
    "infinity": (b'{"name":"n","weight":-Infinity}', 400, "body.number"),
    "overflow": (b'{"name":"n","weight":1e999}', 400, "body.number"),
    "overflow inside JSON": (b'{"name":"n","notes":{"a":[1e999]}}', 400, "body.number"),
    "lone surrogate": (b'{"name":"\\ud800"}', 400, "body.surrogate"),
    "lone surrogate as a key": (b'{"name":"n","notes":{"\\udfff":1}}', 400, "body.surrogate"),
    "NUL": (b'{"name":"a\\u0000b"}', 400, "body.nul"),
    "NUL in a key": (b'{"name":"n","notes":{"\\u0000":1}}', 400, "body.nul"),
    "two to the 63": (b'{"name":"n","count":9223372036854775808}', 422, "body.invalid"),
    "the same key twice": (b'{"name":"a","name":"b"}', 400, "body.duplicate_key"),
    "the same key twice inside": (b'{"name":"a","notes":{"b":1,"b":2}}', 400,
                                  "body.duplicate_key"),
    "byte order mark": (b'\xef\xbb\xbf{"name":"n"}', 400, "body.encoding"),
    "latin-1": (b'{"name":"\xe9"}', 400, "body.encoding"),
}  # fmt: skip


def check_trap(warehouse: Api, name: str) -> None:
    """Refused as it should be, and nothing is stored."""
    body, status, code = TRAPS[name]
    tables = warehouse.rows()
    headers = [("content-type", "application/json")]
    answer = warehouse.ask("POST", ITEMS, "anonymous", headers, body)
    assert answer.status == status
    assert answer.code == code
    assert warehouse.rows() == tables


@pytest.mark.parametrize("name", TRAPS)
def test_trap_is_refused_and_stores_nothing(warehouse: Api, name: str) -> None:
    check_trap(warehouse, name)


@pytest.mark.parametrize("name", [
    "integer of 5,000 digits", "not a number", "infinity", "overflow", "overflow inside JSON",
    "the same key twice", "the same key twice inside",
])  # fmt: skip
def test_planted_decoder_of_the_library_is_seen(
    warehouse: Api, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_in, "_decoder", json.JSONDecoder())
    with pytest.raises((AssertionError, ValueError)):
        check_trap(warehouse, name)


@pytest.mark.parametrize("name", [name for name in TRAPS if "surrogate" in name or "NUL" in name])
def test_planted_trust_in_texts_is_seen(
    warehouse: Api, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_in, "_check_texts", lambda value: None)
    with pytest.raises((AssertionError, ValueError)):
        check_trap(warehouse, name)


def test_planted_trust_in_the_depth_is_seen(
    warehouse: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_in, "_too_deep", lambda text, depth: False)
    monkeypatch.setattr(json_in, "_deep", lambda depth: RecursionError())
    with pytest.raises((AssertionError, RecursionError)):
        check_trap(warehouse, "nests 2,000 deep")


def test_half_a_character_in_a_key_is_refused_by_a_route_of_the_app_too(warehouse: Api) -> None:
    body = b'{"name\xed\xac\x8b":1,"name":"a"}'
    headers = [("content-type", "application/json")]
    answer = warehouse.ask("POST", b"/copy", "anonymous", headers, body)
    assert (answer.status, answer.code) == (422, "body.invalid")
    assert "\\udb0b" in answer.json["errors"][0]["pointer"]
