"""Where a request comes from: the network of its client, and whether it came through TLS.

In: an ASGI scope, the settings.   Out: a text that names the network, a scheme.
A header that anybody can send is believed only where it comes from a proxy that the settings name,
and of it no more than those proxies wrote: it is read from its end, and the first address that is
no such proxy is the client. What stands before is the client's own text, and is not even parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_network

from ..origins import AnyAddress, Proxies, read_address, read_proxies
from ..settings import Settings
from .asgi import Scope, listed_header

NOWHERE = "nowhere"
"""The network of a client that has no address: the other end of a Unix socket."""
IPV6_PREFIX = 64
"""Of an IPv6 address, what its owner cannot change at will; one connection has all that follow."""

_IPV4_AND_PORT = re.compile(r"([0-9.]+)(?::[0-9]{1,5})?")
_BRACKETS = re.compile(r"\[([0-9A-Fa-f:.%\w]+)\](?::[0-9]{1,5})?")
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"([^"\\]*)"|([^\s";,=]+))\s*')


def client_of(scope: Scope, settings: Settings) -> str:
    """The network that a request comes from: an IPv4 address, or the /64 of an IPv6 address.

    Where a trusted proxy says nothing that can be read, it is the network of the proxy.
    """
    proxies = read_proxies(settings.trusted_proxies, settings.proxy_header)
    peer = _peer(scope)
    found = peer
    if proxies and proxies.trusts(peer):
        for address, _ in _hops(scope, proxies):
            if address is None:
                found = peer
                break
            found = address
            if not proxies.trusts(address):
                break
    return network_of(found)


def scheme_of(scope: Scope, settings: Settings) -> str:
    """`https` where the server, or a trusted proxy before it, speaks TLS with the client."""
    said: str = scope.get("scheme", "http")
    proxies = read_proxies(settings.trusted_proxies, settings.proxy_header)
    if proxies and proxies.trusts(_peer(scope)):
        if proxies.forwarded:
            # the proxy that saw the client tells how; those behind it tell of each other
            for address, scheme in _hops(scope, proxies):
                said = scheme or said
                if address is None or not proxies.trusts(address):
                    break
        else:
            given = listed_header(scope, b"x-forwarded-proto") or said
            said = given.rpartition(",")[2].strip()
    return "https" if said.lower() in ("https", "wss") else "http"


def network_of(address: AnyAddress | None) -> str:
    """How a network is written; that of an IPv4 address is the address."""
    if address is None:
        return NOWHERE
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), IPV6_PREFIX), strict=False))


def _peer(scope: Scope) -> AnyAddress | None:
    client = scope.get("client")
    return read_address(str(client[0])) if client else None


def _hops(scope: Scope, proxies: Proxies) -> Iterator[tuple[AnyAddress | None, str]]:
    """What the proxies say, the nearest one first: an address, None where it is none, and the
    scheme in which it was asked, where they tell."""
    wanted = b"forwarded" if proxies.forwarded else b"x-forwarded-for"
    for element in reversed((listed_header(scope, wanted) or "").split(",")):
        if not element.strip():
            continue
        if proxies.forwarded:
            # NOTE: it is cut at every comma, also inside quotes: what a client left open there
            # would else take in what the proxy wrote. Neither `for` nor `proto` holds a comma.
            pairs = [_PAIR.fullmatch(pair) for pair in element.split(";")]
            said = {p[1].lower(): p[2] or p[3] or "" for p in pairs if p is not None}
            whole = None not in pairs and len(said) == len(pairs)
            yield (_read_hop(said.get("for", "")) if whole else None), said.get("proto", "")
        else:
            yield _read_hop(element.strip()), ""


def _read_hop(text: str) -> AnyAddress | None:
    """An address, with or without a port. An IPv6 address with a port stands in brackets."""
    bare = _BRACKETS.fullmatch(text) or _IPV4_AND_PORT.fullmatch(text)
    return read_address(bare[1] if bare else text)
