"""The OpenAPI document is valid, says what the server does, and is one document.

The answers of a running app are held against the schemas that the document gives them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import pydantic
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from openapi_spec_validator import validate

from stanchion import (
    App,
    Create,
    Field,
    Many,
    Module,
    Record,
    Ref,
    Rules,
    Update,
    back,
    nobody,
    public,
    rule,
)
from stanchion.http import parameters
from stanchion.http.openapi import openapi_document
from stanchion.testing import Client, client


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


app = App("World", version="1.2.3", description="Everything *once*.")
workshop = Module("workshop")


@app.collection("things")
class Thing(Record):
    """A thing with a field of every type."""

    name: str = Field(min_length=2, max_length=20, search=True, description="What it is called.")
    code: str = Field(pattern=r"^[A-Z]{2}\d+$", default="AB1", frozen=True)
    odd: str | None = Field(pattern=r"\Aa(?P<rest>b*)$", default=None)
    count: int = Field(ge=1, le=50)
    above: int = Field(gt=99)
    big: int = Field(big=True, ge=0)
    weight: float | None = Field(default=None, gt=0)
    price: Decimal = Field(max_digits=9, decimal_places=2, ge=0)
    open: bool = True
    day: date | None = None
    starts: datetime
    token: UUID | None = None
    color: Color = Color.RED
    state: Literal["new", "done"] | None = None
    tags: list[str] = Field(default_factory=list, max_length=5)
    extra: dict[str, Any] | None = None
    options: dict[str, Any] = Field(default={"a": 1})
    settings: Any = None
    secret: str = Field(read=False, default="x")
    total: int = Field(default=0, write=False)
    note: str = Field(default="", read=rule("record.open"), description="Seen while open.")
    schema_: str = Field(name="schema", default="x")
    parent: Ref[Thing] | None = None
    parts: Many[Part] = back("thing")
    rules = Rules(read=public, write=public)


@workshop.collection("parts")
class Part(Record):
    """A part of a thing."""

    thing: Ref[Thing] = Field(on_delete="cascade")
    price: int = Field(write=rule("record.price < 100"), default=1)
    rules = Rules(read="record.thing.open", write=public)


@app.collection("locks")
class Lock(Record):
    unread: str = Field(default="", read=False)
    part: Ref[Part] | None = Field(default=None, read=False)
    rules = Rules(read=nobody)


class Out(pydantic.BaseModel):
    thing: Thing


class Wish(pydantic.BaseModel):
    many: list[Create[Thing]]
    change: Update[Thing]


@workshop.get("/menu")
async def show_menu() -> list[Part]:
    return []


app.include(workshop)


@app.post("/things", tags=["things"])
async def make_thing(body: Create[Thing]) -> Thing:
    return body


@app.patch("/things")
async def change_thing(body: Update[Thing], times: int = 1) -> list[str]:
    return sorted(body.changes) * times


@app.post("/wishes")
async def wish(body: Wish) -> Out:
    return Out(thing=body.many[0])


@app.post("/api/things/{thing_id}")
async def replace_thing(thing_id: str) -> dict[str, str]:
    return {"id": thing_id}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return app.openapi()


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(app) as running:
        yield running


def schema_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def fits(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """`value` is what `schema` says; references lead into the document."""
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def answer_fits(document: dict[str, Any], path: str, method: str, answer: Any) -> None:
    """An answer has a status and a body that the document knows for this call."""
    response = document["paths"][path][method]["responses"][str(answer.status)]
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    kind = answer.headers.get("content-type")
    if kind is None:
        assert "content" not in response
    else:
        fits(document, response["content"][kind]["schema"], answer.json())


# the document


def test_document_of_every_type_validates(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "World"


def test_document_is_built_once_and_is_the_same_every_time(document: dict[str, Any]) -> None:
    assert app.openapi() is document
    theirs = FastAPI.openapi(App("Empty"))
    before = json.dumps(theirs)
    schema = app.runtime.model.schema
    first, second = (json.dumps(openapi_document(theirs, schema)) for _ in range(2))
    assert first == second and json.dumps(theirs) == before


def test_app_without_collections_and_routes_has_a_valid_document() -> None:
    validate(App("Empty").openapi())


def test_data_api_and_app_routes_stand_in_one_document(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {
        "/menu", "/things", "/wishes", "/api/things", "/api/things/{thing_id}",
        "/api/things/_aggregate", "/api/parts", "/api/parts/{id}", "/api/parts/_aggregate",
        "/api/_batch", "/api/locks", "/api/locks/{id}", "/api/locks/_aggregate",
        "/api/_schema",
    }  # fmt: skip
    assert [tag["name"] for tag in document["tags"]] == ["things", "locks", "parts"]
    assert document["tags"][0]["description"] == "A thing with a field of every type."


def test_path_that_an_app_route_shares_is_one_path(document: dict[str, Any]) -> None:
    shared = document["paths"]["/api/things/{thing_id}"]
    assert set(shared) == {"get", "put", "patch", "delete", "post"}
    assert shared["get"]["parameters"][0]["name"] == "thing_id"


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [o["operationId"] for item in document["paths"].values() for o in item.values()]
    assert len(ids) == len(set(ids))
    assert {"list_things", "create_things", "read_things", "update_things"} <= set(ids)


# fields


WIRE_FORMS: dict[str, dict[str, Any]] = {
    "name": {"type": "string", "minLength": 2, "maxLength": 20},
    "code": {"type": "string", "pattern": r"^[A-Z]{2}\d+$"},
    "count": {"type": "integer", "minimum": 1, "maximum": 50},
    "above": {"type": "integer", "exclusiveMinimum": 99, "maximum": 2**53 - 1},
    "big": {"type": "string", "pattern": "^-?(0|[1-9][0-9]{0,18})$"},
    "weight": {"type": ["number", "null"], "exclusiveMinimum": 0},
    "price": {"type": "string", "format": "decimal"},
    "open": {"type": "boolean"},
    "day": {"type": ["string", "null"], "format": "date"},
    "starts": {"type": "string", "format": "date-time"},
    "token": {"type": ["string", "null"], "format": "uuid"},
    "color": {"type": "string", "enum": ["red", "blue"]},
    "state": {"type": ["string", "null"], "enum": ["new", "done", None]},
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
    "schema": {"type": "string"},
}


@pytest.mark.parametrize("name", WIRE_FORMS)
@pytest.mark.parametrize("schema", ["Thing", "ThingCreate", "ThingUpdate"])
def test_field_has_its_wire_form(document: dict[str, Any], schema: str, name: str) -> None:
    if (schema, name) == ("ThingUpdate", "code"):
        assert name not in schema_of(document, schema)["properties"]  # frozen
        return
    found = schema_of(document, schema)["properties"][name]
    assert {key: found[key] for key in WIRE_FORMS[name]} == WIRE_FORMS[name]


def test_pattern_that_only_python_understands_is_told_in_words(document: dict[str, Any]) -> None:
    found = schema_of(document, "Thing")["properties"]["odd"]
    assert "pattern" not in found and "(?P<rest>b*)" in found["description"]


def test_json_says_whether_it_may_be_null_and_must_be_an_object(document: dict[str, Any]) -> None:
    fields = schema_of(document, "ThingCreate")["properties"]
    for value in (None, 1, [], {"a": None}):
        fits(document, fields["settings"], value)
    assert fields["extra"]["type"] == ["object", "null"]
    assert fields["options"]["type"] == "object"


def test_descriptions_come_from_docstrings_and_fields(document: dict[str, Any]) -> None:
    thing = schema_of(document, "Thing")
    assert thing["description"] == "A thing with a field of every type."
    assert thing["properties"]["name"]["description"] == "What it is called."
    assert "≥ 0" in thing["properties"]["price"]["description"]


def test_read_requires_all_that_no_rule_hides(document: dict[str, Any]) -> None:
    thing = schema_of(document, "Thing")
    assert set(thing["properties"]) - set(thing["required"]) == {"note", "parts"}
    assert "secret" not in thing["properties"]


def test_create_requires_what_has_no_default(document: dict[str, Any]) -> None:
    create = schema_of(document, "ThingCreate")
    assert create["required"] == ["name", "count", "above", "big", "price", "starts"]
    assert create["additionalProperties"] is False
    assert create["properties"]["color"]["default"] == "red"
    assert create["properties"]["parent"]["default"] is None
    assert "default" not in create["properties"]["tags"]
    assert {"id", "secret", "code", "note"} <= set(create["properties"])
    assert not {"created", "updated", "version", "total", "parts"} & set(create["properties"])


def test_update_requires_nothing_and_has_no_frozen_field(document: dict[str, Any]) -> None:
    update = schema_of(document, "ThingUpdate")
    assert "required" not in update and update["additionalProperties"] is False
    assert not {"id", "code", "total", "created"} & set(update["properties"])
    assert all("default" not in found for found in update["properties"].values())


def test_relations_are_key_or_record_and_lists_with_more(document: dict[str, Any]) -> None:
    parent = schema_of(document, "Thing")["properties"]["parent"]
    assert parent["anyOf"][0]["type"] == ["string", "null"]
    assert parent["anyOf"][1] == {"$ref": "#/components/schemas/Thing"}
    parts = schema_of(document, "Thing")["properties"]["parts"]
    assert parts["required"] == ["items", "more"]
    assert parts["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Part"}


def test_field_that_nobody_reads_stands_in_requests_only(document: dict[str, Any]) -> None:
    assert schema_of(document, "ThingCreate")["properties"]["secret"]["writeOnly"] is True
    for name in ("Thing", "ThingGroups", "ThingPage"):
        assert "secret" not in json.dumps(schema_of(document, name))
    assert "part" not in schema_of(document, "Lock")["properties"]


def test_every_example_is_what_its_schema_says(document: dict[str, Any]) -> None:
    seen = 0
    for schema in _schemas(document):
        for example in schema.get("examples", ()):
            fits(document, {k: v for k, v in schema.items() if k != "examples"}, example)
            seen += 1
    assert seen > 40
    for response in document["components"]["responses"].values():
        for content in response["content"].values():
            fits(document, content["schema"], content["example"])


def _schemas(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if "type" in part or "anyOf" in part:
            yield part
        for value in part.values():
            yield from _schemas(value)
    elif isinstance(part, list):
        for item in part:
            yield from _schemas(item)


# calls


def named(operation: dict[str, Any], document: dict[str, Any]) -> list[str]:
    shared = document["components"]["parameters"]
    used = {p["$ref"].rpartition("/")[2] for p in operation.get("parameters", ()) if "$ref" in p}
    left = used - set(shared)
    assert not left, f"describe these in `shared_parameters`, http/openapi/operations.py: {left}"
    return [
        (shared[p["$ref"].rpartition("/")[2]] if "$ref" in p else p)["name"]
        for p in operation.get("parameters", ())
    ]


def test_every_parameter_that_is_read_is_described(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert named(paths["/api/things"]["get"], document) == [*parameters.LIST, "If-None-Match"]
    one = named(paths["/api/things/{thing_id}"]["get"], document)
    assert one == ["thing_id", *parameters.ONE, "If-None-Match"]
    aggregate = named(paths["/api/things/_aggregate"]["get"], document)
    assert aggregate == [*parameters.AGGREGATE, "If-None-Match"]
    assert named(paths["/api/things/{thing_id}"]["patch"], document)[1:] == [
        "If-Match", "If-None-Match", "Idempotency-Key"
    ]  # fmt: skip


def test_parameter_that_could_only_be_refused_is_not_offered(document: dict[str, Any]) -> None:
    assert "q" not in named(document["paths"]["/api/parts"]["get"], document)
    assert "expand" not in named(document["paths"]["/api/locks"]["get"], document)


def test_statuses_follow_rules_and_relations(document: dict[str, Any]) -> None:
    def statuses(path: str, method: str) -> set[str]:
        return set(document["paths"][path][method]["responses"])

    common = {"400", "413", "500", "503"}
    guarded = common | {"401", "403"}
    assert statuses("/api/things", "get") == common | {"200", "304"}
    assert statuses("/api/locks", "get") == guarded | {"200", "304"}
    assert statuses("/api/things", "post") == common | {"201", "408", "409", "415", "422", "507"}
    assert statuses("/api/parts", "post") == statuses("/api/things", "post") | {"403"}
    assert statuses("/api/things/{thing_id}", "delete") >= {"204", "404", "409", "412"}
    assert "409" not in statuses("/api/locks", "get")
    assert statuses("/api/locks/{id}", "patch") >= guarded | {"404", "409", "412", "415", "422"}


def test_every_write_says_what_an_idempotency_key_may_be_told(document: dict[str, Any]) -> None:
    operations = {o["operationId"]: o for item in document["paths"].values() for o in item.values()}
    with_key = {name for name, o in operations.items() if "Idempotency-Key" in named(o, document)}
    assert with_key == {
        f"{verb}_{collection.name}"
        for verb in ("create", "update", "put", "delete")
        for collection in app.runtime.model.schema.collections
    } | {"batch"}
    for name in with_key:
        assert set(operations[name]["responses"]) >= {"400", "409", "422"}, name


def generated(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of the data API."""
    for path, item in document["paths"].items():
        if path.startswith("/api/"):
            for method, operation in item.items():
                if "default" not in operation["responses"]:  # that of an app's own route
                    yield path, method, operation


def test_every_operation_says_what_may_keep_it_from_being_done(document: dict[str, Any]) -> None:
    for path, method, operation in generated(document):
        assert {"400", "413", "500", "503"} <= set(operation["responses"]), (path, method)
        assert ("408" in operation["responses"]) == ("requestBody" in operation), (path, method)


def test_conditions_are_described_just_where_they_are_honoured(
    document: dict[str, Any], http: Client
) -> None:
    example = schema_of(document, "ThingCreate")["examples"][0]
    key = http.post("/api/things", example).json()["id"]
    asked = 0
    for path, method, operation in generated(document):
        if not path.startswith(("/api/things", "/api/_")):
            continue  # of other collections the same code tells
        url = path.replace("{thing_id}", key).replace("_aggregate", "_aggregate?count=true")
        body = {"patch": {"count": 2}, "get": None, "delete": None}.get(method, example)
        for header, value, status in (
            ("If-None-Match", "*", 304 if method == "get" else 412),
            ("If-Match", '"999-x"', 412),
        ):
            answer = http.request(method.upper(), url, body, headers={header: value})
            asked += 1
            told = (path, method, header, answer.status)
            if header in named(operation, document):
                assert answer.status == status, told
            elif method == "get":
                assert answer.status == 200, told  # a read has nothing to protect
            else:
                assert answer.json()["code"] == "request.condition", told
            assert str(answer.status) in operation["responses"], told
    assert asked == 18


def test_write_may_answer_the_key_alone_where_reading_is_ruled(document: dict[str, Any]) -> None:
    answer = document["paths"]["/api/parts/{id}"]["patch"]["responses"]["200"]
    refs = [r["$ref"] for r in answer["content"]["application/json"]["schema"]["anyOf"]]
    assert refs == ["#/components/schemas/Part", "#/components/schemas/PartKey"]
    assert "ThingKey" not in document["components"]["schemas"]


def test_rules_keep_their_text_to_themselves(document: dict[str, Any]) -> None:
    assert "record.thing.open" not in json.dumps(document)
    described = document["paths"]["/api/parts"]["get"]["description"]
    assert described.endswith("Guarded by a rule.")
    assert document["paths"]["/api/locks"]["get"]["description"].endswith(
        "Closed: no rule opens it to callers."
    )


# app routes


def test_bodies_and_records_of_app_routes_have_their_true_schemas(document: dict[str, Any]) -> None:
    create = {"$ref": "#/components/schemas/ThingCreate"}
    made = document["paths"]["/things"]["post"]
    assert made["requestBody"]["content"]["application/json"]["schema"] == create
    assert made["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Thing"
    }
    changed = document["paths"]["/things"]["patch"]
    assert changed["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/ThingUpdate"
    }
    assert [p["name"] for p in changed["parameters"]] == ["times"]
    wish = schema_of(document, "Wish")["properties"]
    assert wish["many"]["items"] == create
    assert schema_of(document, "Out")["properties"]["thing"]["$ref"].endswith("/Thing")
    assert "x-stanchion" not in json.dumps(document)


def test_errors_of_fastapi_are_our_problems(document: dict[str, Any]) -> None:
    for method in ("post", "patch"):
        assert document["paths"]["/things"][method]["responses"]["422"] == {
            "$ref": "#/components/responses/Invalid"
        }
    left = set(document["components"]["schemas"])
    assert not left & {"HTTPValidationError", "ValidationError", "Color"}


def test_update_body_of_an_app_route_is_read_from_the_body(http: Client) -> None:
    assert http.patch("/things", {"name": "new"}).json() == ["name"]
    refused = http.patch("/things", {"nmae": "new"})
    assert refused.status == 422 and refused.json()["errors"][0]["pointer"] == "/nmae"


crowded = App("Crowded")


@crowded.collection("boxes")
class Box(Record):
    rules = Rules(read=public)


@crowded.collection("updates")
class BoxRecordUpdate(Record):
    rules = Rules(read=public)


class BoxCreate(pydantic.BaseModel):
    mine: int


class Problem(pydantic.BaseModel):
    mine_too: int


@crowded.post("/b")
async def take_box(body: BoxCreate, other: Problem) -> Box:
    raise NotImplementedError


def test_models_of_the_app_keep_names_that_ours_would_take() -> None:
    document = crowded.openapi()
    validate(document)
    schemas = document["components"]["schemas"]
    assert "mine" in schemas["BoxCreate"]["properties"]
    assert "mine_too" in schemas["Problem"]["properties"]
    assert "code" in schemas["ApiProblem"]["properties"]
    answer = document["paths"]["/b"]["post"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"]["$ref"].endswith("/BoxRecord2")
    listed = document["paths"]["/api/boxes"]["get"]["responses"]["200"]
    assert listed["content"]["application/json"]["schema"]["$ref"].endswith("/BoxRecord2Page")
    assert "version" in schemas["BoxRecordUpdate"]["properties"]  # the class of that name


# the server does what the document says


def test_answers_fit_the_document(document: dict[str, Any], http: Client) -> None:
    things, one = "/api/things", "/api/things/{thing_id}"
    example = schema_of(document, "ThingCreate")["examples"][0]
    made = http.post(things, example)
    assert made.status == 201
    answer_fits(document, things, "post", made)
    assert set(document["paths"][things]["post"]["responses"]["201"]["headers"]) == {
        "ETag", "Location",
    }  # fmt: skip
    assert "etag" in made.headers and "location" in made.headers
    key = made.json()["id"]
    many = http.post(things, [{**example, "parent": key}, {**example, "open": False}])
    assert many.status == 201
    answer_fits(document, things, "post", many)
    closed = many.json()["items"][1]
    assert "note" not in closed
    hidden = http.post("/api/parts", {"thing": closed["id"]})
    assert set(hidden.json()) == {"id"}
    answer_fits(document, "/api/parts", "post", hidden)
    http.post("/api/parts", {"thing": key})
    for path, template, method in (
        ("?expand=parent,parts&total=true&limit=2", things, "get"),
        ("?sort=-price,name&fields=id&limit=1001", things, "get"),
        ("?filter=name+%3D%3D", things, "get"),
        ("/_aggregate?group=color,state,day&count=true&sum=price,count,big,weight",
         "/api/things/_aggregate", "get"),
        ("/_aggregate?group=state&avg=price,count,big,weight&min=name,price,day,big,color,id"
         "&max=state,weight,count,id&sort=-avg.price,state", "/api/things/_aggregate", "get"),
        ("/_aggregate?avg=price,count&max=day,name&filter=name+%3D%3D+%22none%22",
         "/api/things/_aggregate", "get"),
        ("/_aggregate?sum=price&filter=name+%3D%3D+%22none%22", "/api/things/_aggregate", "get"),
        (f"/{key}?expand=parts", one, "get"),
        ("/018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f", one, "get"),
    ):  # fmt: skip
        answer_fits(document, template, method, http.get(things + path))
    changed = http.patch(f"{things}/{key}", schema_of(document, "ThingUpdate")["examples"][0])
    assert changed.status == 200
    answer_fits(document, one, "patch", changed)
    for refused in (
        http.patch(f"{things}/{key}", {"count": 0, "nmae": 1}),
        http.patch(f"{things}/{key}", {"count": 2}, headers={"If-Match": '"77"'}),
        http.patch(f"{things}/{key}", content=b"x", headers={"content-type": "text/plain"}),
    ):
        assert refused.status in (412, 415, 422)
        answer_fits(document, one, "patch", refused)
    answer_fits(document, things, "post", http.post(things, {**example, "id": key}))
    answer_fits(document, "/api/locks", "get", http.get("/api/locks"))
    referred = http.delete(f"{things}/{key}")
    assert referred.status == 409
    answer_fits(document, one, "delete", referred)
    answer_fits(document, one, "delete", http.delete(f"{things}/{closed['id']}"))


def test_served_document_is_this_document(document: dict[str, Any], http: Client) -> None:
    plain = http.get("/openapi.json")
    assert plain.json() == json.loads(json.dumps(document))
    packed = http.get("/openapi.json", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert http.request("HEAD", "/openapi.json").body == b""


def test_document_may_be_switched_off() -> None:
    quiet = App("Quiet", openapi_url=None)
    with client(quiet) as http:
        assert http.get("/openapi.json").status == 404
        assert http.get("/docs").status == 404
        assert http.get("/docs/errors").status == 200
