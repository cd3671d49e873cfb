"""Pack large answers of the data API for callers that take gzip.

In: a request's scope, and an answer of at least `PACKED_FROM` bytes.   Out: the answer as it is
sent: with `Vary`, and packed where the caller asks for it.
Called by the dispatcher, last of all, so that every answer comes by: records, lists, results of
writes, replays, problems. A `HEAD` comes by too, because it has the headers of its `GET`.
"""

from __future__ import annotations

import asyncio
import zlib
from concurrent.futures import ThreadPoolExecutor

from .asgi import Answer, Headers, Scope
from .preference import takes_gzip

PACKED_FROM = 2_048
LEVEL = 1
ON_THREAD_FROM = 65_536
MOST_ON_THREADS = 4
"""The figures behind these: docs/decisions/006-the-spine.md, "Large answers are packed"."""

ENCODED = (b"content-encoding", b"gzip")
GZIP_FORM = 31  # window bits, and a gzip header without a time: equal bodies are packed alike


class Packer:
    """Packs the answers of one app, large ones on threads of its own."""

    def __init__(self) -> None:
        self.busy = 0
        self._threads = ThreadPoolExecutor(MOST_ON_THREADS, "stanchion-pack")

    async def pack(self, scope: Scope, answer: Answer) -> Answer:
        """The answer as it is sent. Where many large ones are being packed, the next goes as it
        is: that takes less of a busy processor, and nobody waits."""
        status, headers, body = answer
        large = len(body) >= ON_THREAD_FROM
        packs = asks_for_gzip(scope) and not (large and self.busy >= MOST_ON_THREADS)
        headers = vary(headers, packs=packs)
        if not packs:
            return status, headers, body
        packed = await self._on_thread(body) if large else _packed(body)
        kept = [each for each in headers if each[0] != b"content-length"]
        return status, [ENCODED, (b"content-length", b"%d" % len(packed)), *kept], packed

    async def _on_thread(self, body: bytes) -> bytes:
        """Packed while the event loop serves others."""
        self.busy += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _packed, body)
        finally:
            self.busy -= 1


def asks_for_gzip(scope: Scope) -> bool:
    """Whether the caller takes gzip, and likes nothing unpacked better."""
    given = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    return bool(given) and takes_gzip(b",".join(given).decode("latin-1"))


def vary(headers: Headers, *, packs: bool) -> Headers:
    """The headers of an answer whose form depends on `Accept-Encoding`. The packed form shares its
    tag with the plain one, so it is a weak one: the same record in other bytes."""
    varies = b"Accept-Encoding"
    changed: Headers = []
    for each in headers:
        name, value = each
        if name == b"vary":
            varies = value + b", " + varies
        elif name == b"etag" and packs:
            changed.append((name, b"W/" + value))
        else:
            changed.append(each)
    return [(b"vary", varies), *changed]


def _packed(body: bytes) -> bytes:
    return zlib.compress(body, LEVEL, GZIP_FORM)
