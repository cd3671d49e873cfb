"""The comparison of engines sees what differs, and only that."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stanchion import clock

from .answers import Shared, Told, difference, same

URL = "GET /api/pizzas"
JSON = {"content-type": "application/json"}


def told(*bodies: str, headers: dict[str, str] = JSON) -> list[str]:
    found = Told()
    for body in bodies:
        found.note(URL, 200, headers, body.encode())
    return found.answers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1}', '{"a":2}'),
        ('{"a":1}', '{"a":"1"}'),
        ('{"a":1,"b":2}', '{"b":2,"a":1}'),
        ('{"a":1}', '{"a": 1}'),
        ('{"a":12345678901234567}', '{"a":12345678901234568}'),
        ('{"a":"1.0"}', '{"a":"1"}'),
        ('{"a":"1.50"}', '{"a":"1.5"}'),
        ('["x","y"]', '["y","x"]'),
        ('{"a":"2020-01-01T00:00:00.000000Z"}', '{"a":"2020-01-01T00:00:00.000001Z"}'),
        ('"01900004-0000-7000-8000-000000000001"', '"01900004-0000-7000-8000-000000000002"'),
    ],
)
def test_another_answer_is_seen(one: str, other: str) -> None:
    assert difference(told(one), told(other))
    assert not difference(told(one), told(one))


@pytest.mark.parametrize(("one", "other"), [("1.0", "1"), ("1.0e+22", "1e+22"), ("-0.5", "-5e-1")])
def test_floats_are_compared_by_value(one: str, other: str) -> None:
    assert same(f'{{"a":{one}}}', f'{{"a":{other}}}')


def test_new_keys_are_compared_by_their_first_appearance() -> None:
    def run(first: str, second: str, listed: str) -> list[str]:
        created = [f'{{"id":"{first}"}}', f'{{"id":"{second}"}}']
        return told(*created, f'["{listed}"]')

    a, b, c, d = (clock.uuid7() for _ in range(4))
    assert not difference(run(a, b, a), run(c, d, c))
    assert difference(run(a, b, a), run(c, d, d)), "the other one of the two is listed"


def test_statuses_headers_and_further_answers_are_seen() -> None:
    assert difference(told("{}"), told("{}", headers={**JSON, "cache-control": "no-store"}))
    assert difference(told("{}"), told("{}", "{}"))
    refused = Told()
    refused.note(URL, 400, JSON, b"{}")
    assert difference(told("{}"), refused.answers)


def test_packed_answers_are_compared_by_what_is_in_them() -> None:
    packed = Told()
    headers = {**JSON, "content-encoding": "gzip"}
    packed.note(URL, 200, headers, gzip.compress(b'{"a":1}'))
    other = Told()
    other.note(URL, 200, headers, gzip.compress(b'{"a":2}'))
    assert difference(packed.answers, other.answers)


def test_the_second_engine_is_told_the_difference(tmp_path: Path) -> None:
    shared = Shared(tmp_path)
    assert shared.compare("test", "one", told('{"a":1}')) == ""
    assert shared.compare("another", "two", told('{"a":2}')) == ""
    assert shared.compare("test", "three", told('{"a":1}')) == ""
    assert "two and one: answer 0 differs" in shared.compare("test", "two", told('{"a":2}'))
