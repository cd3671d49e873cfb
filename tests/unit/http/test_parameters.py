"""Query strings are taken apart as urllib does it; every parameter has its place in the hints."""

from __future__ import annotations

import random
from urllib.parse import parse_qsl, quote, quote_plus, unquote_to_bytes

import pytest

from stanchion.errors import BadRequest
from stanchion.http import hints, parameters
from stanchion.http.parameters import split, unquote

SIGNS = b"%%%%%=0123456789abcdefABCDEFgGzZ _.\r\n\t+&\x00\x7f\x80\xc3\xa9\xff"


def test_escapes_are_what_urllib_says_whatever_stands_there() -> None:
    chance = random.Random(6)
    for _ in range(50_000):
        raw = bytes(chance.choices(SIGNS, k=chance.randrange(16)))
        assert unquote(raw) == unquote_to_bytes(raw), raw


@pytest.mark.parametrize("write", [quote, quote_plus])
def test_every_text_comes_back_from_its_escapes(write: object) -> None:
    assert callable(write)
    chance = random.Random(7)
    for _ in range(5_000):
        text = "".join(chance.choices("aZ0 =&%+#/?\r\n\té€𝄞\x7f", k=chance.randrange(1, 12)))
        raw = f"filter={write(text)}&sort=-price&filter={write(text[::-1])}".encode()
        assert split(raw) == {"filter": [text, text[::-1]], "sort": ["-price"]}
        assert parse_qsl(raw.decode())[0][1] == text


def test_bytes_that_nobody_escaped_are_utf8_or_refused() -> None:
    assert split("filter=é+ü".encode()) == {"filter": ["é ü"]}
    assert split("é=ü".encode()) == {"é": ["ü"]}
    for raw in (b"filter=\xff", b"filter=%ff", b"\xe9=1", b"filter=a%00b", b"filter=a\x00b"):
        with pytest.raises(BadRequest) as refused:
            split(raw)
        assert refused.value.code == "query.encoding"


def test_hints_know_to_which_call_every_parameter_belongs() -> None:
    told = "`_OF_…` in http/hints.py and the lists in http/parameters.py are to name the same"
    lists, one, groups = set(parameters.LIST), set(parameters.ONE), set(parameters.AGGREGATE)
    assert set(hints._OF_LISTS) == lists - one, told
    assert set(hints._OF_RECORDS) == one, told
    assert {*hints._OF_GROUPS, "count"} == groups - lists, told  # a list calls a count `total`
    assert set(hints._ELSEWHERE) <= lists | groups, told
