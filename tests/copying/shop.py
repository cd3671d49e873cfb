"""An app with a field of every type, on whatever database, and rows for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import apsw

from stanchion import App, Field, Many, Record, Ref, Rules, Settings, back, public
from stanchion.testing import Client
from stanchion.testing.client import _lifespan, _running_loop

OPEN = Rules(read=public, create=public, update=public, delete=public)
app = App("Shop", settings=Settings())


@app.collection("makers")
class Maker(Record):
    name: str = Field(search=True, unique=True)
    boss: Ref[Maker] | None = None
    things: Many[Thing] = back("maker")
    rules = OPEN


@app.collection("things")
class Thing(Record):
    maker: Ref[Maker] | None = Field(default=None, on_delete="cascade")
    text: str = Field(search=True, max_length=2_000)
    more: str | None = Field(default=None, search=True)
    big: int | None = Field(default=None, big=True)
    number: int = Field(default=0, index=True)
    price: Decimal = Field(default=Decimal("0.00"), ge=0, decimal_places=2)
    exact: Decimal | None = Field(default=None, max_digits=18, decimal_places=9)
    whole: Decimal | None = Field(default=None, max_digits=18, decimal_places=0)
    ratio: float = 0.5
    flag: bool = False
    day: date | None = None
    moment: datetime | None = None
    kind: Literal["a", "b'c"] = "a"
    other: UUID | None = None
    tags: list[str] = Field(default_factory=list)
    prices: list[Decimal] = Field(default_factory=list)
    document: dict[str, Any] | None = None
    anything: Any = None
    rules = OPEN


DAYS = ("0001-01-01", "9999-12-31", "2024-02-29")
MOMENTS = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000001Z", "9999-12-31T23:59:59.999999Z",
    "2026-03-29T02:30:00.5+01:00",
)  # fmt: skip
RATIOS = (0.1, -2.25, 1234567.875, 1e-4)
"""Whose texts both engines write in the same way."""


def thing(number: int, makers: list[str]) -> dict[str, Any]:
    """The body of a record with a value of every type."""
    sign = -1 if number % 2 else 1
    return {
        "text": f"Crème brûlée {number} 日本 \n\t\\ 'q' \\N \u2028", "number": number * 10**13,
        "more": None if number % 2 else "two words {two}, \"two\"", "flag": bool(number % 2),
        "maker": makers[number % len(makers)] if number % 4 else None,
        "big": str(sign * (2**63 - 1 - number)), "price": f"{number}.0{number % 10}",
        "exact": f"{sign * 123456789}.{number:09}", "whole": str(sign * (10**18 - 1 - number)),
        "ratio": RATIOS[number % 4], "day": DAYS[number % 3], "moment": MOMENTS[number % 4],
        "kind": "b'c" if number % 2 else "a", "other": "018F3C2E-7A4B-7C1D-9E2F-3A4B5C6D7E8F",
        "tags": ["é", 'x"y', "", "{}", "NULL"][: number % 6], "prices": ["1.50", "-0.01"],
        "document": {"z": 1, "a": [None, 1.0, 10**30, 2.50], "\u00a0": "\\"},
        "anything": [1, {"b": [True, "null"]}] if number % 3 else "text",
    }  # fmt: skip


@contextmanager
def serving(url: str) -> Iterator[Client]:
    """The app, on the database of this address."""
    app.runtime._settings = Settings(database_url=url)
    with _running_loop() as loop, _lifespan(app, loop):
        yield Client(app, loop)


def fill(http: Client, things: int = 24) -> list[str]:
    """Makers that refer to each other, things of theirs, some changed and some deleted; the ids of
    the deleted."""
    makers: list[str] = []
    for number in range(4):
        boss = makers[-1] if makers else None
        made = http.post("/api/makers", {"name": f"Maker Ünï {number}", "boss": boss})
        makers.append(made.json()["id"])
    assert http.patch(f"/api/makers/{makers[0]}", {"boss": makers[-1]}).status == 200
    gone = []
    for number in range(things):
        made = http.post("/api/things", thing(number, makers))
        assert made.status == 201, made.text
        path = f"/api/things/{made.json()['id']}"
        if number % 5 == 0:
            assert http.patch(path, {"text": f"changed {number}"}).status == 200
        if number % 7 == 0:
            assert http.delete(path).status == 204
            gone.append(made.json()["id"])
    return gone


ASKED = (
    "/api/makers?sort=id&expand=things,boss",
    "/api/things?sort=id&limit=100&expand=maker&total=true",
    "/api/things?q=br%C3%BBl%C3%A9e&sort=-moment,id",
    "/api/things?q=tw%20wo&sort=-exact",
    "/api/things?filter=price%20%3E%2010%20and%20flag&sort=-number",
    "/api/things?sort=-day,text&limit=5",
    "/api/things/_aggregate?group=kind&sum=price&max=moment",
)


def ask(http: Client) -> list[bytes]:
    """What the API answers."""
    return [http.get(url).body for url in ASKED]


def fill_quickly(file: Path, number: int, document: str | None = None) -> None:
    """Many things in a SQLite file that the app has made, without their changes in the log."""
    moment = "2026-01-31T12:00:00.000001Z"
    database = apsw.Connection(str(file))
    key = "018f3c2e-7a4b-7c1d-9e2f-"
    with database:
        database.executemany(
            "insert into things (id,text,number,document,price,ratio,flag,kind,tags,prices,created,"
            "updated,version) values (?,'some words',?,?,100,0.5,1,'a','[\"x\"]','[]',?,?,1)",
            ((f"{key}{n:012x}", n, document, moment, moment) for n in range(number)),
        )
    database.close()
