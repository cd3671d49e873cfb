"""One small schema for the tests of expressions, and short ways to ask about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from stanchion.expr import tree
from stanchion.expr.check import Scope, check
from stanchion.expr.error import ExpressionError
from stanchion.expr.evaluate import Env, evaluate
from stanchion.expr.parse import parse
from stanchion.schema import BackReference, Collection, Field, Reference, Schema
from stanchion.types import (
    BoolType,
    DatetimeType,
    DateType,
    DecimalType,
    EnumType,
    FieldType,
    FloatType,
    IntType,
    JsonType,
    ListType,
    TextType,
    UuidType,
)


def _field(name: str, type: FieldType, **more: Any) -> Field:
    return Field(name, name, type, **more)


def _to(collection: str) -> Reference:
    return Reference(collection)


USERS = Collection(
    "users",
    "User",
    (
        _field("id", UuidType()),
        _field("name", TextType()),
        _field("role", EnumType(("cook", "owner"))),
        _field("secret", TextType()),
        _field("team", UuidType(), nullable=True, reference=_to("teams")),
    ),
    users=True,
)
TEAMS = Collection(
    "teams",
    "Team",
    (_field("id", UuidType()), _field("name", TextType(), nullable=True)),
    (BackReference("members", "members", "users", "team"),),
)
ORDERS = Collection(
    "orders",
    "Order",
    (
        _field("id", UuidType()),
        _field("customer", UuidType(), reference=_to("users")),
        _field("price", DecimalType(places=2)),
        _field("rate", DecimalType(places=4)),
        _field("qty", IntType()),
        _field("weight", FloatType()),
        _field("at", DatetimeType()),
        _field("day", DateType(), nullable=True),
        _field("open", BoolType()),
        _field("late", BoolType(), nullable=True),
        _field("tags", ListType(TextType())),
        _field("meta", JsonType(), nullable=True),
        _field("note", TextType(), nullable=True),
        _field("state", EnumType(("new", "paid"))),
    ),
    (BackReference("lines", "lines", "lines", "order"),),
)
LINES = Collection(
    "lines",
    "Line",
    (
        _field("id", UuidType()),
        _field("order", UuidType(), reference=_to("orders")),
        _field("qty", IntType()),
    ),
)
SCHEMA = Schema("shop", (USERS, TEAMS, ORDERS, LINES))


@dataclass(frozen=True)
class Shop:
    """The schema, and a filter on `orders` as most tests want it."""

    schema: Schema
    scope: Scope

    def check(self, text: str, **changes: Any) -> tree.Node:
        return check(parse(text), replace(self.scope, **changes))

    def refused(self, text: str, **changes: Any) -> ExpressionError:
        with pytest.raises(ExpressionError) as caught:
            self.check(text, **changes)
        return caught.value

    def evaluate(self, text: str, **env: Any) -> bool | None:
        return evaluate(self.check(text, old=True), Env(**env))


@pytest.fixture(scope="session")
def shop() -> Shop:
    return Shop(SCHEMA, Scope(SCHEMA, ORDERS, bare=True, auth=USERS))


@pytest.fixture(scope="session")
def frame() -> Callable[[ExpressionError, str], str]:
    """An error as it is shown, without its first line."""

    def shown(error: ExpressionError, text: str) -> str:
        lines = [f"{error.code}: {error.detail}", error.frame(text)]
        if error.hint and not error.note:
            lines.append(f"hint: {error.hint}")
        return "\n".join(line.rstrip() for line in "\n".join(lines).split("\n"))

    return shown
