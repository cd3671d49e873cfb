"""The statements of writes, and the tables they write, for both engines.

`writing/<engine>.sql` holds them all. STANCHION_GOLDEN=write writes them anew; what changed is
for a person to review. That the ones for SQLite do what they should is held by tests/api.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

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
    owner,
    public,
    role,
)
from stanchion.explain.wording import sql_text
from stanchion.expr.check import Scope, check, check_value
from stanchion.expr.kinds import kind_of
from stanchion.expr.parse import parse
from stanchion.plan.policy import compile_policy
from stanchion.plan.write import plan_write
from stanchion.query import SYSTEM, Actor
from stanchion.sql import ddl
from stanchion.sql.dialect import POSTGRES, SQLITE, Dialect
from stanchion.sql.write import (
    WriteStatements,
    compile_write,
    select_children,
    select_kept,
    select_matching,
)

HERE = Path(__file__).parent / "writing"
WRITE = os.environ.get("STANCHION_GOLDEN") == "write"

model = Declarations()


@model.collection("users")
class User(UserRecord):
    role: Literal["member", "chair"] = "member"
    nick: str | None = Field(default=None, read="record.id == auth.id")
    rules = Rules(read=public, update=owner("id"))


@model.collection("boards")
class Board(Record):
    name: str = Field(max_length=40, unique=True)
    owner: Ref[User]
    cards: Many[Card] = back("board")
    rules = Rules(read=public, create=owner("owner"), delete=owner("owner"))


@model.collection("cards")
class Card(Record):
    board: Ref[Board] = Field(on_delete="cascade")
    after: Ref[Card] | None = Field(default=None, on_delete="set null")
    place: int = Field(ge=0, le=99)
    title: str = Field(search=True, min_length=1)
    state: Literal["open", "done"] = "open"
    points: Decimal | None = Field(default=None, max_digits=6, decimal_places=1)
    weight: float = 0.0
    due: date | None = None
    begun: datetime | None = None
    late: bool = False
    words: list[str] = Field(default_factory=list)
    extra: dict[str, Any] | None = None
    serial: int = Field(default=0, big=True)
    note: str | None = Field(default=None, read="record.board.owner == auth.id")
    price: int | None = Field(default=None, write="old == null || old.state == 'open'")
    secret: str | None = Field(default=None, read=False)
    indexes = (("state", "due"),)
    rules = Rules(
        read="record.state == 'done' || record.board.owner == auth.id",
        create="record.board.owner == auth.id && old == null",
        update="old.board.owner == auth.id && old.place <= record.place"
        " && record.board.cards.exists(c, c.place == record.place)",
        delete=role("chair"),
    )


SCHEMA = build_model("Board", model.declared).schema
POLICY = compile_policy(SCHEMA)
MEMBER = Actor("user", {"id": "0190", "role": "member", "nick": None})
CHAIR = Actor("user", {"id": "0190", "role": "chair", "nick": "c"})
WRITES: tuple[tuple[str, Any, Actor], ...] = (
    ("users", "update", MEMBER),
    ("boards", "create", MEMBER),
    ("boards", "delete", MEMBER),
    ("cards", "create", MEMBER),
    ("cards", "update", MEMBER),
    ("cards", "delete", CHAIR),
    ("cards", "update", SYSTEM),
)


def statements(collection: str, operation: Any, actor: Actor, dialect: Dialect) -> WriteStatements:
    profile = POLICY.profile(actor)
    return compile_write(
        plan_write(SCHEMA.collection[collection], operation, SCHEMA, profile), dialect
    )


def texts(made: WriteStatements) -> Iterator[tuple[str, str]]:
    """Every statement under its name."""
    yield "stored", made.stored.statement.text
    yield "changed", made.changed.statement.text
    yield "candidate", made.candidate.statement.text
    if made.beforehand is not None:
        yield "beforehand", made.beforehand.statement.text
    yield "insert", made.insert.text
    yield "delete", made.delete.text
    for index, probe in made.probes:
        yield f"probe {', '.join(index.fields)}", probe.text
    if made.masked is not None:
        yield f"masked {', '.join(made.masked.names)}", made.masked.statement.text
    first = made.plan.collection.fields[1].name
    yield f"update {first}", made.update((first,)).text
    yield f"update {first}, version", made.update((first, "version")).text


def computed(made: WriteStatements) -> Iterator[tuple[str, str]]:
    """An update with a condition, and with values that the database computes."""
    cards = SCHEMA.collection["cards"]
    scope = Scope(SCHEMA, cards, bare=True, auth=SCHEMA.users)
    values = {
        name: check_value(parse(text), scope, kind_of(cards.field[name].type))
        for name, text in (("place", "place + 1"), ("points", "points - 0.5"))
    }
    where = check(parse("place < 9 && board.owner == auth.id"), scope)
    assignment = made.assign(values, ("title",), where)
    named = f"{', '.join(assignment.names)}; computed {', '.join(assignment.computed)}"
    yield f"assign {named}", assignment.change.text
    yield f"computable {named}", assignment.check.text


def selected(made: WriteStatements) -> Iterator[tuple[str, str]]:
    """What looks for records: by a condition, by what they refer to, as the log would have them."""
    plan, dialect = made.plan, made.dialect
    cards, board = plan.collection, plan.collection.field["board"]
    where = check(
        parse("place < 9 && board.owner == auth.id"),
        Scope(SCHEMA, cards, bare=True, auth=SCHEMA.users),
    )
    yield "matching", select_matching(plan, where, dialect, 10).text
    yield "children", select_children(cards, board, dialect, 10)
    for field in ("id", "board"):
        kept = select_kept(plan.logged, field, SCHEMA, plan.profile, dialect)
        yield f"kept by {field}", kept


def page(dialect: Dialect) -> str:
    parts = []
    for collection in SCHEMA.collections:
        tables = ddl.create_collection(collection, dialect)
        parts += [f"-- table of {collection.name}", *map(sql_text, tables)]
    for collection_name, operation, actor in WRITES:
        made = statements(collection_name, operation, actor, dialect)
        parts.append(f"-- {operation} of {collection_name} by {actor.kind}\n")
        named = [*texts(made), *(computed(made) if actor is SYSTEM else ())]
        named += selected(made) if (collection_name, operation) == ("cards", "update") else ()
        parts += [f"-- {title}\n{sql_text(text)}" for title, text in named]
    return "\n".join(parts)


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRES], ids=lambda dialect: dialect.name)
def test_statements_are_as_reviewed(dialect: Dialect) -> None:
    path = HERE / f"{dialect.name}.sql"
    found = page(dialect)
    if WRITE:
        path.write_text(found, "utf-8")
    assert found == path.read_text("utf-8"), f"{path.name} differs; is the change meant?"
