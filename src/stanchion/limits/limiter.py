"""Count what callers do, and refuse what is too much.

In: what is counted, and whose.   Out: the headers that tell what is left; or 429 with a
`Retry-After`, or 503 where nobody can count and what is counted must not go on uncounted.
Called by `http/` for writes and routes that have a limit, and by sign-in for every attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .. import clock, events
from ..engines import Engine
from ..errors import Problem, StorageFull, TooManyRequests, Unavailable
from ..settings import Settings
from .in_memory import InMemory
from .in_redis import InRedis
from .in_rows import InRows
from .shares import Counted, Share, Standing, Store, policy_of, rest_of, seconds_of, shares_of

QUIET_NS = 10_000_000_000
"""While nobody can count, that is told once in so long."""
LimitHeaders = tuple[tuple[str, str], ...]
"""Headers of an answer."""


class Home(Protocol):
    """What counting needs of the running app."""

    title: str
    alone: bool
    """Whether no other process serves this database."""

    @property
    def settings(self) -> Settings:
        """Where a Redis is."""
        ...

    async def opened_engine(self) -> Engine:
        """The database."""
        ...


class Limiter:
    """Counts for one app."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._store: Store | None = None
        self._told_ns = -QUIET_NS

    async def hit(self, *counted: Counted, strict: bool = False) -> LimitHeaders:
        """Count all of it, or raise 429 `limit.exceeded` and count none of it.

        Where nobody can count, what is `strict` is refused with 503, because whoever makes the
        store fail could else guess passwords; anything else goes on, because an app that works is
        worth more than its limits, and an event tells it.
        """
        shares = shares_of(self._home.title, counted)
        try:
            standings = await self._counting().take(shares)
        except (OSError, Unavailable, StorageFull) as error:
            self._tell(error, strict=strict)
            if strict:
                raise _uncounted() from error
            return ()
        told = ("RateLimit-Policy", policy_of(shares)), ("RateLimit", rest_of(shares, standings))
        full = [
            (share, standing)
            for share, standing in zip(shares, standings, strict=True)
            if standing is not None and standing.full
        ]
        if full:
            raise _exceeded(full, told)
        return told

    def open(self) -> None:
        """Refuse, when the app starts, what could not be counted."""
        self._counting()

    async def close(self) -> None:
        """Disconnect; what was counted in memory is forgotten."""
        store, self._store = self._store, None
        if store is not None:
            await store.close()

    def _counting(self) -> Store:
        if self._store is None:
            self._store = _open(self._home)
        return self._store

    def _tell(self, error: Exception, *, strict: bool) -> None:
        now = clock.now_ns()
        if not 0 <= now - self._told_ns < QUIET_NS:
            self._told_ns = now
            said = error.detail if isinstance(error, Problem) else str(error)
            events.emit(events.LimitsUncounted(said, refused=strict))


def _open(home: Home) -> Store:
    if home.settings.redis_url:
        return InRedis(home.settings.redis_url)
    return InMemory() if home.alone else InRows(home.opened_engine)


def _exceeded(full: Sequence[tuple[Share, Standing]], told: LimitHeaders) -> TooManyRequests:
    seconds = max(seconds_of(standing) for _, standing in full)
    share, _ = max(full, key=lambda each: each[1].left_ms)
    often = f"{share.most} in {share.seconds} s"
    hint = f"Try again in {seconds} s."
    if share.cost > share.most:
        hint = f"At most {share.most} at once, so send it in parts."
    return TooManyRequests(
        "limit.exceeded",
        f"The limit {share.name} allows {often}; this would be more.",
        hint=hint,
        extra={"violated-policies": [share.name for share, _ in full]},
        headers={"Retry-After": str(seconds), **dict(told)},
    )


def _uncounted() -> Unavailable:
    return Unavailable(
        "limit.uncounted",
        "Nobody can count at this moment how often this was tried, so it is not done.",
        hint="Try again after the seconds of `Retry-After`.",
    )
