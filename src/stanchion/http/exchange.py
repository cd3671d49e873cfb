"""What passes between the parts of the generated data API: a request's scope, an answer.

In: an ASGI scope.   Out: a header, a key, an `Answer`.
Used by everything in `http/` that answers a generated route.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from ..query import Actor
from ..records import Records
from ..settings import Settings
from .problem import Headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = tuple[int, Headers, bytes]

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


def header(scope: Scope, wanted: bytes) -> str | None:
    """A header of the request, or None."""
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value.decode("latin-1"))
    return None


def json_answer(status: int, body: bytes, more: Headers) -> Answer:
    """An answer that is JSON."""
    headers = [JSON, (b"content-length", b"%d" % len(body)), VARY, NOSNIFF, *more]
    return status, headers, body
