"""What a request carries to say who sends it.

In: the headers of a request.   Out: `Credentials`, or None where it carries none. No judgement.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .tokens import KEY, LONGEST

COOKIE = "__Host-session"
"""A browser takes it over HTTPS (or from this very machine) alone, for this host alone."""
_IN_COOKIE = (COOKIE + "=").encode()


class Credentials(NamedTuple):
    """A token, and whether a browser sent it by itself."""

    token: str
    by_cookie: bool

    @property
    def is_key(self) -> bool:
        """Whether it says that it is an API key."""
        return self.token.startswith(KEY)


def credentials_of(headers: Iterable[tuple[bytes, bytes]]) -> Credentials | None:
    """The session token of a request. `Authorization: Bearer` wins over the cookie: it was put
    there on purpose."""
    cookie: str | None = None
    for name, value in headers:
        if name == b"authorization":
            if value[:7].lower() == b"bearer ":
                return Credentials(_text(value[7:].strip()), by_cookie=False)
        elif name == b"cookie" and cookie is None:
            at = value.find(_IN_COOKIE)
            while at > 0 and value[at - 1 : at] not in (b" ", b";"):  # the end of another name
                at = value.find(_IN_COOKIE, at + 1)
            if at >= 0:
                start = at + len(_IN_COOKIE)
                end = value.find(b";", start)
                cookie = _text(value[start : end if end >= 0 else len(value)].strip())
    return Credentials(cookie, by_cookie=True) if cookie else None


def _text(raw: bytes) -> str:
    return raw[: LONGEST + 1].decode("latin-1")
