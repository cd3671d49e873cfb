"""Shares counted in this process, where no other serves.

In: shares.   Out: standings. Bounded: whoever asks under ever new keys fills no memory; the window
that began first is forgotten, so that he pays for it with as many networks as are kept here.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import clock
from ..store.counters import SLACK_MS
from .shares import Share, Standing

MOST = 100_000
"""Windows that are kept, of about 200 bytes each."""


class InMemory:
    """Windows by key, in the order in which they began: used, and the millisecond of their end."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._windows: dict[str, tuple[int, int]] = {}

    async def take(self, shares: Sequence[Share]) -> list[Standing | None]:
        """See `Store`. Nothing is awaited between looking and taking."""
        now = clock.now_ns() // 1_000_000
        found = [self._look(share, now) for share in shares]
        fits = all(used + s.cost <= s.most for s, (used, _) in zip(shares, found, strict=True))
        standings: list[Standing | None] = []
        for share, (used, until) in zip(shares, found, strict=True):
            if fits:
                used += share.cost
                self._keep(share.key, used, until)
            full = not fits and used + share.cost > share.most
            standings.append(Standing(used, until - now, full))
        return standings

    def _look(self, share: Share, now: int) -> tuple[int, int]:
        """What was used of the window that is open, or that of a new one. A clock that was set back
        by more than a little lengthens none."""
        end = now + share.seconds * 1000
        used, until = self._windows.get(share.key, (0, 0))
        if now < until <= end + SLACK_MS:
            return used, until
        self._windows.pop(share.key, None)  # a new one begins, and stands behind all others
        return 0, end

    def _keep(self, key: str, used: int, until: int) -> None:
        if key not in self._windows and len(self._windows) >= self._most:
            del self._windows[next(iter(self._windows))]
        self._windows[key] = used, until

    async def close(self) -> None:
        """See `Store`."""
        self._windows.clear()
