"""The words of ASGI, and what an answer of ours is made of.

Nothing of ours is imported here: a module that only passes messages on knows nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, bytes]
"""Status, headers and the whole body."""

NOSNIFF = (b"x-content-type-options", b"nosniff")
"""Every answer is what its content type says. It is the last header of whatever the data API
answers: `browsers` knows such an answer by it."""
NO_STORE = (b"cache-control", b"no-store")
LIMITS = "stanchion.limits"
"""In the scope of a request to a route that has a limit: the headers that tell what is left."""


def header(scope: Scope, wanted: bytes) -> str | None:
    """A header of the request, or None."""
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value.decode("latin-1"))
    return None


def announces_body(scope: Scope) -> bool:
    """Whether the headers say that a body follows them."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


def listed_header(scope: Scope, wanted: bytes) -> str | None:
    """A header that is a list, or None; sent in several lines it is one list (RFC 9110, 5.3)."""
    lines = [value for name, value in scope["headers"] if name == wanted]
    return b", ".join(lines).decode("latin-1") if lines else None
