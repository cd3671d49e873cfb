"""A list in the order of another collection is answered however much the rules on the way ask."""

from __future__ import annotations

from typing import Any

import pytest

from stanchion import App, Field, Many, Record, Ref, Rules, back, public
from stanchion.testing import client

HALLS = 3


def rule_of(parts: int, nested: bool) -> str:
    """Holds where a hall has a seat in row 0: in the first of the parts, or nested in each."""
    if nested:
        seats = "record.house.halls.exists(h, h.id == record.id && h.seats.exists(s, s.row == {}))"
    else:
        seats = "record.seats.exists(s, s.row == {})"
    return " || ".join(seats.format(row) for row in range(parts))


def make_app(hall: str, show: str) -> App:
    app = App("Cinema")

    @app.collection("houses")
    class House(Record):
        halls: Many[Hall] = back("house")
        rules = Rules(read=public, create=public)

    @app.collection("halls")
    class Hall(Record):
        house: Ref[House]
        label: str = Field(index=True)
        seats: Many[Seat] = back("hall")
        rules = Rules(read=hall, create=public)

    @app.collection("seats")
    class Seat(Record):
        hall: Ref[Hall]
        row: int
        rules = Rules(read=public, create=public)

    @app.collection("shows")
    class Show(Record):
        hall: Ref[Hall] | None = None
        rules = Rules(read=show, create=public)

    @app.seed
    async def fill(tx: Any) -> None:
        house = await tx.create(House())
        await tx.create(Show())
        for number in range(HALLS):
            found = await tx.create(Hall(house=house.id, label=f"hall {number}"))
            await tx.create(Seat(hall=found.id, row=0 if number else 1_000))
            await tx.create(Show(hall=found.id))

    return app


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("parts", [1, 2, 3, 5, 8, 10])
def test_rule_of_the_other_collection_may_be_large(parts: int, nested: bool) -> None:
    with client(make_app(rule_of(parts, nested), "true")) as http:
        for sort, hidden_first in (("hall.label", True), ("-hall.label", False)):
            seen, after = [], ""
            while after is not None:
                page = http.get(f"/api/shows?sort={sort}&expand=hall&limit=1{after}")
                assert page.status == 200, page.text
                body = page.json()
                seen += [one["hall"] for one in body["items"]]
                after = f"&after={body['next']}" if body["next"] else None
            labels = [hall["label"] for hall in seen if isinstance(hall, dict)]
            hidden = [hall for hall in seen if not isinstance(hall, dict)]
            assert sorted(labels, reverse=not hidden_first) == labels == labels[:2]
            assert seen[:2] == hidden if hidden_first else seen[2:] == hidden


@pytest.mark.parametrize("parts", [1, 3, 6, 10])
def test_rule_of_the_list_may_be_large(parts: int) -> None:
    asked = " || ".join(
        f"record.hall.house.halls.exists(h, h.seats.exists(s, s.row == {row}))"
        for row in range(parts)
    )
    with client(make_app(rule_of(2, nested=False), asked)) as http:
        page = http.get("/api/shows?sort=hall.label&limit=2")
        assert page.status == 200, page.text
        again = http.get(f"/api/shows?sort=hall.label&limit=2&after={page.json()['next']}")
        assert (again.status, len(again.json()["items"])) == (200, 1)
