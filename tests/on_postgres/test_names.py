"""Names as long as they may be: no two meet on disk, and errors name what was declared."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from stanchion import App, Field, Record, Rules, calc, public
from stanchion.errors import Conflict
from stanchion.settings import Settings
from tests.postgres import Postgres

LONG = "a" * 59  # with one letter more, the longest that a declaration takes
COLLECTION = "c" * 60


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:////{str(tmp_path / 'names.db').lstrip('/')}"
    return str(request.getfixturevalue("database"))


class Shelf:
    """An app whose names differ in their last letter only, and its record class."""

    def __init__(self, url: str, *, indexed: bool = False) -> None:
        self.app = app = App("Names", settings=Settings(database_url=url))
        x, y, z = (f"{LONG}{letter}" for letter in "xyz")

        @app.collection(COLLECTION)
        class Thing(Record):
            first: int = Field(name=x, unique=True, ge=0, le=900)
            second: int = Field(name=y, unique=True, ge=0, le=900)
            third: str = Field(name=z, max_length=20, min_length=2, search=True, index=indexed)
            unique = (("first", "second"), ("first", "third"))
            rules = Rules(read=public, write=public)

        self.thing = Thing

    async def create(self, first: int, second: int) -> Any:
        async with self.app.transaction(actor=self.app.system()) as tx:
            return await tx.create(self.thing(first=first, second=second, third="text"))


async def told(shelf: Shelf, second: int) -> tuple[str, str]:
    with pytest.raises(Conflict) as caught:
        async with shelf.app.transaction(actor=shelf.app.system()) as tx:
            await tx.update_where(
                shelf.thing, "", {"first": calc(f"{LONG}x + 0"), "second": calc(f"{second}")}
            )
    (error,) = caught.value.errors
    return str(error.pointer), error.code


def test_what_an_error_names_is_what_was_declared(url: str) -> None:
    async def act() -> None:
        shelf = Shelf(url)
        try:
            await shelf.create(1, 1)
            assert await told(shelf, 1000) == (f"/{LONG}y", "check.le")
            await shelf.create(2, 2)
            assert await told(shelf, 5) == (f"/{LONG}y", "unique")
        finally:
            await shelf.app.runtime.close()

    asyncio.run(asyncio.wait_for(act(), 30))


def test_an_index_with_a_long_name_is_made_and_dropped(database: str, postgres: Postgres) -> None:
    """Names that PostgreSQL had cut would be made again each time, or one for another."""
    name = database.rpartition("/")[2]

    async def indexes(*, indexed: bool) -> set[str]:
        shelf = Shelf(database, indexed=indexed)
        shelf.app.runtime.change_schema = True
        try:
            await shelf.app.runtime.records()
        finally:
            await shelf.app.runtime.close()
        asked = f"select json_agg(indexname) from pg_indexes where tablename='{COLLECTION}'"
        return set(json.loads(postgres.sql(asked, name)))

    without = asyncio.run(indexes(indexed=False))
    within = asyncio.run(indexes(indexed=True))
    assert len(within - without) == 1
    assert without < within
    assert asyncio.run(indexes(indexed=False)) == without
    assert len(without) == 6  # key, two fields, two sets, search


@pytest.mark.parametrize("where", ["collection", "field"])
def test_a_name_that_no_engine_keeps_whole_is_refused_where_it_is_declared(where: str) -> None:
    app = App("Names")
    with pytest.raises(Exception, match="60 at most"):

        @app.collection("c" * 64 if where == "collection" else "things")
        class Thing(Record):
            first: int = Field(name="f" * 64 if where == "field" else "first")

        app.check()
