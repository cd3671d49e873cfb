"""Routes and pages of `dev` that are there for a browser on this machine only.

In: a request.   Out: whether it comes from here; a page that nothing keeps.
Called by the pages of this folder.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

from starlette.responses import Response
from starlette.routing import Match

from ..asgi import Scope, header
from ..pages import TEXT_POLICY, page_response
from ..pages.routes import OwnRoute


def near_page(text: str, status: int = 200, policy: str = TEXT_POLICY) -> Response:
    """A page that nothing keeps."""
    response = page_response(text, policy, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


class NearRoute(OwnRoute):
    """A route that is there for a browser on this machine only."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        if scope["type"] != "http" or not is_near(scope):
            return Match.NONE, {}
        return super().matches(scope)


def is_near(scope: Scope) -> bool:
    """Whether a request comes from this machine, by a name of this machine, and from no page of
    another origin."""
    client = scope.get("client")
    host = header(scope, b"host") or ""
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    named = name == "localhost" or name.endswith(".localhost") or _is_loopback(name.strip("[]"))
    return (
        client is not None
        and _is_loopback(str(client[0]))
        and named
        and header(scope, b"origin") is None
    )


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback
