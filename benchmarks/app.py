"""The benchmark's app: items with an owner and a category, and a row rule that asks who is asking.

`python benchmarks/app.py ROWS` fills the database that STANCHION_DATABASE_URL names.
The caller is the stand-in that tests use, unless BENCHMARK_CALLERS is `sessions`: then callers are
who they signed in as, and nobody where they did not.
"""

import asyncio
import os
import sys

from stanchion import App, Field, Record, Ref, Rules, SignIn, UserRecord, public
from stanchion.query import Actor

app = App("Benchmark")
CALLER = "00000000-0000-7000-8000-000000000001"


@app.collection("users")
class User(UserRecord):
    name: str = Field(max_length=80)
    sign_in = SignIn(register="open", registrations="100000/h")
    rules = Rules(read=public)


@app.collection("categories")
class Category(Record):
    name: str = Field(max_length=80)
    rules = Rules(read=public)


@app.collection("items")
class Item(Record):
    title: str = Field(max_length=120)
    note: str = Field(max_length=400)
    price: int = Field(ge=0, index=True)
    active: bool = True
    owner: Ref[User]
    category: Ref[Category]
    rules = Rules(
        read="record.owner == auth.id || record.active",
        write="record.owner == auth.id",
    )


@app.collection("open_items")
class OpenItem(Record):
    """The same, for anybody: what a create costs that asks nobody who they are."""

    title: str = Field(max_length=120)
    note: str = Field(max_length=400)
    price: int = Field(ge=0, index=True)
    active: bool = True
    owner: Ref[User]
    category: Ref[Category]
    rules = Rules(read=public, write=public)


if os.environ.get("BENCHMARK_CALLERS") != "sessions":
    app.runtime.test_actor = Actor(
        "user",
        {
            "id": CALLER, "email": "bench@localhost", "name": "Bench", "verified": True,
            "admin": False, "disabled": False,
        },
    )  # fmt: skip


async def fill(rows: int) -> None:
    """Users, categories and `rows` items; the same ones each time."""
    async with app.transaction(actor=app.system()) as tx:
        for n in range(1, 11):
            await tx.create(User(id=Ref(_id(n)), email=f"user{n}@localhost", name=f"User {n}"))
            await tx.create(Category(id=Ref(_id(100 + n)), name=f"Category {n}"))
    for start in range(0, rows, 500):
        async with app.transaction(actor=app.system()) as tx:
            for n in range(start, min(start + 500, rows)):
                await tx.create(
                    Item(
                        id=Ref(_id(1_000 + n)),
                        title=f"Item number {n}",
                        note=f"What there is to say about item {n}, in a sentence or two of text.",
                        price=n * 7919 % 10_000,
                        active=n % 10 != 0,
                        owner=Ref(_id(1 + n % 10)),
                        category=Ref(_id(101 + n % 10)),
                    )
                )
    await app.runtime.close()


def _id(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012x}"


if __name__ == "__main__":
    asyncio.run(fill(int(sys.argv[1])))
