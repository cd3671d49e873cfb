"""Accounts, passwords and sessions, over HTTP, on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from stanchion import App, Field, Record, Ref, Rules, SignIn, UserRecord, clock, public
from stanchion.testing import Client, Response, as_actor, client

ANN, BOB = "ann@example.com", "bob@example.com"
GOOD, BETTER = "zebra fox lamp", "seven quiet harbours"
COOKIE = "__Host-session"


def make_app(register: Any = "open", **lengths: float) -> App:
    app = App("Notebook")

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50, default="")
        role: str = Field(max_length=20, default="customer", write=False)
        rank: int = Field(default=0, write="auth.admin")
        diary: str = Field(max_length=50, default="", read=False)
        sign_in = SignIn(register=register, **lengths)
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id")

    @app.collection("notes")
    class Note(Record):
        owner: Ref[User] = Field(on_delete="cascade")
        text: str = Field(max_length=100)
        rules = Rules(read="record.owner == auth.id", write="record.owner == auth.id")

    @app.collection("prices")
    class Price(Record):
        amount: int
        rules = Rules(read=public, write="auth.role == 'chief'")

    app.state.user = User
    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def register(http: Client, email: str = ANN, password: str = GOOD, **more: Any) -> dict[str, str]:
    """Register somebody; the headers of who is signed in then."""
    body = {"email": email, "password": password, "as": "token", **more}
    answer = http.post("/api/auth/register", body)
    assert answer.status == 201, answer.text
    return bearer(answer)


def bearer(answer: Response) -> dict[str, str]:
    return {"authorization": f"Bearer {answer.json()['token']}"}


def login(http: Client, email: str = ANN, password: str = GOOD, **more: Any) -> Response:
    return http.post("/api/auth/login", {"email": email, "password": password, **more})


def me(http: Client, headers: dict[str, str]) -> Any:
    answer = http.get("/api/auth/me", headers=headers)
    assert answer.status == 200, answer.text
    return answer.json()["user"]


def as_system(http: Client, method: str, url: str, body: Any = None) -> Response:
    with as_actor(http.app, http.app.system()):
        answer = http.request(method, url, body)
    assert answer.status < 300, answer.text
    return answer


# coming in


def test_two_users_cannot_see_each_others_records(http: Client) -> None:
    ann, bob = register(http), register(http, BOB)
    note = http.post("/api/notes", {"owner": me(http, ann)["id"], "text": "mine"}, headers=ann)
    assert note.status == 201
    url = f"/api/notes/{note.json()['id']}"
    assert http.get(url, headers=ann).status == 200
    assert http.get(url, headers=bob).status == 404
    assert http.get("/api/notes", headers=bob).json()["items"] == []
    assert http.get("/api/notes").status == 401
    stolen = http.post("/api/notes", {"owner": me(http, ann)["id"], "text": "x"}, headers=bob)
    assert stolen.status in (403, 409)


def test_an_address_is_one_whatever_its_letters(http: Client) -> None:
    register(http, "Ann@Example.COM")
    assert login(http, " ANN@example.com").status == 200
    again = http.post("/api/auth/register", {"email": "ann@EXAMPLE.com", "password": GOOD})
    assert (again.status, again.json()["errors"][0]["pointer"]) == (409, "/email")


@pytest.mark.parametrize(
    "email", ["", "ann", "a b@x.org", "ann@x.org\r\nBcc: b@x.org", "@", "<a@b>"]
)
def test_what_is_no_address_is_refused(http: Client, email: str) -> None:
    answer = http.post("/api/auth/register", {"email": email, "password": GOOD})
    assert answer.status == 422
    assert answer.json()["errors"][0]["pointer"] == "/email"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("seven77", "password.short"),
        ("x" * 257, "password.long"),
        ("password1", "password.common"),
        ("P@ssw0rd123", "password.common"),
        ("qwertyuiop", "password.common"),
        ("19870412", "password.common"),
        ("notebook", "password.context"),
        ("Notebook-ann", "password.context"),
        ("ann@example.com", "password.context"),
        (12345678, "string_type"),
    ],
)
def test_a_password_that_others_try_first_is_refused(
    http: Client, password: Any, code: str
) -> None:
    answer = http.post("/api/auth/register", {"email": ANN, "password": password})
    assert answer.status == 422
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("/password", code)]
    assert login(http, ANN, str(password)[:256]).status == 401


@pytest.mark.parametrize(
    "password", ["  spaces are kept  ", "日本語のながいことば", "a" * 40 + "🦓" * 216]
)
def test_a_password_is_taken_exactly(http: Client, password: str) -> None:
    register(http, password=password)
    assert login(http, password=password).status == 200
    assert login(http, password=password.strip() + "!"[: 256 - len(password)]).status == (
        401 if password.strip() + "!"[: 256 - len(password)] != password else 200
    )
    assert login(http, password=password[:-1]).status == 401


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("admin", True), ("verified", True), ("disabled", True), ("role", "chief"), ("rank", 9),
        ("id", "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"), ("version", 7), ("created", None),
        ("nothing", 1),
    ],
)  # fmt: skip
def test_who_registers_sets_what_anybody_may(http: Client, name: str, value: Any) -> None:
    answer = http.post("/api/auth/register", {"email": ANN, "password": GOOD, name: value})
    assert answer.status == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == [f"/{name}"]
    assert login(http).status == 401


def test_a_user_changes_neither_address_nor_rights(http: Client) -> None:
    ann = register(http)
    url = f"/api/users/{me(http, ann)['id']}"
    assert http.patch(url, {"name": "Ann"}, headers=ann).status == 200
    for name, value in (("email", BOB), ("rank", 9)):
        assert http.patch(url, {name: value}, headers=ann).status == 403
    for name, value in (("admin", True), ("verified", True), ("role", "chief")):
        assert http.patch(url, {name: value}, headers=ann).status == 422
    assert me(http, ann)["email"] == ANN


def test_an_app_that_says_nothing_makes_no_accounts() -> None:
    with client(make_app("closed")) as http:
        answer = http.post("/api/auth/register", {"email": ANN, "password": GOOD})
        assert (answer.status, answer.json()["code"]) == (403, "auth.register_closed")


def test_whatever_does_not_fit_is_told_alike(http: Client) -> None:
    register(http)
    register(http, BOB)
    bob = as_system(http, "GET", f"/api/users?filter=email=='{BOB}'").json()["items"][0]
    as_system(http, "PATCH", f"/api/users/{bob['id']}", {"disabled": True})
    as_system(http, "POST", "/api/users", {"email": "never@example.com"})
    told = [
        login(http, ANN, GOOD + "!"),
        login(http, "nobody@example.com"),
        login(http, BOB),
        login(http, "never@example.com"),
        login(http, "no address"),
    ]
    seen = {(a.status, a.body, tuple(sorted((k, v) for k, v in a.headers.items()
                                            if k != "x-request-id"))) for a in told}  # fmt: skip
    assert len(seen) == 1 and told[0].status == 401


def test_a_browser_gets_a_cookie_that_no_script_reads(http: Client) -> None:
    register(http)
    answer = login(http)
    assert "token" not in answer.json()
    name, _, rest = answer.headers["set-cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert name == COOKIE and answer.headers["cache-control"] == "no-store"
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    cookie = {"cookie": f"theme=dark; {COOKIE}={value}; x=1"}
    assert me(http, cookie)["email"] == ANN
    out = http.post("/api/auth/logout", headers=cookie)
    assert out.status == 204 and f"{COOKIE}=" in out.headers["set-cookie"]
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert http.get("/api/auth/me", headers=cookie).status == 401
    assert http.get("/api/prices", headers=cookie).status == 200, "an old cookie is no mistake"


@pytest.mark.parametrize("token", ["", "st_", "x" * 5000, "st_" + "A" * 43, "\u00e9"])
def test_a_token_that_opens_nothing_is_told_so(http: Client, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    answer = http.get("/api/prices", headers=headers)
    assert (answer.status, answer.json()["code"]) == (401, "auth.session_ended")
    assert "invalid_token" in answer.headers["www-authenticate"]


OTHERS: list[dict[str, str]] = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "content-type": "text/plain"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://testserver.evil.example"},
    {"origin": "http://evil.testserver"},
    {"origin": "http://testserver@evil.example"},
    {"origin": "http://testserver:8080"},
]


@pytest.mark.parametrize("headers", OTHERS)
def test_a_page_of_another_site_changes_nothing(http: Client, headers: dict[str, str]) -> None:
    register(http)
    answer = login(http)
    value = answer.headers["set-cookie"].partition(";")[0]
    user = me(http, {"cookie": value})["id"]
    sent = {"cookie": value, **headers}
    body = {"owner": user, "text": "x"}
    step = {"method": "POST", "path": "/api/notes", "body": body}
    for refused in (
        http.post("/api/notes", body, headers=sent),
        http.patch(f"/api/users/{user}", {"name": "x"}, headers=sent),
        http.post("/api/_batch", {"steps": [step]}, headers=sent),
        http.post("/api/auth/logout", headers=sent),
        http.delete("/api/auth/sessions", headers=sent),
        http.post("/api/auth/password", {"current": GOOD, "new": BETTER}, headers=sent),
        http.post("/api/auth/login", {"email": ANN, "password": GOOD}, headers=headers),
    ):
        if headers.get("content-type") is None:
            assert (refused.status, refused.json()["code"]) == (403, "auth.other_site")
        assert refused.status >= 400
    assert me(http, {"cookie": value})["name"] == ""
    mine = {"cookie": value, "sec-fetch-site": "same-origin", "origin": "http://testserver"}
    assert http.post("/api/notes", body, headers=mine).status == 201


# sessions


def test_sessions_are_listed_and_ended_by_their_owner(http: Client) -> None:
    first = register(http)
    body = {"email": ANN, "password": GOOD, "as": "token"}
    second = bearer(
        http.post("/api/auth/login", body, headers={"user-agent": "Reader/1\x07 (phone)"})
    )
    bob = register(http, BOB)
    listed = http.get("/api/auth/sessions", headers=first).json()["items"]
    assert [(s["method"], s["agent"], s["current"]) for s in listed] == [
        ("password", "Reader/1 (phone)", False), ("register", "", True)
    ]  # fmt: skip
    other = f"/api/auth/sessions/{listed[0]['id']}"
    assert http.delete(other, headers=bob).status == 404
    assert http.get("/api/auth/me", headers=second).status == 200
    assert http.delete(other, headers=first).status == 204
    assert http.get("/api/auth/me", headers=second).status == 401
    assert http.delete(other, headers=first).status == 404
    third = bearer(login(http, **{"as": "token"}))
    assert http.delete("/api/auth/sessions", headers=third).status == 204
    assert http.get("/api/auth/me", headers=first).status == 401
    assert http.get("/api/auth/me", headers=third).status == 200
    assert http.get("/api/auth/me", headers=bob).status == 200


def test_another_password_ends_the_other_sessions(http: Client) -> None:
    first = register(http)
    second = bearer(login(http, **{"as": "token"}))
    assert me(http, second)
    url = "/api/auth/password"
    wrong = http.post(url, {"current": GOOD + "!", "new": BETTER}, headers=first)
    assert (wrong.status, wrong.json()["code"]) == (403, "auth.wrong_password")
    weak = http.post(url, {"current": GOOD, "new": "password1"}, headers=first)
    assert (weak.status, weak.json()["errors"][0]["pointer"]) == (422, "/new")
    assert me(http, second), "what is refused ends nothing"
    assert http.post(url, {"current": GOOD, "new": BETTER}, headers=first).status == 204
    assert http.get("/api/auth/me", headers=second).status == 401
    assert me(http, first)
    assert login(http).status == 401
    assert login(http, password=BETTER).status == 200
    assert http.post(url, {"current": GOOD, "new": BETTER}).status == 401


def test_what_a_user_is_counts_from_the_next_request(http: Client) -> None:
    ann = register(http)
    url = f"/api/users/{me(http, ann)['id']}"
    assert http.post("/api/prices", {"amount": 1}, headers=ann).status == 403
    as_system(http, "PATCH", url, {"role": "chief"})
    assert http.post("/api/prices", {"amount": 1}, headers=ann).status == 201
    as_system(http, "PATCH", url, {"role": "customer"})
    assert http.post("/api/prices", {"amount": 1}, headers=ann).status == 403
    as_system(http, "PATCH", url, {"disabled": True})
    assert http.get("/api/auth/me", headers=ann).status == 401
    as_system(http, "PATCH", url, {"disabled": False})
    assert http.get("/api/auth/me", headers=ann).status == 200


@pytest.mark.parametrize("how", ["rest", "batch", "transaction", "conditional"])
def test_whichever_way_a_user_is_changed(http: Client, how: str) -> None:
    ann = register(http)
    user = me(http, ann)["id"]
    app, changes = http.app, {"disabled": True}
    if how == "rest":
        as_system(http, "PATCH", f"/api/users/{user}", changes)
    elif how == "batch":
        step = {"method": "PATCH", "path": f"/api/users/{user}", "body": changes}
        as_system(http, "POST", "/api/_batch", {"steps": [step]})
    else:

        async def act() -> None:
            async with app.transaction(actor=app.system()) as tx:
                if how == "transaction":
                    await tx.update(app.state.user, user, disabled=True)
                else:
                    await tx.update_where(app.state.user, "id == $id", changes, id=user)

        http.run(act())
    assert http.get("/api/auth/me", headers=ann).status == 401


def test_a_deleted_user_is_gone_with_everything(http: Client) -> None:
    ann = register(http)
    user = me(http, ann)["id"]
    http.post("/api/notes", {"owner": user, "text": "mine"}, headers=ann)
    as_system(http, "DELETE", f"/api/users/{user}")
    assert http.get("/api/auth/me", headers=ann).status == 401
    assert login(http).status == 401
    for table in ("_passwords", "_sessions"):
        rows = http.run(count(http, table))
        assert rows == [(0,)], table
    assert register(http)


async def count(http: Client, table: str) -> list[tuple[Any, ...]]:
    return await http.app.runtime.engine.fetch(f"select count(*) from {table}", ())


def test_a_session_ends_when_nobody_uses_it_and_in_any_case() -> None:
    with client(make_app(idle_days=2, session_days=5)) as http:
        ann = register(http)
        start = clock.now_ns()
        try:
            for hours in range(24, 120, 24):  # used every day
                move(start, timedelta(hours=hours))
                assert http.get("/api/auth/me", headers=ann).status == 200, hours
                http.run(settled(http))
            move(start, timedelta(days=5, seconds=1))
            assert http.get("/api/auth/me", headers=ann).status == 401
            fresh = bearer(login(http, **{"as": "token"}))
            move(start, timedelta(days=7, seconds=2))
            assert http.get("/api/auth/me", headers=fresh).status == 401, "unused for two days"
        finally:
            clock.use(None)


def move(start: int, by: timedelta) -> None:
    moment = start + by // timedelta(microseconds=1) * 1000
    clock.use(lambda: moment)


async def settled(http: Client) -> None:
    """Wait until what nobody waits for is written."""
    assert http.app.runtime.gate is not None
    await http.app.runtime.gate.sessions.settle()


# what nobody reaches


def test_secrets_are_in_no_schema_and_in_no_log(http: Client) -> None:
    ann = register(http)
    http.post("/api/auth/password", {"current": GOOD, "new": BETTER}, headers=ann)
    for table in ("_passwords", "_sessions", "_ended"):
        for actor in (None, http.app.system()):
            with as_actor(http.app, actor):
                assert http.get(f"/api/{table}").status == 404
                found = http.get("/api/users?filter=_passwords.hash!=null")
                assert found.status == (401 if actor is None else 400)
    logged = http.run(everything(http))
    token = ann["authorization"].removeprefix("Bearer ")
    for secret in (GOOD, BETTER, token, "$argon2"):
        assert secret not in logged


async def everything(http: Client) -> str:
    rows = await http.app.runtime.engine.fetch(
        "select before,after,actor,request from _changes", ()
    )
    return repr(rows)


def test_an_app_without_users_has_no_such_routes() -> None:
    app = App("Plain")

    @app.collection("things")
    class Thing(Record):
        name: str
        rules = Rules(read=public)

    with client(app) as http:
        assert http.post("/api/auth/login", {"email": ANN, "password": GOOD}).status == 404
        assert http.get("/api/things", headers={"authorization": "Bearer x"}).status == 200
