"""What an operator says of the web around the server is checked when the settings are read."""

from __future__ import annotations

import pytest

from stanchion import Settings
from stanchion.errors import SettingError
from stanchion.origins import read_origins, read_public_url

WRONG = [
    ("public_url", "shop.example"), ("public_url", "http://shop.example"),
    ("public_url", "https://shop.example/a?b"), ("public_url", "https://ann@shop.example"),
    ("public_url", "https://shop.example:0"), ("public_url", "https://shop.example:x"),
    ("public_url", "https://shop example"), ("public_url", "ftp://shop.example"),
    ("public_url", "https://"), ("public_url", "https://shop.example/a b"),
    ("public_url", "https://shop.example/%0d%0a"), ("public_url", "https://-.example/"),
    ("cors_origins", "*"), ("cors_origins", "null"), ("cors_origins", "https://*.shop.example"),
    ("cors_origins", "https://shop.example/path"), ("cors_origins", "http://shop.example"),
    ("cors_origins", "shop.example"), ("cors_origins", "https://a.example https://b.example"),
    ("trusted_proxies", "0.0.0.0/0"), ("trusted_proxies", "::/0"), ("trusted_proxies", "*"),
    ("trusted_proxies", "proxy.internal"), ("trusted_proxies", "10.0.0.1/8"),
    ("proxy_header", "X-Real-IP"), ("hsts", "on"), ("hsts", "max-age=1\r\nx: y"),
    ("redis_url", "localhost:6379"), ("redis_url", "http://localhost"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_setting_that_cannot_be_used_is_told_by_name(name: str, text: str) -> None:
    for make in (
        lambda: Settings(**{name: text}),
        lambda: Settings.from_environment({f"STANCHION_{name.upper()}": text}),
    ):
        with pytest.raises(SettingError) as told:
            make()
        assert told.value.name == f"STANCHION_{name.upper()}"


def test_the_password_of_a_redis_is_not_repeated() -> None:
    with pytest.raises(SettingError) as told:
        Settings(redis_url="redis:/:hunter2@host")
    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "origin", "root"),
    [
        ("https://shop.example", "https://shop.example", ""),
        ("https://Shop.Example:443/", "https://shop.example", ""),
        ("https://shop.example:8443/app/", "https://shop.example:8443", "/app"),
        ("http://localhost:8000", "http://localhost:8000", ""),
        ("http://127.0.0.1/a/b", "http://127.0.0.1", "/a/b"),
        ("http://[::1]:8000", "http://[::1]:8000", ""),
    ],
)
def test_the_public_url_is_an_origin_and_a_root(text: str, origin: str, root: str) -> None:
    found = read_public_url(text)
    assert found is not None
    assert (found.origin, found.root, str(found)) == (origin, root, origin + root)
    assert found.encrypted == text.startswith("https")


def test_origins_are_as_browsers_write_them() -> None:
    assert read_origins("") == frozenset()
    assert read_origins(" https://A.example:443, http://localhost:5173/ ,") == {
        "https://a.example", "http://localhost:5173",
    }  # fmt: skip
