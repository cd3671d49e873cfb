from datetime import date
from decimal import Decimal
from typing import Any, Literal

from stanchion import App, Field, Record, Rules, public

app = App("Sorts")


@app.collection("books")
class Book(Record):
    title: str = Field(max_length=100)
    isbn: str = Field(max_length=13, unique=True)
    price: Decimal = Field(max_digits=8, decimal_places=2)
    published: date | None = None
    kind: Literal["paper", "sound"] = "paper"
    sold_out: bool = False
    blurb: str = ""
    more: dict[str, Any] | None = None
    cost: int = Field(default=0, read=False)
    rules = Rules(read=public)
