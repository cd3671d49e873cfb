"""Whether a request that a browser sends with a cookie was made by a page of this app.

In: the headers of a request, the origins that are ours.   Out: yes or no. Pure.
Called wherever a cookie says who is asking and something could change, and for every handshake of a
WebSocket, which no browser asks permission for. Why so: docs/decisions/011-sign-in.md, "Cookies and
other sites".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ..origins import PORTS, PublicURL, read_origins, read_public_url
from ..settings import Settings
from .asgi import Scope, header
from .clients import scheme_of

MADE_HERE = ("same-origin", "none")
"""What `Sec-Fetch-Site` says of a page of this very origin, and of what a user typed or bookmarked;
no page can write that header."""


def from_here(
    headers: Iterable[tuple[bytes, bytes]], own: Collection[str], listed: Collection[str] = ()
) -> bool:
    """Whether no page of another site can have made a request with these headers.

    `own`: the origins that are ours, as browsers write them: `own_origins`. `listed`: origins of
    other sites whose pages may act as our own do: `read_origins`.
    """
    site = [value for name, value in headers if name == b"sec-fetch-site"]
    origin = [value for name, value in headers if name == b"origin"]
    if len(site) > 1 or len(origin) > 1:
        return False
    named = origin[0].decode("latin-1") if origin else ""
    if site:
        return site[0].decode("latin-1") in MADE_HERE or named in listed
    # with neither it is no browser of today: they send one of the two with what changes something
    return not origin or named in own or named in listed


def own_origins(scope: Scope, settings: Settings) -> frozenset[str]:
    """The origins that are ours: the one that was asked, and that of `STANCHION_PUBLIC_URL`."""
    public = read_public_url(settings.public_url)
    asked = _asked(scope, settings, public)
    return asked if public is None else asked | {public.origin}


def is_from_here(scope: Scope, settings: Settings) -> bool:
    """`from_here` for a request, or the handshake of a WebSocket, to an app of these settings."""
    listed = read_origins(settings.cors_origins)
    return from_here(scope["headers"], own_origins(scope, settings), listed)


def _asked(scope: Scope, settings: Settings, public: PublicURL | None) -> frozenset[str]:
    """The origin that the `Host` of the request names: a page can write none but its own there.

    Where nobody says how a client came, a proxy without a setting may have taken the TLS away, so
    both schemes are possible; browsers that tell `Sec-Fetch-Site` keep them apart by themselves.
    """
    host = (header(scope, b"host") or "").lower()
    if not host:
        return frozenset()
    secure = _written("https", host)
    if scheme_of(scope, settings) == "https" or (public is not None and public.origin == secure):
        return frozenset({secure})
    return frozenset({secure, _written("http", host)})


def _written(scheme: str, host: str) -> str:
    return f"{scheme}://{host.removesuffix(f':{PORTS[scheme]}')}"
