"""API keys over HTTP: what they open, what they do not, and how they end; on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from datetime import timedelta
from typing import Any

import pytest

from stanchion import (
    App,
    CurrentUser,
    Field,
    Many,
    OptionalUser,
    Record,
    Ref,
    Rules,
    Settings,
    SignIn,
    UserRecord,
    back,
    clock,
    public,
    requires,
    role,
    signed_in,
)
from stanchion.actors import actor_of
from stanchion.auth import keys as keys_of
from stanchion.auth.tokens import is_key, new_key
from stanchion.errors import DeclarationError
from stanchion.plan import policy
from stanchion.testing import Client, Response, as_actor, client

ANN, BOB = "ann@example.com", "bob@example.com"
GOOD, BETTER = "zebra fox lamp", "seven quiet harbours"
MINE = "record.customer == auth.id"
Headers = dict[str, str]
PATIENT = Settings(transaction_ms=60_000, write_deadline_ms=60_000)


def make_app(**given: Any) -> App:
    app = App("Counter", settings=PATIENT)

    @app.collection("users")
    class User(UserRecord):
        role: str = Field(max_length=20, default="customer", write="auth.admin")
        orders: Many[Order] = back("customer")
        sign_in = SignIn(register="open", **{"keys": True, **given})
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id",
                      delete="record.id == auth.id")  # fmt: skip

    @app.collection("orders")
    class Order(Record):
        customer: Ref[User] = Field(on_delete="cascade")
        note: str = Field(max_length=50, search=True, default="")
        total: int = 0
        rules = Rules(read=MINE, write=MINE)

    @app.collection("prices")
    class Price(Record):
        amount: int
        rules = Rules(read=public, write=role("owner"))

    @app.post("/checkout", dependencies=[requires(signed_in, scope="checkout")])
    async def checkout(user: CurrentUser) -> dict[str, str]:
        async with app.transaction(actor=user) as tx:
            order = await tx.create(Order(customer=Ref(user.id), note="by route"))
        return {"order": str(order.id)}

    @app.get("/same", dependencies=[requires(signed_in, scope="checkout")])
    async def same(user: CurrentUser) -> dict[str, bool]:
        async with app.transaction(actor=app.system()) as tx:
            other = await tx.get(User, user.id)
        app.state.caller = user
        return {"there": user == other, "back": other == user, "changed": user != changed(other)}

    @app.get("/seen")
    async def seen(user: OptionalUser) -> dict[str, bool]:
        return {"known": user is not None}

    @app.get("/owned", dependencies=[requires(role("owner"), scope="owned")])
    async def owned() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/plain")
    async def plain() -> dict[str, bool]:
        return {"ok": True}

    app.state.user, app.state.order = User, Order
    return app


def changed(user: Any) -> Any:
    return user.model_copy(update={"role": "another"})


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def register(http: Client, email: str = ANN) -> Headers:
    body = {"email": email, "password": GOOD, "as": "token"}
    answer = http.post("/api/auth/register", body)
    assert answer.status == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def make(http: Client, session: Headers, *scopes: str, **more: Any) -> Response:
    body = {"name": "reports", "scopes": list(scopes), **more}
    return http.post("/api/auth/keys", body, headers=session)


def key(http: Client, session: Headers, *scopes: str, **more: Any) -> Headers:
    answer = make(http, session, *scopes, **more)
    assert answer.status == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def user_of(http: Client, session: Headers) -> str:
    return str(http.get("/api/auth/me", headers=session).json()["user"]["id"])


def order(http: Client, session: Headers, **more: Any) -> str:
    body = {"customer": user_of(http, session), "note": "two large", "total": 7, **more}
    answer = http.post("/api/orders", body, headers=session)
    assert answer.status == 201, answer.text
    return str(answer.json()["id"])


@contextmanager
def later(by: timedelta) -> Iterator[None]:
    moment = clock.now_ns() + by // timedelta(microseconds=1) * 1000
    clock.use(lambda: moment)
    try:
        yield
    finally:
        clock.use(None)


def told(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json()["code"]


def as_system(http: Client, method: str, url: str, body: Any = None) -> Response:
    with as_actor(http.app, http.app.system()):
        answer = http.request(method, url, body)
    assert answer.status < 300, answer.text
    return answer


SHUT = (403, "auth.key_scope")


# a key's life


def test_a_key_is_shown_once_and_known_by_its_prefix(http: Client) -> None:
    ann = register(http)
    made = make(http, ann, "orders:read", "*:read", "orders:read", days=3)
    token, shown = made.json()["token"], made.json()["key"]
    assert made.headers["cache-control"] == "no-store"
    assert is_key(token) and token.startswith("stk_") and len(token) == 53
    assert (shown["name"], shown["scopes"]) == ("reports", ["*:read", "orders:read"])
    listed = http.get("/api/auth/keys", headers=ann)
    assert listed.json()["items"] == [shown] and "used" not in shown
    assert token not in listed.text

    async def stored() -> str:
        engine = await http.app.runtime.opened_engine()
        return str(await engine.find("select * from _api_keys", ()))

    row = http.run(stored())
    assert token not in row and token[4:-6] not in row


def test_what_is_mistyped_is_no_key_and_asks_nobody() -> None:
    made = new_key()
    assert is_key(made)
    for place in (4, 20, 46, 52):
        other = "a" if made[place] != "a" else "b"
        assert not is_key(made[:place] + other + made[place + 1 :])
    assert not is_key(made + "a") and not is_key(made[:-1]) and not is_key("st" + made)
    assert not is_key(made[:10] + "é" + made[11:])


def test_a_key_is_known_to_have_been_used(http: Client) -> None:
    ann = register(http)
    reader = key(http, ann, "orders:read")
    assert http.get("/api/orders", headers=reader).status == 200
    http.run(http.app.runtime.gate.sessions.settle())
    used = http.get("/api/auth/keys", headers=ann).json()["items"][0]["used"]
    with later(timedelta(minutes=50)):
        assert http.get("/api/orders", headers=reader).status == 200
        http.run(http.app.runtime.gate.sessions.settle())
    assert http.get("/api/auth/keys", headers=ann).json()["items"][0]["used"] == used
    with later(timedelta(minutes=70)):
        assert http.get("/api/orders", headers=reader).status == 200
        http.run(http.app.runtime.gate.sessions.settle())
    assert http.get("/api/auth/keys", headers=ann).json()["items"][0]["used"] > used


def test_every_key_ends_by_itself(http: Client) -> None:
    ann = register(http)
    short, usual = key(http, ann, "*:read", days=2), key(http, ann, "*:read")
    assert [(e["pointer"], e["code"]) for e in make(http, ann, "*:read", days=367).json()["errors"]
            ] == [("/days", "auth.key_days")]  # fmt: skip
    for days in (0, -1):
        assert make(http, ann, "*:read", days=days).status == 422
    with later(timedelta(days=1, hours=23)):
        assert http.get("/api/orders", headers=short).status == 200
    with later(timedelta(days=2, seconds=1)):
        assert told(http.get("/api/orders", headers=short)) == (401, "auth.key_ended")
        assert http.get("/api/orders", headers=usual).status == 200
    with later(timedelta(days=90, seconds=1)):
        assert http.get("/api/orders", headers=usual).status == 401


def test_their_owner_ends_keys_and_nobody_else_does(http: Client) -> None:
    ann, bob = register(http), register(http, BOB)
    reader = key(http, ann, "*:read")
    assert http.get("/api/orders", headers=reader).status == 200
    http.run(http.app.runtime.gate.sessions.settle())
    url = f"/api/auth/keys/{http.get('/api/auth/keys', headers=ann).json()['items'][0]['id']}"
    assert http.get("/api/auth/keys", headers=bob).json()["items"] == []
    assert http.delete(url, headers=bob).status == 404
    assert http.get("/api/orders", headers=reader).status == 200
    assert http.delete(url, headers=ann).status == 204
    assert told(http.get("/api/orders", headers=reader)) == (401, "auth.key_ended")
    assert http.delete(url, headers=ann).status == 404


def test_what_is_no_key_is_refused_with_all_that_is_wrong(http: Client) -> None:
    ann = register(http)
    bad = make(http, ann, "order:read", "orders:delete", "orders", "checkout", name=" \t", days=999)
    assert bad.status == 422
    assert [(e["pointer"], e["code"]) for e in bad.json()["errors"]] == [
        ("/scopes/0", "auth.scope"), ("/scopes/1", "auth.scope"), ("/scopes/2", "auth.scope"),
        ("/name", "auth.key_name"), ("/days", "auth.key_days"),
    ]  # fmt: skip
    assert "orders:read" in bad.json()["errors"][0]["detail"]
    assert make(http, ann).json()["errors"][0]["pointer"] == "/scopes"
    assert make(http, {}, "*:read").status == 401
    assert http.get("/api/auth/keys").status == 401


def test_a_user_has_a_number_of_keys(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_of, "MOST", 2)
    ann = register(http)
    key(http, ann, "*:read"), key(http, ann, "*:read")
    assert told(make(http, ann, "*:read")) == (409, "auth.too_many_keys")


def test_an_old_session_makes_no_keys(http: Client) -> None:
    ann = register(http)
    with later(timedelta(minutes=11)):
        assert told(make(http, ann, "*:read")) == (403, "auth.proof_needed")
        assert http.post("/api/auth/proof", {"password": GOOD}, headers=ann).status == 204
        assert make(http, ann, "*:read").status == 201


def test_a_user_who_came_with_a_key_equals_other_copies_which_stay_held_to_it(
    http: Client,
) -> None:
    caller = key(http, register(http), "checkout")
    answer = http.get("/same", headers=caller)
    assert answer.json() == {"there": True, "back": True, "changed": True}
    user, model = http.app.state.caller, http.app.runtime.model
    for each in (user, copy(user), deepcopy(user), changed(user)):
        assert actor_of(each, model).scopes == {"checkout"}


def test_an_app_that_says_nothing_has_no_keys() -> None:
    with client(make_app(keys=False)) as http:
        ann = register(http)
        assert told(make(http, ann, "*:read")) == (403, "auth.keys_closed")
        sent = {"authorization": f"Bearer {new_key()}"}
        assert told(http.get("/api/prices", headers=sent)) == (401, "auth.key_ended")
        assert "key" not in http.get("/openapi.json").json()["components"]["securitySchemes"]


@pytest.mark.parametrize("given", [{"key_days": 0}, {"key_days": 10, "most_key_days": 9}])
def test_keys_that_never_end_are_not_declared(given: Any) -> None:
    with pytest.raises(DeclarationError):
        SignIn(**given)


# what a key opens


def test_a_key_reads_what_its_scopes_name_and_its_user_may(http: Client) -> None:
    ann, bob = register(http), register(http, BOB)
    mine, theirs = order(http, ann), order(http, bob)
    reader = key(http, ann, "orders:read")
    assert [o["id"] for o in http.get("/api/orders", headers=reader).json()["items"]] == [mine]
    assert http.get(f"/api/orders/{mine}", headers=reader).status == 200
    assert http.get(f"/api/orders/{theirs}", headers=reader).status == 404
    assert http.get("/api/orders", headers=reader).headers["cache-control"] == "no-store"
    assert told(http.get("/api/prices", headers=reader)) == SHUT, "though anybody may read them"
    assert http.get("/api/prices").status == 200


def test_no_way_leads_past_the_scopes(http: Client) -> None:
    ann = register(http)
    user, mine = user_of(http, ann), order(http, ann)
    reader = key(http, ann, "orders:read")
    writer = key(http, ann, "prices:write")
    price = {"amount": 1}
    step = {"method": "PATCH", "path": f"/api/orders/{mine}", "body": {"total": 1}}
    for sent in (
        http.get("/api/orders", headers=writer),
        http.get(f"/api/orders/{mine}", headers=writer),
        http.get("/api/orders?q=large", headers=writer),
        http.get("/api/orders/_aggregate?sum=total", headers=writer),
        http.patch(f"/api/orders/{mine}", {"total": 1}, headers=reader),
        http.put(f"/api/orders/{mine}", {"customer": user}, headers=reader),
        http.delete(f"/api/orders/{mine}", headers=reader),
        http.post("/api/orders", {"customer": user}, headers=reader),
        http.post("/api/_batch", {"steps": [step]}, headers=reader),
        http.post("/api/prices", price, headers=reader),
        http.get(f"/api/users/{user}", headers=reader),
    ):
        assert told(sent) == SHUT, sent.text
        assert 'error="insufficient_scope"' in sent.headers["www-authenticate"]
    # through references, both ways
    shown = http.get("/api/orders?expand=customer", headers=reader).json()["items"][0]
    assert shown["customer"] == user, "the bare id"
    everything = http.get("/api/orders?expand=customer", headers=ann).json()["items"][0]
    assert everything["customer"]["email"] == ANN
    own = key(http, ann, "users:read")
    assert http.get("/api/users?expand=orders", headers=own).json()["items"][0]["orders"] == {
        "items": [], "more": False
    }  # fmt: skip
    # filters, sorts and groups that lead there find null
    url = f"/api/orders?filter=customer.email == '{ANN}'"
    assert len(http.get(url, headers=ann).json()["items"]) == 1
    assert http.get(url, headers=reader).json()["items"] == []
    group = http.get("/api/orders/_aggregate?count=true&group=customer.email", headers=reader)
    assert group.json()["items"][0]["group"] == {"customer.email": None}
    many = "/api/users?filter=orders.exists(o, o.total > 1)"
    assert len(http.get(many, headers=ann).json()["items"]) == 1
    assert http.get(many, headers=own).json()["items"] == []
    # the model
    assert set(http.get("/api/_schema", headers=reader).json()["collections"]) == {"orders"}
    seen = http.get("/api/_schema", headers=reader).json()["collections"]["orders"]["operations"]
    assert seen == {"read": "maybe", "create": "never", "update": "never", "delete": "never"}


def test_a_key_writes_what_its_scopes_name_and_its_user_may(http: Client) -> None:
    ann, bob = register(http), register(http, BOB)
    mine, theirs = order(http, ann), order(http, bob)
    writer = key(http, ann, "orders:write")
    assert http.patch(f"/api/orders/{mine}", {"total": 9}, headers=writer).json()["total"] == 9
    assert http.patch(f"/api/orders/{theirs}", {"total": 9}, headers=writer).status == 404
    # what it refers to it must be able to read, like everybody
    body = {"customer": user_of(http, ann)}
    assert http.post("/api/orders", body, headers=writer).status == 409
    wider = key(http, ann, "orders:write", "users:read")
    assert http.post("/api/orders", body, headers=wider).status == 201
    assert http.delete(f"/api/orders/{mine}", headers=writer).status == 204


def test_a_key_is_never_wider_than_its_user_is_now(http: Client) -> None:
    ann = register(http)
    user = user_of(http, ann)
    writer = key(http, ann, "*:write")
    assert told(http.post("/api/prices", {"amount": 1}, headers=writer)) == (403, "access.refused")
    as_system(http, "PATCH", f"/api/users/{user}", {"role": "owner"})
    assert http.post("/api/prices", {"amount": 1}, headers=writer).status == 201
    as_system(http, "PATCH", f"/api/users/{user}", {"role": "customer"})
    assert http.post("/api/prices", {"amount": 1}, headers=writer).status == 403
    as_system(http, "PATCH", f"/api/users/{user}", {"disabled": True})
    assert told(http.get("/api/orders", headers=writer)) == (401, "auth.key_ended")
    as_system(http, "PATCH", f"/api/users/{user}", {"disabled": False})
    as_system(http, "DELETE", f"/api/users/{user}")
    assert http.get("/api/orders", headers=writer).status == 401

    async def rows() -> Any:
        engine = await http.app.runtime.opened_engine()
        return (await engine.find("select count(*) from _api_keys", ()))[0][0]

    assert http.run(rows()) == 0


def test_scopes_take_away_from_admins_too(http: Client) -> None:
    ann, bob = register(http), register(http, BOB)
    admin, other = user_of(http, ann), user_of(http, bob)
    order(http, bob)
    as_system(http, "PATCH", f"/api/users/{admin}", {"admin": True})
    reader = key(http, ann, "orders:read")
    assert len(http.get("/api/orders", headers=reader).json()["items"]) == 1
    assert told(http.get("/api/users", headers=reader)) == SHUT
    assert told(http.post("/api/prices", {"amount": 1}, headers=reader)) == SHUT
    shown = http.get("/api/orders?expand=customer", headers=reader).json()["items"][0]
    assert shown["customer"] == other
    writer = key(http, ann, "*:write")
    assert http.patch(f"/api/users/{other}", {"role": "cook"}, headers=writer).status == 200


def test_no_key_leads_to_an_account(http: Client) -> None:
    ann = register(http)
    user = user_of(http, ann)
    as_system(http, "PATCH", f"/api/users/{user}", {"admin": True})
    every = key(http, ann, "*:write", "checkout", "owned")
    closed = (403, "auth.no_key_here")
    for sent in (
        make(http, every, "*:read"),
        http.get("/api/auth/keys", headers=every),
        http.delete("/api/auth/keys/x", headers=every),
        http.get("/api/auth/sessions", headers=every),
        http.delete("/api/auth/sessions", headers=every),
        http.delete("/api/auth/sessions/x", headers=every),
        http.post("/api/auth/logout", headers=every),
        http.post("/api/auth/password", {"current": GOOD, "new": BETTER}, headers=every),
    ):
        assert told(sent) == closed, sent.text
    url = f"/api/users/{user}"
    assert http.patch(url, {"email": BOB}, headers=every).status == 403
    for name in ("admin", "verified", "disabled"):
        assert http.patch(url, {name: False}, headers=every).status == 422
    assert http.patch(url, {"email": ANN, "role": "owner"}, headers=every).status == 200
    made = http.post("/api/users", {"email": BOB}, headers=every)
    assert made.status == 201, "who may make users says their address"
    assert http.patch(f"/api/users/{made.json()['id']}", {"email": "c@x.org"}, headers=every
                      ).status == 403  # fmt: skip
    assert http.patch(url, {"email": "new@example.com"}, headers=ann).status == 200


def test_a_browser_carries_no_key(http: Client) -> None:
    ann = register(http)
    token = key(http, ann, "*:write")["authorization"].removeprefix("Bearer ")
    sent = {"cookie": f"__Host-session={token}"}
    assert http.get("/api/orders", headers=sent).status == 401
    assert http.get("/api/auth/me", headers=sent).status == 401


def test_who_asks_with_a_key_is_told(http: Client) -> None:
    ann = register(http)
    reader = key(http, ann, "orders:read")
    seen = http.get("/api/auth/me", headers=reader).json()
    http.run(http.app.runtime.gate.sessions.settle())
    assert (seen["session"], seen["scopes"]) == ("", ["orders:read"])
    assert seen["key"] == http.get("/api/auth/keys", headers=ann).json()["items"][0]["id"]
    assert "email" not in seen["user"], "its record is not in the scopes"
    assert "key" not in http.get("/api/auth/me", headers=ann).json()


# routes of the app


def test_a_route_is_closed_to_keys_unless_it_names_a_scope(http: Client) -> None:
    ann = register(http)
    every = key(http, ann, "*:write", "owned")
    assert told(http.get("/seen", headers=every)) == (403, "auth.no_key_here")
    assert http.get("/seen", headers=ann).json() == {"known": True}
    assert told(http.post("/checkout", headers=every)) == SHUT
    assert http.get("/plain", headers=every).status == 200, "it asks nobody who he is"
    assert told(http.get("/owned", headers=every)) == (403, "access.refused")
    as_system(http, "PATCH", f"/api/users/{user_of(http, ann)}", {"role": "owner"})
    assert http.get("/owned", headers=every).status == 200
    assert told(http.get("/owned", headers=key(http, ann, "checkout"))) == SHUT


def test_a_transaction_as_the_caller_is_held_to_the_scopes(http: Client) -> None:
    ann = register(http)
    assert http.post("/checkout", headers=ann).status == 200
    narrow = key(http, ann, "checkout")
    assert told(http.post("/checkout", headers=narrow)) == SHUT
    wide = key(http, ann, "checkout", "orders:write", "users:read")
    assert http.post("/checkout", headers=wide).status == 200


def test_what_is_no_name_of_a_scope_is_told_at_the_start() -> None:
    for name in ("orders:read", "*", "Reports", "a b", "x" * 61):
        with pytest.raises(DeclarationError):
            requires(signed_in, scope=name)


def test_an_answer_that_was_kept_is_for_the_same_key_only(http: Client) -> None:
    ann = register(http)
    body = {"customer": user_of(http, ann), "note": "secret"}
    wide = key(http, ann, "orders:write", "users:read")
    again = {"idempotency-key": "one"}
    assert http.post("/api/orders", body, headers={**ann, **again}).status == 201
    narrow = key(http, ann, "prices:read")
    assert told(http.post("/api/orders", body, headers={**narrow, **again})) == SHUT
    first = http.post("/api/orders", body, headers={**wide, **again})
    assert first.status == 201 and "idempotent-replayed" not in first.headers
    assert http.post("/api/orders", body, headers={**wide, **again}).body == first.body


def test_the_document_tells_which_scope_opens_what(http: Client) -> None:
    document = http.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    paths = document["paths"]
    assert {"key": ["orders:read"]} in paths["/api/orders"]["get"]["security"]
    assert {"key": ["orders:write"]} in paths["/api/orders/{id}"]["patch"]["security"]
    assert {"key": ["checkout"]} in paths["/checkout"]["post"]["security"]
    for path, method in (("/seen", "get"), ("/api/auth/keys", "post")):
        assert all("key" not in one for one in paths[path][method].get("security", []))


# passwords


@pytest.mark.parametrize("asked", [True, False])
def test_another_password_ends_keys_if_it_is_asked_for(http: Client, asked: bool) -> None:
    ann = register(http)
    reader = key(http, ann, "*:read")
    assert http.get("/api/orders", headers=reader).status == 200
    body = {"current": GOOD, "new": BETTER, "end_keys": asked}
    assert http.post("/api/auth/password", body, headers=ann).status == 204
    assert http.get("/api/orders", headers=reader).status == (401 if asked else 200)


# faults that would be seen


def test_scopes_that_nobody_asks_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = register(http)
    reader = key(http, ann, "orders:read")
    assert told(http.get("/api/prices", headers=reader)) == SHUT
    monkeypatch.setattr(policy, "allows", lambda *_: True)
    other = key(http, ann, "orders:read", "checkout")  # no profile is kept for these scopes
    assert http.get("/api/prices", headers=other).status == 200


def test_a_profile_that_is_shared_with_the_user_would_be_seen(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = register(http)
    reader = key(http, ann, "orders:read")
    monkeypatch.setattr(policy.Profile, "in_scope", lambda *_: True)
    assert http.get("/api/prices", headers=reader).status == 200
