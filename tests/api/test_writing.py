"""Create, patch and delete over HTTP: what is answered, what is stored, what is logged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pydantic
import pytest

from stanchion import (
    App,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    UserRecord,
    back,
    clock,
    nobody,
    public,
    role,
    rule,
    signed_in,
)  # fmt: skip
from stanchion.testing import Client, Response, as_actor, client

NOWHERE = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"


def make_app() -> App:
    app = App("Shop")

    @app.collection("users")
    class User(UserRecord):
        role: str = "customer"
        rules = Rules(read="record.id == auth.id", create=public)

    @app.collection("vaults")
    class Vault(Record):
        name: str
        owner: str = "nobody"
        rules = Rules(read='record.owner == "everyone"', write=public)

    @app.collection("products")
    class Product(Record):
        name: str = Field(max_length=20, search=True)
        code: str = Field(unique=True, pattern="^[a-z0-9-]+$")
        kind: Literal["tool", "toy"]
        price: Decimal = Field(default=Decimal("1.00"), ge=0)
        stock: int = Field(default=0, ge=0)
        weight: float | None = None
        big: int = Field(default=0, big=True)
        released: datetime | None = None
        serial: UUID | None = None
        tags: list[str] = Field(default=[], max_length=3)
        extra: dict[str, Any] | None = None
        open: bool = True
        maker: str = Field(default="us", frozen=True)
        margin: int = Field(default=7, write=False)
        secret: str = Field(default="s3", read=False)
        schema_: str = Field(default="v1", name="schema")
        vault: Ref[Vault] | None = None
        parent: Ref[Product] | None = None
        parts: Many[Product] = back("parent")
        rules = Rules(read=public, write=public)

    @app.collection("notes")
    class Note(Record):
        title: str = Field(unique=True)
        state: str = "new"
        owner: str = ""
        pinned: bool = Field(default=False, write=role("chief"))
        grade: int = Field(default=0, write='record.owner == "me"')
        hidden: str | None = Field(default=None, unique=True, read=role("chief"))
        memo: str = Field(default="", read='record.owner == "me"')
        rules = Rules(
            read=rule('record.state != "gone"'),
            create='record.owner != "them"',
            update='old.state != "locked" && record.owner != "them"',
            delete='record.state == "new"',
        )

    @app.collection("drafts")
    class Draft(Record):
        title: str = Field(unique=True)
        rules = Rules(read=nobody, create=public, update=public, delete=signed_in)

    @app.collection("events")
    class Event(Record):
        starts: int
        ends: int
        label: str = ""
        rules = Rules(read=public, write=public)

        @pydantic.field_validator("label")
        @classmethod
        def check_label(cls, label: str) -> str:
            if "bad" in label:
                raise ValueError("bad labels are refused")
            return label.strip()

        @pydantic.model_validator(mode="after")
        def check_order(self) -> Event:
            if self.ends < self.starts:
                raise ValueError("it ends before it starts")
            return self

    @app.collection("seats")
    class Seat(Record):
        row: int
        number: int
        unique = (("row", "number"),)
        rules = Rules(read=public, write=public)

    app.state.classes = {c.__name__: c for c in (User, Vault, Product, Note, Draft, Event, Seat)}
    return app


@pytest.fixture(scope="module")
def app() -> App:
    return make_app()


@pytest.fixture
def http(app: App) -> Iterator[Client]:
    with client(app) as http:
        yield http


def product(**more: Any) -> dict[str, Any]:
    return {"name": "Hammer", "code": "hammer", "kind": "tool", **more}


def create(http: Client, collection: str, body: Any) -> Any:
    answer = http.post(f"/api/{collection}", body)
    assert answer.status == 201, answer.text
    return answer.json()


def mistakes(answer: Response, status: int = 422) -> dict[str | None, str]:
    """The code of each mistake by its pointer."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {e.get("pointer"): e["code"] for e in answer.json()["errors"]}


def rows(http: Client, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    async def fetch() -> list[tuple[Any, ...]]:
        return await http.app.runtime.engine.fetch(sql, params)

    return http.run(fetch())


def changes(http: Client) -> list[tuple[Any, ...]]:
    return rows(http, "select collection,key,operation,version from _changes order by seq")


def user(app: App, http: Client, **values: Any) -> Any:
    async def make() -> Any:
        async with app.transaction(actor=app.system()) as tx:
            return await tx.create(app.state.classes["User"](**values))

    return http.run(make())


# create


def test_create_answers_the_record_where_it_is_and_its_version(http: Client) -> None:
    answer = http.post("/api/products", product())
    body = answer.json()
    assert answer.status == 201
    assert answer.headers["location"] == f"/api/products/{body['id']}"
    assert answer.headers["etag"].startswith('"1-')
    assert answer.headers["etag"] == http.get(answer.headers["location"]).headers["etag"]
    assert body == http.get(answer.headers["location"]).json()
    assert body["version"] == 1 and body["created"] == body["updated"]
    assert body["price"] == "1.00" and body["schema"] == "v1" and body["extra"] is None
    assert "secret" not in body


def test_values_come_back_in_their_canonical_form(http: Client) -> None:
    sent = product(
        name="Ünïcödé 🔨",
        price="9.5",
        weight=-0.0,
        big="-9223372036854775808",
        released="2026-01-31T12:00:00.5+02:00",
        serial="018F3C2E7A4B7C1D9E2F3A4B5C6D7E8F",
        tags=["ß", ""],
        extra={"z": [1, 2.5, None, {"ä": True}], "a": 12345678901234567890},
    )
    answer = http.post("/api/products", sent)
    body = answer.json()
    assert answer.status == 201, answer.text
    assert body["name"] == "Ünïcödé 🔨" and body["price"] == "9.50"
    assert float(body["weight"]) == 0 and not str(body["weight"]).startswith("-")
    assert body["big"] == "-9223372036854775808"
    assert body["released"] == "2026-01-31T10:00:00.500000Z"
    assert body["serial"] == NOWHERE
    assert body["tags"] == ["ß", ""]
    assert json.dumps(body["extra"]) == json.dumps(sent["extra"])
    again = http.get(f"/api/products/{body['id']}")
    assert again.body == answer.body


def test_every_mistake_of_a_body_is_told_at_once(http: Client) -> None:
    answer = http.post(
        "/api/products",
        {
            "name": "x" * 21, "code": 5, "price": 9.5, "stock": 1.0, "weight": "5", "big": 5,
            "released": "2026-01-31T12:00:00", "serial": "x", "tags": ["a", 1, None],
            "extra": [], "open": 1, "margin": 1, "created": "x", "secret": None, "nmae": 1,
            "a/b~c": 1, "schema": None, "vault": "", "version": 3,
        },
    )  # fmt: skip
    assert mistakes(answer) == {
        "/name": "string_too_long", "/code": "string_type", "/kind": "missing",
        "/price": "decimal_type", "/stock": "int_type", "/weight": "float_type",
        "/big": "big_int_type", "/released": "datetime_no_offset", "/serial": "uuid_parsing",
        "/tags/1": "string_type", "/tags/2": "string_type", "/extra": "object_type",
        "/open": "bool_type", "/margin": "not_writable", "/created": "system_field",
        "/secret": "null", "/nmae": "unknown_field", "/a~1b~0c": "unknown_field",
        "/schema": "null", "/vault": "uuid_parsing", "/version": "system_field",
    }  # fmt: skip
    assert changes(http) == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("price", "1.005", "decimal_max_places"),
        ("price", "1.0000000000000000000000000000000000001", "decimal_max_places"),
        ("price", "1" * 17, "decimal_max_digits"),
        ("price", "1e2", "decimal_parsing"),
        ("price", "-0.01", "greater_than_equal"),
        ("stock", 2**53, "int_out_of_range"),
        ("stock", True, "int_type"),
        ("big", str(2**63), "int_out_of_range"),
        ("big", "007", "big_int_type"),
        ("weight", True, "float_type"),
        ("kind", "gadget", "literal_error"),
        ("code", "UPPER", "string_pattern_mismatch"),
        ("tags", ["a", "b", "c", "d"], "too_long"),
        ("released", "2026-02-30T00:00:00Z", "datetime_parsing"),
        ("released", "2026-01-31T24:00:00Z", "datetime_parsing"),
        ("released", "0001-01-01T00:00:00+01:00", "datetime_parsing"),
        ("name", None, "null"),
        ("id", "nonsense", "uuid_parsing"),
        ("id", None, "null"),
    ],
)
def test_values_are_read_strictly_by_create_and_patch(
    http: Client, name: str, value: Any, code: str
) -> None:
    stored = create(http, "products", product(code="stored"))
    assert mistakes(http.post("/api/products", product(**{name: value}))) == {f"/{name}": code}
    expected = "frozen" if name == "id" else code
    answer = http.patch(f"/api/products/{stored['id']}", {name: value})
    assert mistakes(answer) == {f"/{name}": expected}
    assert len(changes(http)) == 1


def test_an_id_may_be_sent_and_becomes_canonical(http: Client) -> None:
    made = create(http, "products", product(id=NOWHERE.upper().replace("-", "")))
    assert made["id"] == NOWHERE
    assert http.get(f"/api/products/{NOWHERE.upper()}").status == 200
    assert http.patch(f"/api/products/{NOWHERE.upper()}", {"id": NOWHERE.upper()}).status == 200
    again = http.post("/api/products", product(id=NOWHERE, code="other"))
    assert mistakes(again, 409) == {"/id": "unique"}


def test_an_array_creates_all_or_nothing(http: Client) -> None:
    answer = http.post("/api/products", [product(), product(code="b", price="0.10")])
    assert answer.status == 201 and "location" not in answer.headers
    assert [item["code"] for item in answer.json()["items"]] == ["hammer", "b"]
    assert len({tx for (tx,) in rows(http, "select tx from _changes")}) == 1
    bad = [product(code="c"), {"name": 1}, "text", product(code="d", stock=-1)]
    assert mistakes(http.post("/api/products", bad)) == {
        "/1/name": "string_type", "/1/code": "missing", "/1/kind": "missing",
        "/2": "object_type", "/3/stock": "greater_than_equal",
    }  # fmt: skip
    clashing = [product(code="c"), product(code="c"), product(code="b", parent=NOWHERE)]
    assert mistakes(http.post("/api/products", clashing), 409) == {
        "/1/code": "unique", "/2/code": "unique", "/2/parent": "reference.not_found",
    }  # fmt: skip
    assert len(changes(http)) == 2
    assert len(http.get("/api/products").json()["items"]) == 2


def test_an_empty_array_is_refused(http: Client) -> None:
    assert http.post("/api/products", []).status == 422


def test_records_of_an_array_may_refer_to_each_other_in_any_order(http: Client) -> None:
    body = [product(parent=NOWHERE, code="child"), product(id=NOWHERE)]
    assert http.post("/api/products", body).status == 201
    broken = [
        product(code="x", parent="018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e80"),
        product(code="hammer"),
        product(code="y", id="018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e80"),
    ]
    assert mistakes(http.post("/api/products", broken), 409) == {"/1/code": "unique"}


def test_more_mistakes_than_anybody_reads_are_cut_off(http: Client) -> None:
    answer = http.post("/api/products", {f"f{n}": 1 for n in range(20_000)})
    assert 100 <= len(mistakes(answer)) < 110


# conflicts


def test_all_conflicts_are_told_together(http: Client) -> None:
    create(http, "products", product(id=NOWHERE))
    sent = product(id=NOWHERE, vault="018f3c2e-0000-7000-8000-000000000000")
    assert mistakes(http.post("/api/products", sent), 409) == {
        "/id": "unique", "/code": "unique", "/vault": "reference.not_found",
    }  # fmt: skip


def test_a_composite_key_is_told_at_its_first_field(http: Client) -> None:
    first = create(http, "seats", {"row": 1, "number": 1})
    other = create(http, "seats", {"row": 1, "number": 2})
    assert mistakes(http.post("/api/seats", {"row": 1, "number": 1}), 409) == {"/row": "unique"}
    assert mistakes(http.patch(f"/api/seats/{other['id']}", {"number": 1}), 409) == {
        "/row": "unique"
    }
    assert http.patch(f"/api/seats/{first['id']}", {"number": 1}).status == 200


def test_a_taken_id_of_an_invisible_record_is_a_conflict(http: Client) -> None:
    made = http.post("/api/vaults", {"name": "v", "id": NOWHERE})
    assert made.json() == {"id": NOWHERE}
    again = http.post("/api/vaults", {"name": "w", "id": NOWHERE})
    assert mistakes(again, 409) == {"/id": "unique"}


def test_a_reference_to_an_invisible_record_is_like_one_to_none(http: Client) -> None:
    hidden = create(http, "vaults", {"name": "v"})["id"]
    shown = create(http, "vaults", {"name": "w", "owner": "everyone"})["id"]
    to_hidden = http.post("/api/products", product(vault=hidden))
    to_none = http.post("/api/products", product(vault=NOWHERE))
    assert mistakes(to_hidden, 409) == mistakes(to_none, 409) == {"/vault": "reference.not_found"}
    assert to_hidden.json()["errors"] == to_none.json()["errors"]
    made = create(http, "products", product(vault=shown))
    at = f"/api/products/{made['id']}"
    assert mistakes(http.patch(at, {"vault": hidden}), 409) == {"/vault": "reference.not_found"}
    assert http.get(at).json()["vault"] == shown


def test_a_reference_that_became_invisible_stays_and_is_not_in_the_way(http: Client) -> None:
    vault = create(http, "vaults", {"name": "w", "owner": "everyone"})["id"]
    create(http, "products", product(code="taken"))
    made = create(http, "products", product(vault=vault))
    at = f"/api/products/{made['id']}"
    assert http.patch(f"/api/vaults/{vault}", {"owner": "me"}).status == 200
    assert http.patch(at, {"stock": 3, "vault": vault}).status == 200
    assert mistakes(http.patch(at, {"code": "taken"}), 409) == {"/code": "unique"}


def test_a_clash_on_a_field_that_the_caller_may_not_read_has_no_pointer(
    app: App, http: Client
) -> None:
    Note = app.state.classes["Note"]

    async def hide() -> None:
        async with app.transaction(actor=app.system()) as tx:
            await tx.create(Note(title="a", hidden="x"))

    http.run(hide())
    answer = http.post("/api/notes", {"title": "b", "hidden": "x"})
    assert mistakes(answer, 409) == {None: "unique"}
    assert "hidden" not in answer.text


def test_a_clash_is_told_only_to_a_caller_whose_row_passes_the_rule(http: Client) -> None:
    made = create(http, "notes", {"title": "a"})
    assert http.post("/api/notes", {"title": "a", "owner": "them"}).status == 403
    assert http.post("/api/notes", {"title": "a"}).status == 409
    create(http, "notes", {"title": "b"})
    at = f"/api/notes/{made['id']}"
    assert http.patch(at, {"title": "b", "owner": "them"}).status == 403
    assert http.patch(at, {"title": "b", "grade": 3}).status == 403
    assert http.patch(at, {"title": "b"}).status == 409


# patch


def test_patch_changes_what_it_names(http: Client) -> None:
    made = create(http, "products", product(tags=["a", "b"], extra={"a": {"b": 1}}, weight=1))
    at = f"/api/products/{made['id']}"
    answer = http.patch(at, {"tags": ["c"], "extra": {"a": {"c": 2}}, "weight": None})
    assert answer.status == 200
    assert answer.headers["etag"] == http.get(at).headers["etag"]
    body = answer.json()
    assert body["tags"] == ["c"] and body["extra"] == {"a": {"c": 2}} and body["weight"] is None
    assert body["version"] == 2 and body["updated"] > body["created"]
    kept = {k: v for k, v in made.items() if k not in ("tags", "extra", "weight")}
    assert {**kept, "version": 2, "updated": body["updated"]} == {
        k: v for k, v in body.items() if k not in ("tags", "extra", "weight")
    }


def test_patch_that_changes_nothing_writes_nothing(http: Client) -> None:
    made = http.post("/api/products", product(price="9.50"))
    at = made.headers["location"]
    for body in ({}, {"price": "9.5"}, {"name": "Hammer", "tags": [], "id": made.json()["id"]}):
        answer = http.patch(at, body)
        assert answer.status == 200
        assert answer.json() == made.json() and answer.headers["etag"] == made.headers["etag"]
    assert len(changes(http)) == 1


def test_a_guess_at_a_field_that_nobody_reads_looks_like_any_other(http: Client) -> None:
    at = http.post("/api/products", product(secret="right")).headers["location"]
    assert http.patch(at, {"secret": "right"}).json()["version"] == 2
    assert http.patch(at, {"secret": "wrong"}).json()["version"] == 3


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ("*", 200), ('"1-x"', 200), ('W/"1-x"', 200), ('"7-a", "1-b"', 200), ('"2-x"', 412),
        ('"11-x"', 412), ("", 412), ('"nonsense"', 412), ('"*"', 412),
    ],
)  # fmt: skip
def test_if_match_compares_the_version(http: Client, tag: str, status: int) -> None:
    made = create(http, "products", product())
    at = f"/api/products/{made['id']}"
    assert http.patch(at, {"stock": 5}, headers={"If-Match": tag}).status == status
    again = create(http, "products", product(code="b"))
    at = f"/api/products/{again['id']}"
    expected = 204 if status == 200 else status
    assert http.delete(at, headers={"If-Match": tag}).status == expected


@pytest.mark.unordered
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_of_many_that_saw_the_same_version_one_writes(http: Client, method: str) -> None:
    """Nobody's change is lost: the others are told."""
    made = http.post("/api/products", product())
    at, tag = made.headers["location"], made.headers["etag"]

    def write(number: int) -> Response:
        body = {"stock": number} if method == "PATCH" else product(stock=number)
        return http.request(method, at, body, headers={"If-Match": tag})

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(write, range(1, 21)))
    (won,) = [answer for answer in answers if answer.status == 200]
    assert sorted(answer.status for answer in answers) == [200] + [412] * 19
    assert http.get(at).json() == won.json()
    assert len(changes(http)) == 2


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200), ("application/merge-patch+json", 200),
        ("Application/Merge-Patch+JSON; charset=utf-8", 200), ("application/json-patch+json", 415),
        ("text/plain", 415),
    ],
)  # fmt: skip
def test_patch_takes_json_and_merge_patches(http: Client, kind: str, status: int) -> None:
    made = create(http, "products", product())
    answer = http.request(
        "PATCH", f"/api/products/{made['id']}", content=b'{"stock":7}',
        headers={"content-type": kind},
    )  # fmt: skip
    assert answer.status == status
    if status == 415:
        assert "application/merge-patch+json" in answer.json()["detail"]
    stock = http.get(f"/api/products/{made['id']}").json()["stock"]
    assert stock == (7 if status == 200 else 0)


def test_the_etag_of_a_record_with_conditional_fields_works_in_if_match(http: Client) -> None:
    at = http.post("/api/notes", {"title": "a", "owner": "me"}).headers["location"]
    tags = [http.get(at).headers["etag"]]
    for body in ({"memo": "x"}, {"owner": "you"}):
        answer = http.patch(at, body, headers={"If-Match": tags[-1]})
        assert answer.status == 200
        assert http.patch(at, {"state": "b"}, headers={"If-Match": tags[-1]}).status == 412
        tags.append(http.get(at).headers["etag"])
        assert tags[-1] == answer.headers["etag"]
    assert [tag[:3] for tag in tags] == ['"1-', '"2-', '"3-']
    assert len({tag[3:] for tag in tags}) == 3, "it says what the body holds"


def test_frozen_fields_are_set_at_create_only(http: Client) -> None:
    made = create(http, "products", product(maker="them"))
    answer = http.patch(f"/api/products/{made['id']}", {"maker": "us", "id": NOWHERE})
    assert mistakes(answer) == {"/maker": "frozen", "/id": "frozen"}


def test_a_field_nobody_reads_may_be_written(http: Client) -> None:
    made = create(http, "products", product(secret="first"))
    assert http.patch(f"/api/products/{made['id']}", {"secret": "second"}).status == 200
    assert rows(http, "select secret from products") == [("second",)]
    log = rows(http, "select before,after from _changes")
    assert "first" not in str(log) and "second" not in str(log) and "secret" not in str(log)


# the order of judgement


def test_judgement_goes_404_412_422_403_409(http: Client) -> None:
    locked = create(http, "notes", {"title": "locked", "state": "locked"})
    create(http, "notes", {"title": "taken"})
    stale, bad, refused, taken = {"If-Match": '"9-x"'}, {"title": 5}, {}, {"title": "taken"}
    at = f"/api/notes/{locked['id']}"
    assert http.patch(f"/api/notes/{NOWHERE}", bad, headers=stale).status == 404
    assert http.patch("/api/notes/nonsense", bad, headers=stale).status == 404
    assert http.patch(at, bad, headers=stale).status == 412
    assert http.patch(at, bad).status == 422
    assert http.patch(at, refused).status == 403
    assert http.patch(at, taken).status == 403
    assert http.delete(f"/api/notes/{NOWHERE}", headers=stale).status == 404
    assert http.delete(at, headers=stale).status == 412
    assert http.delete(at).status == 403
    free = create(http, "notes", {"title": "free"})
    assert http.patch(f"/api/notes/{free['id']}", taken).status == 409
    assert http.delete("/api/drafts/nonsense").status == 401


def test_a_record_that_the_caller_may_not_read_is_not_there(http: Client) -> None:
    gone = http.post("/api/notes", {"title": "a", "state": "gone"})
    assert gone.status == 201 and list(gone.json()) == ["id"] and "etag" not in gone.headers
    at = gone.headers["location"]
    assert http.get(at).status == http.patch(at, {"title": 5}).status == 404
    assert http.delete(at).status == 404


def test_a_result_that_the_caller_may_not_read_is_the_key_alone(http: Client) -> None:
    made = create(http, "notes", {"title": "a"})
    answer = http.patch(f"/api/notes/{made['id']}", {"state": "gone"})
    assert answer.status == 200 and answer.json() == {"id": made["id"]}
    assert "etag" not in answer.headers
    many = http.post("/api/drafts", [{"title": "a"}, {"title": "b"}])
    assert [list(item) for item in many.json()["items"]] == [["id"], ["id"]]


# rules


def test_update_needs_its_rule_on_the_stored_row_and_on_the_new_one(app: App, http: Client) -> None:
    made = create(http, "notes", {"title": "a"})
    at = f"/api/notes/{made['id']}"
    assert http.patch(at, {"owner": "them"}).status == 403
    assert http.patch(at, {"state": "locked"}).status == 200
    assert http.patch(at, {"state": "new"}).status == 403
    assert http.get(at).json()["state"] == "locked"
    Note = app.state.classes["Note"]

    async def theirs() -> str:
        async with app.transaction(actor=app.system()) as tx:
            return (await tx.create(Note(title="theirs", owner="them"))).id

    stored = http.run(theirs())
    assert http.patch(f"/api/notes/{stored}", {"owner": "me"}).status == 403


def test_delete_needs_its_rule_on_the_stored_row(http: Client) -> None:
    made = create(http, "notes", {"title": "a", "state": "done"})
    at = f"/api/notes/{made['id']}"
    assert http.delete(at).status == 403
    assert http.patch(at, {"state": "new"}).status == 200
    assert http.delete(at).status == 204
    assert http.get(at).status == 404


def test_field_rules_hold_on_create_for_what_the_caller_names(app: App, http: Client) -> None:
    assert http.post("/api/notes", {"title": "a"}).status == 201
    answer = http.post("/api/notes", {"title": "b", "pinned": False})
    assert mistakes(answer, 403) == {"/pinned": "access.field_refused"}
    answer = http.post("/api/notes", [{"title": "b"}, {"title": "c", "grade": 1}])
    assert mistakes(answer, 403) == {"/1/grade": "access.field_refused"}
    assert http.post("/api/notes", {"title": "d", "grade": 1, "owner": "me"}).status == 201
    with as_actor(app, user(app, http, email="c@x.org", role="chief")):
        assert http.post("/api/notes", {"title": "e", "pinned": True}).status == 201
    assert len(rows(http, "select 1 from notes")) == 3


def test_field_rules_hold_on_update_for_the_stored_and_the_new_row(app: App, http: Client) -> None:
    made = create(http, "notes", {"title": "a"})
    at = f"/api/notes/{made['id']}"
    assert mistakes(http.patch(at, {"grade": 1}), 403) == {"/grade": "access.field_refused"}
    assert http.patch(at, {"grade": 1, "owner": "me"}).status == 403
    assert http.patch(at, {"owner": "me"}).status == 200
    assert http.patch(at, {"grade": 1}).status == 200
    assert http.patch(at, {"grade": 2, "owner": ""}).status == 403
    assert http.patch(at, {"pinned": True}).status == 403
    with as_actor(app, user(app, http, email="c@x.org", role="chief")):
        assert http.patch(at, {"pinned": True}).status == 200


def test_a_field_that_is_hidden_and_closed_looks_like_none(http: Client) -> None:
    answer = http.post("/api/products", product(secrte="x"))
    assert mistakes(answer) == {"/secrte": "unknown_field"}
    readable = http.post("/api/products", product(margin=3))
    assert mistakes(readable) == {"/margin": "not_writable"}


def test_closed_rules_answer_before_anything_else(app: App, http: Client) -> None:
    assert http.delete(f"/api/drafts/{NOWHERE}").status == 401
    assert http.delete(f"/api/users/{NOWHERE}").status == 401
    with as_actor(app, user(app, http, email="a@x.org")):
        assert http.delete(f"/api/drafts/{NOWHERE}").status == 404
        assert http.delete(f"/api/users/{NOWHERE}").status == 403


# validators of the app


def test_validators_of_the_app_hold_on_create_and_on_the_merged_record(http: Client) -> None:
    answer = http.post("/api/events", {"starts": 2, "ends": 1})
    assert mistakes(answer) == {None: "value_error"}
    assert answer.json()["errors"][0]["detail"] == "it ends before it starts"
    many = http.post(
        "/api/events", [{"starts": 1, "ends": 2}, {"starts": 1, "ends": 2, "label": "bad"}]
    )
    assert mistakes(many) == {"/1/label": "value_error"}
    made = create(http, "events", {"starts": 1, "ends": 5, "label": " x "})
    assert made["label"] == "x"
    at = f"/api/events/{made['id']}"
    assert mistakes(http.patch(at, {"starts": 6})) == {None: "value_error"}
    answer = http.patch(at, {"starts": 3, "label": " y "})
    assert answer.json()["label"] == "y" and answer.json()["version"] == 2
    assert answer.json()["created"] == made["created"] < answer.json()["updated"]


# the log, the index


def test_each_change_has_its_row_in_the_log(app: App, http: Client) -> None:
    ann = user(app, http, email="ann@x.org")
    with as_actor(app, ann):
        made = http.post("/api/products", product(), headers={"X-Request-ID": "r-1"})
        at = made.headers["location"]
        changed = http.patch(at, {"stock": 4})
        http.delete(at)
        here = clock.now_text()
    log = rows(
        http,
        "select operation,version,actor,request<>'',key,before,after,time,seq,tx from _changes "
        "where collection='products' order by seq",
    )
    key = made.json()["id"]
    assert [r[:5] for r in log] == [
        ("create", 1, str(ann.id), 1, key), ("update", 2, str(ann.id), 1, key),
        ("delete", 3, str(ann.id), 1, key),
    ]  # fmt: skip
    (no_before, first), (before, second), (last, no_after) = (r[5:7] for r in log)
    assert no_before is None and no_after is None
    assert first == before and second == last
    assert json.loads(first) == made.json() and json.loads(second) == changed.json()
    created, updated, deleted = (r[7] for r in log)
    assert created == made.json()["created"] and updated == changed.json()["updated"]
    assert updated < deleted <= here
    seqs, transactions = zip(*(r[8:] for r in log), strict=True)
    assert len(set(seqs)) == len(set(transactions)) == 3


def test_a_refused_write_leaves_no_trace(http: Client) -> None:
    create(http, "products", product())
    http.post("/api/products", product())
    http.post("/api/notes", {"title": "a", "owner": "them"})
    assert [c[0] for c in changes(http)] == ["products"]
    assert rows(http, "select 1 from notes") == []


def test_the_search_index_follows_every_write(http: Client) -> None:
    made = create(http, "products", product(name="Claw hammer"))
    child = create(http, "products", product(name="Nail", code="n", parent=made["id"]))

    def found(q: str) -> list[str]:
        return [i["code"] for i in http.get("/api/products", params={"q": q}).json()["items"]]

    assert found("claw") == ["hammer"] and found("nail") == ["n"]
    http.patch(f"/api/products/{made['id']}", {"name": "Sledge"})
    assert found("claw") == [] and found("sledge") == ["hammer"]
    assert http.delete(f"/api/products/{made['id']}").status == 409
    assert found("sledge") == ["hammer"]
    http.delete(f"/api/products/{child['id']}")
    http.delete(f"/api/products/{made['id']}")
    assert found("nail") == found("sledge") == []
    assert rows(http, "select count(*) from products") == [(0,)]
