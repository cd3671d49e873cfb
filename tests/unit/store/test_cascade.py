"""What a delete does to the records that refer to the deleted one, and what the log says of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stanchion import App, Field, Record, Ref, Rules, public
from stanchion.store import cascade
from stanchion.testing import Client, Response, client


def make_app() -> App:
    app = App("Tree")

    @app.collection("roots")
    class Root(Record):
        name: str = Field(default="", search=True)
        rules = Rules(read=public, write=public)

    @app.collection("branches")
    class Branch(Record):
        root: Ref[Root] | None = Field(default=None, on_delete="cascade")
        up: Ref[Branch] | None = Field(default=None, on_delete="cascade")
        name: str = Field(default="", search=True)
        rules = Rules(read=public, create=public, delete=public)

    @app.collection("leaves")
    class Leaf(Record):
        branch: Ref[Branch] = Field(on_delete="cascade")
        other: Ref[Branch] | None = Field(default=None, on_delete="cascade")
        rules = Rules(read=public, create=public)

    @app.collection("birds")
    class Bird(Record):
        nest: Ref[Branch] | None = Field(default=None, on_delete="set null")
        perch: Ref[Branch] | None = Field(default=None, on_delete="set null")
        food: Ref[Leaf] | None = Field(default=None, on_delete="cascade")
        rules = Rules(read=public, create=public)

    @app.collection("swings")
    class Swing(Record):
        branch: Ref[Branch]
        root: Ref[Root] | None = Field(default=None, on_delete="cascade")
        rules = Rules(read=public, create=public)

    @app.collection("secrets")
    class Secret(Record):
        root: Ref[Root]
        rules = Rules(create=public)

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as http:
        yield http


def make(http: Client, collection: str, **values: Any) -> str:
    answer = http.post(f"/api/{collection}", values)
    assert answer.status == 201, answer.text
    return str(answer.json()["id"])


def delete(http: Client, collection: str, key: str) -> Response:
    return http.delete(f"/api/{collection}/{key}")


def rows(http: Client, sql: str) -> list[tuple[Any, ...]]:
    async def fetch() -> list[tuple[Any, ...]]:
        return await http.app.runtime.engine.fetch(sql, ())

    return http.run(fetch())


def log(http: Client) -> list[tuple[Any, ...]]:
    """What was updated and deleted, in order."""
    return rows(
        http,
        "select collection,key,operation,version from _changes "
        "where operation<>'create' order by seq",
    )


def counts(http: Client) -> dict[str, int]:
    names = ("roots", "branches", "leaves", "birds", "swings")
    return {n: rows(http, f"select count(*) from {n}")[0][0] for n in names}


def test_cascade_goes_from_the_leaves_to_the_record_that_was_named(http: Client) -> None:
    root = make(http, "roots")
    branch = make(http, "branches", root=root)
    leaf = make(http, "leaves", branch=branch)
    bird = make(http, "birds", food=leaf)
    assert delete(http, "roots", root).status == 204
    assert log(http) == [
        ("birds", bird, "delete", 2), ("leaves", leaf, "delete", 2),
        ("branches", branch, "delete", 2), ("roots", root, "delete", 2),
    ]  # fmt: skip
    assert set(counts(http).values()) == {0}
    assert len(rows(http, "select distinct tx from _changes where operation='delete'")) == 1


def test_set_null_makes_one_version_for_all_references_of_a_record(http: Client) -> None:
    branch = make(http, "branches")
    bird = make(http, "birds", nest=branch, perch=branch)
    before = http.get(f"/api/birds/{bird}").json()
    assert delete(http, "branches", branch).status == 204
    after = http.get(f"/api/birds/{bird}").json()
    assert after["nest"] is None and after["perch"] is None
    assert after["version"] == 2 and after["updated"] > before["updated"]
    assert log(http) == [("birds", bird, "update", 2), ("branches", branch, "delete", 2)]
    told = rows(http, "select before,after from _changes where operation='update'")
    assert f'"nest":"{branch}"' in told[0][0] and '"nest":null' in told[0][1]


def test_what_goes_is_not_set_to_null_first(http: Client) -> None:
    branch = make(http, "branches")
    leaf = make(http, "leaves", branch=branch)
    bird = make(http, "birds", nest=branch, food=leaf)
    assert delete(http, "branches", branch).status == 204
    assert [entry[2] for entry in log(http)] == ["delete"] * 3
    assert ("birds", bird, "delete", 2) in log(http)


def test_a_reference_that_restricts_forbids_all_of_it(http: Client) -> None:
    root = make(http, "roots")
    branch = make(http, "branches", root=root)
    make(http, "birds", nest=branch)
    make(http, "swings", branch=branch)
    before = counts(http)
    answer = delete(http, "roots", root)
    assert answer.status == 409 and answer.json()["code"] == "delete.restricted"
    assert "swings" in answer.json()["detail"] and "`branch`" in answer.json()["detail"]
    assert counts(http) == before and log(http) == []


def test_a_reference_that_restricts_goes_along_when_it_hangs_on_the_same_record(
    http: Client,
) -> None:
    root = make(http, "roots")
    branch = make(http, "branches", root=root)
    make(http, "swings", branch=branch, root=root)
    assert delete(http, "roots", root).status == 204
    assert set(counts(http).values()) == {0}


def test_circles_and_references_to_oneself_end(http: Client) -> None:
    one = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e01"
    two = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e02"
    bodies = [{"id": one, "up": two}, {"id": two, "up": one}, {"up": one}]
    assert http.post("/api/branches", bodies).status == 201
    own = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e03"
    make(http, "branches", id=own, up=own)
    assert delete(http, "branches", own).status == 204
    assert delete(http, "branches", two).status == 204
    assert counts(http)["branches"] == 0 and len(log(http)) == 4


def test_a_diamond_goes_once(http: Client) -> None:
    root = make(http, "roots")
    left, right = make(http, "branches", root=root), make(http, "branches", root=root)
    leaf = make(http, "leaves", branch=left, other=right)
    assert delete(http, "roots", root).status == 204
    assert [entry for entry in log(http) if entry[1] == leaf] == [("leaves", leaf, "delete", 2)]
    assert len(log(http)) == 4


def test_a_collection_that_the_caller_may_not_read_is_not_named(http: Client) -> None:
    root = make(http, "roots")
    make(http, "secrets", root=root)
    answer = delete(http, "roots", root)
    assert answer.status == 409 and "secret" not in answer.text


def test_the_search_index_forgets_what_was_deleted_along(http: Client) -> None:
    root = make(http, "roots", name="oak")
    make(http, "branches", root=root, name="twig")
    assert len(http.get("/api/branches?q=twig").json()["items"]) == 1
    assert delete(http, "roots", root).status == 204
    assert http.get("/api/branches?q=twig").json()["items"] == []
    assert rows(http, "select count(*) from _changes where operation='delete'") == [(2,)]


def test_more_than_one_request_may_carry_is_refused(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cascade, "MOST", 5)
    root = make(http, "roots")
    http.post("/api/branches", [{"root": root}] * 6)
    answer = delete(http, "roots", root)
    assert answer.status == 413 and answer.json()["code"] == "delete.too_many"
    assert answer.json()["detail"] == "More than 5 records hang on this one."
    assert answer.json()["hint"] == "Delete or change them in parts first."
    branch = make(http, "branches")
    http.post("/api/swings", [{"branch": branch}] * 9)
    assert delete(http, "branches", branch).status == 409
    assert log(http) == []


def test_the_database_by_itself_does_nothing_to_what_refers(http: Client) -> None:
    """Whatever a delete does to others is a step of the door, with a row in the log."""
    for collection in counts(http):
        keys = rows(http, ACTIONS[http.app.runtime.engine.name].format(collection))
        assert {tuple(key) for key in keys} <= {("NO ACTION", "NO ACTION"), ("a", "a")}
        assert keys or collection == "roots"


ACTIONS = {
    "sqlite": "select on_update,on_delete from pragma_foreign_key_list('{}')",
    "postgresql": "select confupdtype::text,confdeltype::text from pg_constraint "
    "where contype='f' and conrelid=to_regclass('{}')",
}
