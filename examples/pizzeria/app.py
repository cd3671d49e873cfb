"""A pizzeria: customers, a cook, an owner; menu, stock, orders and a shop window.

In: the data API under `/api` (generated from the records below), sign-in under `/api/auth`,
`POST /checkout`, `POST /orders/{id}/cancel`, and people at `/`. Refuses at checkout: a total that
is not today's, a size that is sold out or unknown; in each case nothing is written. Served by
`stanchion dev` or `stanchion serve` in this folder.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

import pydantic
from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

from stanchion import (
    App,
    CurrentUser,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    SignIn,
    Transaction,
    UserRecord,
    back,
    calc,
    owner,
    public,
    requires,
    role,
    rule,
)
from stanchion.errors import Conflict, FieldError, NotFound

HERE = Path(__file__).resolve().parent
STOCK_PER_SIZE = 2_000

app = App("Pizzeria")


# Who is here, and what is stored. Amounts are US cents. Rules say who may do what; what they do
# not say, nobody may.

cook, boss = role("cook"), role("owner")


@app.collection("users")
class User(UserRecord):
    """Whoever registers is a customer. Cooks and owners are made by an owner."""

    name: str = Field(min_length=1, max_length=80)
    role: Literal["customer", "cook", "owner"] = Field(default="customer", write=boss)
    sign_in = SignIn(register="open")
    rules = Rules(read=owner("id") | boss, update=owner("id") | boss)


@app.collection("pizzas")
class Pizza(Record):
    """What the kitchen can bake."""

    code: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=120, search=True)
    category: Literal["classic", "chicken", "supreme", "veggie"]
    available: bool = True
    sizes: Many["Size"] = back("pizza")
    rules = Rules(read=public, write=boss)


@app.collection("sizes")
class Size(Record):
    """One size of a pizza, with its price and how many the kitchen can still bake."""

    pizza: Ref[Pizza] = Field(on_delete="cascade")
    size: Literal["S", "M", "L", "XL", "XXL"]
    price: int = Field(ge=0)
    stock: int = Field(ge=0)
    unique = (("pizza", "size"),)
    rules = Rules(read=public, write=boss)


OPEN = "['placed', 'baking', 'ready']"


@app.collection("orders")
class Order(Record):
    """One order. Its id is made by the page, so that sending it again cannot place it twice."""

    number: str = Field(max_length=9, unique=True, write=False)
    customer: Ref[User] = Field(write=False)
    state: Literal["placed", "baking", "ready", "closed", "canceled"] = Field(
        default="placed",
        write=cook & rule(f"old.state in {OPEN} && record.state != 'canceled'"),
    )
    note: str = Field(  # for the door
        default="", max_length=200, write=owner("customer") & rule("record.state == 'placed'")
    )
    total: int = Field(ge=0, write=False)
    lines: Many["OrderLine"] = back("order")
    rules = Rules(
        read=owner("customer") | boss | cook & rule(f"record.state in {OPEN}"),
        update=owner("customer") | cook,
    )


@app.collection("order_lines")
class OrderLine(Record):
    """What was ordered, as it was called and priced at that moment."""

    order: Ref[Order] = Field(on_delete="cascade")
    size: Ref[Size]
    name: str = Field(max_length=120)
    size_name: str = Field(max_length=3)
    quantity: int = Field(ge=1, le=50)
    unit_price: int = Field(ge=0)
    rules = Rules(
        read=owner("order.customer") | boss | cook & rule(f"record.order.state in {OPEN}")
    )


@app.seed
async def load_menu(tx: Transaction) -> None:
    """Put the menu into an empty database."""
    for entry in json.loads((HERE / "menu.json").read_text("utf-8")):
        sizes = entry.pop("sizes")
        pizza = await tx.create(Pizza(**entry))
        for size in sizes:
            await tx.create(Size(pizza=pizza.id, stock=STOCK_PER_SIZE, **size))


# What checkout takes and answers.


class Body(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True)


class CartLine(Body):
    size: Ref[Size]
    quantity: int = pydantic.Field(ge=1, le=50)


class Cart(Body):
    """Ids and quantities, and the total that the customer was shown."""

    id: Ref[Order]
    lines: list[CartLine] = pydantic.Field(min_length=1, max_length=50)
    total: int = pydantic.Field(ge=0)

    @pydantic.field_validator("lines")
    @classmethod
    def check_sizes_differ(cls, lines: list[CartLine]) -> list[CartLine]:
        if len({line.size for line in lines}) < len(lines):
            raise ValueError("a size stands in two lines; add their quantities up in one")
        return lines


class PlacedLine(Body):
    name: str
    size: str
    quantity: int
    unit_price: int


class PlacedOrder(Body):
    id: Ref[Order]
    number: str
    state: str
    total: int
    lines: list[PlacedLine]


# Checkout: price, compare, take stock, write. One transaction, all or nothing.


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of the cart beside what the database says about it."""

    pointer: str
    size: Size
    pizza: Pizza
    quantity: int

    @property
    def amount(self) -> int:
        return self.size.price * self.quantity


@app.post("/checkout", status_code=201, responses={200: {"model": PlacedOrder}})
async def checkout(cart: Cart, user: CurrentUser[User], response: Response) -> PlacedOrder:
    """Place an order. The same id again answers the order that it placed first (200)."""
    async with app.transaction(actor=user) as tx:
        placed = await tx.get(Order, cart.id)
        if placed is not None:
            response.status_code = 200
            lines = await tx.list(OrderLine, "order == $id", id=cart.id, sort="id", limit=50)
        else:
            priced = await price_lines(tx, cart)
            check_total(cart, priced)
            await take_stock(tx.system(), priced)
            placed, lines = await write_order(tx.system(), cart, user, priced)
    return render_order(placed, lines)


async def price_lines(tx: Transaction, cart: Cart) -> list[PricedLine]:
    wanted = [line.size for line in cart.lines]
    found = await tx.list(Size, "id in $ids", ids=wanted, expand="pizza", limit=len(wanted))
    sizes = {size.id: size for size in found}
    unknown = [n for n, size_id in enumerate(wanted) if size_id not in sizes]
    if unknown:
        detail = "This size is not on the menu."
        raise Conflict(
            "unknown_size",
            detail,
            hint="Take the line out of the cart, or read the menu again.",
            errors=[FieldError(f"/lines/{n}/size", "unknown_size", detail) for n in unknown],
        )
    return [
        PricedLine(f"/lines/{n}", size, size.pizza.record, line.quantity)
        for n, line in enumerate(cart.lines)
        for size in (sizes[line.size],)
    ]


def check_total(cart: Cart, priced: Sequence[PricedLine]) -> None:
    total = sum(line.amount for line in priced)
    if total != cart.total:
        raise Conflict(
            "price_changed",
            f"The total is {show_cents(total)} now, not {show_cents(cart.total)}.",
            hint="Show the new total; when it is accepted, send the order again with it.",
            pointer="/total",
            extra={"total": total},
        )


async def take_stock(tx: Transaction, priced: Sequence[PricedLine]) -> None:
    """Take every line's pizzas out of stock, in the order of size ids so that no two carts cross.

    Which lines are short is told for all of them together.
    """
    short: list[PricedLine] = []
    for line in sorted(priced, key=lambda line: line.size.id):
        taken = line.pizza.available and await tx.update_where(
            Size,
            "id == $id && stock >= $n",
            {"stock": calc("stock - $n")},
            id=line.size.id,
            n=line.quantity,
        )
        if not taken:
            short.append(line)
    if short:
        errors = [FieldError(line.pointer, "sold_out", say_short(line)) for line in short]
        raise Conflict(
            "sold_out",
            " ".join(error.detail for error in errors),
            hint="Nothing was ordered. Take less of it, or another size.",
            errors=errors,
        )


def say_short(line: PricedLine) -> str:
    what = f"{line.pizza.name}, size {line.size.size},"
    if not line.pizza.available or line.size.stock == 0:
        return f"{what} is sold out."
    return f"{what} is nearly sold out: {line.size.stock} left, {line.quantity} wanted."


async def write_order(
    tx: Transaction, cart: Cart, user: User, priced: Sequence[PricedLine]
) -> tuple[Order, list[OrderLine]]:
    number = make_number(cart.id)
    order = await tx.create(Order(id=cart.id, number=number, customer=user.id, total=cart.total))
    lines = [
        await tx.create(
            OrderLine(
                order=order.id,
                size=line.size.id,
                name=line.pizza.name,
                size_name=line.size.size,
                quantity=line.quantity,
                unit_price=line.size.price,
            )
        )
        for line in priced
    ]
    return order, lines


@app.post("/orders/{order_id}/cancel")
async def cancel(order_id: str, user: CurrentUser[User]) -> PlacedOrder:
    """Cancel an order that nobody bakes yet; its pizzas go back into stock, once."""
    async with app.transaction(actor=user) as tx:
        order = await tx.get(Order, order_id)
        if order is None or order.customer != user.id:
            raise NotFound("unknown_order", "You have no such order.")
        lines = await tx.list(OrderLine, "order == $id", id=order.id, sort="size", limit=50)
        if order.state == "placed":
            order = await tx.system().update(Order, order.id, state="canceled")
            for line in lines:
                freed = {"stock": calc("stock + $n")}
                await tx.system().update_where(
                    Size, "id == $i", freed, i=line.size, n=line.quantity
                )
        elif order.state != "canceled":
            raise Conflict("too_late", f"It is too late to cancel: the order is {order.state}.")
    return render_order(order, lines)


def render_order(order: Order, lines: Sequence[OrderLine]) -> PlacedOrder:
    return PlacedOrder(
        id=order.id,
        number=order.number,
        state=order.state,
        total=order.total,
        lines=[
            PlacedLine(
                name=line.name,
                size=line.size_name,
                quantity=line.quantity,
                unit_price=line.unit_price,
            )
            for line in lines
        ],
    )


def make_number(order_id: str) -> str:
    """The number to say at the door: the id's last 40 bits in Crockford's base 32, `7QM2-K9TD`."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    bits = UUID(order_id).int
    digits = "".join(alphabet[bits >> shift & 31] for shift in range(35, -1, -5))
    return f"{digits[:4]}-{digits[4:]}"


def show_cents(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


# The shop window. An order has a URL of its own, so that reload and Back work.

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


window = APIRouter(dependencies=[requires(public)], include_in_schema=False)


@window.get("/")
@window.get("/orders")
@window.get("/orders/{order_id}")
async def show_window() -> FileResponse:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return FileResponse(HERE / "static" / "index.html", headers=headers)


app.include_router(window)
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
