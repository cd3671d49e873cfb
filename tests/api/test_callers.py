"""Routes of an app that say who may call them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from stanchion import (
    App,
    CurrentUser,
    Field,
    OptionalUser,
    Record,
    Ref,
    Rules,
    SignIn,
    UserRecord,
    requires,
    role,
    signed_in,
)
from stanchion.errors import DeclarationError
from stanchion.testing import Client, as_actor, client

GOOD = "zebra fox lamp"


def make_app() -> App:
    app = App("Callers")

    @app.collection("users")
    class User(UserRecord):
        role: str = Field(max_length=20, default="customer", write="auth.admin")
        rules = Rules(read=signed_in)
        sign_in = SignIn(register="open")

    @app.collection("orders")
    class Order(Record):
        customer: Ref[User]
        rules = Rules(read="record.customer == auth.id", create="record.customer == auth.id")

    @app.post("/checkout")
    async def checkout(user: CurrentUser) -> dict[str, str]:
        async with app.transaction(actor=user) as tx:
            order = await tx.create(Order(customer=Ref(user.id)))
        return {"customer": str(order.customer)}

    @app.get("/hello")
    async def hello(user: OptionalUser) -> dict[str, str]:
        return {"hello": "stranger" if user is None else user.email}

    @app.post("/close", dependencies=[requires(role("owner"))])
    async def close() -> dict[str, bool]:
        return {"closed": True}

    @app.get("/mine")
    async def mine(user: Annotated[Any, requires("auth.role != 'banned'")]) -> dict[str, str]:
        return {"role": user.role}

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def come_in(http: Client, email: str) -> dict[str, str]:
    body = {"email": email, "password": GOOD, "as": "token"}
    return {"authorization": f"Bearer {http.post('/api/auth/register', body).json()['token']}"}


def be(http: Client, headers: dict[str, str], name: str) -> None:
    user = http.get("/api/auth/me", headers=headers).json()["user"]["id"]
    with as_actor(http.app, http.app.system()):
        assert http.patch(f"/api/users/{user}", {"role": name}).status == 200


def test_a_route_acts_as_who_calls_it(http: Client) -> None:
    ann = come_in(http, "ann@example.com")
    me = http.get("/api/auth/me", headers=ann).json()["user"]["id"]
    refused = http.post("/checkout")
    assert (refused.status, refused.json()["code"]) == (401, "access.sign_in")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert http.post("/checkout", headers=ann).json() == {"customer": me}
    assert [o["customer"] for o in http.get("/api/orders", headers=ann).json()["items"]] == [me]
    ended = http.post("/checkout", headers={"authorization": "Bearer st_ended"})
    assert (ended.status, ended.json()["code"]) == (401, "auth.session_ended")


def test_a_route_may_be_for_anybody_and_know_who_it_is(http: Client) -> None:
    ann = come_in(http, "ann@example.com")
    assert http.get("/hello").json() == {"hello": "stranger"}
    assert http.get("/hello", headers=ann).json() == {"hello": "ann@example.com"}


def test_a_route_asks_for_a_rule(http: Client) -> None:
    ann = come_in(http, "ann@example.com")
    assert http.post("/close").status == 401
    refused = http.post("/close", headers=ann)
    assert (refused.status, refused.json()["code"]) == (403, "access.refused")
    assert 'role("owner")' in refused.json()["detail"]
    be(http, ann, "owner")
    assert http.post("/close", headers=ann).json() == {"closed": True}
    assert http.get("/mine", headers=ann).json() == {"role": "owner"}
    be(http, ann, "banned")
    assert http.get("/mine", headers=ann).status == 403


def test_admins_are_past_the_rules_of_routes(http: Client) -> None:
    ann = come_in(http, "ann@example.com")
    user = http.get("/api/auth/me", headers=ann).json()["user"]["id"]
    with as_actor(http.app, http.app.system()):
        http.patch(f"/api/users/{user}", {"admin": True})
    assert http.post("/close", headers=ann).status == 200


def test_a_rule_of_a_route_is_checked_at_the_start() -> None:
    app = make_app()

    @app.get("/wrong", dependencies=[requires("auth.rank > 3")])
    async def wrong() -> None: ...

    with pytest.raises(DeclarationError, match="rank"):
        app.check()


def test_a_rule_of_a_route_knows_no_record() -> None:
    app = make_app()

    @app.get("/wrong", dependencies=[requires("record.id == auth.id")])
    async def wrong() -> None: ...

    with pytest.raises(DeclarationError, match="record"):
        app.check()


def test_the_document_says_what_each_route_wants(http: Client) -> None:
    document = http.get("/openapi.json").json()
    wanted: Any = [{"session": []}, {"cookie": []}]
    assert document["paths"]["/checkout"]["post"]["security"] == wanted
    assert document["paths"]["/close"]["post"]["security"] == wanted
    assert document["paths"]["/hello"]["get"]["security"] == [{}, *wanted]
    assert document["paths"]["/api/orders"]["get"]["security"] == [{}, *wanted]
    schemes = document["components"]["securitySchemes"]
    assert schemes["session"]["scheme"] == "bearer"
    assert (schemes["cookie"]["in"], schemes["cookie"]["name"]) == ("cookie", "__Host-session")
