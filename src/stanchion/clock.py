"""Time and identity: the one place that reads the clock and makes keys.

Tests move the clock with `use()`; everything else asks here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

_read_ns: Callable[[], int] = time.time_ns
_last_second = (-1, "")  # and its text, which takes longer to make than all the rest


def now() -> datetime:
    """The current moment in UTC, with microseconds."""
    return datetime.fromtimestamp(_read_ns() // 1000 / 1_000_000, UTC)


def now_ns() -> int:
    """The current moment in nanoseconds since 1970."""
    return _read_ns()


def now_text() -> str:
    """The current moment in the wire form: 27 characters, six fraction digits and `Z`."""
    global _last_second
    seconds, fraction = divmod(_read_ns() // 1000, 1_000_000)
    known, text = _last_second
    if known != seconds:
        moment = time.gmtime(seconds)
        text = (
            f"{moment[0]:04d}-{moment[1]:02d}-{moment[2]:02d}"
            f"T{moment[3]:02d}:{moment[4]:02d}:{moment[5]:02d}"
        )
        _last_second = (seconds, text)
    return f"{text}.{fraction:06d}Z"


def use(read_ns: Callable[[], int] | None) -> None:
    """Read time from `read_ns` (nanoseconds since 1970) from now on; None is the real clock."""
    global _read_ns
    _read_ns = read_ns or time.time_ns


def forget() -> None:
    """The real clock, and keys that begin anew: those of moments that were only tried are not what
    the next ones have to exceed."""
    global _last_key
    use(None)
    _last_key = 0


_last_key = 0
_drawn: Iterator[int] = iter(())
DRAWN_AT_ONCE = 256


def _draw() -> int:
    """Eighty random bits. They are drawn for many keys at once: each draw asks the kernel.

    One iterator, because threads may ask at once: it gives nothing out twice.
    """
    global _drawn
    drawn = next(_drawn, None)
    if drawn is None:
        block = os.urandom(10 * DRAWN_AT_ONCE)
        fresh = iter([int.from_bytes(block[n : n + 10]) for n in range(0, len(block), 10)])
        drawn, _drawn = next(fresh), fresh
    return drawn


def _draw_anew() -> None:
    """In a child: what the parent has drawn is the parent's."""
    global _drawn
    _drawn = iter(())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_draw_anew)


def uuid7() -> str:
    """A new UUIDv7 (RFC 9562) in canonical form.

    Keys of one process only grow: within a millisecond the random part is counted up by a random
    step (RFC 9562, section 6.2, method 2), so records keep the order in which they were made.
    """
    global _last_key
    moment = (_read_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF) << 74
    drawn = _draw()
    key = moment | drawn >> 7
    if key >> 74 <= _last_key >> 74:
        key = _last_key + 1 + (drawn & 0xFFFF_FFFF)
    _last_key = key
    value = key >> 74 << 80 | 0x7000 << 64 | (key >> 62 & 0xFFF) << 64
    value |= 0x8000_0000_0000_0000 | key & 0x3FFF_FFFF_FFFF_FFFF
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
