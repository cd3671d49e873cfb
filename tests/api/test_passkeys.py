"""Passkeys over HTTP, on every engine: with an authenticator of our own, which lies where a test
says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stanchion import App, Rules, Settings, SignIn, UserRecord, clock
from stanchion.auth import passkeys
from stanchion.auth.passkey_answers import site_of
from stanchion.errors import SettingError
from stanchion.testing import Client, Response, as_actor, client
from tests.authenticator import PRESENT, VERIFIED, Authenticator, b64, raw

ANN, BOB, GOOD = "ann@example.com", "bob@example.com", "zebra fox lamp"
SITE = "https://shop.example"
WRONG, ENDED = (401, "auth.wrong_passkey"), (401, "auth.ticket_ended")
UNUSABLE = (422, "auth.unusable_passkey")


def make_app(public_url: str = SITE, **said: Any) -> App:
    settings = Settings(public_url=public_url, trusted_proxies="127.0.0.1")
    app = App("Shop", settings=settings)

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open", passkeys=True, **said)
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


def bearer(answer: Response) -> dict[str, str]:
    assert answer.status < 300, answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def register(http: Client, email: str = ANN) -> dict[str, str]:
    body = {"email": email, "password": GOOD, "as": "token"}
    return bearer(http.post("/api/auth/register", body))


def asked(http: Client, headers: Any = None) -> Any:
    path = "/api/auth/login/passkey/options" if headers is None else "/api/auth/passkeys/options"
    answer = http.post(path, headers=headers)
    assert answer.status == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


def make(
    http: Client, headers: Any, device: Authenticator, name: str = "Phone", **lies: Any
) -> Any:
    given = asked(http, headers)
    body = {"ticket": given["ticket"], "name": name,
            "credential": device.make(given["options"], **lies)}  # fmt: skip
    return http.post("/api/auth/passkeys", body, headers=headers)


def enter(http: Client, device: Authenticator, **lies: Any) -> Response:
    given = asked(http)
    return send(http, given["ticket"], device.answer(given["options"], **lies))


def send(http: Client, ticket: str, credential: Any, **headers: str) -> Response:
    body = {"ticket": ticket, "credential": credential, "as": "token"}
    return http.post("/api/auth/login/passkey", body, headers=headers)


def told(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json()["code"]


@pytest.fixture
def ann(http: Client) -> dict[str, str]:
    return register(http)


@pytest.fixture
def phone(http: Client, ann: dict[str, str]) -> Authenticator:
    device = Authenticator()
    answer = make(http, ann, device)
    assert answer.status == 201, answer.text
    return device


def listed(http: Client, headers: dict[str, str]) -> Any:
    return http.get("/api/auth/passkeys", headers=headers).json()["items"]


# signing in


def test_a_passkey_signs_in_without_a_name(http: Client, phone: Authenticator) -> None:
    answer = enter(http, phone)
    assert answer.json()["user"]["email"] == ANN
    sessions = http.get("/api/auth/sessions", headers=bearer(answer)).json()["items"]
    assert sessions[0]["method"] == "passkey"
    assert listed(http, bearer(answer))[0]["used"] is not None
    assert enter(http, phone).status == 200


def test_a_passkey_stands_for_both_factors() -> None:
    """Where an account asks for codes, a passkey is asked for none."""
    import mintotp

    with client(make_app(totp=True)) as http:
        ann, device = register(http), Authenticator()
        begun = http.post("/api/auth/totp", headers=ann).json()
        code = mintotp.hotp(begun["secret"], clock.now_ns() // 30_000_000_000)
        body = {"ticket": begun["ticket"], "code": code}
        assert http.post("/api/auth/totp/confirm", body, headers=ann).status == 200
        assert make(http, ann, device).status == 201
        login = http.post("/api/auth/login", {"email": ANN, "password": GOOD})
        assert set(login.json()) == {"second_factor", "ticket"}
        assert http.get("/api/auth/me", headers=bearer(enter(http, device))).status == 200


def test_what_a_browser_is_asked(http: Client, ann: dict[str, str], phone: Authenticator) -> None:
    known, new = asked(http)["options"], asked(http, ann)["options"]
    assert known["rpId"] == "shop.example" and known["userVerification"] == "required"
    assert known["allowCredentials"] == []
    assert new["rp"] == {"id": "shop.example", "name": "Shop"}
    assert new["attestation"] == "none"
    assert new["authenticatorSelection"]["residentKey"] == "required"
    assert new["authenticatorSelection"]["userVerification"] == "required"
    excluded = new["excludeCredentials"]
    assert [raw(each["id"]) for each in excluded] == [phone.id]
    assert excluded[0]["transports"] == ["hybrid", "internal"]
    assert len(raw(known["challenge"])) == len(raw(new["challenge"])) == 32
    assert asked(http)["options"]["challenge"] != known["challenge"]


def test_authenticators_that_do_not_count_may_be_used(http: Client, ann: dict[str, str]) -> None:
    """Those that copy passkeys between devices."""
    device = Authenticator(counts=False)
    assert make(http, ann, device).status == 201
    assert [enter(http, device).status for _ in range(2)] == [200, 200]


LIES: list[dict[str, Any]] = [
    {"origin": "https://shop.example.evil.example"},
    {"origin": "http://shop.example"},
    {"origin": "https://shop.example:8443"},
    {"origin": "https://evil.shop.example"},
    {"origin": "http://localhost:8000"},
    {"challenge": b64(b"another challenge, of the same len")},
    {"challenge": ""},
    {"rp": "evil.example"},
    {"rp": "example"},
    {"flags": PRESENT},
    {"flags": VERIFIED},
    {"flags": 0},
    {"more": {"crossOrigin": True}},
    {"more": {"topOrigin": "https://evil.example"}},
]


@pytest.mark.parametrize("lies", [
    *LIES, {"kind": "webauthn.create"}, {"handle": b"somebody else"}, {"handle": b""},
    {"signature": b""}, {"signature": b"0" * 70},
], ids=str)  # fmt: skip
def test_an_answer_that_does_not_fit_opens_nothing(
    http: Client, phone: Authenticator, lies: dict[str, Any]
) -> None:
    assert told(enter(http, phone, **lies)) == WRONG
    assert enter(http, phone).status == 200, "the true one does"


@pytest.mark.parametrize("lies", [*LIES, {"kind": "webauthn.get"}, {"alg": -65535}], ids=str)
def test_a_passkey_that_was_made_for_something_else_is_not_kept(
    http: Client, ann: dict[str, str], lies: dict[str, Any]
) -> None:
    device = Authenticator()
    assert told(make(http, ann, device, **lies)) == UNUSABLE
    assert listed(http, ann) == []
    assert told(enter(http, device)) == WRONG


def test_what_the_maker_of_a_device_says_is_not_looked_at(
    http: Client, ann: dict[str, str]
) -> None:
    """None was asked for, so a broken statement is no reason to refuse, and none to trust."""
    assert make(http, ann, Authenticator(), fmt="tpm").status == 201


def test_a_challenge_is_answered_once(http: Client, phone: Authenticator) -> None:
    given = asked(http)
    answer = phone.answer(given["options"])
    assert send(http, given["ticket"], answer).status == 200
    assert told(send(http, given["ticket"], answer)) == ENDED, "sent again"
    other = asked(http)
    assert told(send(http, other["ticket"], answer)) == WRONG, "with another ticket"
    more = phone.answer(given["options"])
    assert told(send(http, given["ticket"], more)) == ENDED, "answered again"


def test_a_challenge_is_good_for_five_minutes(http: Client, phone: Authenticator) -> None:
    given = asked(http)
    answer, now = phone.answer(given["options"]), clock.now_ns()
    clock.use(lambda: now + 301_000_000_000)
    try:
        assert told(send(http, given["ticket"], answer)) == ENDED
    finally:
        clock.use(None)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_count_that_does_not_grow_opens_nothing(
    http: Client, phone: Authenticator, count: int
) -> None:
    """It may be a copy of the key."""
    assert [enter(http, phone).status for _ in range(3)] == [200] * 3
    assert told(enter(http, phone, count=count)) == WRONG
    assert enter(http, phone, count=9).status == 200


def test_the_key_of_another_device_opens_nothing(http: Client, phone: Authenticator) -> None:
    thief = Authenticator()
    thief.id, thief.handle, thief.count = phone.id, phone.handle, 7
    assert told(enter(http, thief)) == WRONG


def test_what_nobody_made_is_told_alike(http: Client, phone: Authenticator) -> None:
    unknown, wrong = enter(http, Authenticator()), enter(http, phone, signature=b"x")
    assert unknown.body == wrong.body and told(unknown) == WRONG


def test_who_is_disabled_stays_out(http: Client, ann: dict[str, str], phone: Authenticator) -> None:
    user = http.get("/api/auth/me", headers=ann).json()["user"]["id"]
    with as_actor(http.app, http.app.system()):
        http.patch(f"/api/users/{user}", {"disabled": True})
    assert told(enter(http, phone)) == WRONG


def test_no_page_of_another_site_signs_in(http: Client, phone: Authenticator) -> None:
    given = asked(http)
    answer = phone.answer(given["options"])
    sent = send(http, given["ticket"], answer, **{"sec-fetch-site": "cross-site"})
    assert told(sent) == (403, "auth.other_site")


def test_sign_ins_that_begin_without_a_name_are_counted(http: Client) -> None:
    path = "/api/auth/login/passkey/options"
    found = [http.post(path, headers={"x-forwarded-for": "10.1.1.1"}).status for _ in range(62)]
    assert found == [200] * 60 + [429] * 2


@pytest.mark.parametrize(
    "sent", [{}, {"id": 1}, {"id": "AAAA"}, {"id": "AAAA", "response": None}], ids=str
)
def test_what_is_no_answer_is_refused(
    http: Client, ann: dict[str, str], sent: dict[str, Any]
) -> None:
    """tests/unit/auth/test_passkey_answers.py sends more of it."""
    given, new = asked(http), asked(http, ann)
    assert told(send(http, given["ticket"], sent)) == WRONG
    body = {"ticket": new["ticket"], "credential": sent}
    assert told(http.post("/api/auth/passkeys", body, headers=ann)) == UNUSABLE


# one's own


def test_passkeys_are_several_and_have_names(
    http: Client, ann: dict[str, str], phone: Authenticator
) -> None:
    key = Authenticator()
    assert make(http, ann, key, name="Key").json()["name"] == "Key"
    assert [each["name"] for each in listed(http, ann)] == ["Phone", "Key"]
    bob = register(http, BOB)
    for headers, status in ((bob, 404), (ann, 204)):
        url = f"/api/auth/passkeys/{listed(http, ann)[1]['id']}"
        assert http.patch(url, {"name": "Blue key"}, headers=headers).status == status
        assert http.delete(url, headers=headers).status == status
    assert [each["name"] for each in listed(http, ann)] == ["Phone"]
    assert told(enter(http, key)) == WRONG
    assert enter(http, phone).status == 200
    assert listed(http, bob) == []


def test_a_passkey_is_renamed(http: Client, ann: dict[str, str], phone: Authenticator) -> None:
    url = f"/api/auth/passkeys/{listed(http, ann)[0]['id']}"
    assert http.patch(url, {"name": "Old phone"}, headers=ann).status == 204
    assert listed(http, ann)[0]["name"] == "Old phone"
    assert http.patch(url, {"name": ""}, headers=ann).status == 422


def test_a_device_is_kept_once(http: Client, ann: dict[str, str], phone: Authenticator) -> None:
    assert told(make(http, ann, phone)) == UNUSABLE
    bob = register(http, BOB)
    assert told(make(http, bob, phone)) == UNUSABLE, "nor for somebody else"
    assert len(listed(http, ann)) == 1


def test_a_challenge_of_one_is_not_answered_for_another(http: Client, ann: dict[str, str]) -> None:
    bob, given = register(http, BOB), asked(http, ann)
    body = {"ticket": given["ticket"], "credential": Authenticator().make(given["options"])}
    assert told(http.post("/api/auth/passkeys", body, headers=bob)) == ENDED
    assert http.post("/api/auth/passkeys", body, headers=ann).status == 201
    assert told(http.post("/api/auth/passkeys", body, headers=ann)) == ENDED
    login = asked(http)
    body["ticket"] = login["ticket"]
    assert told(http.post("/api/auth/passkeys", body, headers=ann)) == ENDED


def test_an_account_has_so_many_at_most(
    http: Client, ann: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passkeys, "MOST", 2)
    given = [asked(http, ann) for _ in range(3)]
    for each, status in zip(given, (201, 201, 409), strict=True):
        body = {"ticket": each["ticket"], "credential": Authenticator().make(each["options"])}
        assert http.post("/api/auth/passkeys", body, headers=ann).status == status
    full = http.post("/api/auth/passkeys/options", headers=ann)
    assert told(full) == (409, "auth.too_many_passkeys")


def test_the_last_way_in_stays(http: Client, ann: dict[str, str], phone: Authenticator) -> None:
    http.run(http.app.runtime.engine.write(forget_passwords))
    one, two = bearer(enter(http, phone)), Authenticator()
    assert make(http, one, two).status == 201
    first, second = listed(http, one)
    assert http.delete(f"/api/auth/passkeys/{first['id']}", headers=one).status == 204
    last = http.delete(f"/api/auth/passkeys/{second['id']}", headers=one)
    assert told(last) == (409, "auth.last_way_in")
    assert enter(http, two).status == 200
    assert http.get("/api/auth/me", headers=ann).status == 401, "other sessions end"


def test_an_account_elsewhere_is_a_way_in_too(
    http: Client, ann: dict[str, str], phone: Authenticator
) -> None:
    from stanchion.engines import Ask

    http.run(http.app.runtime.engine.write(forget_passwords))
    user = http.get("/api/auth/me", headers=ann).json()["user"]["id"]
    values = ("i1", "https://login.example", "ann", user, "work", None, *[clock.now_text()] * 2)

    def link() -> Any:
        yield Ask(
            "insert into _identities (id,issuer,subject,user_id,provider,email,created,used) "
            "values (?1,?2,?3,?4,?5,?6,?7,?8)", values,
        )  # fmt: skip

    url = f"/api/auth/passkeys/{listed(http, ann)[0]['id']}"
    assert http.delete(url, headers=ann).status == 409
    http.run(http.app.runtime.engine.write(link))
    assert http.delete(url, headers=ann).status == 204


def forget_passwords() -> Any:
    from stanchion.engines import Ask

    yield Ask("delete from _passwords")


def test_a_passkey_proves_who_holds_a_session(
    http: Client, ann: dict[str, str], phone: Authenticator
) -> None:
    bob, now = register(http, BOB), clock.now_ns()
    try:
        clock.use(lambda: now + 601_000_000_000)
        refused = http.post("/api/auth/passkeys/options", headers=ann)
        assert told(refused) == (403, "auth.proof_needed")
        for headers, status in ((bob, 401), (ann, 204)):
            given = asked(http)
            body = {"ticket": given["ticket"], "credential": phone.answer(given["options"])}
            proof = http.post("/api/auth/proof/passkey", body, headers=headers)
            assert proof.status == status, proof.text
        assert http.post("/api/auth/passkeys/options", headers=ann).status == 200
        assert http.post("/api/auth/passkeys/options", headers=bob).status == 403
    finally:
        clock.use(None)


def test_what_a_user_leaves_behind_opens_nothing(
    http: Client, ann: dict[str, str], phone: Authenticator
) -> None:
    user = http.get("/api/auth/me", headers=ann).json()["user"]["id"]
    with as_actor(http.app, http.app.system()):
        assert http.get("/api/_passkeys").status == 404
        assert http.delete(f"/api/users/{user}").status == 204
    assert told(enter(http, phone)) == WRONG
    rows = http.run(http.app.runtime.engine.fetch("select count(*) from _passkeys", ()))
    assert rows == [(0,)]


# the site


def test_in_dev_a_passkey_is_of_this_machine() -> None:
    with client(make_app("")) as http:
        ann, device = register(http), Authenticator("http://localhost:8123")
        assert make(http, ann, device).status == 201
        assert enter(http, device).status == 200
        for origin in ("http://localhost.evil.example", "http://127.0.0.1:8123", SITE, "null",
                       "http://localhost:8123.evil.example", "https://localhost"):  # fmt: skip
            assert told(enter(http, device, origin=origin)) == WRONG, origin


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://shop.example:8443/app", ("shop.example", "https://shop.example:8443")),
        ("http://localhost:8000", ("localhost", "http://localhost:8000")),
        ("https://10.0.0.5", None), ("https://[::1]", None), ("", None),
    ],
)  # fmt: skip
def test_the_settings_say_whose_passkeys_they_are(url: str, site: Any) -> None:
    settings = Settings(public_url=url)
    if site is None:
        with pytest.raises(SettingError, match="STANCHION_PUBLIC_URL"):
            site_of(settings, in_dev=False)
    else:
        found = site_of(settings, in_dev=False)
        assert (found.id, found.origin) == site


def test_a_header_says_nothing_of_the_site(http: Client, phone: Authenticator) -> None:
    answer = http.post(
        "/api/auth/login/passkey/options",
        headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
    )
    assert answer.json()["options"]["rpId"] == "shop.example"


def test_an_app_without_passkeys_has_no_such_routes() -> None:
    app = App("Shop")

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open")

    with client(app) as http:
        assert http.post("/api/auth/login/passkey/options").status == 404
