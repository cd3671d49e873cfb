"""A PostgreSQL that cannot be used at the start: each cause has a code, the address without its
password, and the way out."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from stanchion.cli.console import CommandFailed
from tests.postgres import Postgres, serving, why_not

from .processes import run

VERSION = "18"
PASSWORD = "Geh31mnis"
OLD = (
    "create schema old; create view old.pg_settings as select name, "
    "case name when 'server_version_num' then '140009' when 'server_version' then '14.9' "
    "else setting end as setting from pg_catalog.pg_settings"
)
"""What an older server would say of itself."""


@dataclass
class Place:
    """A server that asks `guest` for a password."""

    server: Postgres

    def url(self, database: str, who: str = "stanchion:x", options: str = "") -> str:
        return f"postgresql://{who}@127.0.0.1:{self.server.port}/{database}{options}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if reason := why_not(VERSION):
        pytest.skip(reason)
    with serving(VERSION, "password_encryption=scram-sha-256") as server:
        (server.folder / "data" / "pg_hba.conf").write_text(
            "host all guest 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
        )
        server.sql(f"create role guest login password '{PASSWORD}'")
        server.sql("select pg_reload_conf()")
        yield Place(server)


def wrong_password(place: Place) -> str:
    return place.url("postgres", "guest:wrong" + PASSWORD)


def no_such_user(place: Place) -> str:
    return place.url("postgres", f"nobody:{PASSWORD}")


def no_such_database(place: Place) -> str:
    return place.url("nothing", f"stanchion:{PASSWORD}")


def nothing_listens(place: Place) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"postgresql://ann:{PASSWORD}@127.0.0.1:{port}/shop"


def unknown_host(place: Place) -> str:
    return f"postgresql://ann:{PASSWORD}@nowhere.invalid:5432/shop"


def older(place: Place) -> str:
    place.server.create("older")
    place.server.sql(OLD, "older")
    return place.url("older", f"stanchion:{PASSWORD}", "?search_path=old,pg_catalog")


def latin(place: Place) -> str:
    place.server.sql("create database latin template template0 encoding LATIN1 locale 'C'")
    return place.url("latin", f"stanchion:{PASSWORD}")


def unsafe(place: Place) -> str:
    place.server.create("unsafe")
    place.server.sql("alter database unsafe set synchronous_commit=off")
    return place.url("unsafe", f"stanchion:{PASSWORD}")


def of_another_application(place: Place) -> str:
    place.server.drop("foreign")
    place.server.create("foreign")
    place.server.sql("create table invoices (id int)", "foreign")
    return place.url("foreign", f"stanchion:{PASSWORD}")


def full(place: Place) -> str:
    place.server.sql("create database full_one connection limit 0")
    place.server.sql("grant all on database full_one to guest")
    return place.url("full_one", f"guest:{PASSWORD}")


CAUSES: list[tuple[Callable[[Place], str], str]] = [
    (wrong_password, "database.login"),
    (no_such_user, "database.login"),
    (no_such_database, "database.missing"),
    (nothing_listens, "database.refused"),
    (unknown_host, "database.unknown_host"),
    (older, "database.older"),
    (latin, "database.encoding"),
    (unsafe, "database.unsafe"),
    (of_another_application, "database.foreign"),
    (full, "database.connections"),
]


@pytest.mark.parametrize(("make", "code"), CAUSES, ids=lambda each: getattr(each, "__name__", ""))
def test_cause_is_told(
    place: Place,
    inside: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Place], str],
    code: str,
) -> None:
    url = make(place)
    monkeypatch.setenv("STANCHION_DATABASE_URL", url)
    refused = inside("explain", "GET", "/api/notes").exception
    assert isinstance(refused, CommandFailed)
    assert refused.exit_code == 1
    assert_told(refused.text, code, url)


def test_serve_tells_it_and_ends(place: Place, folder: Path) -> None:
    for make, code in (CAUSES[0], CAUSES[-2]):
        assert_told(serve(folder, url := make(place)), code, url)


def serve(folder: Path, url: str, **more: str) -> str:
    refused = run("serve", "--port", "0", cwd=folder, STANCHION_DATABASE_URL=url, **more)
    assert refused.returncode == 1, refused.stderr
    return refused.stderr


def assert_told(told: str, code: str, url: str) -> None:
    who, _, rest = url.removeprefix("postgresql://").partition("@")
    shown = f"postgresql://{who.partition(':')[0]}@{rest.partition('?')[0]}"
    assert told.startswith(f"error[{code}]: {shown}: "), told
    assert "\nhint: " in told
    assert "Traceback" not in told
    assert PASSWORD not in told


def test_nobody_answers(folder: Path) -> None:
    """A host that takes the connection and says nothing, as a firewall's does."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://ann:{PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/shop"
        told = serve(folder, url, STANCHION_WRITE_DEADLINE_MS="1500")
    assert_told(told, "database.silent", url)


def test_driver_that_is_not_installed(folder: Path) -> None:
    (folder / "asyncpg.py").write_text("raise ModuleNotFoundError('No module named asyncpg')")
    told = serve(folder, f"postgresql://ann:{PASSWORD}@localhost/shop")
    assert told.startswith("error[setting.invalid]: STANCHION_DATABASE_URL: PostgreSQL needs a dr")
    assert "hint: pip install 'stanchion[postgres]'" in told
    assert "Traceback" not in told and PASSWORD not in told


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:pass#{}@host/shop",
        "postgresql://ann:pa/{}@host/shop",
        "postgresql://ann:12?{}@host/shop",
        "postgresql://ann:12#{}@host/shop",
        "postgresql://ann:{}@host:port/shop",
        "postgresql://ann:{}@[::1/shop",
    ],
)
def test_address_that_cannot_be_read_is_not_repeated(
    inside: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("STANCHION_DATABASE_URL", url.format(PASSWORD))
    refused = inside("serve").exception
    assert isinstance(refused, CommandFailed)
    assert refused.exit_code == 2
    assert refused.text.startswith("error[setting.invalid]: STANCHION_DATABASE_URL: ")
    assert "%23" in refused.text, "how to write it"
    assert "Traceback" not in refused.text and PASSWORD not in refused.text


def test_address_is_told_without_its_password_when_it_serves(
    place: Place, start: Callable[..., Any]
) -> None:
    place.server.create("shop")
    url = place.url("shop", f"stanchion:{PASSWORD}")
    server = start("serve", STANCHION_DATABASE_URL=url).ready()
    assert f"Database  postgresql://stanchion@127.0.0.1:{place.server.port}/shop" in server.err
    assert PASSWORD not in server.out + server.err
    assert server.call("GET", "/ready")[0] == 200
