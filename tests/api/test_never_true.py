"""A rule that can never be true for the caller: 401 or 403, with the rule's name, everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stanchion import App, Field, Record, Ref, Rules, UserRecord, public, requires, role
from stanchion.errors import Problem
from stanchion.testing import Client, as_actor, client

app = App("Vault")
KEY = "00000000-0000-7000-8000-000000000001"


@app.collection("users")
class User(UserRecord):
    role: str = "guest"
    rules = Rules(read="record.id == auth.id")


@app.collection("shelves")
class Shelf(Record):
    name: str
    rules = Rules(read=public)


@app.collection("boxes")
class Box(Record):
    label: str = ""
    shelf: Ref[Shelf] | None = None
    weight: int = Field(default=0, read=role("keeper"))
    rules = Rules(read=role("keeper"), write=role("keeper"))


@app.post("/open", dependencies=[requires(role("keeper"))])
async def open_vault() -> None: ...


GUEST = User(email="guest@vault.example")
STEP = {"method": "DELETE", "path": f"/api/boxes/{KEY}"}
CALLS: list[tuple[str, str, Any, str]] = [
    ("GET", "/api/boxes", None, "boxes.read"),
    ("HEAD", "/api/boxes", None, "boxes.read"),
    ("GET", f"/api/boxes/{KEY}", None, "boxes.read"),
    ("GET", "/api/boxes/_aggregate?count=true", None, "boxes.read"),
    ("POST", "/api/boxes", {"label": "a"}, "boxes.create"),
    ("POST", "/api/boxes", [{"label": "a"}], "boxes.create"),
    ("PATCH", f"/api/boxes/{KEY}", {"label": "a"}, "boxes.update"),
    ("DELETE", f"/api/boxes/{KEY}", None, "boxes.delete"),
    ("POST", "/api/_batch", {"steps": [STEP]}, "boxes.delete"),
    ("POST", "/api/shelves", {"name": "a"}, "shelves.create"),
    ("DELETE", f"/api/shelves/{KEY}", None, "shelves.delete"),
]  # fmt: skip


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(app) as caller:
        yield caller


@pytest.mark.parametrize(("method", "url", "body", "rule"), CALLS)
@pytest.mark.parametrize("signed_in", [False, True])
def test_it_is_refused_by_name(
    http: Client, method: str, url: str, body: Any, rule: str, signed_in: bool
) -> None:
    with as_actor(app, GUEST if signed_in else None):
        answer = http.request(method, url, body)
    status, code = (403, "access.refused") if signed_in else (401, "access.sign_in")
    assert answer.status == status
    assert signed_in or answer.headers["www-authenticate"] == "Bearer"
    if method != "HEAD":
        said = answer.json()
        assert (said["code"], said["rule"]) == (code, rule)
        assert rule in said["detail"]


def test_a_put_names_a_rule_of_its_two(http: Client) -> None:
    for actor, status in ((None, 401), (GUEST, 403)):
        with as_actor(app, actor):
            answer = http.put(f"/api/boxes/{KEY}", {"label": "a"})
        assert answer.status == status
        assert answer.json()["rule"] in ("boxes.update", "boxes.create")


def test_a_transaction_is_refused_by_the_same_name(http: Client) -> None:
    async def write() -> None:
        async with app.transaction(actor=GUEST) as tx:
            await tx.create(Box())

    with pytest.raises(Problem) as refused:
        http.run(write())
    assert refused.value.extra == {"rule": "boxes.create"}
    assert refused.value.status == 403


def test_a_route_names_the_rule_that_it_asks_for(http: Client) -> None:
    for actor, status in ((None, 401), (GUEST, 403)):
        with as_actor(app, actor):
            answer = http.post("/open")
        assert answer.status == status
        assert json.loads(answer.body)["rule"] == 'role("keeper")'


def test_a_role_that_the_rule_asks_for_comes_in(http: Client) -> None:
    with as_actor(app, User(email="keeper@vault.example", role="keeper")):
        assert http.get("/api/boxes").status == 200
        assert http.post("/open").status == 200
