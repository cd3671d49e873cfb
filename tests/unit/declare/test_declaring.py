"""What a declaration comes to: fields, relations, the schema as data, records in Python."""

import dataclasses
import importlib
import json
import sys
import textwrap
import typing
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Self
from uuid import UUID

import annotated_types
import pydantic
import pytest
from typing_extensions import TypeAliasType

from stanchion import (
    App,
    Create,
    Field,
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
    public,
)  # fmt: skip
from stanchion.schema import NO_DEFAULT, describe
from stanchion.testing import Client, as_actor, client
from stanchion.types import FieldType


def shape(app: App, collection: str = "things") -> dict[str, tuple[Any, bool]]:
    """Each field of the app's own with its type as data, and whether it may be null."""
    found = app.runtime.model.schema.collection[collection]
    own = [f for f in found.fields if f.name not in ("id", "created", "updated", "version")]
    return {f.name: (plain(f.type), f.nullable) for f in own}


def plain(kind: FieldType) -> Any:
    described = kind.describe()
    return described.pop("type") if len(described) == 1 else described


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


UserId = NewType("UserId", str)
Short = TypeAliasType("Short", Annotated[str, pydantic.Field(max_length=3)])


@pytest.mark.parametrize(
    "kind",
    {TypeAliasType, getattr(typing, "TypeAliasType", TypeAliasType)},  # `type X = ...` is Python's
    ids=lambda kind: kind.__module__,
)
def test_an_alias_is_the_type_that_it_names(kind: Any) -> None:
    app = App("Shop")
    name, more = kind("Name", str), kind("More", str | None)

    @app.collection("things")
    class Thing(Record):
        text: name
        other: more

    assert shape(app) == {"text": ("text", False), "other": ("text", True)}


def test_annotations_name_the_types() -> None:
    app = App("Shop")

    @app.collection("things")
    class Thing(Record):
        text: str
        whole: int = Field(ge=1)
        big: int = Field(big=True)
        real: float | None = None
        price: Decimal = Field(max_digits=9, decimal_places=3)
        open: bool = True
        day: date
        moment: datetime
        key: UUID
        size: Literal["s", "m"]
        colour: Colour | None
        up: Ref[Self] | None = None
        tags: list[str]
        marks: list[Annotated[int, Field(le=5)]] = Field(max_length=2)
        data: dict[str, Any]
        anything: Any
        alias: UserId
        short: Short | None
        positive: pydantic.PositiveInt
        few: Annotated[list[Colour], annotated_types.Len(1, 2)]
        constrained: Annotated[str, pydantic.StringConstraints(pattern="^a", to_lower=True)]

    assert shape(app) == {
        "text": ("text", False),
        "whole": ({"type": "int", "ge": 1}, False),
        "big": ({"type": "int", "big": True}, False),
        "real": ("float", True),
        "price": ({"type": "decimal", "max_digits": 9, "places": 3}, False),
        "open": ("bool", False),
        "day": ("date", False),
        "moment": ("datetime", False),
        "key": ("uuid", False),
        "size": ({"type": "enum", "values": ["s", "m"]}, False),
        "colour": ({"type": "enum", "values": ["red", "blue"]}, True),
        "up": ("uuid", True),
        "tags": ({"type": "list", "item": {"type": "text"}}, False),
        "marks": ({"type": "list", "item": {"type": "int", "le": 5}, "max_length": 2}, False),
        "data": ({"type": "json", "object": True}, False),
        "anything": ("json", True),
        "alias": ("text", False),
        "short": ({"type": "text", "max_length": 3}, True),
        "positive": ({"type": "int", "gt": 0}, False),
        "few": (
            {
                "type": "list",
                "item": {"type": "enum", "values": ["red", "blue"]},
                "min_length": 1,
                "max_length": 2,
            },
            False,
        ),
        "constrained": ({"type": "text", "pattern": "^a"}, False),
    }
    assert app.runtime.model.bindings["things"].validated  # to_lower is pydantic's to do


def test_plain_records_need_no_pydantic() -> None:
    app = App("Shop")

    @app.collection("things")
    class Thing(Record):
        name: str = Field(max_length=3, pattern="a", description="What it is called")
        price: Annotated[Decimal, pydantic.Field(ge=0)] = Decimal(1)

    assert not app.runtime.model.bindings["things"].validated
    assert app.runtime.model.schema.collection["things"].field["name"].doc == "What it is called"


@pytest.mark.parametrize("future", [True, False])
def test_modules_refer_to_each_other_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, future: bool
) -> None:
    head = "from __future__ import annotations\n" if future else ""
    line, order = ("Ref[Order]", "Many[Line]") if future else ('Ref["Order"]', 'Many["Line"]')
    sources = {
        "lines": f"""
            from stanchion import Field, Module, Record, Ref, Rules, public
            lines = Module("lines")

            @lines.collection("lines")
            class Line(Record):
                order: {line} = Field(on_delete="cascade")
                up: Ref["Line"] | None = None
                rules = Rules(read=public, write=public)

            @lines.get("/lines")
            async def listed() -> list[Line]:
                return []
        """,
        "orders": f"""
            from enum import Enum
            from stanchion import Module, Many, Record, Rules, back, public
            orders = Module("orders")

            class State(Enum):
                NEW = "new"

            @orders.collection("orders")
            class Order(Record):
                state: State = State.NEW
                lines: {order} = back("order")
                rules = Rules(read=public, write=public)
        """,
        "shop": """
            from stanchion import App
            from PACKAGE.lines import lines
            from PACKAGE.orders import orders
            app = App("Shop")
            app.include(lines)
            app.include(orders)
        """,
    }
    package = f"shop_{'later' if future else 'now'}"
    (tmp_path / package).mkdir()
    for name, text in sources.items():
        text = head + textwrap.dedent(text).replace("PACKAGE", package)
        (tmp_path / package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    app = importlib.import_module(f"{package}.shop").app
    module = sys.modules[f"{package}.lines"]
    with client(app) as http:
        order = http.post("/api/orders", {}).json()
        assert http.post("/api/lines", {"order": order["id"]}).status == 201
        expanded = http.get(f"/api/orders/{order['id']}?expand=lines").json()
        assert len(expanded["lines"]["items"]) == 1
        assert http.get("/lines").json() == []

        async def read() -> Any:
            async with app.transaction() as tx:
                return await tx.list(module.Line, expand="order")

        (line_,) = http.run(read())
        assert line_.order == order["id"] and line_.order.record.state.value == "new"


def test_local_classes_are_found() -> None:
    class Size(Enum):
        SMALL = "s"

    class Named(Record):
        name: str = Field(max_length=9, search=True)

    app = App("Shop")

    @app.collection("things")
    class Thing(Named):
        size: Size
        parts: "Many[Part]" = back("thing")
        rules = Rules(read=public)

    @app.collection("parts")
    class Part(Named):
        thing: "Ref[Thing]"

    model = app.runtime.model
    assert list(shape(app)) == ["name", "size"]
    assert model.schema.collection["things"].back_reference["parts"].collection == "parts"
    assert model.schema.collection["parts"].field["thing"].reference is not None


def make_app() -> App:
    app = App("Shop")

    @app.collection("users")
    class User(UserRecord):
        rules = Rules(read=public, create=public)

    @app.collection("things")
    class Thing(Record):
        """A thing
        to have."""

        name: str = Field(unique=True)
        schema_: str = Field(default="v1", name="schema")
        secret: str = Field(default="hush", read=False)
        price: Decimal = Decimal("1.5")
        up: Ref[Self] | None = None
        parts: Many[Self] = back("up")
        indexes = (("schema_", "price"),)
        rules = Rules(read=public, write=public)

    app.state.Thing, app.state.User = Thing, User
    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as http:
        yield http


def test_wire_names_and_attributes(http: Client) -> None:
    Thing = http.app.state.Thing

    async def block() -> Any:
        async with http.app.transaction() as tx:
            made = await tx.create(Thing(name="a", schema_="v2"))
            changed = await tx.update(Thing, made.id, schema_="v3")
            again = await tx.update(Thing, made.id, {"schema": "v4"})
            return made.schema_, changed.schema_, again.schema_

    assert http.run(block()) == ("v2", "v3", "v4")
    assert http.get('/api/things?filter=schema == "v4"').json()["items"][0]["schema"] == "v4"
    index = http.app.runtime.model.schema.collection["things"].indexes[0]
    assert index.fields == ("schema", "price")


def test_related_records_are_there_where_they_were_expanded(http: Client) -> None:
    Thing = http.app.state.Thing

    async def block() -> tuple[Any, Any, Any]:
        async with http.app.transaction() as tx:
            up = await tx.create(Thing(name="up"))
            await tx.create(Thing(name="down", up=up.id))
            bare = (await tx.list(Thing, 'name == "down"'))[0]
            full = (await tx.list(Thing, 'name == "down"', expand="up.parts"))[0]
            return up, bare, full

    up, bare, full = http.run(block())
    assert bare.up == up.id and isinstance(bare.up, str)
    with pytest.raises(NotExpanded):
        _ = bare.up.record
    with pytest.raises(NotExpanded):
        len(up.parts)
    assert full.up.record.name == "up"
    assert [p.name for p in full.up.record.parts] == ["down"] and not full.up.record.parts.more
    assert "secret" not in repr(full) and "hush" not in repr(full)


def test_a_field_that_nobody_reads_leaves_through_no_route() -> None:
    app = make_app()
    Thing = app.state.Thing

    @app.get("/one")
    async def one() -> Thing:
        async with app.transaction(actor=app.system()) as tx:
            return (await tx.list(Thing))[0]

    @app.get("/many")
    async def many() -> dict[str, list[Thing]]:
        async with app.transaction(actor=app.system()) as tx:
            return {"items": await tx.list(Thing)}

    @app.get("/loose", response_model=None)
    async def loose() -> Any:
        return {"it": (await one()).model_dump(mode="json")}

    @app.post("/made")
    async def made(thing: Create[Thing]) -> Thing:
        async with app.transaction() as tx:
            return await tx.create(thing)

    @app.post("/changed/{key}")
    async def changed(key: str, change: Update[Thing]) -> Thing:
        async with app.transaction() as tx:
            return await tx.update(Thing, key, change)

    with client(app) as http:
        sent = {"name": "a", "secret": "psst", "price": "2.5", "schema": "v9"}
        answer = http.post("/made", sent)
        assert answer.status == 200, answer.text
        key = answer.json()["id"]
        later = http.post(f"/changed/{key}", {"price": "3"})
        assert later.status == 200, later.text
        assert later.json()["price"] == "3.00" and later.json()["schema"] == "v9"
        for path in ("/one", "/many", "/loose"):
            answer = http.get(path)
            assert answer.status == 200, answer.text
            assert "secret" not in answer.text and "psst" not in answer.text
        refused = http.post("/made", {"name": 1, "version": 3, "price": 1.5})
        assert {e["pointer"] for e in refused.json()["errors"]} == {"/name", "/version", "/price"}
        refused = http.post(f"/changed/{key}", {"id": key, "nmae": 1})
        assert refused.status == 422


def test_a_body_of_a_route_sets_only_what_was_sent() -> None:
    app = App("Shop")

    @app.collection("things")
    class Thing(Record):
        name: str
        state: str = Field(default="new", write='record.name == "boss"')
        rules = Rules(read=public, write=public)

    @app.post("/made")
    async def made(thing: Create[Thing]) -> Thing:
        async with app.transaction() as tx:
            return await tx.create(thing)

    with client(app) as http:
        assert http.post("/made", {"name": "a"}).status == 200
        assert http.post("/made", {"name": "a", "state": "old"}).status == 403
        assert http.post("/made", {"name": "boss", "state": "old"}).status == 200


def test_the_schema_is_plain_data_with_a_stable_fingerprint() -> None:
    one, two = make_app().runtime.model.schema, make_app().runtime.model.schema
    assert one.fingerprint == two.fingerprint and len(one.fingerprint) == 16
    told = describe(one)
    assert json.loads(json.dumps(told)) == told
    things = told["collections"]["things"]
    assert things["key"] == ["id"] and one.collection["things"].key == ("id",)
    assert things["doc"] == "A thing to have."
    assert things["fields"]["secret"]["read"] == "nobody"
    assert things["fields"]["price"]["default"] == "1.50"
    assert things["relations"] == {"parts": {"collection": "things", "field": "up"}}
    assert one.users is one.collection["users"]
    assert [f.name for f in one.collection["users"].fields][:2] == ["id", "email"]


def parts(value: Any) -> Iterator[Any]:
    """Every dataclass that a schema is made of; what is none is a plain value."""
    if isinstance(value, tuple):
        for item in value:
            yield from parts(item)
    elif dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            yield from parts(getattr(value, field.name))
    else:
        assert value is NO_DEFAULT or json.loads(json.dumps(value)) == value, value


def test_every_part_of_the_schema_is_frozen() -> None:
    kinds = set()
    for part in parts(make_app().runtime.model.schema):
        kinds.add(type(part).__name__)
        for field in dataclasses.fields(part):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(part, field.name, None)
    assert kinds >= {"Schema", "Collection", "Field", "Reference", "BackReference", "Rules"}


def test_the_fingerprint_covers_what_the_database_must_look_like() -> None:
    def fingerprint(field: Any, rules: Rules | None = None, kind: str = "str") -> str:
        app = App("Shop")

        @app.collection("others")
        class Other(Record):
            pass

        @app.collection("more")
        class More(Record):
            pass

        kinds = {
            "str": str, "int": int, "str?": str | None, "Other": Ref[Other], "More": Ref[More],
        }  # fmt: skip
        fields = {
            "__annotations__": {"name": kinds[kind]},
            "name": field,
            "rules": rules or Rules(),
        }
        app.collection("things")(type("Thing", (Record,), {"__module__": __name__, **fields}))
        return app.runtime.model.schema.fingerprint

    plain = fingerprint(Field())
    assert plain == fingerprint(Field(default="x", description="Y"), Rules(read=public))
    others = [
        fingerprint(Field(**options))
        for options in ({"max_length": 3}, {"search": True}, {"unique": True}, {"index": True})
    ]
    others += [fingerprint(Field(), kind=kind) for kind in ("int", "str?", "Other", "More")]
    assert len({plain, *others}) == 9


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    """It is compared with what another process stored, maybe years ago."""
    app = App("Shop")

    @app.collection("things")
    class Thing(Record):
        a: str = Field(unique=True)
        b: int = Field(index=True)
        c: str = Field(index=True)
        d: int = Field(unique=True)
        e: date = Field(index=True)
        up: Ref[Self] | None = None
        indexes = (("a", "b"), ("c", "d"))

    assert app.runtime.model.schema.fingerprint == "c2afb3885fc99fa4"


def test_a_callers_record_is_an_actor(http: Client) -> None:
    User = http.app.state.User

    async def make() -> Any:
        async with http.app.transaction(actor=http.app.system()) as tx:
            return await tx.create(User(email="ann@x.org"))

    ann = http.run(make())
    with as_actor(http.app, ann):
        assert http.get("/api/users").json()["items"][0]["email"] == "ann@x.org"


def test_defaults_are_made_for_each_record() -> None:
    app = App("Shop")
    count = iter(range(9))

    @app.collection("things")
    class Thing(Record):
        tags: list[str] = Field(default=[])
        data: dict[str, Any] = Field(default={"a": []})
        number: int = Field(default_factory=lambda: next(count))
        maybe: str | None = Field(default_factory=lambda: None)
        rules = Rules(read=public, write=public)

    @app.post("/spoil")
    async def spoil(thing: Create[Thing]) -> None:
        thing.tags.append("spoilt")
        thing.data["a"].append("spoilt")

    with client(app) as http:
        assert http.post("/spoil", {}).status == 200
        made = http.post("/api/things", {}).json()
        assert (made["tags"], made["data"], made["maybe"]) == ([], {"a": []}, None)
        assert http.post("/api/things", {}).json()["number"] == made["number"] + 1

        async def block() -> Any:
            async with app.transaction() as tx:
                return await tx.create(Thing())

        assert http.run(block()).data == {"a": []}


def test_a_module_brings_its_routes_and_collections() -> None:
    menu = Module("menu", prefix="/menu", tags=["menu"])

    @menu.collection("dishes")
    class Dish(Record):
        name: str
        rules = Rules(read=public, write=public)

    @menu.get("/count")
    async def count() -> int:
        async with app.transaction() as tx:
            return len(await tx.list(Dish))

    app = App("Shop")
    app.include(menu)

    @app.seed
    async def load(tx: Transaction) -> None:
        await tx.create(Dish(name="soup"))

    with client(app) as http:
        assert http.get("/menu/count").json() == 1
        assert http.get("/api/dishes").json()["items"][0]["name"] == "soup"


def test_an_id_is_a_uuid_of_version_7_and_there_before_anything_is_stored() -> None:
    Thing = make_app().state.Thing
    made = [Thing(name=str(n)) for n in range(50)]
    assert {UUID(one.id).version for one in made} == {7}
    assert all(one.id == str(UUID(one.id)) for one in made)
    assert sorted(one.id for one in made) == [one.id for one in made], "in the order of time"
    given = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"
    assert Thing(id=given, name="given").id == given


def test_relations_that_came_along_make_no_other_record() -> None:
    assert Many() == Many() and Many([1]) == Many() and Many([1]) == Many([1])
    assert Many([1]) != Many([2]) and Many([1]) != Many([1, 2]) and Many([1]) != [1]
