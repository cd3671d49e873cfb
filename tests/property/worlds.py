"""Databases full of awkward rows, and the same rows for the evaluator.

A `World` is one random but repeatable set of rows. `Sight` shows them to the evaluator as one
caller sees them; it judges the rules by evaluation alone, so that it owes nothing to SQL.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import apsw

from stanchion.expr.evaluate import Env, evaluate
from stanchion.expr.tree import TRUE
from stanchion.plan.policy import Policy, compile_policy
from stanchion.query import ANONYMOUS, Actor
from stanchion.schema import Collection, Field, Schema
from stanchion.sql import ddl
from stanchion.sql.dialect import SQLITE

from .collections import make_schema

Row = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, 0, 0, 500000, tzinfo=UTC)
SIZES = {
    "users": 7,
    "teams": 5,
    "things": 34,
    "parts": 40,
    "screws": 50,
    "open_notes": 5,
    "shelves": 30,
    "watches": 30,
}

# small pools, so that values meet each other and the literals of expressions
TEXTS = [
    "", "a", "A", "ab", "aB", "abc", "b", "x", "Ä", "ä", "straße", "STRASSE", "ß", "é", "e\u0301",
    "İ", "ǅ", "漢字", "😀", "a😀b", "%", "_", "a%b", "it's", 'say "hi"', "\\", "back\\slash", " ",
    "a b", "line\nbreak", "tab\t", "\x01", "null", "true", "0", "10", "9", "1.0", "1e2", "\u2028",
    "\ud7ff", "\ue000", "\uffff", "Köln", "new",
]  # fmt: skip
INTS = [0, 1, 2, 3, 4, -1, -3, 10, 100, 2**31, 2**53 - 1, -(2**53) + 1]
HUGES = [0, 1, -1, 3, 2**53, 2**53 + 1, 2**62, 2**63 - 2, 2**63 - 1, -(2**63), -(2**63) + 1]
DECIMALS = ["9.99", "10", "0", "-0.05", "1.25", "1", "2", "3", "-1", "0.01", "9.5", "100"]
FINE = [*DECIMALS, "9.999", "0.001", "-9.999", "9.9999", "0.0001", "12345678901.2345"]
FLOATS = [0.0, 1.0, -1.0, 0.1, 0.5, 2.0, 1e300, -1e300, 5e-324, 1e16, 3.0]
DATES = [date(1, 1, 1), date(1969, 12, 31), date(2024, 2, 29), date(2026, 3, 1), date(9999, 12, 31)]
MOMENTS = [
    datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, 12, tzinfo=UTC), NOW,
    NOW - timedelta(hours=1), NOW + timedelta(microseconds=1), NOW - timedelta(days=1),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]  # fmt: skip
UUIDS = [str(UUID(int=n * 0x1111_2222_3333_4444_5555_6666_7777)) for n in (0, 1, 0xABC, 0xFFFF)]


def key_of(collection: str, number: int) -> str:
    """The key of a row; every world has the same ones, so that literals can name them."""
    first = sorted(SIZES).index(collection) + 1
    return str(UUID(int=(first << 96) + number))


def pool(stored: Field) -> list[Any]:
    """The values that a field draws from, nulls aside."""
    kind = stored.type.kind
    if stored.reference is not None:
        target = stored.reference.collection
        return [key_of(target, number) for number in range(min(SIZES[target], 6))]
    if getattr(stored.type, "values", ()):
        return list(stored.type.values)  # type: ignore[attr-defined]  # an EnumType
    if kind == "decimal":
        places = stored.type.places  # type: ignore[attr-defined]  # a DecimalType
        exact = [Decimal(text) for text in FINE if round(Decimal(text), places) == Decimal(text)]
        edge = Decimal(10**18 - 1).scaleb(-places)
        return [round(number, places) for number in (*exact, edge, -edge)]
    if kind == "int":
        return HUGES if stored.type.big else INTS  # type: ignore[attr-defined]  # an IntType
    return {
        "text": TEXTS, "float": FLOATS, "bool": [True, False], "date": DATES,
        "datetime": MOMENTS, "uuid": UUIDS, "json": [{}, {"a": [1, None]}, [], 0, "x"],
    }[kind]  # fmt: skip


def _value(dice: random.Random, stored: Field) -> Any:
    if stored.nullable and dice.random() < 0.18:
        return None
    if stored.type.kind == "list":
        item = Field("item", "item", stored.type.item)  # type: ignore[attr-defined]  # a ListType
        few = pool(item)[:9]
        return [dice.choice(few) for _ in range(dice.choice((0, 1, 1, 2, 2, 3)))]
    values = pool(stored)
    few = 6 if dice.random() < 0.55 else len(values)
    return dice.choice(values[:few])


def _row(dice: random.Random, collection: Collection, number: int) -> Row:
    row = {one.name: _value(dice, one) for one in collection.fields}
    row["id"] = key_of(collection.name, number)
    row["version"] = dice.randint(1, 3)
    if "email" in row:
        row["email"] = f"user{number}@example.org"
    return row


def make_rows(schema: Schema, seed: int) -> dict[str, dict[str, Row]]:
    """Rows by collection and key."""
    dice = random.Random(seed)
    made = {
        one.name: {
            key_of(one.name, number): _row(dice, one, number) for number in range(SIZES[one.name])
        }
        for one in schema.collections
    }
    nulls, user = made["users"][key_of("users", 0)], made["users"][key_of("users", 1)]
    for one in schema.collection["users"].fields:
        if one.nullable:
            nulls[one.name] = None
            while user[one.name] is None:
                user[one.name] = _value(dice, one)
    user["boss"] = nulls["id"]
    return made


@dataclass(eq=False, repr=False)
class World:
    """One set of rows in a database of its own. `old` pairs each thing with another one."""

    seed: int
    schema: Schema = field(default_factory=make_schema)
    rows: dict[str, dict[str, Row]] = field(init=False)
    policy: Policy = field(init=False)
    old: dict[str, str] = field(init=False)
    database: apsw.Connection = field(init=False)

    def __post_init__(self) -> None:
        self.rows = make_rows(self.schema, self.seed)
        self.policy = compile_policy(self.schema)
        keys = list(self.rows["things"])
        self.old = {key: keys[(5 * at + 3) % len(keys)] for at, key in enumerate(keys)}
        self.database = self._filled()

    def _filled(self) -> apsw.Connection:
        database = apsw.Connection(":memory:")
        for collection in self.schema.collections:
            for statement in ddl.create_collection(collection, SQLITE):
                database.execute(statement)
            names = ",".join(f'"{one.name}"' for one in collection.fields)
            marks = ",".join("?" for _ in collection.fields)
            with database:
                database.execute("pragma defer_foreign_keys=on")
                database.executemany(
                    f'insert into "{collection.name}" ({names}) values ({marks})',
                    [
                        [SQLITE.raw(one.type, row[one.name]) for one in collection.fields]
                        for row in self.rows[collection.name].values()
                    ],
                )
        database.execute("create table pairs (id text primary key, old text not null) strict")
        database.executemany("insert into pairs values (?,?)", list(self.old.items()))
        return database

    @property
    def actors(self) -> dict[str, Actor]:
        """Nobody, a user whose every field is null, and a user."""
        users = self.rows["users"]
        return {
            "anonymous": ANONYMOUS,
            "nulls": Actor("user", users[key_of("users", 0)]),
            "user": Actor("user", users[key_of("users", 1)]),
        }


class Sight:
    """The rows of a world as one caller sees them, for the evaluator."""

    def __init__(self, world: World, actor: Actor) -> None:
        self.world = world
        self.actor = actor
        self._judged: dict[tuple[str, str, str], bool] = {}
        self._related: dict[tuple[str, str, Any], list[Row]] = {}

    def one(self, collection: str, key: Any) -> Row | None:
        return self.world.rows[collection].get(key)

    def many(self, collection: str, field: str, key: Any) -> Iterable[Row]:
        identity = (collection, field, key)
        if identity not in self._related:
            rows = self.world.rows[collection].values()
            self._related[identity] = [row for row in rows if row[field] == key]
        return self._related[identity]

    def readable(self, collection: str, row: Mapping[str, Any]) -> bool:
        return self._holds(collection, "", row)

    def field_readable(self, collection: str, field: str, row: Mapping[str, Any]) -> bool:
        return self._holds(collection, field, row)

    def _holds(self, collection: str, field: str, row: Mapping[str, Any]) -> bool:
        identity = (collection, field, row["id"])
        if identity not in self._judged:
            policy = self.world.policy
            if field:
                rule = policy.field_read.get((collection, field), TRUE)
            else:
                rule = policy.rows[collection, "read"]
            env = Env(record=row, auth=self.actor.record, now=NOW, world=self)
            self._judged[identity] = evaluate(rule, env) is True
        return self._judged[identity]
