"""`PUT`: a whole record at a key of the caller's choice, and requests on conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pydantic
import pytest

from stanchion import App, Field, Record, Rules, UserRecord, nobody, public, role, signed_in
from stanchion.testing import Client, Response, as_actor, client

A = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"
B = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e90"


def make_app() -> App:
    app = App("Put")

    @app.collection("users")
    class User(UserRecord):
        role: str = "customer"

    @app.collection("pages")
    class Page(Record):
        title: str
        text: str = "empty"
        tags: list[str] = Field(default=[])
        slug: str | None = Field(default=None, unique=True)
        author: str = Field(default="me", frozen=True)
        hits: int = Field(default=7, write=False)
        pinned: bool = Field(default=False, write='record.title == "pinnable"')
        grade: int = Field(default=0, write=role("chief"))
        rules = Rules(
            read='record.text != "hidden"',
            create='record.text != "forbidden"',
            update='record.text != "locked"',
            delete=public,
        )

    @app.collection("fixed")
    class Fixed(Record):
        name: str
        rules = Rules(read=public, create=public, update=nobody, delete=nobody)

    @app.collection("closed")
    class Closed(Record):
        name: str
        rules = Rules(read=public, create=signed_in, update=public)

    @app.collection("sealed")
    class Sealed(Record):
        name: str
        rules = Rules(read=public)

    @app.collection("trips")
    class Trip(Record):
        starts: int
        ends: int
        label: str = ""
        rules = Rules(read=public, write=public)

        @pydantic.model_validator(mode="after")
        def check_order(self) -> Trip:
            if self.ends < self.starts:
                raise ValueError("it ends before it starts")
            self.label = self.label.strip()
            return self

    @app.collection("drops")
    class Drop(Record):
        name: str
        rules = Rules(read=nobody, write=public)

    @app.collection("accounts")
    class Account(Record):
        name: str
        password: str = Field(read=False)
        pin: str | None = Field(default=None, read=False)
        phone: str = Field(default="none", read='record.name == "open"')
        plan: str = Field(read='record.name == "open"')
        badge: str | None = Field(default=None, read=role("chief"))
        rules = Rules(read=public, write=public)

    app.state.account = Account
    app.state.page = Page
    app.state.closed = Closed
    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as http:
        yield http


def mistakes(answer: Response, status: int) -> dict[str | None, str]:
    assert answer.status == status, answer.text
    return {e.get("pointer"): e["code"] for e in answer.json()["errors"]}


def changes(http: Client) -> list[Any]:
    async def fetch() -> list[Any]:
        return await http.app.runtime.engine.fetch(
            "select operation,version from _changes order by seq", ()
        )

    return http.run(fetch())


def store(http: Client, record: Any, **system: Any) -> Any:
    async def make() -> Any:
        async with http.app.transaction(actor=http.app.system()) as tx:
            return await tx.create(record)

    return http.run(make())


def test_put_makes_the_record_that_was_not_there(http: Client) -> None:
    answer = http.put(f"/api/pages/{A}", {"title": "One"})
    assert answer.status == 201, answer.text
    assert answer.headers["location"] == f"/api/pages/{A}"
    assert answer.headers["etag"] == http.get(f"/api/pages/{A}").headers["etag"]
    assert answer.json() == http.get(f"/api/pages/{A}").json()
    assert changes(http) == [("create", 1)]


def test_put_replaces_every_field_by_what_is_given_or_its_default(http: Client) -> None:
    http.put(f"/api/pages/{A}", {"title": "One", "text": "long", "tags": ["a"], "slug": "one"})
    answer = http.put(f"/api/pages/{A}", {"title": "Two"})
    body = answer.json()
    assert answer.status == 200 and "location" not in answer.headers
    assert (body["title"], body["text"], body["tags"], body["slug"]) == ("Two", "empty", [], None)
    assert body["version"] == 2 and body == http.get(f"/api/pages/{A}").json()
    assert changes(http) == [("create", 1), ("update", 2)]


def test_the_same_put_again_changes_nothing(http: Client) -> None:
    body = {"id": A, "title": "One", "author": "you"}
    first = http.put(f"/api/pages/{A}", body)
    again = http.put(f"/api/pages/{A}", body)
    assert (first.status, again.status) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert changes(http) == [("create", 1)]


def test_put_leaves_what_only_the_server_sets(http: Client) -> None:
    page = store(http, http.app.state.page(title="x", hits=99))
    answer = http.put(f"/api/pages/{page.id}", {"title": "y"})
    assert answer.json()["hits"] == 99
    assert answer.json()["created"] != answer.json()["updated"]


def test_put_needs_every_required_field(http: Client) -> None:
    assert mistakes(http.put(f"/api/pages/{A}", {}), 422) == {"/title": "missing"}
    http.put(f"/api/pages/{A}", {"title": "One"})
    assert mistakes(http.put(f"/api/pages/{A}", {"text": "x"}), 422) == {"/title": "missing"}
    assert http.get(f"/api/pages/{A}").json()["text"] == "empty"


@pytest.mark.parametrize("there", [True, False])
def test_all_mistakes_of_a_put_come_together(http: Client, there: bool) -> None:
    if there:
        http.put(f"/api/pages/{A}", {"title": "One"})
    answer = http.put(f"/api/pages/{A}", {"title": 1, "nope": 2, "hits": 3, "id": B, "version": 4})
    assert mistakes(answer, 422) == {
        "/title": "string_type", "/nope": "unknown_field", "/hits": "not_writable", "/id": "frozen",
        "/version": "system_field",
    }  # fmt: skip


def test_a_field_that_is_set_at_create_only_must_stay(http: Client) -> None:
    http.put(f"/api/pages/{A}", {"title": "One", "author": "you"})
    answer = http.put(f"/api/pages/{A}", {"title": "Two", "author": "them", "tags": 1})
    assert mistakes(answer, 422) == {"/author": "frozen", "/tags": "list_type"}
    left_out = http.put(f"/api/pages/{A}", {"title": "Two"})
    assert left_out.json()["author"] == "you"


def test_a_body_that_is_no_object_is_refused_either_way(http: Client) -> None:
    assert mistakes(http.put(f"/api/pages/{A}", [{"title": "x"}]), 422) == {"": "object_type"}
    http.put(f"/api/pages/{A}", {"title": "One"})
    assert mistakes(http.put(f"/api/pages/{A}", "x"), 422) == {"": "object_type"}


def test_what_is_no_key_is_told_at_the_key(http: Client) -> None:
    answer = http.put("/api/pages/no-key", {"title": "x"})
    assert list(mistakes(answer, 422)) == ["/id"]


def test_keys_are_canonical(http: Client) -> None:
    answer = http.put(f"/api/pages/{A.upper()}", {"id": A, "title": "x"})
    assert answer.status == 201 and answer.json()["id"] == A


def test_create_only_put(http: Client) -> None:
    only = {"if-none-match": "*"}
    assert http.put(f"/api/pages/{A}", {"title": "One"}, headers=only).status == 201
    again = http.put(f"/api/pages/{A}", {"title": "Two"}, headers=only)
    assert (again.status, again.json()["code"]) == (412, "record.exists")
    wrong = http.put(f"/api/pages/{A}", {}, headers=only)
    assert wrong.status == 412, "what is stale is told before what is wrong"
    assert http.get(f"/api/pages/{A}").json()["title"] == "One"


def test_put_honours_if_match(http: Client) -> None:
    nothing = http.put(f"/api/pages/{A}", {"title": "x"}, headers={"if-match": '"1-x"'})
    assert (nothing.status, nothing.json()["code"]) == (412, "record.stale")
    any_version = http.put(f"/api/pages/{A}", {"title": "x"}, headers={"if-match": "*"})
    assert any_version.status == 412
    etag = http.put(f"/api/pages/{A}", {"title": "One"}).headers["etag"]
    assert http.put(f"/api/pages/{A}", {"title": "2"}, headers={"if-match": etag}).status == 200
    stale = http.put(f"/api/pages/{A}", {"title": "3"}, headers={"if-match": etag})
    assert (stale.status, stale.json()["code"]) == (412, "record.stale")
    assert http.get(f"/api/pages/{A}").json()["title"] == "2"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_none_match_keeps_others_from_a_record_that_is_there(http: Client, method: str) -> None:
    http.put(f"/api/pages/{A}", {"title": "One"})
    body = {"title": "Two"} if method == "PATCH" else None
    answer = http.request(method, f"/api/pages/{A}", body, headers={"if-none-match": "*"})
    assert (answer.status, answer.json()["code"]) == (412, "record.exists")
    assert http.get(f"/api/pages/{A}").json()["title"] == "One"


def test_a_hidden_record_is_a_taken_key(http: Client) -> None:
    store(http, http.app.state.page(id=A, title="x", text="hidden"))
    answer = http.put(f"/api/pages/{A}", {"title": "mine"})
    assert mistakes(answer, 409) == {"/id": "unique"}
    only = http.put(f"/api/pages/{A}", {"title": "mine"}, headers={"if-none-match": "*"})
    assert only.status == 409
    assert changes(http) == [("create", 1)]


def test_a_hidden_record_tells_nothing_to_whom_the_create_rule_refuses(http: Client) -> None:
    store(http, http.app.state.page(id=A, title="x", text="hidden"))
    for key in (A, B):
        answer = http.put(f"/api/pages/{key}", {"title": "mine", "text": "forbidden"})
        assert (answer.status, answer.json()["code"]) == (403, "access.refused")


def test_the_update_rule_holds_on_the_stored_row_and_on_the_new_one(http: Client) -> None:
    store(http, http.app.state.page(id=A, title="x", text="locked"))
    assert http.put(f"/api/pages/{A}", {"title": "y"}).status == 403
    http.put(f"/api/pages/{B}", {"title": "x"})
    assert http.put(f"/api/pages/{B}", {"title": "x", "text": "locked"}).status == 403
    assert http.get(f"/api/pages/{B}").json()["text"] == "empty"


def test_a_put_that_the_caller_could_only_create_refuses_to_replace(http: Client) -> None:
    assert http.put(f"/api/fixed/{A}", {"name": "x"}).status == 201
    assert http.put(f"/api/fixed/{A}", {"name": "y"}).status == 401
    only = http.put(f"/api/fixed/{A}", {"name": "y"}, headers={"if-none-match": "*"})
    assert only.status == 412


def test_a_put_that_the_caller_could_only_replace_refuses_to_create(http: Client) -> None:
    store(http, http.app.state.closed(id=A, name="x"))
    assert http.put(f"/api/closed/{A}", {"name": "y"}).status == 200
    assert http.put(f"/api/closed/{B}", {"name": "y"}).status == 401
    assert http.put(f"/api/sealed/{A}", {"nope": 1}).status == 401


def test_a_field_rule_is_asked_for_what_is_given_and_keeps_what_is_left_out(http: Client) -> None:
    store(http, http.app.state.page(id=A, title="other", pinned=True, grade=5))
    left_out = http.put(f"/api/pages/{A}", {"title": "more"})
    assert left_out.status == 200, left_out.text
    assert left_out.json()["pinned"] is True and left_out.json()["grade"] == 5
    given = http.put(f"/api/pages/{A}", {"title": "more", "pinned": False})
    assert mistakes(given, 403) == {"/pinned": "access.field_refused"}
    store(http, http.app.state.page(id=B, title="pinnable", pinned=True))
    assert http.put(f"/api/pages/{B}", {"title": "pinnable"}).json()["pinned"] is False


def test_what_the_caller_may_not_read_answers_the_key_alone(http: Client) -> None:
    answer = http.put(f"/api/drops/{A}", {"name": "x"})
    assert (answer.status, answer.json()) == (201, {"id": A})
    assert "etag" not in answer.headers
    assert mistakes(http.put(f"/api/drops/{A}", {"name": "y"}), 409) == {"/id": "unique"}


def test_clashes_of_a_put_are_told_together_with_their_pointer(http: Client) -> None:
    http.put(f"/api/pages/{A}", {"title": "x", "slug": "taken"})
    assert mistakes(http.put(f"/api/pages/{B}", {"title": "y", "slug": "taken"}), 409) == {
        "/slug": "unique"
    }
    http.put(f"/api/pages/{B}", {"title": "y"})
    assert mistakes(http.put(f"/api/pages/{B}", {"title": "y", "slug": "taken"}), 409) == {
        "/slug": "unique"
    }


# what the caller may not read


SECRETS = {"password": "p", "pin": "1", "phone": "555", "plan": "gold", "badge": "b"}


def account(http: Client, name: str) -> dict[str, Any]:
    """An account with a value in every field; what a caller reads of it."""
    store(http, http.app.state.account(id=A, name=name, **SECRETS))
    seen = http.get(f"/api/accounts/{A}").json()
    return {k: v for k, v in seen.items() if k not in ("created", "updated", "version")}


def stored(http: Client) -> dict[str, Any]:
    async def fetch() -> dict[str, Any]:
        columns = ",".join(SECRETS)
        rows = await http.app.runtime.engine.fetch(f"select {columns} from accounts", ())
        return dict(zip(SECRETS, rows[0], strict=True))

    return http.run(fetch())


def test_a_record_that_was_read_may_be_put_back_and_nothing_is_lost(http: Client) -> None:
    seen = account(http, "shut")
    assert set(seen) == {"id", "name"}
    before = http.get(f"/api/accounts/{A}").headers["etag"]
    answer = http.put(f"/api/accounts/{A}", seen)
    assert answer.status == 200, answer.text
    assert stored(http) == SECRETS
    assert answer.headers["etag"] == before and changes(http) == [("create", 1)]
    http.put(f"/api/accounts/{A}", {**seen, "name": "closed"})
    assert stored(http) == SECRETS and changes(http) == [("create", 1), ("update", 2)]


def test_what_is_hidden_is_set_by_who_names_it(http: Client) -> None:
    seen = account(http, "shut")
    http.put(f"/api/accounts/{A}", {**seen, "password": "new", "pin": None, "phone": "777"})
    assert stored(http) == {**SECRETS, "password": "new", "pin": None, "phone": "777"}


def test_a_field_that_is_readable_in_this_record_goes_back_to_its_default(http: Client) -> None:
    seen = account(http, "open")
    assert set(seen) == {"id", "name", "phone", "plan"}
    assert mistakes(http.put(f"/api/accounts/{A}", {"name": "x"}), 422) == {"/plan": "missing"}
    answer = http.put(f"/api/accounts/{A}", {"name": "shut", "plan": "tin"})
    assert answer.status == 200 and stored(http) == {**SECRETS, "phone": "none", "plan": "tin"}


def test_the_system_reads_everything_so_its_put_sets_everything(http: Client) -> None:
    account(http, "shut")
    with as_actor(http.app, http.app.system()):
        lacking = http.put(f"/api/accounts/{A}", {"name": "x"})
        assert mistakes(lacking, 422) == {"/password": "missing", "/plan": "missing"}
        whole = {"name": "x", "password": "q", "plan": "tin"}
        assert http.put(f"/api/accounts/{A}", whole).status == 200
    told = {"password": "q", "pin": None, "phone": "none", "plan": "tin", "badge": None}
    assert stored(http) == told


def test_what_is_hidden_is_required_of_a_new_record(http: Client) -> None:
    answer = http.put(f"/api/accounts/{A}", {"name": "x"})
    assert mistakes(answer, 422) == {"/password": "missing", "/plan": "missing"}


def test_validators_of_the_app_hold_for_a_put_that_makes_and_one_that_replaces(
    http: Client,
) -> None:
    path = f"/api/trips/{A}"
    wrong = {"starts": 2, "ends": 1}
    assert "it ends before it starts" in http.put(path, wrong).text
    made = http.put(path, {"starts": 1, "ends": 2, "label": " a "})
    assert (made.status, made.json()["label"]) == (201, "a")
    refused = http.put(path, wrong)
    assert refused.status == 422 and "it ends before it starts" in refused.text
    replaced = http.put(path, {"starts": 1, "ends": 3, "label": " b "})
    assert (replaced.status, replaced.json()["label"]) == (200, "b")
    assert changes(http) == [("create", 1), ("update", 2)]
