"""Whatever a field can be asked, a field of every type answers, alone, as null and in a list.

A new type begins with a line in `EACH`; each test that fails then says which list of ours does not
know the type yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest

from stanchion import App, Field, Record, Rules, public, types
from stanchion.declare.annotations import HINT
from stanchion.testing import Client, client


@dataclass(frozen=True)
class Each:
    """How a field of a type is declared, and two of its wire values, the lesser one first."""

    annotation: Any
    low: Any
    high: Any


EACH: dict[str, Each] = {
    "BoolType": Each(bool, False, True),
    "DateType": Each(date, "2026-01-31", "2026-02-01"),
    "DatetimeType": Each(datetime, "2026-01-31T12:00:00.000000Z", "2026-01-31T12:00:00.000001Z"),
    "DecimalType": Each(Decimal, "9.50", "10.00"),
    "EnumType": Each(Literal["large", "small"], "large", "small"),
    "FloatType": Each(float, 0.5, 1.5),
    "IntType": Each(int, 9, 10),
    "JsonType": Each(dict[str, Any], {"a": 1}, {"b": [None]}),
    "ListType": Each(list[str], ["a"], ["b", "c"]),
    "TextType": Each(str, "a", "b"),
    "UuidType": Each(
        UUID, "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f", "118f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"
    ),
}
PLAIN = [name for name in EACH if name not in ("JsonType", "ListType")]  # that compare


def test_every_type_is_here() -> None:
    named = {name for name in types.__all__ if name.endswith("Type")} - {"FieldType"}
    assert set(EACH) == named, "say in EACH how a field of a new type is declared"


@dataclass(frozen=True)
class World:
    """Two records: one holds the lesser value and nothing else, one the greater everywhere."""

    http: Client
    app: App
    record: type[Record]
    each: Each

    def ask(self, query: dict[str, str], why: str) -> list[Any]:
        """The `value` of each record of a list, in its order."""
        answer = self.http.get("/api/things", params=query)
        assert answer.status == 200, f"{answer.text}\n{why}"
        return [item["value"] for item in answer.json()["items"]]


def make_app(each: Each) -> tuple[App, type[Record]]:
    app = App("Types")
    inner = str if each.annotation in (dict[str, Any], list[str]) else each.annotation
    members: dict[str, Any] = {
        "__annotations__": {
            "value": each.annotation, "maybe": each.annotation | None, "many": list[inner]
        },
        "__module__": __name__,
        "maybe": None,
        "many": Field(default_factory=list),
        "rules": Rules(read=public, create=public),
    }  # fmt: skip
    record = app.collection("things")(type(Record)("Thing", (Record,), members))

    async def route() -> list[Any]:
        async with app.transaction() as tx:
            return await tx.list(record, sort="id")

    route.__annotations__ = {"return": list[record]}  # type: ignore[valid-type]  # made above
    app.get("/things")(route)
    return app, record


@pytest.fixture(scope="module", params=list(EACH))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    each = EACH[request.param]
    app, record = make_app(each)
    with client(app) as http:
        many = ["x"] if request.param in ("JsonType", "ListType") else [each.high]
        for body in ({"value": each.low}, {"value": each.high, "maybe": each.high, "many": many}):
            made = http.post("/api/things", body)
            assert made.status == 201, f"{made.text}\ndeclare/annotations.py reads annotations"
        yield World(http, app, record, each)


plain = pytest.mark.parametrize("world", PLAIN, indirect=True)


def literal(each: Each, wire: Any) -> str:
    return str(wire) if each.annotation in (int, float, Decimal) else json.dumps(wire)


def test_what_was_sent_is_shown(world: World) -> None:
    first, second = world.http.get("/api/things", params={"sort": "id"}).json()["items"]
    told = "`sqlite_texts` of the type makes the JSON, `sqlite_json` makes null of null"
    assert (first["value"], first["maybe"], first["many"]) == (world.each.low, None, []), told
    assert (second["value"], second["maybe"]) == (world.each.high, world.each.high), told
    assert len(second["many"]) == 1


def test_a_route_shows_a_record_as_the_data_api_does(world: World) -> None:
    stored = world.http.get("/api/things", params={"sort": "id"}).json()["items"]
    returned = world.http.get("/things").json()
    told = "`_has_own_form` in declare/classes.py names the types that pydantic writes otherwise"
    assert returned == stored, told


def test_openapi_has_an_example(world: World) -> None:
    schemas = world.http.get("/openapi.json").json()["components"]["schemas"]
    shown = schemas["Thing"]["properties"]["value"]
    kind = world.app.runtime.model.schema.collection["things"].field["value"].type
    told = "`_candidates` in http/openapi/values.py makes the examples"
    examples = [*shown.get("examples", ()), *shown.get("enum", ())]
    assert examples, f"{shown}\n{told}"
    for example in examples:
        kind.parse(example)


@plain
def test_a_literal_is_compared(world: World) -> None:
    low, high = world.each.low, world.each.high
    why = "expr/literals.py reads literals; expr/kinds.py says what compares"
    assert world.ask({"filter": f"value == {literal(world.each, low)}"}, why) == [low]
    assert world.ask({"filter": f"value != {literal(world.each, low)}"}, why) == [high]
    assert world.ask({"filter": "maybe == null"}, why) == [low]


@plain
def test_a_literal_is_found_in_a_list(world: World) -> None:
    high, why = world.each.high, "`item` in sql/dialect.py reads an item as a column holds it"
    assert world.ask({"filter": f"{literal(world.each, high)} in many"}, why) == [high], why
    assert world.ask({"filter": f"value in [{literal(world.each, high)}]"}, why) == [high], why


@plain
def test_a_value_of_python_is_compared(world: World) -> None:
    async def listed() -> list[Any]:
        async with world.app.transaction() as tx:
            (high,) = await tx.list(world.record, "maybe != null")
            value = high.maybe  # type: ignore[attr-defined]  # made above
            return [
                *await tx.list(world.record, "value == $value", value=value),
                *await tx.list(world.record, "value in $values", values=[value]),
            ]

    told = "in sql/values.py, `_fits` knows the class and `_wire_items` writes an item of a list"
    assert len(world.http.run(listed())) == 2, told


@plain
def test_it_is_sorted_grouped_and_the_greatest_is_found(world: World) -> None:
    low, high = world.each.low, world.each.high
    assert world.ask({"sort": "value"}, "") == [low, high]
    assert world.ask({"sort": "-value"}, "") == [high, low]
    groups = world.http.get("/api/things/_aggregate", params={"group": "value", "count": "true"})
    assert [group["group"]["value"] for group in groups.json()["items"]] == [low, high]
    if world.each.annotation is not bool:
        most = world.http.get("/api/things/_aggregate", params={"max": "value"}).json()
        assert most["items"][0]["max"]["value"] == high


@plain
def test_the_hint_of_a_misplaced_condition_can_be_asked(world: World) -> None:
    told = world.http.get("/api/things", params={"value": "5", "limit": "1"}).json()["hint"]
    world.ask({"filter": told.partition("filter=")[2]}, f"{told}\n_SAMPLES in http/hints.py")


@pytest.mark.parametrize("name", EACH)
def test_the_hint_of_a_wrong_type_names_it(name: str) -> None:
    annotation = EACH[name].annotation
    said = getattr(annotation, "__name__", "Literal")
    assert said in HINT, "HINT in declare/annotations.py lists what a field can be"
