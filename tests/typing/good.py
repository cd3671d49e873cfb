"""Correct use, as README and design show it: both checkers find nothing, no line ignores them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pydantic

from stanchion import (
    App,
    Create,
    Field,
    Job,
    Many,
    Module,
    NotExpanded,
    Record,
    Ref,
    Rules,
    Transaction,
    Update,
    UserRecord,
    back,
    calc,
    nobody,
    owner,
    public,
    role,
    rule,
    signed_in,
    through,
)

app = App("Pizzeria")


class Colour(Enum):
    RED = "red"


@app.collection("users")
class User(UserRecord):
    role: Literal["owner", "customer"] = "customer"
    rules = Rules(read=owner("id"), create=public)


@app.collection("pizzas")
class Pizza(Record):
    """What the kitchen can bake."""

    name: str = Field(max_length=120, search=True)
    category: Literal["classic", "chicken", "supreme", "veggie"]
    available: bool = True
    schema_: str = Field(default="v1", name="schema")
    price: Decimal = Field(default=Decimal("9.50"), ge=0, max_digits=8, decimal_places=2)
    baked: datetime | None = None
    since: date = Field(default_factory=date.today)
    code: UUID | None = None
    colour: Colour = Colour.RED
    tags: list[str] = Field(default_factory=list[str])
    extra: dict[str, Any] | None = None
    marks: list[Annotated[int, pydantic.Field(ge=1)]] = Field(default=[1])
    sizes: Many["Size"] = back("pizza")
    toppings: Many["Topping"] = through("pizza_toppings")
    rules = Rules(read=public, write=role("owner") & signed_in | ~rule("record.available"))
    unique = (("name", "category"),)
    indexes = (("category", "created"),)

    @pydantic.field_validator("name")
    @classmethod
    def strip_name(cls, name: str) -> str:
        return name.strip()


@app.collection("toppings")
class Topping(Record):
    name: str
    pizzas: Many[Pizza] = through("pizza_toppings", by="topping", to="pizza")
    rules = Rules(read=public)


@app.collection("pizza_toppings")
class PizzaTopping(Record):
    pizza: Ref[Pizza] = Field(on_delete="cascade")
    topping: Ref[Topping]
    rules = Rules(read=public)
    unique = (("pizza", "topping"),)


@app.collection("sizes")
class Size(Record):
    pizza: Ref[Pizza] = Field(on_delete="cascade")
    bigger: Ref["Size"] | None = None
    stock: int = Field(ge=0)
    rules = Rules(read=public, write=nobody)


@app.collection("order_lines")
class OrderLine(Record):
    order: Ref["Order"]
    pizza: Ref[Pizza]
    quantity: int = Field(ge=1, le=50)
    unit_price: int = Field(ge=0, write=False)
    rules = Rules(read="record.order.customer == auth.id")


menu = Module("menu", prefix="/menu")


@menu.collection("orders")
class Order(Record):
    customer: Ref[User] | None = Field(default=None, on_delete="set null")
    lines: Many[OrderLine] = back("order")


app.include(menu)


def build() -> Pizza:
    pizza = Pizza(name="Margherita", category="classic")
    given = Pizza(id=pizza.id, name="Funghi", category="veggie", schema_="v2", price=Decimal(8))
    size = Size(pizza=pizza.id, stock=3)
    other = Size(pizza=Ref("018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"), bigger=size.id, stock=0)
    OrderLine(order=Order(customer=None).id, pizza=pizza.id, quantity=1, unit_price=950)
    pizza.available = False
    pizza.baked = datetime.now(UTC)
    text: str = other.pizza
    key: str = pizza.id
    made: datetime = pizza.created
    version: int = pizza.version
    print(text, key, made, version)
    return given


def names(size: Size) -> tuple[str, Size | None]:
    bigger: Size | None = None if size.bigger is None else size.bigger.record
    return size.pizza.record.name, bigger


def total(order: Order) -> int:
    try:
        lines: Sequence[OrderLine] = order.lines
        return sum(line.quantity * line.unit_price for line in order.lines) + len(lines)
    except NotExpanded:
        return 0 if order.lines.more else 1


@app.seed
async def load(tx: Transaction) -> None:
    pizza = await tx.create(Pizza(name="Margherita", category="classic"))
    await tx.create(Size(pizza=pizza.id, stock=3))


@app.post("/pizzas")
async def make(pizza: Create[Pizza]) -> Pizza:
    async with app.transaction() as tx:
        stored = await tx.create(pizza)
        found: Pizza | None = await tx.get(Pizza, stored.id, expand="sizes")
        several: list[Pizza] = await tx.list(Pizza, "price < $most", most=10, sort="-price")
        changed: Pizza = await tx.update(Pizza, stored.id, price=Decimal(3), if_version=1)
        count: int = await tx.update_where(
            Size, "stock >= $n", {"stock": calc("stock - $n")}, n=len(several)
        )
        await tx.delete(Pizza, changed.id)
        await tx.system().create(
            OrderLine(order=Order().id, pizza=stored.id, quantity=count, unit_price=1)
        )
        if found is None:
            raise LookupError(stored.name)
        return found


@app.patch("/pizzas/{key}")
async def change(key: str, changes: Update[Pizza]) -> Pizza:
    async with app.transaction(actor=app.system()) as tx:
        return await tx.update(Pizza, key, changes)


async def act(user: User) -> None:
    async with app.transaction(actor=user) as tx:
        await tx.list(Order)


@app.job
async def bake(pizza: str, job: Job) -> None:
    async with app.transaction(actor=app.system()) as tx:
        await tx.create(Topping(id=job.id, name=pizza))


@app.job(retries=3, timeout=30, queue="oven")
async def bake_again(pizza: str) -> None:
    await bake(pizza, Job(Ref(pizza), 1))


@app.schedule("0 3 * * *", zone="Europe/Berlin")
async def clean() -> None:
    async with app.transaction() as tx:
        made: str = await tx.enqueue(bake, pizza="1", delay=timedelta(minutes=1), unique="1")
        await tx.enqueue(bake_again, pizza=made, delay=5)


def topping_names(pizza: Pizza) -> list[str]:
    return [topping.name for topping in pizza.toppings if len(topping.pizzas) > 1]
