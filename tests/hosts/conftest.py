"""A database for each test, and an app for each host that it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from uuid import uuid4

import pytest

from stanchion import App, Field, Record, Ref, Rules, Settings, public
from tests.postgres import Postgres

VERSION = "16"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def postgres_version() -> str:
    return VERSION


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Postgres:
    """The primary, where there are others beside it."""
    return postgres


@pytest.fixture
def database(server: Postgres) -> Iterator[str]:
    """The name of an empty database, where it is nine hours later."""
    name = f"d{uuid4().hex}"
    server.create(name)
    server.sql(f"alter database \"{name}\" set timezone='Asia/Tokyo'")
    yield name
    server.drop(name)


class Shelf(Record):
    name: str = Field(max_length=50, unique=True)
    rules = Rules(read=public, write=public)


class Note(Record):
    text: str = Field(max_length=100, search=True)
    number: int = 0
    shelf: Ref[Shelf] | None = None
    rules = Rules(read=public, write=public)


def make_app(settings: Settings) -> App:
    """Notes on shelves, for everybody to read and write."""
    app = App("Hosts", settings=settings)
    app.collection("shelves")(Shelf)
    app.collection("notes")(Note)
    return app


def with_apps(settings: list[Settings], act: Callable[..., Awaitable[None]]) -> None:
    """Run `act` with an app for each of the settings, all in this process: as many hosts."""

    async def main() -> None:
        apps = [make_app(each) for each in settings]
        try:
            for app in apps:
                await app.runtime.records()
            await act(*apps)
        finally:
            for app in apps:
                await app.runtime.close()

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))
