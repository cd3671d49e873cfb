"""Shares counted in our own database, where several processes may serve.

In: shares.   Out: standings. What is counted is counted once for all processes, in one statement
for each share; what is used up is remembered here, so that whoever asks on and on costs no write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from .. import clock
from ..engines import Engine
from ..store.counters import SLACK_MS, Draw, Drawn, Overdrawn, draw, sweep
from .shares import Share, Standing

SWEEP_MS = 60_000
MOST_REMEMBERED = 10_000


class InRows:
    """The windows in the database that `engine` opens."""

    def __init__(self, engine: Callable[[], Awaitable[Engine]]) -> None:
        self._engine = engine
        self._used_up: dict[str, Drawn] = {}
        self._swept = 0

    async def take(self, shares: Sequence[Share]) -> list[Standing | None]:
        """See `Store`."""
        now = clock.now_ns() // 1_000_000
        known = [self._known(share, now) for share in shares]
        if any(known):
            return [None if window is None else _standing(window, now) for window in known]
        engine = await self._engine()
        # in the order of their keys, so that no two transactions wait for each other's
        order = sorted(range(len(shares)), key=lambda n: shares[n].key)
        draws = [Draw(s.key, s.cost, s.most, s.seconds * 1000) for s in (shares[n] for n in order)]
        try:
            drawn = await engine.write(lambda: draw(draws, now))
        except Overdrawn as overdrawn:
            drawn = overdrawn.windows
        found = [window for _, window in sorted(zip(order, drawn, strict=True))]
        for share, window in zip(shares, found, strict=True):
            if window.used >= share.most:
                self._remember(share.key, window)
        if not 0 <= now - self._swept < SWEEP_MS:
            self._swept = now
            if await engine.write(lambda: sweep(now)):
                self._swept = 0  # the next one goes on
        return [_standing(window, now) for window in found]

    def _known(self, share: Share, now: int) -> Drawn | None:
        """How a share stands that is used up for certain: nothing comes back before its end."""
        known = self._used_up.get(share.key)
        if known is None or known.used < share.most:
            return None
        if now < known.until <= now + share.seconds * 1000 + SLACK_MS:
            return known
        del self._used_up[share.key]
        return None

    def _remember(self, key: str, window: Drawn) -> None:
        if len(self._used_up) >= MOST_REMEMBERED:
            del self._used_up[next(iter(self._used_up))]
        self._used_up[key] = window._replace(short=True)

    async def close(self) -> None:
        """See `Store`."""
        self._used_up.clear()


def _standing(window: Drawn, now: int) -> Standing:
    return Standing(window.used, window.until - now, window.short)
