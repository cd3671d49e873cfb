"""Numbers that no column can hold compare as they should, and never fail the server."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from stanchion import App, Field, Record, Rules, public
from stanchion.testing import Client, client


def make_app() -> App:
    app = App("Numbers")

    @app.collection("nums")
    class Num(Record):
        i: int
        d: Decimal = Field(max_digits=8, decimal_places=2)
        s: str = "abc"
        many: list[int] = Field(default_factory=lambda: [1, 2])
        rules = Rules(read=public, create=public)

    return app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(make_app()) as caller:
        assert caller.post("/api/nums", json={"i": 1, "d": "2.50"}).status == 201
        yield caller


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("i < 1e309", 1), ("i > 1e309", 0), ("i == 1e399", 0), ("i != 1e399", 1),
        ("d < 1e399", 1), ("d > -1e399", 1), ("-1e399 < i", 1), ("i in [1e399]", 0),
        ("i in [1e399, 1]", 1), ("size(s) < 1e399", 1), ("many.exists(x, x == 1e399)", 0),
        ("many.all(x, x < 1e399)", 1), ("d <= 1e-399", 0), ("d >= 1e-399", 1),
    ],
)  # fmt: skip
def test_far_literal(http: Client, text: str, found: int) -> None:
    answer = http.get("/api/nums", params={"filter": text})
    assert answer.status in (200, 400), answer.text
    if answer.status == 200:
        assert len(answer.json()["items"]) == found


def test_most_of_them_are_answered(http: Client) -> None:
    for text in ("i < 1e309", "i == 1e399", "d < 1e399"):
        assert http.get("/api/nums", params={"filter": text}).status == 200


def test_far_floats_have_an_average() -> None:
    app = App("Floats")

    @app.collection("floats")
    class Float(Record):
        f: float | None = None
        group: str = ""
        rules = Rules(read=public, create=public)

    with client(app) as http:
        for value in (1e308, 5e307, -1e308, None):
            assert http.post("/api/floats", {"f": value}).status == 201
        assert http.post("/api/floats", {"f": None, "group": "none"}).status == 201
        asked = http.get("/api/floats/_aggregate", params={"avg": "f", "group": "group"})
        assert asked.status == 200, asked.text
        told = {item["group"]["group"]: item["avg"]["f"] for item in asked.json()["items"]}
        assert told == {"": pytest.approx(5e307 / 3), "none": None}
