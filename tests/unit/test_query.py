"""Cursors: what `next` gives, `after` reads, and nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from stanchion.errors import BadRequest
from stanchion.query import decode_cursor, encode_cursor


@pytest.mark.parametrize(
    "values",
    [
        [], [None], ["a"], ["ab"], ["abc"], [1, -(2**63), 0], [True, False, None], [0.1, -1e300],
        ["\u00ff\u00fe~~~???>>>", "\u20ac", "\U0001f355"],
        ['"', "\\", "\n\x00"], ["?" * n for n in range(9)],
    ],
)  # fmt: skip
def test_cursor_is_read_as_it_was_written(values: list[Any]) -> None:
    cursor = encode_cursor("mark \u00ff?", values)
    assert decode_cursor(cursor, "mark \u00ff?", len(values)) == tuple(values)
    clear = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert json.loads(clear) == [1, "mark \u00ff?", values]
    assert cursor == base64.urlsafe_b64encode(clear).decode().rstrip("=")


def test_characters_that_a_url_would_change_stand_in_no_cursor() -> None:
    cursors = [encode_cursor("m", [character * 3]) for character in "?>~\u00ff\u00fb\u00bf"]
    assert any("-" in each for each in cursors) and any("_" in each for each in cursors)
    assert not any(set(each) & set("+/=") for each in cursors)


def test_value_that_is_no_scalar_stands_in_no_cursor() -> None:
    with pytest.raises(TypeError, match="list"):
        encode_cursor("m", [[]])


@pytest.mark.parametrize(("mark", "count"), [("other", 2), ("m", 1), ("m", 3), ("", 2)])
def test_cursor_belongs_to_one_list(mark: str, count: int) -> None:
    with pytest.raises(BadRequest, match="another list"):
        decode_cursor(encode_cursor("m", [1, 2]), mark, count)


@pytest.mark.parametrize("change", ["A", "=", " ", "-", "\u00e9"])
def test_cursor_that_was_changed_is_none(change: str) -> None:
    cursor = encode_cursor("m", ["abc"])
    for wrong in (cursor + change, change + cursor, cursor[:-1]):
        with pytest.raises(BadRequest, match="not a cursor"):
            decode_cursor(wrong, "m", 1)
