"""PostgreSQL and the evaluator agree on every row too, in a database whose locale is not C.

As many expressions as on SQLite, and the same ones. Text is compared and sorted by code point,
whatever the database does by itself; the control is a database whose columns and parameters are
left to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product

import pytest

from stanchion.sql import dialect
from stanchion.types.base import FieldType
from tests.conformance.engines import chosen
from tests.postgres import Postgres, shared, why_not

from .agreement import Tally
from .expressions import Written
from .on_postgres import Stored, create
from .trying import SEEDS, try_expressions
from .worlds import World

VERSIONS = sorted({"15", *(engine.version for engine in chosen())})
"""The system's PostgreSQL can sort as a dictionary does; those from PyPI are built without ICU."""


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Postgres:
    if why_not(request.param):
        pytest.skip(why_not(request.param))  # no server of this version is here
    return shared(request.param)


@pytest.fixture(scope="module")
def stored(server: Postgres) -> Iterator[list[Stored]]:
    """Each world in a database of its own."""
    with ExitStack() as open_:
        yield [open_.enter_context(_stored(server, seed)) for seed in SEEDS]


@contextmanager
def _stored(server: Postgres, seed: int, name: str = "world") -> Iterator[Stored]:
    url, how = create(server, f"{name}{seed}")
    print(f"PostgreSQL {server.version}: {how}")
    one = Stored(World(seed), url)
    try:
        yield one
    finally:
        one.close()
        server.drop(f"{name}{seed}")


def test_postgresql_and_evaluator_agree_on_every_row(stored: list[Stored]) -> None:
    try_expressions(stored[0].world, stored, Stored.disagreements)


def compared(one: Stored) -> list[str]:
    """Pairs of texts and fields on which the database and the evaluator differ."""
    tally = Tally()
    found = []
    texts = ["a", "B", "ab", "aB", "Ä", "ß", "_", "漢字", "back\\slash"]
    for text, operator, path in product(texts, ("<", ">="), ("title", "owner.name")):
        quoted = text.replace("\\", "\\\\")
        for prefix, mode in (("", "caller"), ("record.", "rule")):
            sent = Written(f"{prefix}{path} {operator} '{quoted}'", mode)
            found += [str(each) for each in one.disagreements(sent, tally)]
    for text in ("'a' < 'B'", "'ab' < $text", "labels.exists(x, x > 'B')", "'B' < title"):
        sent = Written(text, "caller", params={"text": "aB"})
        found += [str(each) for each in one.disagreements(sent, tally)]
    return found


def in_order(one: Stored) -> list[str]:
    """The titles as the database sorts them."""
    return [title for (title,) in one.fetch('select title from "things" order by title')]


def test_text_is_compared_and_sorted_by_code_point(stored: list[Stored]) -> None:
    (one, *_) = stored
    assert not compared(one)
    titles = [row["title"] for row in one.world.rows["things"].values()]
    assert in_order(one) == sorted(titles)


def test_a_database_that_sorts_for_itself_is_noticed(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FieldType, "postgres_column", "text")
    monkeypatch.setitem(dialect._POSTGRES_CASTS, "text", "text")
    with _stored(server, SEEDS[0], "own") as one:
        (dictionary,) = one.fetch("select 'a' < 'B'")[0]
        if not dictionary:
            # the control needs a locale that orders as a dictionary does; 15 brings one
            pytest.skip(f"every locale that version {server.version} has here orders as C does")
        assert compared(one)
        assert in_order(one) != sorted(in_order(one))
