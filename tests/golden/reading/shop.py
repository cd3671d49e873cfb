"""The app that the golden cases, and the API tests, ask: a small shop with every kind of rule.

Who may see what:
    teams, categories  everybody
    users              everybody; `nick` signed in, `phone` the user alone, `pin` nobody
    products           everybody; `cost` managers, `supplier` only where the product is available
    reviews            those that are published, and one's own; `note` its author alone
    orders             the customer and managers
    lines              whoever may see the order: a path
    projects           the members of one of its teams: two to-many relations
    ledger             nobody: no rule opens it
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from stanchion import (
    App,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    Settings,
    Transaction,
    UserRecord,
    back,
    owner,
    public,
    role,
    signed_in,
    through,
)
from stanchion.query import ANONYMOUS, SYSTEM, Actor
from tests.conformance.engines import url


def make_id(kind: int, number: int) -> str:
    """The id of the `number`th record of a kind: 1 teams, 2 users, and so on in order."""
    return f"0190{kind:04x}-0000-7000-8000-{number:012x}"


TEAM, USER, CATEGORY, PRODUCT, REVIEW, ORDER, LINE, PROJECT, MEMBER, LEDGER = range(1, 11)


class Size(Enum):
    small = "small"
    large = "large"


def make_app(database: Path | str, **settings: Any) -> App:
    """The shop on its own database."""
    app = App("Shop", settings=Settings(database_url=url(database), **settings))
    app.runtime.change_schema = True

    @app.collection("teams")
    class Team(Record):
        name: str = Field(max_length=40)
        members: Many[User] = back("team")
        projects: Many[ProjectTeam] = back("team")
        plans: Many[Project] = through("project_teams")
        rules = Rules(read=public)

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=80, search=True)
        role: Literal["customer", "manager"] = "customer"
        team: Ref[Team] | None = None
        nick: str | None = Field(default=None, read=signed_in)
        phone: str | None = Field(default=None, read="record.id == auth.id")
        pin: str | None = Field(default=None, read=False)
        orders: Many[Order] = back("customer")
        rules = Rules(read=public, write=owner("id"))

    @app.collection("categories")
    class Category(Record):
        name: str = Field(max_length=40, unique=True)
        products: Many[Product] = back("category")
        rules = Rules(read=public)

    @app.collection("products")
    class Product(Record):
        name: str = Field(max_length=120, search=True)
        about: str | None = Field(default=None, search=True)
        category: Ref[Category]
        price: Decimal = Field(max_digits=10, decimal_places=2, ge=0, index=True)
        stock: int = Field(default=0, ge=0)
        weight: float | None = None
        since: date | None = Field(default=None, index=True)
        checked: datetime | None = None
        available: bool = True
        size: Size | None = None
        tags: list[str] = Field(default_factory=list)
        extra: dict[str, Any] | None = None
        serial: int = Field(default=0, big=True)
        cost: Decimal | None = Field(
            default=None, max_digits=10, decimal_places=2, read=role("manager")
        )
        supplier: str | None = Field(default=None, read="record.available")
        reviews: Many[Review] = back("product")
        indexes = (("category", "price"),)
        rules = Rules(read=public, write=role("manager"))

    @app.collection("reviews")
    class Review(Record):
        product: Ref[Product] = Field(on_delete="cascade")
        author: Ref[User] | None = None
        stars: int = Field(ge=1, le=5)
        text: str = Field(default="", max_length=500)
        published: bool = True
        note: str | None = Field(default=None, read="record.author == auth.id")
        rules = Rules(
            read="record.published || record.author == auth.id",
            create=owner("author"), update=owner("author"), delete=owner("author"),
        )  # fmt: skip

    @app.collection("orders")
    class Order(Record):
        customer: Ref[User]
        state: Literal["open", "paid", "sent"] = "open"
        placed: datetime
        note: str | None = None
        lines: Many[Line] = back("order")
        indexes = (("state", "placed"),)
        rules = Rules(read=owner("customer") | role("manager"), create=owner("customer"))

    @app.collection("lines")
    class Line(Record):
        order: Ref[Order] = Field(on_delete="cascade")
        product: Ref[Product]
        quantity: int = Field(ge=1, le=50)
        rules = Rules(read="record.order.customer == auth.id")

    @app.collection("projects")
    class Project(Record):
        name: str
        teams: Many[ProjectTeam] = back("project")
        crews: Many[Team] = through("project_teams")
        rules = Rules(read="record.teams.exists(t, t.team.members.exists(m, m.id == auth.id))")

    @app.collection("project_teams")
    class ProjectTeam(Record):
        project: Ref[Project] = Field(on_delete="cascade")
        team: Ref[Team]
        rules = Rules(read=signed_in)

    @app.collection("ledger")
    class Ledger(Record):
        amount: int
        rules = Rules()

    @app.seed
    async def plant(tx: Transaction) -> None:
        for number, name in enumerate(("Kitchen", "Counter"), 1):
            await tx.create(Team(id=make_id(TEAM, number), name=name))
        for number, name, team, title in (
            (1, "Ada", 1, "customer"), (2, "Bo", 2, "customer"), (3, "Mia", None, "manager"),
        ):  # fmt: skip
            await tx.create(
                User(
                    id=make_id(USER, number),
                    email=f"{name.lower()}@shop.example",
                    name=name,
                    role=title,
                    team=make_id(TEAM, team) if team else None,
                    nick=name[:2].lower(),
                    phone=f"+49 30 {number}",
                    pin=f"secret-{number}",
                )
            )
        for number, name in enumerate(("Tea", "Cups", "Empty"), 1):
            await tx.create(Category(id=make_id(CATEGORY, number), name=name))
        for number, row in enumerate(PRODUCTS, 1):
            category, rest = row["category"], {k: v for k, v in row.items() if k != "category"}
            await tx.create(
                Product(id=make_id(PRODUCT, number), category=make_id(CATEGORY, category), **rest)
            )
        for number, (product, author, stars, published) in enumerate(REVIEWS, 1):
            await tx.create(
                Review(
                    id=make_id(REVIEW, number),
                    product=make_id(PRODUCT, product),
                    author=make_id(USER, author) if author else None,
                    stars=stars,
                    text=f"Review {number}",
                    published=published,
                    note=f"Note {number}",
                )
            )
        for number, (customer, state, placed) in enumerate(ORDERS, 1):
            await tx.create(
                Order(
                    id=make_id(ORDER, number),
                    customer=make_id(USER, customer),
                    state=state,
                    placed=datetime.fromisoformat(placed),
                )
            )
        for number, (order, product, quantity) in enumerate(LINES, 1):
            await tx.create(
                Line(
                    id=make_id(LINE, number),
                    order=make_id(ORDER, order),
                    product=make_id(PRODUCT, product),
                    quantity=quantity,
                )
            )
        for number, (name, team) in enumerate((("Roast", 1), ("Window", 2), ("Idle", 0)), 1):
            await tx.create(Project(id=make_id(PROJECT, number), name=name))
            if team:
                await tx.create(
                    ProjectTeam(
                        id=make_id(MEMBER, number),
                        project=make_id(PROJECT, number),
                        team=make_id(TEAM, team),
                    )
                )
        await tx.create(Ledger(id=make_id(LEDGER, 1), amount=1_000_000))

    return app


PRODUCTS: tuple[dict[str, Any], ...] = (
    {
        "category": 1, "name": "Assam", "about": "A strong black tea", "price": Decimal("7.50"),
        "stock": 12, "weight": 0.25, "since": date(2024, 3, 1), "size": Size.small,
        "checked": datetime.fromisoformat("2025-01-02T03:04:05.678901+00:00"),
        "tags": ["black", "loose"], "extra": {"origin": "India", "altitude": 50},
        "serial": 9_007_199_254_740_993, "cost": Decimal("3.10"), "supplier": "Ganga",
    },
    {
        "category": 1, "name": "Sencha", "about": "Green tea, steamed", "price": Decimal("9.00"),
        "stock": 3, "weight": 0.1, "since": date(2024, 5, 17), "tags": ["green"],
        "cost": Decimal("4.00"), "supplier": "Uji",
    },
    {
        "category": 1, "name": "Grüner Matcha \U0001f375", "about": None, "price": Decimal("24.00"),
        "stock": 0, "weight": None, "since": None, "available": False, "tags": [],
        "cost": Decimal("12.00"), "supplier": "Hidden Hills",
    },
    {
        "category": 2, "name": "Cup \"Classic\"", "about": "Holds tea", "price": Decimal("7.50"),
        "stock": 40, "weight": 0.4, "since": date(2023, 12, 24), "size": Size.large,
        "tags": ["white", "small"], "supplier": None,
    },
    {
        "category": 2, "name": "Mug", "about": "Large\nand heavy", "price": Decimal("0.05"),
        "stock": 7, "weight": 1.0, "since": date(2024, 3, 1), "size": Size.large,
        "cost": Decimal("0.02"), "supplier": "Kiln",
    },
)  # fmt: skip

REVIEWS = (  # product, author, stars, published
    (1, 1, 5, True), (1, 2, 3, True), (1, 2, 1, False), (2, 1, 4, False), (4, None, 2, True),
)  # fmt: skip

ORDERS = (  # customer, state, placed
    (1, "paid", "2025-02-01T10:00:00+01:00"),
    (1, "open", "2025-02-03T00:00:00+00:00"),
    (2, "paid", "2025-02-02T12:30:00.5+00:00"),
)

LINES = ((1, 1, 2), (1, 4, 1), (2, 5, 6), (3, 2, 1))  # order, product, quantity


def callers(app: App) -> dict[str, Actor]:
    """Who asks: by the names that the cases use."""

    def user(number: int, **values: Any) -> Actor:
        record = {
            "id": make_id(USER, number), "email": "x@shop.example", "verified": False,
            "admin": False, "disabled": False, "nick": None, "phone": None, "pin": None,
            "version": 1, **values,
        }  # fmt: skip
        return Actor("user", record)

    return {
        "anonymous": ANONYMOUS,
        "system": SYSTEM,
        "ada": user(1, name="Ada", role="customer", team=make_id(TEAM, 1)),
        "bo": user(2, name="Bo", role="customer", team=make_id(TEAM, 2)),
        "mia": user(3, name="Mia", role="manager", team=None),
    }
