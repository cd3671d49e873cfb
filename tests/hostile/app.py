"""What the hostile tests attack: a warehouse with a field of every type, open for writing.

Nobody has to be signed in, so that every request gets as far as it can.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from stanchion import App, Field, Many, Record, Ref, Rules, back, public
from stanchion.declare import Create

app = App("Warehouse")

SHELF = "0190a000-0000-7000-8000-000000000001"
ITEM = "0190b000-0000-7000-8000-{:012x}"
ITEMS = 40
SECRET = "the-planted-secret"


@app.collection("shelves")
class Shelf(Record):
    """Where things lie."""

    label: str = Field(max_length=40, unique=True)
    items: Many[Item] = back("shelf")
    rules = Rules(read=public, write=public)


@app.collection("items")
class Item(Record):
    """What lies there."""

    name: str = Field(max_length=200, search=True)
    kind: Literal["tool", "part", "toy"] = "part"
    count: int = Field(default=0, ge=-1_000_000, le=1_000_000)
    weight: float | None = None
    price: Decimal = Field(default=Decimal(0), max_digits=12, decimal_places=2)
    bought: date | None = None
    checked: datetime | None = None
    fragile: bool = False
    tags: list[str] = Field(default_factory=list)
    notes: dict[str, Any] = Field(default_factory=dict)
    secret: str = Field(default="", read=False)
    shelf: Ref[Shelf] | None = Field(default=None, on_delete="cascade")
    rules = Rules(read=public, write=public)


@app.post("/copy")
async def copy(item: Create[Item]) -> str:
    """An app's own route that takes a record."""
    async with app.transaction() as tx:
        return (await tx.create(item)).id


@app.seed
async def fill(tx: Any) -> None:
    """One shelf, and things on it."""
    await tx.create(Shelf(id=SHELF, label="A1"))
    for number in range(ITEMS):
        await tx.create(
            Item(
                id=ITEM.format(number),
                name=f"item {number}",
                count=number,
                secret=SECRET,
                price=Decimal(number) / 4,
                tags=["new", f"t{number % 3}"],
                shelf=SHELF if number % 2 else None,
            )
        )
