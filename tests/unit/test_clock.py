"""The clock: texts of moments, and keys that grow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from stanchion import clock

SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def own_clock() -> Iterator[None]:
    yield
    clock.use(None)


def test_a_moment_is_told_with_six_digits_whatever_second_was_told_before() -> None:
    told = []
    for moment in (0, 1_000, SECOND - 1, SECOND, 1_790_000_000 * SECOND + 5_000, 0):
        clock.use(lambda moment=moment: moment)  # type: ignore[misc]  # the moment of this round
        told.append(clock.now_text())
        assert told[-1] == f"{clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"
    assert told[:4] == [
        "1970-01-01T00:00:00.000000Z", "1970-01-01T00:00:00.000001Z",
        "1970-01-01T00:00:00.999999Z", "1970-01-01T00:00:01.000000Z",
    ]  # fmt: skip


def test_keys_of_one_millisecond_and_of_a_clock_that_goes_back_only_grow() -> None:
    keys = []
    for moment in [10 * SECOND] * 1_000 + [9 * SECOND] * 10 + [11 * SECOND]:
        clock.use(lambda moment=moment: moment)  # type: ignore[misc]  # as above
        keys.append(clock.uuid7())
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert {(UUID(key).version, UUID(key).variant) for key in keys} == {
        (7, "specified in RFC 4122")
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_keys_of_a_child_are_not_those_of_its_parent() -> None:
    """At one moment, and with what the parent had drawn already."""
    clock.use(lambda: 1_700_000_000_000_000_000)
    clock.uuid7()
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.write(writes, " ".join(clock.uuid7() for _ in range(20)).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        told = pipe.read().split()
    os.waitpid(child, 0)
    own = [clock.uuid7() for _ in range(20)]
    assert len(set(told)) == 20 and not set(told) & set(own)


def test_threads_draw_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "DRAWN_AT_ONCE", 3)
    with ThreadPoolExecutor(4) as many:
        drawn = list(many.map(lambda _: [clock._draw() for _ in range(500)], range(8)))
    assert len({one for part in drawn for one in part}) == 4000
