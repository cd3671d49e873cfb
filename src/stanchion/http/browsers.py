"""What browsers are told with every answer, so that no other site turns the app against its users.

In: the settings, once; a request and the headers of its answer.   Out: the headers that are sent.
Called by front, for every answer wherever it comes from. A header that a route, a page or a
middleware of the app set itself stays as it is. What each is for: docs/security.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import Forbidden
from ..origins import read_hsts, read_origins, read_public_url
from ..runtime import PRIVATE
from ..settings import Settings
from .asgi import LIMITS, NO_STORE, NOSNIFF, Answer, Headers, Scope, header
from .clients import scheme_of
from .from_here import is_from_here
from .problem import render

POLICY = (
    b"content-security-policy",
    b"base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
)
"""What holds for any page: no site frames it, no plug-in runs in it, and no text that found its way
into it changes where its links lead. What else a page may load, its app knows."""
REFERRER = (b"referrer-policy", b"strict-origin-when-cross-origin")
ALONE = (b"cross-origin-resource-policy", b"same-origin")
"""Of data alone: no other site loads it as a script or picture. What is shared by CORS stays so."""

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
EXPOSED = (
    b"ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, "
    b"WWW-Authenticate, X-Request-Id"
)
PREFLIGHT_S = b"600"


class Browsers:
    """What one app tells browsers. Made once from its settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._origins = {origin.encode() for origin in read_origins(settings.cors_origins)}
        public = read_public_url(settings.public_url)
        self._hsts = (b"strict-transport-security", read_hsts(settings.hsts).encode())
        self._always = public is not None and public.encrypted
        self._data = [POLICY, ALONE, *([self._hsts] if self._always else ())]
        self._by_request = bool(self._origins or settings.trusted_proxies)

    def dressed(self, scope: Scope, given: Iterable[tuple[bytes, bytes]]) -> Headers:
        """The headers of an answer with ours beside them."""
        headers = list(given)
        # what the data API answers ends so, unless a middleware added to it: nothing to look for
        if headers and headers[-1] is NOSNIFF and not self._by_request:
            headers += self._data
            if scope.get("scheme") == "https" and not self._always:
                headers.append(self._hsts)
            return headers
        return self._looked_through(scope, headers)

    def _looked_through(self, scope: Scope, headers: Headers) -> Headers:
        named = {name.lower() for name, _ in headers}
        ours = [NOSNIFF, POLICY, REFERRER]
        if headers and headers[-1] is NOSNIFF:
            ours = [POLICY, ALONE]
        if PRIVATE in scope:
            ours.append(NO_STORE)
        if self._always or scheme_of(scope, self._settings) == "https":
            ours.append(self._hsts)
        if self._origins and b"access-control-allow-origin" not in named:
            headers = _varying(headers, b"Origin")
            ours += self._shared(scope)
        ours += scope.get(LIMITS, ())
        headers += [each for each in ours if each[0] not in named]
        return headers

    # pages of other sites

    def _shared(self, scope: Scope) -> Headers:
        """What lets a page of a listed site read the answer."""
        origin = _origin(scope)
        if origin not in self._origins:
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", EXPOSED),
        ]

    def preflight(self, scope: Scope) -> Answer | None:
        """The answer to a browser that asks whether a page of another site may call; None where it
        asks something else, or no site is listed, so that the app may answer it."""
        if not self._origins or scope["method"] != "OPTIONS":
            return None
        if header(scope, b"access-control-request-method") is None or not _origin(scope):
            return None
        if _origin(scope) not in self._origins:
            return render(
                Forbidden(
                    "request.origin",
                    f"Pages of {_origin(scope).decode('latin-1')[:200]} may not call this app.",
                    hint="Whoever runs the app: STANCHION_CORS_ORIGINS lists the sites that may.",
                )
            )
        headers = [(b"access-control-allow-methods", METHODS)]
        asked = header(scope, b"access-control-request-headers")
        if asked:  # of a site that is trusted with its users' cookies
            headers.append((b"access-control-allow-headers", asked.encode("latin-1")))
        headers.append((b"access-control-max-age", PREFLIGHT_S))
        return 204, headers, b""

    def may_connect(self, scope: Scope) -> bool:
        """Whether a WebSocket may be opened: its page is ours or of a listed site, or no browser
        asks. A browser sends cookies along and asks nobody before."""
        return is_from_here(scope, self._settings)


def _origin(scope: Scope) -> bytes:
    return next((value for name, value in scope["headers"] if name == b"origin"), b"")


def _varying(headers: Headers, by: bytes) -> Headers:
    """The headers of an answer that also depends on `by`."""
    for at, (name, value) in enumerate(headers):
        if name.lower() == b"vary":
            return [*headers[:at], (name, value + b", " + by), *headers[at + 1 :]]
    return [*headers, (b"vary", by)]
