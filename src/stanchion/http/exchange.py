"""What the generated data API asks of the running app, and how its answers begin.

In: a path segment, a body.   Out: a key, an `Answer`.
Used by everything in `http/` that answers a generated route.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import unquote_to_bytes

from ..query import Actor
from ..records import Records
from ..settings import Settings
from .asgi import Answer, Headers, Scope

JSON = (b"content-type", b"application/json")
VARY = (b"vary", b"Authorization, Cookie")
NOSNIFF = (b"x-content-type-options", b"nosniff")


class Host(Protocol):
    """What the dispatcher needs of the running app."""

    @property
    def settings(self) -> Settings:
        """The limits."""
        ...

    async def records(self) -> Records:
        """The pipelines, opened on first use."""
        ...

    async def identify(self, scope: Scope) -> Actor:
        """Who is asking."""
        ...


def key_of(raw: bytes) -> str:
    """The key of a path segment; what is no UTF-8 can be no key."""
    if raw.find(b"%") >= 0:
        raw = unquote_to_bytes(raw)
    return raw.decode("utf-8", "replace")


def json_answer(status: int, body: bytes, more: Headers) -> Answer:
    """An answer that is JSON."""
    headers = [JSON, (b"content-length", b"%d" % len(body)), VARY, NOSNIFF, *more]
    return status, headers, body
