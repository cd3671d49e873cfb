"""Whatever is sent in the place of an answer of a passkey is refused, and nothing breaks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from stanchion.auth.passkey_answers import PasskeySite, credential_of, judge, judge_new
from stanchion.errors import Invalid, Problem, Unauthorized
from tests.authenticator import Authenticator, b64, raw

SITE, CHALLENGE, USER = PasskeySite("shop.example", "https://shop.example"), b"c" * 32, "ann"
NEW = {"challenge": b64(CHALLENGE), "rp": {"id": SITE.id}, "user": {"id": b64(USER.encode())}}
KNOWN = {"challenge": b64(CHALLENGE), "rpId": SITE.id}
ODD: list[Any] = [None, 1, "", "\u00e9", "=", "a" * 50_000, [], {}, True, b64(b"[" * 9000)]
SPOILT = 1_500


def spoilt(answer: dict[str, Any], chance: random.Random) -> Iterator[dict[str, Any]]:
    """The answer with one part cut short, with a bit turned over, with something else in its
    place."""
    parts = [name for name, each in answer["response"].items() if isinstance(each, str)]
    for _ in range(SPOILT):
        name = chance.choice(parts)
        whole = bytearray(raw(answer["response"][name]))
        at = chance.randrange(len(whole))
        if chance.random() < 0.3:
            del whole[at:]
        else:
            whole[at] ^= 1 << chance.randrange(8)
        yield {**answer, "response": {**answer["response"], name: b64(bytes(whole))}}
    for name in parts:
        for each in ODD:
            yield {**answer, "response": {**answer["response"], name: each}}
    for each in ODD:
        for name in ("id", "rawId", "response", "type"):
            yield {**answer, name: each}
    yield {}


def test_a_spoilt_answer_opens_nothing() -> None:
    device = Authenticator()
    made = judge_new(device.make(NEW), CHALLENGE, SITE)
    answer = device.answer(KNOWN)
    assert judge(answer, CHALLENGE, SITE, USER, made.key, made.count) == 1
    told: Counter[Any] = Counter()
    for sent in spoilt(answer, random.Random(7)):
        try:
            credential_of(sent)
            judge(sent, CHALLENGE, SITE, USER, made.key, made.count)
            told["passed"] += sent != answer
        except Problem as problem:
            told[type(problem)] += 1
    assert set(told) == {Unauthorized} and told[Unauthorized] > SPOILT


def test_a_spoilt_passkey_is_kept_only_where_that_says_nothing() -> None:
    """Bits that name the maker of a device, or make up its key, may be any."""
    device = Authenticator()
    told: Counter[Any] = Counter()
    for sent in spoilt(device.make(NEW), random.Random(8)):
        try:
            judge_new(sent, CHALLENGE, SITE)
            told["kept"] += 1
        except Problem as problem:
            told[type(problem)] += 1
    assert set(told) == {Invalid, "kept"} and told[Invalid] > told["kept"]


@pytest.mark.parametrize("key", [b"", b"\x04", b"\xa0", b"\xff" * 70, b"\x04" + b"\x01" * 64])
def test_a_key_that_is_none_opens_nothing(key: bytes) -> None:
    device = Authenticator()
    judge_new(device.make(NEW), CHALLENGE, SITE)
    with pytest.raises(Unauthorized):
        judge(device.answer(KNOWN), CHALLENGE, SITE, USER, key, 0)
