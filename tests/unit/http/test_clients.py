"""Whose request it is: the peer, or what trusted proxies say, and nothing that anybody can send."""

from __future__ import annotations

from typing import Any

import pytest

from stanchion import Settings
from stanchion.http.clients import NOWHERE, client_of, scheme_of

PROXY, INNER, CLIENT = "10.0.0.5", "10.0.0.6", "203.0.113.7"


def scope(peer: str | None, *headers: tuple[str, str], scheme: str = "http") -> dict[str, Any]:
    return {
        "type": "http", "scheme": scheme, "client": None if peer is None else (peer, 4711),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }  # fmt: skip


def said(*values: str, by: str = "x-forwarded-for") -> list[tuple[str, str]]:
    return [(by, value) for value in values]


TRUSTED = Settings(trusted_proxies="10.0.0.0/24, fd00::/64")


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        (CLIENT, CLIENT),
        ("::ffff:203.0.113.7", CLIENT),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a test", NOWHERE),
        (None, NOWHERE),
    ],
)
def test_the_peer_is_the_client_whatever_headers_say(peer: str | None, network: str) -> None:
    lies = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4"), ("x-real-ip", "1.2.3.4")]
    for settings in (Settings(), TRUSTED):
        assert client_of(scope(peer, *lies), settings) == network


@pytest.mark.parametrize(
    ("lines", "network"),
    [
        ([CLIENT], CLIENT),
        ([f"1.2.3.4, {CLIENT}"], CLIENT),
        (["1.2.3.4", CLIENT], CLIENT),
        ([f"{CLIENT}, {INNER}"], CLIENT),
        ([f"1.2.3.4, {CLIENT}, {INNER}", PROXY], CLIENT),
        ([f"  {CLIENT}  ,"], CLIENT),
        ([f"{CLIENT}:55555"], CLIENT),
        (["[2001:db8::1]:443"], "2001:db8::/64"),
        (["2001:db8::1"], "2001:db8::/64"),
        (["::ffff:203.0.113.7"], CLIENT),
        (["nonsense, " + CLIENT], CLIENT),
        ([INNER], INNER),  # asked from within
        ([f"{INNER}, {PROXY}"], INNER),
        ([f"{CLIENT}, nonsense"], PROXY),
        (["unknown"], PROXY),
        (["203.0.113.7.8"], PROXY),
        ([""], PROXY),
        ([], PROXY),
    ],
)
def test_a_trusted_proxy_is_believed_as_far_as_it_wrote_itself(
    lines: list[str], network: str
) -> None:
    assert client_of(scope(PROXY, *said(*lines)), TRUSTED) == network
    assert client_of(scope("::ffff:10.0.0.5", *said(*lines)), TRUSTED) == network


@pytest.mark.parametrize(
    ("lines", "network"),
    [
        (["for=203.0.113.7"], CLIENT),
        (['for="203.0.113.7:4711";proto=https;by=10.0.0.5'], CLIENT),
        (['For="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::/64"),
        (["for=1.2.3.4", "for=203.0.113.7"], CLIENT),
        (["for=1.2.3.4, for=203.0.113.7, for=10.0.0.6"], CLIENT),
        (['for="1.2.3.4, for=203.0.113.7'], CLIENT),  # the client left its quote open
        (["for=unknown"], PROXY),
        (["for=_hidden"], PROXY),
        (["proto=https"], PROXY),
        (["for=203.0.113.7;for=1.2.3.4"], PROXY),
        (['for=203.0.113.7;host="x, for=1.2.3.4"'], PROXY),
    ],
)
def test_forwarded_is_read_where_the_setting_names_it(lines: list[str], network: str) -> None:
    settings = Settings(trusted_proxies="10.0.0.0/24", proxy_header="Forwarded")
    asked = scope(PROXY, *said(*lines, by="forwarded"), ("x-forwarded-for", "9.9.9.9"))
    assert client_of(asked, settings) == network
    # and the header that is not named counts for nothing
    assert client_of(asked, TRUSTED) == "9.9.9.9"


def test_a_proxy_behind_a_unix_socket_is_named_by_a_word() -> None:
    asked = scope(None, ("x-forwarded-for", CLIENT), ("x-forwarded-proto", "https"))
    assert client_of(asked, Settings(trusted_proxies="unix")) == CLIENT
    assert client_of(asked, TRUSTED) == NOWHERE
    assert scheme_of(asked, Settings(trusted_proxies="unix")) == "https"


def test_thousands_of_addresses_are_not_even_looked_at() -> None:
    asked = scope(PROXY, *said(", ".join(["1.2.3.4"] * 3000) + f", {CLIENT}"))
    assert client_of(asked, TRUSTED) == CLIENT


@pytest.mark.parametrize(
    ("peer", "header", "value", "scheme"),
    [
        (PROXY, "x-forwarded-proto", "https", "https"),
        (PROXY, "x-forwarded-proto", "http, https", "https"),
        (PROXY, "x-forwarded-proto", "https, http", "http"),
        (PROXY, "x-forwarded-proto", "nonsense", "http"),
        (CLIENT, "x-forwarded-proto", "https", "http"),
        (PROXY, "forwarded", "for=1.2.3.4;proto=https", "http"),
    ],
)
def test_tls_is_believed_of_trusted_proxies_alone(
    peer: str, header: str, value: str, scheme: str
) -> None:
    assert scheme_of(scope(peer, (header, value)), TRUSTED) == scheme


def test_forwarded_tells_of_tls_where_the_client_was_seen() -> None:
    settings = Settings(trusted_proxies="10.0.0.0/24", proxy_header="Forwarded")
    hops = "for=1.1.1.1;proto=http, for=203.0.113.7;proto=https, for=10.0.0.6;proto=http"
    assert scheme_of(scope(PROXY, ("forwarded", hops)), settings) == "https"
    lie = "for=203.0.113.7;proto=https"
    assert scheme_of(scope(CLIENT, ("forwarded", lie)), settings) == "http"
    assert scheme_of(scope(CLIENT, scheme="https"), settings) == "https"
