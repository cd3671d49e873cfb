"""Settings: every variable is known, or the start is refused with the one that was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stanchion import Settings
from stanchion.errors import SettingError
from stanchion.settings import NOT_OURS, DatabaseURL

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("STANCHION_GRACE", "Did you mean 'STANCHION_GRACE_S'?"),
        ("STANCHION_BODYLIMIT", "Did you mean 'STANCHION_BODY_LIMIT'?"),
        ("STANCHION_XYZZY", "docs/settings.md lists every setting"),
    ],
)
def test_unknown_variable_is_refused(name: str, hint: str) -> None:
    for text in ("1", ""):
        with pytest.raises(SettingError) as refused:
            Settings.from_environment({name: text})
        assert (refused.value.name, refused.value.hint) == (name, hint)


def test_variables_of_others_and_empty_ones_change_nothing() -> None:
    environ = {"PATH": "/bin", "STANCHION_GRACE_S": "", **dict.fromkeys(NOT_OURS, "1")}
    assert Settings.from_environment(environ) == Settings()


def test_variables_that_our_tests_read_are_no_settings_and_refused_nowhere() -> None:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / ".ci").glob("*"), ROOT / "Makefile"]
    read = re.compile(r"environ\.get\(\"(STANCHION_[A-Z_]+)\"|^(STANCHION_[A-Z_]+)=", re.MULTILINE)
    found = {a or b for file in files if file.is_file() for a, b in read.findall(file.read_text())}
    assert found == NOT_OURS


def test_variables_of_an_orchestrator_are_left_alone() -> None:
    injected = {
        "STANCHION_SERVICE_HOST": "10.0.0.1", "STANCHION_SERVICE_PORT": "8000",
        "STANCHION_PORT": "tcp://10.0.0.1:8000", "STANCHION_PORT_8000_TCP_ADDR": "10.0.0.1",
    }  # fmt: skip
    assert Settings.from_environment(injected) == Settings()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", "/srv/shop/data/stanchion.db"),
        ("sqlite:///shop.db", "/srv/shop/shop.db"),
        ("sqlite:///data/my%20shop.db", "/srv/shop/data/my shop.db"),
        ("sqlite:////var/lib/shop.db", "/var/lib/shop.db"),
    ],
)
def test_address_of_a_database_is_beside_the_app_or_absolute(url: str, path: str) -> None:
    found = DatabaseURL.parse(url, base=Path("/srv/shop"))
    assert (found.engine, found.path) == ("sqlite", Path(path))


@pytest.mark.parametrize("url", ["sqlite://shop.db", "sqlite:///", "mysql://x/y", "shop.db"])
def test_address_that_names_no_database_is_refused_with_a_way_out(url: str) -> None:
    with pytest.raises(SettingError) as refused:
        DatabaseURL.parse(url, base=Path("/srv/shop"))
    assert refused.value.name == "STANCHION_DATABASE_URL" and "sqlite:///" in str(refused.value)
