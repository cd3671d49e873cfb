"""Mistakes that people make. Both checkers flag every line marked `# error`, and no other."""

from decimal import Decimal
from typing import Literal

from stanchion import (
    App,
    Create,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    Transaction,
    back,
    calc,
    public,
    through,
)

app = App("Pizzeria")


@app.collection("pizzas")
class Pizza(Record):
    name: str = Field(max_length=120)
    category: Literal["classic", "veggie"] = "classic"
    price: Decimal = Decimal(1)
    sizes: Many["Size"] = back("pizza")
    rules = Rules(read=public)


@app.collection("sizes")
class Size(Record):
    pizza: Ref[Pizza]
    bigger: Ref["Size"] | None = None
    stock: int = Field(ge=0)


class Wrong(Record):
    first: int = Field(default="many")  # error
    second: int = Field(default_factory=str)  # error
    third: str = Field(max_lenght=3)  # error
    fourth: Ref[Pizza] = Field(on_delete="delete")  # error
    fifth: str = Field("a default")  # error
    sixth: str = Field(max_length="long")  # error
    seventh: int = "many"  # error
    eighth: Many[Pizza] = through(8)  # error
    rules = Rules(read=7)  # error


pizza = Pizza(name="Margherita")
size = Size(pizza=pizza.id, stock=1)

Pizza()  # error
Pizza(nmae="Margherita")  # error
Pizza(name=5)  # error
Pizza("Margherita")  # error
Pizza(name="Margherita", category="chicken")  # error
Pizza(name="Margherita", version=3)  # error
Pizza(name="Margherita", created=None)  # error
Pizza(name="Margherita", sizes=[])  # error
Size(pizza=pizza, stock=1)  # error
Size(pizza=size.id, stock=1)  # error
Size(pizza="018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f", stock=1)  # error
Size(pizza=pizza.id, stock=None)  # error

print(pizza.nmae)  # error
print(size.pizza.name)  # error
print(size.pizza.record.nmae)  # error
print(size.bigger.record)  # error
pizza.name = 5  # error
print(pizza.sizes[0].pizza.record.stock)  # error


async def use(tx: Transaction) -> None:
    wrong: Size | None = await tx.get(Pizza, pizza.id)  # error
    other: Pizza = await tx.get(Pizza, pizza.id)  # error
    number: Pizza = (await tx.list(Size))[0]  # error
    await tx.create(Pizza)  # error
    await tx.get("pizzas", pizza.id)  # error
    await tx.update_where(Size, "stock > 0", calc("stock - 1"))  # error
    print((await tx.create(pizza)).stock)  # error
    await tx.list(Pizza, limit="10")  # error
    print(wrong, other, number)


class NoRecord:
    name: str


app.collection("names")(NoRecord)  # error


@app.post("/pizzas")
async def make(made: Create[Pizza]) -> Size:
    return made  # error


app.transaction(actor="ann")  # error
