"""Shares counted in a Redis, for several machines.

In: shares.   Out: standings. A script looks and takes in one step; the Redis tells the time, so
that the clocks of the machines need not agree, and forgets each window at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ..errors import SettingError
from .shares import Share, Standing

PATIENCE_S = 2.0
"""A Redis that says nothing for so long is one that is away."""
CONNECTIONS = 8
"""One has each for a quarter of a millisecond."""

# for each key: what is to be taken, of how much, in how many milliseconds
SCRIPT = """
local told, fits = {}, true
for i, key in ipairs(KEYS) do
    local cost, most = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
    local left = redis.call('PTTL', key)
    local used = left >= 0 and tonumber(redis.call('GET', key)) or 0
    local full = used + cost > most
    fits = fits and not full
    told[3 * i - 2], told[3 * i - 1] = used, left >= 0 and left or tonumber(ARGV[3 * i])
    told[3 * i] = full and 1 or 0
end
if fits then
    for i, key in ipairs(KEYS) do
        told[3 * i - 2] = told[3 * i - 2] + ARGV[3 * i - 2]
        redis.call('SET', key, told[3 * i - 2], 'PX', math.max(told[3 * i - 1], 1))
    end
end
return told
"""


class InRedis:
    """The windows in the Redis at an address."""

    def __init__(self, url: str) -> None:
        """Connects when it is first asked; raises `SettingError` where nothing can."""
        try:
            import redis.asyncio  # noqa: F401  # now: while somebody waits it would take too long
        except ImportError:
            raise SettingError(
                "STANCHION_REDIS_URL", "what speaks to a Redis is not installed",
                hint="pip install 'stanchion[redis]'",
            ) from None  # fmt: skip
        self._url = url
        self._here: tuple[asyncio.AbstractEventLoop, Any, Any] | None = None

    async def take(self, shares: Sequence[Share]) -> list[Standing | None]:
        """See `Store`; raises `OSError` where the Redis is away."""
        from redis.exceptions import RedisError

        keys = [f"stanchion:limits:{share.key}" for share in shares]
        wanted = [n for share in shares for n in (share.cost, share.most, share.seconds * 1000)]
        try:
            async with asyncio.timeout(PATIENCE_S):
                told = await self._script()(keys, wanted)
        except (RedisError, TimeoutError) as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
        thirds = zip(told[0::3], told[1::3], told[2::3], strict=True)
        return [Standing(used, left, full == 1) for used, left, full in thirds]

    def _script(self) -> Any:
        """The script on the connections of this event loop."""
        loop = asyncio.get_running_loop()
        if self._here is None or self._here[0] is not loop:
            client = _connect(self._url)
            self._here = loop, client, client.register_script(SCRIPT)
        return self._here[2]

    async def close(self) -> None:
        """See `Store`."""
        here, self._here = self._here, None
        if here is not None and here[0] is asyncio.get_running_loop():
            await here[1].aclose()


def _connect(url: str) -> Any:
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    pool = BlockingConnectionPool.from_url(
        url, max_connections=CONNECTIONS, timeout=PATIENCE_S, socket_timeout=PATIENCE_S,
        socket_connect_timeout=PATIENCE_S, retry=Retry(NoBackoff(), 1),
    )  # fmt: skip
    return Redis.from_pool(pool)
