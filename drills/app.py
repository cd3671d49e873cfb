"""The app that the drills serve: what is written can be checked without knowing who wrote it.

A note's text follows from its id; a part says how many its pack has; an order's total is the sum of
its lines, and the counter is the number of orders. So half a write shows in the file itself.
"""

import asyncio

from pydantic import BaseModel

from stanchion import App, Field, Record, Ref, Rules, calc, public

app = App("Drills")
OPEN = Rules(read=public, write=public)


@app.collection("notes")
class Note(Record):
    text: str = Field(max_length=4000)
    rules = OPEN


@app.collection("parts")
class Part(Record):
    """One of `of` records that are created by one array."""

    pack: str = Field(index=True)
    of: int
    rules = OPEN


@app.collection("orders")
class Order(Record):
    total: int
    rules = OPEN


@app.collection("lines")
class Line(Record):
    order: Ref[Order]
    amount: int
    rules = OPEN


@app.collection("counters")
class Counter(Record):
    total: int = 0
    rules = OPEN


class Amounts(BaseModel):
    amounts: list[int]


@app.seed
async def count_from_zero(tx) -> None:  # type: ignore[no-untyped-def]  # as apps write it
    await tx.create(Counter())


@app.post("/order/{key}")
async def order(key: str, asked: Amounts) -> int:
    """An order, its lines and the count of all orders, in one transaction."""
    async with app.transaction() as tx:
        made = await tx.create(Order(id=Ref(key), total=sum(asked.amounts)))
        for amount in asked.amounts:
            await tx.create(Line(order=made.id, amount=amount))
        await tx.update_where(Counter, "", {"total": calc("total + 1")})
    return sum(asked.amounts)


@app.post("/hold/{key}")
async def hold(key: str, seconds: float) -> str:
    """Holds the writer longer than it may, with a record in hand."""
    async with app.transaction() as tx:
        await tx.create(Note(id=Ref(key), text="held"))
        await asyncio.sleep(seconds)
    return key


@app.get("/slow")
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"
