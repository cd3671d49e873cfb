"""A record that a route of the app returns looks as the data API shows it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from stanchion import App, Create, Field, Record, Rules, public, testing

MOMENT = "2026-01-31T12:00:00.000000Z"


def make_app() -> App:
    app = App("Forms")

    @app.collection("things")
    class Thing(Record):
        at: datetime
        again: datetime | None = None
        large: int = Field(big=True)
        price: Decimal = Field(max_digits=6, decimal_places=2)
        schema_: datetime = Field(name="schema")
        moments: list[datetime] = Field(default_factory=list)
        rules = Rules(read=public, create=public)

    async def make(thing: Create[Thing]) -> Thing:
        async with app.transaction() as tx:
            return await tx.create(thing)

    async def latest() -> list[Thing]:
        async with app.transaction() as tx:
            return await tx.list(Thing)

    make.__annotations__ = {"thing": Create[Thing], "return": Thing}
    latest.__annotations__ = {"return": list[Thing]}
    app.post("/make")(make)
    app.get("/latest")(latest)
    return app


def test_routes_and_data_api_answer_the_same_bytes() -> None:
    body = {
        "at": "2026-01-31T13:00:00+01:00", "large": "9007199254740993", "price": "2.5",
        "schema": MOMENT, "moments": ["2026-01-31T12:00:00Z"],
    }  # fmt: skip
    with testing.client(make_app()) as http:
        made = http.post("/make", json=body)
        assert made.status == 200
        stored = http.get(f"/api/things/{made.json()['id']}").json()
        assert made.json() == stored
        assert http.get("/latest").json() == [stored]
    assert stored["at"] == stored["schema"] == MOMENT
    assert stored["large"] == "9007199254740993"
    assert stored["price"] == "2.50"
    assert stored["moments"] == [MOMENT]
    assert stored["again"] is None
