"""A request with a cookie comes from a page of ours, or it is not let in (TRUST S14)."""

from __future__ import annotations

from typing import Any

import pytest

from stanchion import Settings
from stanchion.http.from_here import from_here, is_from_here, own_origins

OWN = frozenset({"https://shop.example"})
LISTED = frozenset({"https://admin.shop.example"})


def headers(site: str | None, origin: str | None) -> list[tuple[bytes, bytes]]:
    given = [("sec-fetch-site", site), ("origin", origin), ("cookie", "__Host-session=st_x")]
    return [(name.encode(), value.encode()) for name, value in given if value is not None]


HERE = [
    ("same-origin", "https://shop.example"), ("same-origin", None), ("none", None),
    ("same-origin", "null"),  # a form of a page that keeps its address to itself
    (None, "https://shop.example"),
    (None, None),  # no browser
    ("same-site", "https://admin.shop.example"), ("cross-site", "https://admin.shop.example"),
    (None, "https://admin.shop.example"),
]  # fmt: skip
NOT_HERE = [
    ("cross-site", None), ("same-site", None), ("cross-site", "https://evil.example"),
    ("same-site", "https://evil.shop.example"), ("cross-site", "null"), ("same-site", "null"),
    # what the browser says of the page counts, not what the origin looks like
    ("cross-site", "https://shop.example"), ("same-site", "https://shop.example"),
    ("", None), ("Same-Origin", None), ("same-origin, same-origin", None), ("evil", None),
    (None, "null"), (None, ""), (None, "https://evil.example"),
    (None, "https://evil.shop.example"), (None, "https://shop.example.evil.example"),
    (None, "https://evilshop.example"), (None, "https://shop.example:8443"),
    (None, "http://shop.example"), (None, "https://shop.example@evil.example"),
    (None, "https://ann@shop.example"), (None, "https://shop.example/"),
    (None, "https://shop.example https://evil.example"), (None, "shop.example"),
    (None, "//shop.example"), (None, "wss://shop.example"), (None, "HTTPS://evil.example"),
    (None, "https://shop.example\t"), (None, "https://shop.example."), (None, "file://"),
    (None, "https://xn--shp-0na.example"), (None, "chrome-extension://shop.example"),
]  # fmt: skip


@pytest.mark.parametrize(("site", "origin"), HERE)
def test_a_page_of_ours_may(site: str | None, origin: str | None) -> None:
    assert from_here(headers(site, origin), OWN, LISTED)


@pytest.mark.parametrize(("site", "origin"), NOT_HERE)
def test_a_page_of_another_site_may_not(site: str | None, origin: str | None) -> None:
    assert not from_here(headers(site, origin), OWN, LISTED)


def test_without_a_list_nobody_is_on_it() -> None:
    for site, origin in HERE:
        if origin == "https://admin.shop.example":
            assert not from_here(headers(site, origin), OWN)


def test_a_header_that_stands_twice_is_believed_in_neither_place() -> None:
    twice = [*headers("same-origin", None), *headers("cross-site", None)]
    assert not from_here(twice, OWN)
    twice = [*headers(None, "https://shop.example"), *headers(None, "https://evil.example")]
    assert not from_here(twice, OWN)


def asked(host: str, *more: tuple[str, str], scheme: str = "http") -> dict[str, Any]:
    given = [("host", host), *more]
    return {
        "type": "http", "scheme": scheme, "client": ("10.0.0.5", 1),
        "headers": [(name.encode(), value.encode()) for name, value in given],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "host", "scheme", "origins"),
    [
        ({}, "localhost:8000", "http", {"http://localhost:8000", "https://localhost:8000"}),
        ({}, "Shop.Example", "http", {"http://shop.example", "https://shop.example"}),
        ({}, "shop.example:443", "https", {"https://shop.example"}),
        ({"public_url": "https://shop.example"}, "shop.example", "http", {"https://shop.example"}),
        (
            {"public_url": "https://shop.example/app"}, "127.0.0.1:8000", "https",
            {"https://shop.example", "https://127.0.0.1:8000"},
        ),
        ({}, "", "http", set()),
    ],
)  # fmt: skip
def test_our_origins_are_the_one_that_was_asked_and_the_public_one(
    settings: dict[str, str], host: str, scheme: str, origins: set[str]
) -> None:
    assert own_origins(asked(host, scheme=scheme), Settings(**settings)) == origins


def test_a_trusted_proxy_that_took_tls_away_says_so() -> None:
    proxied = asked("shop.example", ("x-forwarded-proto", "https"))
    assert own_origins(proxied, Settings(trusted_proxies="10.0.0.5")) == {"https://shop.example"}


def test_a_downgraded_page_is_another_site() -> None:
    settings = Settings(public_url="https://shop.example")
    old = ("origin", "http://shop.example")
    assert not is_from_here(asked("shop.example", old), settings)
    assert is_from_here(asked("shop.example", ("origin", "https://shop.example")), settings)
