"""What the audit log tells, to whom, how much of it, and what it never holds; on every engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stanchion import (
    App,
    CurrentUser,
    Field,
    Record,
    Ref,
    Rules,
    Settings,
    SignIn,
    UserRecord,
    clock,
    events,
    lines,
)
from stanchion.auth import trail
from stanchion.engines import Ask
from stanchion.store import audit
from stanchion.store.audit import KeptAudit
from stanchion.testing import Client, as_actor, client

ANN, BOB = "ann@example.com", "bob@example.com"
GOOD, BETTER = "zebra fox lamp", "seven quiet harbours"
Headers = dict[str, str]
PATIENT = Settings(transaction_ms=60_000, write_deadline_ms=60_000)


def make_app() -> App:
    app = App("Watched", settings=PATIENT)

    @app.collection("users")
    class User(UserRecord):
        role: str = Field(max_length=20, default="customer", write="auth.admin")
        sign_in = SignIn(register="open", keys=True, attempts="3/15min")
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id")

    @app.collection("notes")
    class Note(Record):
        owner: Ref[User] = Field(on_delete="cascade")
        text: str = Field(max_length=100)
        rules = Rules(read="record.owner == auth.id", create="record.owner == auth.id")

    @app.get("/mine/{what}")
    async def mine(what: str, user: CurrentUser) -> dict[str, str]:
        return {"what": what}

    app.state.user = User
    return app


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(trail, "WINDOW_S", 1e9)  # however slow the machine is
    with client(make_app()) as running:
        yield running


def register(http: Client, email: str = ANN) -> Headers:
    body = {"email": email, "password": GOOD, "as": "token"}
    answer = http.post("/api/auth/register", body)
    assert answer.status == 201, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def login(http: Client, email: str = ANN, password: str = GOOD) -> Any:
    return http.post("/api/auth/login", {"email": email, "password": password, "as": "token"})


def user_of(http: Client, session: Headers) -> str:
    return str(http.get("/api/auth/me", headers=session).json()["user"]["id"])


def as_system(http: Client, method: str, url: str, body: Any = None) -> Any:
    with as_actor(http.app, http.app.system()):
        return http.request(method, url, body)


def trail_of(http: Client) -> Any:
    gate = http.app.runtime.gate
    assert gate is not None
    return gate.trail


def told(http: Client, query: str = "") -> list[dict[str, Any]]:
    """The log, the oldest first."""
    http.run(trail_of(http).flush())
    answer = as_system(http, "GET", "/api/_audit" + query)
    assert answer.status == 200, answer.text
    return list(reversed(answer.json()["items"]))


def kinds(http: Client, query: str = "") -> list[str]:
    return [item["kind"] for item in told(http, query)]


# what is told


def test_what_happens_to_an_account_is_told(http: Client) -> None:
    ann = register(http)
    user = user_of(http, ann)
    second = {"authorization": f"Bearer {login(http).json()['token']}"}
    made = http.post("/api/auth/keys", {"name": "k", "scopes": ["*:read"]}, headers=second).json()
    http.delete(f"/api/auth/keys/{made['key']['id']}", headers=second)
    http.post("/api/auth/password", {"current": GOOD, "new": BETTER}, headers=second)
    http.post("/api/auth/logout", headers=second)
    as_system(http, "PATCH", f"/api/users/{user}", {"admin": True, "role": "owner"})
    as_system(http, "PATCH", f"/api/users/{user}", {"disabled": True})
    as_system(http, "PATCH", f"/api/users/{user}", {"email": "ann@new.example"})
    as_system(http, "DELETE", f"/api/users/{user}")
    found = told(http)
    assert [(one["kind"], one["actor"] == user) for one in found] == [
        ("user.made", False), ("session.started", True), ("session.started", True),
        ("key.made", True), ("key.ended", True), ("password.changed", True),
        ("session.ended", True), ("session.ended", True), ("user.changed", False),
        ("user.changed", False), ("user.changed", False), ("user.deleted", False),
    ]  # fmt: skip
    assert all(one["user"] == user and one["request"].startswith("r_") for one in found[:-4])
    facts = [one["facts"] for one in found]
    assert [facts[1], facts[2]] == [{"method": "register"}, {"method": "password"}]
    assert facts[3]["scopes"] == "*:read" and facts[3]["key"] == made["key"]["id"]
    assert facts[8:11] == [
        {"admin": True, "role": "owner"}, {"disabled": True}, {"email": "changed"}
    ]  # fmt: skip
    assert found[1]["network"] == "127.0.0.1"


def test_what_is_refused_is_told(http: Client) -> None:
    ann = register(http)
    user = user_of(http, ann)
    login(http, password=GOOD + "!")
    login(http, "nobody@example.com")
    http.get("/api/notes")
    http.patch("/api/notes/x", {"text": "x"}, headers=ann)
    http.get("/mine/secret-path")
    http.get("/api/notes", headers={"authorization": "Bearer st_" + "A" * 43})
    http.post("/api/auth/password", {"current": BETTER, "new": BETTER}, headers=ann)
    http.get("/api/_audit", headers=ann)
    refused = [one for one in told(http) if one["refused"]]
    assert [(one["kind"], one["user"], one["actor"] == user) for one in refused] == [
        ("session.refused", user, False), ("session.refused", None, False),
        ("access.refused", None, False), ("access.refused", user, True),
        ("access.refused", None, False), ("token.refused", None, False),
        ("password.refused", user, True), ("access.refused", user, True),
    ]  # fmt: skip
    whats = [one["facts"]["what"] for one in refused]
    assert whats[2:5] == ["notes.read", "notes.update", "/mine/{what}"]
    assert "secret-path" not in json.dumps(refused)


def test_what_a_page_refuses_is_told_as_well(http: Client) -> None:
    user = user_of(http, register(http))
    form = {
        "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin",
    }  # fmt: skip
    typed = b"email=ann%40example.com&password=another"
    assert http.request("POST", "/auth/sign-in", headers=form, content=typed).status == 401
    assert http.get("/auth/reset?token=x").status == 403
    refused = [one for one in told(http) if one["refused"]]
    assert [(one["kind"], one["user"], one["facts"]["what"]) for one in refused] == [
        ("session.refused", user, "/auth/sign-in"), ("access.refused", None, "/auth/reset"),
    ]  # fmt: skip


def test_too_many_attempts_are_told(http: Client) -> None:
    register(http)
    moment = clock.now_ns()
    clock.use(lambda: moment)  # what is left is told to the second
    try:
        for _ in range(5):
            login(http, password=GOOD + "!")
    finally:
        clock.use(None)
    assert "attempts.refused" in kinds(http)


@pytest.mark.parametrize("how", ["batch", "transaction", "held and taken back"])
def test_whichever_way_rights_change(http: Client, how: str) -> None:
    user = user_of(http, register(http))
    heard: list[events.Event] = []
    ends = events.subscribe(heard.append)
    app = http.app
    if how == "batch":
        step = {"method": "PATCH", "path": f"/api/users/{user}", "body": {"admin": True}}
        as_system(http, "POST", "/api/_batch", {"steps": [step]})
    else:

        async def act() -> None:
            async with app.transaction(actor=app.system()) as tx:
                await tx.update(app.state.user, user, admin=True)
                if how != "transaction":
                    raise ValueError

        if how == "transaction":
            http.run(act())
        else:
            with pytest.raises(ValueError):
                http.run(act())
    ends()
    rows = [one["facts"] for one in told(http, "?kind=user.changed")]
    said = [e.facts for e in heard if isinstance(e, events.Audited)]
    assert rows == said == ([] if how == "held and taken back" else [{"admin": True}])


def test_what_is_not_committed_is_not_told(http: Client) -> None:
    user = user_of(http, register(http))
    step = {"method": "PATCH", "path": f"/api/users/{user}", "body": {"admin": True}}
    wrong = {"method": "PATCH", "path": f"/api/users/{user}", "body": {"nothing": 1}}
    assert as_system(http, "POST", "/api/_batch", {"steps": [step, wrong]}).status == 422
    assert "user.changed" not in kinds(http)


# who reads it


def test_admins_read_it_and_nobody_else(http: Client) -> None:
    ann, bob = register(http), register(http, BOB)
    assert http.get("/api/_audit").status == 401
    refused = http.get("/api/_audit", headers=ann)
    assert (refused.status, refused.json()["code"]) == (403, "access.refused")
    as_system(http, "PATCH", f"/api/users/{user_of(http, bob)}", {"admin": True})
    seen = http.get("/api/_audit", headers=bob)
    assert seen.status == 200 and seen.headers["cache-control"] == "no-store"
    body = {"name": "k", "scopes": ["*:write"]}
    key = http.post("/api/auth/keys", body, headers=bob).json()["token"]
    sent = {"authorization": f"Bearer {key}"}
    assert http.get("/api/_audit", headers=sent).json()["code"] == "auth.no_key_here"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert http.request(method, "/api/_audit", headers=bob).status == 405


def test_it_is_read_in_pages_and_parts(http: Client) -> None:
    ann, bob = register(http), register(http, BOB)
    first, second = user_of(http, ann), user_of(http, bob)
    for name in ("one", "two", "three"):
        http.post("/api/auth/keys", {"name": name, "scopes": ["*:read"]}, headers=ann)
    everything = told(http)
    pages, after = [], ""
    while True:
        page = as_system(http, "GET", f"/api/_audit?limit=2{after}").json()
        pages += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert pages == everything[::-1] and len(pages) == 7
    assert {one["user"] for one in told(http, f"?user={second}")} == {second}
    assert kinds(http, "?kind=key.made") == ["key.made"] * 3
    assert kinds(http, "?kind=user.*") == ["user.made"] * 2
    assert kinds(http, f"?kind=key.*&user={first}") == ["key.made"] * 3
    assert kinds(http, f"?kind=key.*&user={second}") == []
    middle = everything[3]["time"]
    assert len(told(http, f"?since={middle}")) + len(told(http, f"?until={middle}")) == 7
    other = as_system(http, "GET", f"/api/_audit?kind=key.made{after}")
    assert (other.status, other.json()["code"]) == (400, "query.cursor")
    for query in ("?limit=0", "?limit=1001", "?kind=%25", "?since=yesterday", "?order=1"):
        assert as_system(http, "GET", "/api/_audit" + query).status == 422, query
    assert as_system(http, "GET", "/api/_audit?after=x").status == 400


def test_the_document_tells_of_it(http: Client) -> None:
    told = http.get("/openapi.json").json()["paths"]["/api/_audit"]["get"]
    assert {p["name"] for p in told["parameters"]} == {
        "kind", "user", "since", "until", "after", "limit"
    }  # fmt: skip
    assert told["security"]


# how much of it


def test_a_flood_of_refusals_is_a_few_rows(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "MOST", 5)
    ann = register(http)
    for _ in range(50):
        http.get("/api/_audit", headers=ann)
    for number in range(20):
        http.get("/api/notes", headers={"authorization": "Bearer x"})
        trail_of(http).refuse(
            audit.note("access.refused", "", audit.AuditSource(str(number)), refused=True)
        )
    assert len([one for one in told(http) if one["refused"]]) == 5
    trail_of(http)._begun -= 1e9
    trail_of(http)._turn()
    http.run(trail_of(http).flush())
    refused = [one for one in told(http) if one["refused"]]
    assert len(refused) <= 5 + 2 + 1
    times = sum(one["facts"].get("times", 1) for one in refused)
    assert times == 50 + 20 + 20, "what was left out is counted"
    assert refused[-1]["kind"] == "refusals.others"


def test_what_cannot_be_written_does_not_pile_up(
    http: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "WINDOW_S", -1.0)  # no two refusals are in one window
    kept = trail_of(http)
    for number in range(10 * trail.MOST):
        kept.refuse(audit.note("access.refused", "", audit.AuditSource(str(number)), refused=True))
    assert len(kept._waiting) <= 4 * trail.MOST


def fill(http: Client, times: list[str], refused: int) -> None:
    def steps() -> Any:
        for number, time in enumerate(times):
            yield Ask(
                "insert into _audit (id,time,kind,refused,user_id,actor,network,request,facts) "
                "values (?1,?2,'x.y',?3,null,'','','','{}')",
                (f"{time}-{refused}-{number:04}", time, refused),
            )

    http.run(http.app.runtime.engine.write(steps))


def test_it_is_trimmed_by_age_and_number(http: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PIECE", 4)
    kept = trail_of(http)
    kept._kept = KeptAudit(days=30, rows=6)
    fill(http, ["2001-01-01T00:00:00.000000Z"] * 9, 0)
    fill(http, ["2999-01-01T00:00:00.000000Z"] * 4, 0)
    fill(http, ["2999-01-01T00:00:00.000000Z"] * 20, 1)
    rounds = 1
    while http.run(kept.trim()):
        rounds += 1
    assert 3 <= rounds < 20
    left = told(http)
    assert [one["refused"] for one in left].count(True) == 6
    assert [one["refused"] for one in left].count(False) == 4
    assert all(one["time"] > "2999" for one in left)


def test_what_was_refused_is_written_before_the_end(http: Client) -> None:
    http.get("/api/notes")
    assert trail_of(http)._waiting
    http.run(trail_of(http).finish())
    assert not trail_of(http)._waiting


# as lines of the log


def test_the_log_tells_it_on_one_line(http: Client) -> None:
    heard: list[events.Event] = []
    ends = events.subscribe(heard.append)
    ann = register(http)
    body = {"name": "k", "scopes": ["*:read"]}
    http.post("/api/auth/keys", body, headers={**ann, "user-agent": "a\r\nb"})
    http.get("/api/_audit", headers=ann)
    ends()
    audited = [event for event in heard if isinstance(event, events.Audited)]
    assert [event.kind for event in audited] == [
        "user.made", "session.started", "key.made", "access.refused"
    ]  # fmt: skip
    assert audited[1].facts == {"method": "register"} and audited[1].network == "127.0.0.1"
    for event in audited:
        said = lines.told_of(event, human=False)
        assert said is not None
        text = lines.told_json(said)
        assert text.count("\n") == 1 and json.loads(text)["event"] == "audit"


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\u2028b", "\x00"])
def test_no_name_of_a_key_forges_a_line(http: Client, name: str) -> None:
    made = http.post("/api/auth/keys", {"name": name, "scopes": ["*:read"]}, headers=register(http))
    if made.status == 201:  # white space is one blank
        assert made.json()["key"]["name"] == "a b"
    else:
        assert made.json()["errors"][0]["pointer"] == "/name"
