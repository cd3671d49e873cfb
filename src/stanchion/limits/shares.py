"""What is counted under which key, and what is told of it.

In: `Counted`.   Out: `Share`s for a store, and the headers of an answer from what it says. Pure.
A key is a digest: it has one size, and says nothing of whose it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple, Protocol

from ..schema import Limit

Whose = tuple[str, ...]
"""Who is counted: `of_user`, `of_client`, or these with something beside them."""


def of_user(user: str) -> Whose:
    """Whoever is signed in as this user, from wherever."""
    return ("user", user)


def of_client(network: str) -> Whose:
    """Whoever comes from this network."""
    return ("client", network)


@dataclass(frozen=True, slots=True)
class Counted:
    """Something that is counted: its name, whose it is, how often it may be, how often it is now.

    The name stands in headers: letters, digits, points. All that is counted together is counted or
    refused together.
    """

    name: str
    whose: Whose
    limits: tuple[Limit, ...]
    cost: int = 1


class Share(NamedTuple):
    """One limit of one caller: `cost` is to be taken of `most` within `seconds`."""

    name: str
    key: str
    most: int
    seconds: int
    cost: int


class Standing(NamedTuple):
    """What was used of a share, when all of it comes back, and whether what was asked was too much
    for it. Where one share is too small nothing is taken of any."""

    used: int
    left_ms: int
    full: bool


class Store(Protocol):
    """Where shares are counted: exactly, however many ask at once."""

    async def take(self, shares: Sequence[Share]) -> list[Standing | None]:
        """Take all shares, or none where one of them is too small. Then some may be None: nobody
        looked how they stand."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


def shares_of(title: str, counted: Sequence[Counted]) -> list[Share]:
    """The shares of what is counted. `title` keeps apps apart that count in one place."""
    return [share for each in counted for share in _shares(title, each)]


def _shares(title: str, counted: Counted) -> Iterator[Share]:
    several = len(counted.limits) > 1
    for limit in counted.limits:
        name = f"{counted.name}.{limit.seconds}" if several else counted.name
        key = _key(title, counted.name, limit.seconds, counted.whose)
        yield Share(name, key, limit.count, limit.seconds, counted.cost)


def _key(*parts: object) -> str:
    """`repr` writes every text so that no two lists of parts are one text."""
    return blake2b(repr(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def policy_of(shares: Sequence[Share]) -> str:
    """`RateLimit-Policy`: how much there is, for how long (draft-ietf-httpapi-ratelimit-headers).

    >>> policy_of([Share("notes.create", "", 10, 60, 1)])
    '"notes.create";q=10;w=60'
    """
    return ", ".join(f'"{s.name}";q={s.most};w={s.seconds}' for s in shares)


def rest_of(shares: Sequence[Share], standings: Sequence[Standing | None]) -> str:
    """`RateLimit`: what is left, and in how many seconds all of it is back.

    >>> rest_of([Share("notes.create", "", 10, 60, 1)], [Standing(4, 29_001, False)])
    '"notes.create";r=6;t=30'
    """
    return ", ".join(
        f'"{share.name}";r={max(0, share.most - standing.used)};t={seconds_of(standing)}'
        for share, standing in zip(shares, standings, strict=True)
        if standing is not None
    )


def seconds_of(standing: Standing) -> int:
    """Whole seconds after which what was used is back; never too few."""
    return max(1, math.ceil(standing.left_ms / 1000))
