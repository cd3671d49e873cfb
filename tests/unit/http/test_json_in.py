"""The strict JSON reader: what it accepts every reader understands alike, and it is never slow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanchion.errors import BadRequest
from stanchion.http.json_in import read_json
from tests.cost import counted

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_every_json_value_is_read_as_it_was_written(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert read_json(text.encode(), 64) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_bad_request(body: bytes) -> None:
    try:
        read_json(body, 8)
    except BadRequest as error:
        assert error.code.startswith("body.")


@pytest.mark.parametrize("depth", [1, 2, 64])
def test_depth_counts_brackets_outside_of_texts(depth: int) -> None:
    nested = b'{"]}[{":' * depth + b'"[[[[{{{{\\"[["' + b"}" * depth
    assert read_json(nested, depth) is not None
    with pytest.raises(BadRequest) as caught:
        read_json(b"[" + nested + b"]", depth)
    assert caught.value.code == "body.depth"
    assert read_json(b"[" + b",".join([nested] * 200) + b"]", depth + 1)


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_limit_that_was_set_very_high_is_no_crash(depth: int) -> None:
    with pytest.raises(BadRequest) as caught:
        read_json(b"[" * 90_000, depth)
    assert caught.value.code in ("body.depth", "body.syntax")


HOSTILE = {
    "escaped quotation marks": b"[" * 70 + b'"' + b'\\"' * 500_000,
    "backslashes": b"[" * 70 + b'"' + b"\\" * 1_000_000,
    "quotation marks": b"[" * 70 + b'"' * 1_000_001,
    "open brackets": b"[" * 1_000_000,
    "pairs": b"[]" * 500_000,
    "keys": b"{" + b",".join(b'"k%d":0' % n for n in range(80_000)) + b',"k0":1}',
    "escapes": b'["' + b"\\u0041" * 160_000 + b'"]x',
    "digits": b"[" + b"9" * 1_000_000 + b"]",
    "small numbers": b"[" + b"1," * 500_000 + b"]",
    "surrogates": b'["' + b"\\ud83d\\ude00" * 80_000 + b'\\ud800"]',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_megabyte_is_refused_quickly(body: bytes) -> None:
    with counted() as cost, pytest.raises(BadRequest):
        read_json(body, 64)
    assert cost.seconds < 1


def test_message_says_the_place() -> None:
    with pytest.raises(BadRequest, match="line 2, column 8"):
        read_json(b'{\n"name":}', 64)
    with pytest.raises(BadRequest, match="'name' stands twice"):
        read_json(b'{"name":1,"name":2}', 64)
