"""What a request carries to say who sends it.

In: the headers of a request.   Out: `Credentials`, or None where it carries none. No judgement.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .tokens import LONGEST

COOKIE = "__Host-session"
"""A browser takes it over HTTPS (or from this very machine) alone, for this host alone."""
_IN_COOKIE = (COOKIE + "=").encode()
_NAMED = len(_IN_COOKIE)
_MOST = LONGEST + 1  # one that is too long stays so


class Credentials(NamedTuple):
    """A token, and whether a browser sent it by itself."""

    token: str
    by_cookie: bool


def credentials_of(headers: Iterable[tuple[bytes, bytes]]) -> Credentials | None:
    """The session token of a request. `Authorization: Bearer` wins over the cookie: it was put
    there on purpose."""
    cookie: str | None = None
    for name, value in headers:
        if name == b"authorization":
            if value[:7].lower() == b"bearer ":
                return Credentials(value[7:].strip()[:_MOST].decode("latin-1"), False)
        elif name == b"cookie" and cookie is None:
            at = value.find(_IN_COOKIE)
            while at > 0 and value[at - 1] not in b" ;":  # the end of another name
                at = value.find(_IN_COOKIE, at + 1)
            if at >= 0:
                found = value[at + _NAMED :].partition(b";")[0]
                cookie = found.strip()[:_MOST].decode("latin-1")
    return Credentials(cookie, True) if cookie else None
