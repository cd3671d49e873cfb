"""The web around the server, as an operator writes it: its own address, the proxies before it, the
sites whose pages may call it.

In: the texts of settings.   Out: frozen values.
Refuses, when the settings are read, what has no one meaning or would trust everybody.
Read by `http/`, and by whatever writes links that people follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from .errors import SettingError

AnyAddress = IPv4Address | IPv6Address
PORTS = {"http": 80, "https": 443}
UNIX = "unix"
"""How a proxy that comes through a Unix socket is named: it has no address."""


def read_address(text: str) -> AnyAddress | None:
    """An IP address, or None. An IPv4 address that IPv6 carries is that IPv4 address.

    >>> read_address("::ffff:203.0.113.7")
    IPv4Address('203.0.113.7')
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


# proxies


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies whose word about a client is taken, and the header in which they give it."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    unix: bool
    forwarded: bool
    """Whether they send `Forwarded` (RFC 7239), not `X-Forwarded-For` and `X-Forwarded-Proto`. Only
    one of the two is ever read: a proxy sets that one, and the other is the client's own text."""

    def trusts(self, address: AnyAddress | None) -> bool:
        """Whether an address is a proxy's; None is the other end of a Unix socket."""
        if address is None:
            return self.unix
        return any(address in network for network in self.networks)

    def __bool__(self) -> bool:
        return self.unix or bool(self.networks)


_HEADERS = {"": False, "x-forwarded-for": False, "forwarded": True}


@lru_cache(64)
def read_proxies(trusted: str, header: str) -> Proxies:
    """The proxies of `STANCHION_TRUSTED_PROXIES` and `STANCHION_PROXY_HEADER`."""
    if header.lower() not in _HEADERS:
        raise SettingError(
            "STANCHION_PROXY_HEADER", f"{header!r} is neither X-Forwarded-For nor Forwarded"
        )
    named = [each.strip() for each in trusted.split(",") if each.strip()]
    networks = tuple(_network(each) for each in named if each != UNIX)
    return Proxies(networks, UNIX in named, _HEADERS[header.lower()])


def _network(text: str) -> IPv4Network | IPv6Network:
    name = "STANCHION_TRUSTED_PROXIES"
    try:
        network = ip_network(text)
    except ValueError as error:
        raise SettingError(
            name, f"{text!r} is no address and no network ({error})",
            hint="10.0.0.5, 10.0.0.0/24, fd00::/64, with commas between them; `unix` for a socket",
        ) from None  # fmt: skip
    if network.prefixlen == 0:
        raise SettingError(
            name, f"{text!r} is everybody, so anybody could say to be anybody",
            hint="name the addresses from which the proxies connect",
        )  # fmt: skip
    return network


# origins


@dataclass(frozen=True, slots=True)
class PublicURL:
    """Where people reach the app: `origin` is its scheme, host and port, `root` a path without a
    slash at its end."""

    origin: str
    root: str

    @property
    def encrypted(self) -> bool:
        """Whether browsers reach it through TLS."""
        return self.origin.startswith("https:")

    def __str__(self) -> str:
        return self.origin + self.root


@lru_cache(64)
def read_public_url(text: str) -> PublicURL | None:
    """The address of `STANCHION_PUBLIC_URL`; None where it is not set."""
    if not text:
        return None
    name = "STANCHION_PUBLIC_URL"
    parts = _parts(name, text)
    root = parts.path.rstrip("/")
    if not re.fullmatch(r"(/[\w.~-]+)*", root, re.ASCII):
        raise SettingError(name, f"{parts.path!r} is no plain path", hint=_EXAMPLE)
    return PublicURL(_origin(parts), root)


@lru_cache(64)
def read_origins(text: str) -> frozenset[str]:
    """The origins of `STANCHION_CORS_ORIGINS`, each as browsers write it."""
    name = "STANCHION_CORS_ORIGINS"
    found = set()
    for each in text.split(","):
        if not (said := each.strip()):
            continue
        if "*" in said or said == "null":
            raise SettingError(
                name, f"{said!r} is not one site: whatever page a user opens could act as the user",
                hint="name each origin whole: https://shop.example, https://admin.shop.example",
            )  # fmt: skip
        parts = _parts(name, said)
        if parts.path not in ("", "/"):
            raise SettingError(
                name, f"{said!r} has a path, an origin has none", hint="https://shop.example"
            )
        found.add(_origin(parts))
    return frozenset(found)


_EXAMPLE = "https://shop.example, or https://shop.example:8443/app"


def _parts(name: str, text: str) -> SplitResult:
    """A URL that has one meaning, with nothing in it that an origin or a path has not."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise SettingError(name, f"{text!r} is no address", hint=_EXAMPLE) from None
    plain = text.isascii() and not re.search(r"[\s\\?#@]", text) and port != 0
    if parts.scheme not in PORTS or not parts.hostname or not plain:
        raise SettingError(name, f"{text!r} is no address of a site", hint=_EXAMPLE)
    host = parts.hostname
    if ":" not in host and not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", host):
        raise SettingError(name, f"{host!r} is no name of a host", hint=_EXAMPLE)
    if parts.scheme == "http" and not is_this_machine(host):
        raise SettingError(
            name, f"{text!r} is not encrypted: whoever is on the way could read it and act in it",
            hint=f"https://{parts.netloc}; http is for localhost alone",
        )  # fmt: skip
    return parts


def _origin(parts: SplitResult) -> str:
    """As browsers write it: in lower case, without the port that the scheme has anyway."""
    host = parts.hostname or ""
    written = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{written}{port}"


def is_this_machine(host: str) -> bool:
    """Whether a name or address leads to this very machine."""
    address = read_address(host)
    if address is not None:
        return address.is_loopback
    return host == "localhost" or host.endswith(".localhost")


HSTS = "max-age=31536000"
"""A year: what `Strict-Transport-Security` says unless the operator says more."""


def read_hsts(text: str) -> str:
    """The header of `STANCHION_HSTS`."""
    if not re.fullmatch(r"max-age=[0-9]{1,10}(; ?includeSubDomains)?(; ?preload)?", text or HSTS):
        raise SettingError(
            "STANCHION_HSTS", f"{text!r} is no policy",
            hint="max-age=31536000; includeSubDomains, where every subdomain has TLS; max-age=0 "
            "takes it back",
        )  # fmt: skip
    return text or HSTS
