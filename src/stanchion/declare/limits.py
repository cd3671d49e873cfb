"""Limits as an app writes them: `"10/min"`, `"5/min, 100/day"`.

In: texts.   Out: `schema.Limit`s.
Refuses, when the app is loaded, what has no one meaning.
"""

from __future__ import annotations

import re

from ..errors import DeclarationError, Origin
from ..schema import Limit, WriteLimits
from .rules import caller_origin

_SECONDS = {
    "s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600,
    "day": 86_400,
}  # fmt: skip
_TEXT = re.compile(r"\s*([0-9]{1,9})\s*/\s*([0-9]{0,5})\s*([a-z]+?)s?\s*")
LONGEST_S = 31 * 86_400


class Limits:
    """How often one caller may write records of a collection: who is signed in, else the network
    that the request comes from. What is not said has no limit.

    Each is a text such as `"10/min"`, `"100/15min"` or `"5/min, 100/day"` (both hold); the units
    are s, min, h and day. `write` counts creates, updates and deletes together, beside their own.
    Each record of an array and each step of a batch counts. A `PUT` counts as an update and as a
    create, because it may be either.
    """

    def __init__(
        self,
        *,
        create: str | None = None,
        update: str | None = None,
        delete: str | None = None,
        write: str | None = None,
    ) -> None:
        origin = caller_origin()

        def read(text: str | None) -> tuple[Limit, ...]:
            return () if text is None else parse_limits(text, origin)

        self.value = WriteLimits(read(create), read(update), read(delete), read(write))


def parse_limits(text: str, origin: Origin | None = None) -> tuple[Limit, ...]:
    """The limits that a text names; raises `DeclarationError`.

    >>> parse_limits("5/min, 100/2h")
    (Limit(count=5, seconds=60), Limit(count=100, seconds=7200))
    """
    if not isinstance(text, str):
        raise _wrong(repr(text), "a limit is a text", origin)
    limits = tuple(_parse(each, origin) for each in text.split(","))
    if len({limit.seconds for limit in limits}) < len(limits):
        raise _wrong(repr(text), "two limits for the same time", origin)
    return limits


def _parse(text: str, origin: Origin | None) -> Limit:
    found = _TEXT.fullmatch(text)
    unit = None if found is None else _SECONDS.get(found[3]) or _SECONDS.get(found[3] + "s")
    if found is None or unit is None:
        raise _wrong(repr(text), "it is no number of requests in some time", origin)
    limit = Limit(int(found[1]), int(found[2] or 1) * unit)
    if not limit.count:
        raise _wrong(repr(text), "it lets nobody through; a rule says that", origin)
    if not 0 < limit.seconds <= LONGEST_S:
        raise _wrong(repr(text), "the time is one second to 31 days", origin)
    return limit


def _wrong(said: str, why: str, origin: Origin | None) -> DeclarationError:
    return DeclarationError(
        "limit.text", f"{said} is no limit: {why}", origin=origin,
        hint='"10/min", "100/15min", or "5/min, 100/day"',
    )  # fmt: skip
