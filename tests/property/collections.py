"""The collections that the generated expressions speak about, with every type of field."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from stanchion.declare import (
    Declarations,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    UserRecord,
    back,
    build_model,
    public,
    through,
)
from stanchion.schema import Schema

declarations = Declarations()
Mood = Literal["new", "open", "done"]


@declarations.collection("users")
class User(UserRecord):
    name: str | None
    level: int | None
    mood: Mood | None
    active: bool | None
    credit: Decimal | None = Field(decimal_places=3)
    ratio: float | None
    born: date | None
    joined: datetime | None
    badge: UUID | None
    labels: list[str] | None
    scores: list[int] | None
    secret: int | None = Field(read="record.level > 1")
    team: Ref[Team] | None
    boss: Ref[User] | None
    things: Many[Thing] = back("owner")
    watched: Many[Thing] = through("watches", by="user")
    circle: Many[User] = through("watches", by="user", to="other")
    members: Many[User] = back("boss")
    rules = Rules(read="record.active != false || record.id == auth.id")


@declarations.collection("teams")
class Team(Record):
    name: str
    city: str | None
    budget: Decimal | None = Field(decimal_places=2)
    founded: datetime | None
    lead: Ref[User] | None
    users: Many[User] = back("team")
    parts: Many[Part] = back("maker")
    stock: Many[Thing] = through("shelves")
    rules = Rules(read='record.city == null || record.city != "Köln"')


@declarations.collection("things")
class Thing(Record):
    title: str
    note: str | None
    mood: Mood
    state: Mood | None
    count: int
    stock: int | None
    huge: int | None = Field(big=True)
    price: Decimal
    cost: Decimal | None = Field(decimal_places=4)
    whole: Decimal | None = Field(decimal_places=0)
    weight: float | None
    done: bool
    hidden: bool | None
    due: date | None
    at: datetime
    seen: datetime | None
    code: UUID | None
    extra: dict[str, Any] | None
    labels: list[str] | None
    sizes: list[int]
    huges: list[int] | None = Field(big=True)
    prices: list[Decimal] | None
    days: list[date] | None
    moments: list[datetime] | None
    masked: int | None = Field(read="record.owner == auth.id || record.stock < 3")
    memo: str | None = Field(read='record.state != "done"')
    agent: Ref[User] | None = Field(read="record.done")
    parent: Ref[Thing] | None
    owner: Ref[User] | None
    team: Ref[Team]
    children: Many[Thing] = back("parent")
    parts: Many[Part] = back("thing")
    teams: Many[Team] = through("shelves")
    watchers: Many[User] = through("watches", by="thing", to="user")
    rules = Rules(read="record.hidden != true || record.owner.team == auth.team")


@declarations.collection("parts")
class Part(Record):
    thing: Ref[Thing]
    maker: Ref[Team] | None
    user: Ref[User] | None
    name: str | None
    quantity: int | None
    price: Decimal | None = Field(decimal_places=4)
    good: bool | None
    made: datetime | None
    labels: list[str] | None
    limit: int | None = Field(read="record.quantity > 1")
    screws: Many[Screw] = back("part")
    rules = Rules(read="record.good != false || record.user == auth.id")


@declarations.collection("screws")
class Screw(Record):
    part: Ref[Part]
    owner: Ref[User] | None
    size: int | None
    label: str | None
    rules = Rules(read="record.size != 3 && has(record.part.thing.title)")


@declarations.collection("shelves")
class Shelf(Record):
    thing: Ref[Thing]
    team: Ref[Team] | None
    level: int | None
    rules = Rules(read="record.level != 2 || record.team == auth.team")


@declarations.collection("watches")
class Watch(Record):
    user: Ref[User] | None
    other: Ref[User] | None
    thing: Ref[Thing] | None
    mute: bool | None
    rules = Rules(read="record.mute != true && record.thing.hidden != true")


@declarations.collection("open_notes")
class Note(Record):
    thing: Ref[Thing] | None
    text: str | None
    rules = Rules(read=public)


def make_schema() -> Schema:
    """The schema, made anew."""
    return build_model("Property", declarations.declared).schema
