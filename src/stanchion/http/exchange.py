"""What the generated data API asks of the running app, and how its answers begin.

In: a path segment, a body.   Out: a key, an `Answer`.
Used by everything in `http/` that answers a generated route.
"""

from __future__ import annotations

from typing import Protocol
from urllib.parse import unquote_to_bytes

from ..errors import Problem
from ..limits import Limiter
from ..query import Actor
from ..records import Records
from ..settings import Settings
from .asgi import NO_STORE, NOSNIFF, Answer, Headers, Scope

JSON = (b"content-type", b"application/json")
VARY = (b"vary", b"Authorization, Cookie")
REVALIDATED = (b"cache-control", b"no-cache")


class Host(Protocol):
    """What the dispatcher needs of the running app."""

    @property
    def settings(self) -> Settings:
        """The limits."""
        ...

    @property
    def limiter(self) -> Limiter | None:
        """What counts; None where nothing is to be counted."""
        ...

    async def records(self) -> Records:
        """The pipelines, opened on first use."""
        ...

    async def identify(self, scope: Scope, *, keys: bool = False) -> Actor:
        """Who is asking; an API key only where `keys` says that its scopes are looked at."""
        ...

    def refused(self, scope: Scope, problem: Problem) -> None:
        """Take note of what is answered with a problem."""
        ...


def key_of(raw: bytes) -> str:
    """The key of a path segment; what is no UTF-8 can be no key."""
    if raw.find(b"%") >= 0:
        raw = unquote_to_bytes(raw)
    return raw.decode("utf-8", "replace")


def keeping(actor: Actor) -> tuple[bytes, bytes]:
    """How a read may be kept: by nobody where it is somebody's; else by anybody who asks again
    before he uses it, so that a 304 saves the bytes."""
    return REVALIDATED if actor.kind == "anonymous" else NO_STORE


def json_answer(status: int, body: bytes, more: Headers) -> Answer:
    """The answer to a write, which is JSON."""
    headers = [JSON, (b"content-length", b"%d" % len(body)), VARY, NO_STORE, *more, NOSNIFF]
    return status, headers, body
