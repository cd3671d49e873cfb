"""Second factors: codes of an authenticator, recovery codes, proofs that are given again. The codes
are made by another implementation (`mintotp`) than the one that judges them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import mintotp
import pytest

from stanchion import App, CurrentUser, Rules, Settings, SignIn, UserRecord, clock, requires_proof
from stanchion.auth import factors
from stanchion.auth.factors import matching_step
from stanchion.auth.sealing import OF_DEV, Sealed, Sealer
from stanchion.auth.sessions import Program
from stanchion.engines import Ask, AskAll
from stanchion.errors import DeclarationError
from stanchion.store.users import SECRETS, forget_user
from stanchion.testing import Client, Response, as_actor, client

ANN, BOB = "ann@example.com", "bob@example.com"
GOOD, BETTER = "zebra fox lamp", "seven quiet harbours"


class Time:
    """A clock that stands still between tests' own moves."""

    def __init__(self) -> None:
        self.ns = 1_800_000_000 * 1_000_000_000

    def pass_(self, seconds: float) -> None:
        self.ns += int(seconds * 1_000_000_000)

    @property
    def step(self) -> int:
        return self.ns // 30_000_000_000


@pytest.fixture
def time() -> Iterator[Time]:
    moved = Time()
    clock.use(lambda: moved.ns)
    yield moved
    clock.use(None)


def make_app(**said: Any) -> App:
    # the client of tests comes from a loopback address, which stands for the proxy here
    app = App("Notebook", settings=Settings(trusted_proxies="127.0.0.1"))

    @app.collection("users")
    class User(UserRecord):
        sign_in = SignIn(register="open", **{"totp": True, **said})
        rules = Rules(read="record.id == auth.id")

    @app.post("/payout", dependencies=[requires_proof()])
    async def pay_out(user: CurrentUser) -> str:
        return user.email

    return app


@pytest.fixture
def http(time: Time) -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


@dataclass
class Person:
    """Somebody with an authenticator."""

    http: Client
    time: Time
    headers: dict[str, str]
    secret: str
    recovery: list[str]
    email: str = ANN

    def code(self, later: int = 0) -> str:
        return str(mintotp.hotp(self.secret, self.time.step + later))

    def next_code(self) -> str:
        """A code that was not used yet."""
        self.time.pass_(30)
        return self.code()

    def begin(self, **more: Any) -> Response:
        return login(self.http, self.email, **more)

    def ticket(self) -> str:
        return str(self.begin().json()["ticket"])

    def enter(self, code: str, **more: Any) -> Response:
        """Sign in with password and code."""
        return finish(self.http, self.ticket(), code, **more)


def register(http: Client, email: str = ANN) -> dict[str, str]:
    body = {"email": email, "password": GOOD, "as": "token"}
    answer = http.post("/api/auth/register", body)
    assert answer.status == 201, answer.text
    return bearer(answer)


def bearer(answer: Response) -> dict[str, str]:
    return {"authorization": f"Bearer {answer.json()['token']}"}


def login(
    http: Client, email: str = ANN, password: str = GOOD, network: str = "10.1.1.1"
) -> Response:
    body = {"email": email, "password": password, "as": "token"}
    return http.post("/api/auth/login", body, headers={"x-forwarded-for": network})


def finish(
    http: Client, ticket: str, code: str, carried: str = "token", network: str = "10.1.1.1"
) -> Response:
    body = {"ticket": ticket, "code": code, "as": carried}
    return http.post("/api/auth/login/code", body, headers={"x-forwarded-for": network})


def begin(http: Client, headers: dict[str, str]) -> Any:
    answer = http.post("/api/auth/totp", headers=headers)
    assert answer.status == 200, answer.text
    return answer.json()


def enrol(http: Client, time: Time, email: str = ANN, headers: Any = None) -> Person:
    headers = headers or register(http, email)
    begun = begin(http, headers)
    person = Person(http, time, headers, begun["secret"], [], email)
    body = {"ticket": begun["ticket"], "code": person.code()}
    answer = http.post("/api/auth/totp/confirm", body, headers=headers)
    assert answer.status == 200, answer.text
    person.recovery = answer.json()["recovery_codes"]
    return person


@pytest.fixture
def ann(http: Client, time: Time) -> Person:
    return enrol(http, time)


def told(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json()["code"]


WRONG, ENDED = (403, "auth.wrong_code"), (401, "auth.ticket_ended")


# coming in


def test_who_has_an_authenticator_comes_in_by_two_steps(ann: Person) -> None:
    first = ann.begin()
    assert first.status == 200 and set(first.json()) == {"second_factor", "ticket"}
    assert first.json()["second_factor"] == ["totp", "recovery"]
    assert "set-cookie" not in first.headers and first.headers["cache-control"] == "no-store"
    second = finish(ann.http, first.json()["ticket"], ann.next_code())
    assert second.status == 200 and second.json()["user"]["email"] == ANN
    listed = ann.http.get("/api/auth/sessions", headers=bearer(second)).json()["items"]
    assert [each["method"] for each in listed] == ["password+totp", "register"]


def test_a_browser_gets_its_cookie_at_the_second_step(ann: Person) -> None:
    answer = ann.enter(ann.next_code(), carried="cookie")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert "token" not in answer.json()
    assert ann.http.get("/api/auth/me", headers={"cookie": cookie}).status == 200


def test_the_secret_can_be_scanned(http: Client, time: Time) -> None:
    begun = begin(http, register(http))
    uri = urlsplit(begun["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == f"/Notebook:{ANN}"
    assert parse_qs(uri.query) == {"secret": [begun["secret"]], "issuer": ["Notebook"]}
    assert len(begun["secret"]) == 32


def test_a_wrong_password_says_nothing_of_the_second_factor(ann: Person) -> None:
    register(ann.http, BOB)
    answers = [login(ann.http, each, "wrong") for each in (ANN, BOB, "nobody@example.com")]
    assert len({(a.status, a.body) for a in answers}) == 1 and answers[0].status == 401


@pytest.mark.parametrize(("off", "fits"), [(-2, 0), (-1, 1), (0, 1), (1, 1), (2, 0)])
def test_a_clock_may_be_half_a_minute_wrong(ann: Person, off: int, fits: int) -> None:
    ann.time.pass_(300)
    answer = ann.enter(ann.code(off))
    assert answer.status == 200 if fits else told(answer) == WRONG


def test_a_code_is_good_once(ann: Person) -> None:
    code = ann.next_code()
    assert ann.enter(code).status == 200
    assert told(ann.enter(code)) == WRONG, "whoever looked over a shoulder"
    assert told(ann.enter(ann.code(-1))) == WRONG, "one before it"
    assert ann.enter(ann.next_code()).status == 200


def test_the_code_that_confirmed_an_authenticator_is_used(ann: Person) -> None:
    assert told(ann.enter(ann.code())) == WRONG


def test_a_wrong_code_leaves_the_ticket_good_and_a_right_one_ends_it(ann: Person) -> None:
    ticket = ann.ticket()
    for wrong in ("000000", "abc", "", "12345", "１２３４５６", ann.code() + "1"):
        assert told(finish(ann.http, ticket, wrong)) == WRONG, wrong
    assert finish(ann.http, ticket, ann.next_code()).status == 200
    assert told(finish(ann.http, ticket, ann.next_code())) == ENDED


def test_a_ticket_is_good_for_five_minutes(ann: Person) -> None:
    ticket, other = ann.ticket(), ann.ticket()
    ann.time.pass_(299)
    assert finish(ann.http, ticket, ann.code()).status == 200
    ann.time.pass_(2)
    assert told(finish(ann.http, other, ann.next_code())) == ENDED


def test_a_ticket_opens_nothing_else(ann: Person) -> None:
    ticket = ann.ticket()
    sent = {"authorization": f"Bearer {ticket}"}
    assert ann.http.get("/api/auth/me", headers=sent).status == 401
    body = {"ticket": ticket, "code": ann.next_code()}
    assert told(ann.http.post("/api/auth/totp/confirm", body, headers=ann.headers)) == ENDED
    begun = begin(ann.http, ann.headers)["ticket"]
    assert told(finish(ann.http, begun, ann.code())) == ENDED
    for text in ("", "tk_", "x" * 5000, "tk_" + "A" * 43, "é"):
        assert told(finish(ann.http, text, ann.code())) == ENDED


def test_what_is_halfway_in_ends_with_the_password(ann: Person) -> None:
    ticket = ann.ticket()
    body = {"current": GOOD, "new": BETTER}
    assert ann.http.post("/api/auth/password", body, headers=ann.headers).status == 204
    assert told(finish(ann.http, ticket, ann.next_code())) == ENDED


def test_who_was_disabled_between_the_steps_stays_out(ann: Person) -> None:
    ticket = ann.ticket()
    user = ann.http.get("/api/auth/me", headers=ann.headers).json()["user"]["id"]
    with as_actor(ann.http.app, ann.http.app.system()):
        assert ann.http.patch(f"/api/users/{user}", {"disabled": True}).status == 200
    assert told(finish(ann.http, ticket, ann.next_code())) == ENDED


def test_no_page_of_another_site_sends_the_code(ann: Person) -> None:
    body = {"ticket": ann.ticket(), "code": ann.next_code()}
    answer = ann.http.post("/api/auth/login/code", body, headers={"sec-fetch-site": "cross-site"})
    assert told(answer) == (403, "auth.other_site")


def test_a_way_in_that_forgets_to_ask_lets_nobody_in(ann: Person) -> None:
    """Whatever starts a session without asking `Entrance` gets a token that opens nothing."""
    gate = ann.http.app.runtime.gate
    assert gate is not None
    bob = register(ann.http, BOB)
    ids = [ann.http.get("/api/auth/me", headers=each).json()["user"]["id"]
           for each in (ann.headers, bob)]  # fmt: skip

    async def start(user: str) -> int:
        token, started = gate.sessions.start(user, "magic", Program())

        def steps() -> Any:
            yield AskAll(started)

        await gate.sessions._engine.write(steps)
        return 0 if await gate.sessions.holder(token) is None else 1

    assert [ann.http.run(start(each)) for each in ids] == [0, 1]


# tries


def test_codes_are_not_guessed(ann: Person) -> None:
    ticket = ann.ticket()
    answers = [finish(ann.http, ticket, "000000").status for _ in range(12)]
    assert answers == [403] * 10 + [429] * 2
    assert finish(ann.http, ann.ticket(), ann.next_code()).status == 429, "another ticket"
    ann.time.pass_(901)
    assert ann.enter(ann.next_code()).status == 200


def test_many_networks_together_guess_no_more(ann: Person) -> None:
    assert ann.enter(ann.next_code(), network="10.7.7.7").status == 200
    seen: Counter[int] = Counter()
    for n in range(60):
        ticket = ann.begin(network=f"10.2.{n}.1").json()["ticket"]
        seen[finish(ann.http, ticket, "000000", network=f"10.2.{n}.1").status] += 1
    assert seen == {403: 29, 429: 31}
    owner = finish(ann.http, ann.ticket(), ann.next_code(), network="10.7.7.7")
    assert owner.status == 200, "who came from there before is let in"


def test_tickets_of_nobody_are_counted(http: Client) -> None:
    seen = Counter(finish(http, f"tk_{n}", "000000").status for n in range(14))
    assert seen == {401: 10, 429: 4}


# recovery codes


def test_recovery_codes_are_ten_and_each_is_good_once(ann: Person) -> None:
    assert len(set(ann.recovery)) == 10
    for code in ann.recovery[:3]:
        answer = ann.enter(code)
        assert answer.status == 200, answer.text
        assert told(ann.enter(code)) == WRONG
        left = ann.http.get("/api/auth/factors", headers=bearer(answer)).json()
    assert left["recovery_codes"] == 7 and left["totp"]
    methods = [each["method"] for each in sessions(ann, bearer(answer))]
    assert methods.count("password+recovery") == 3


def sessions(ann: Person, headers: dict[str, str]) -> list[Any]:
    found: list[Any] = ann.http.get("/api/auth/sessions", headers=headers).json()["items"]
    return found


@pytest.mark.parametrize(
    "write", [str.upper, lambda c: c.replace("-", ""), lambda c: f" {c[:5]} - {c[6:]} ",
              lambda c: c.replace("0", "O").replace("1", "l")],
)  # fmt: skip
def test_a_recovery_code_may_be_typed_as_people_type(ann: Person, write: Any) -> None:
    assert ann.enter(write(ann.recovery[0])).status == 200


def test_new_recovery_codes_end_the_old(ann: Person) -> None:
    answer = ann.http.post("/api/auth/recovery-codes", headers=ann.headers)
    assert answer.status == 200
    assert not set(answer.json()["recovery_codes"]) & set(ann.recovery)
    assert told(ann.enter(ann.recovery[0])) == WRONG
    assert ann.enter(answer.json()["recovery_codes"][9]).status == 200


def test_recovery_codes_of_somebody_else_are_wrong(ann: Person) -> None:
    bob = enrol(ann.http, ann.time, BOB)
    assert told(ann.enter(bob.recovery[0])) == WRONG
    assert told(ann.enter(bob.next_code())) == WRONG


# setting up


def test_until_a_code_is_confirmed_nothing_is_asked(http: Client, time: Time) -> None:
    headers = register(http)
    begun = begin(http, headers)
    assert "token" in login(http).json()
    body = {"ticket": begun["ticket"], "code": "000000"}
    assert told(http.post("/api/auth/totp/confirm", body, headers=headers)) == WRONG
    time.pass_(901)
    http.post("/api/auth/proof", {"password": GOOD}, headers=headers)
    body["code"] = mintotp.hotp(begun["secret"], time.step)
    assert told(http.post("/api/auth/totp/confirm", body, headers=headers)) == ENDED
    assert http.get("/api/auth/factors", headers=headers).json() == {"recovery_codes": 0}


def test_a_secret_is_confirmed_by_whom_it_was_made_for(ann: Person) -> None:
    bob = register(ann.http, BOB)
    begun = begin(ann.http, ann.headers)
    body = {"ticket": begun["ticket"], "code": mintotp.hotp(begun["secret"], ann.time.step)}
    assert told(ann.http.post("/api/auth/totp/confirm", body, headers=bob)) == ENDED


def test_another_authenticator_takes_the_place_of_the_one_before(ann: Person) -> None:
    new = enrol(ann.http, ann.time, headers=ann.headers)
    ann.time.pass_(60)
    assert told(ann.enter(ann.code())) == WRONG
    assert told(ann.enter(ann.recovery[0])) == WRONG
    assert new.enter(new.code()).status == 200


def test_an_authenticator_ends_the_sessions_that_came_in_without(http: Client, time: Time) -> None:
    headers = register(http)
    other = bearer(login(http))
    ann = enrol(http, time, headers=headers)
    assert http.get("/api/auth/me", headers=other).status == 401
    assert http.get("/api/auth/me", headers=headers).status == 200
    other = bearer(ann.enter(ann.next_code()))
    assert http.delete("/api/auth/totp", headers=headers).status == 204
    assert http.get("/api/auth/me", headers=other).status == 401
    assert "token" in login(http).json(), "a password alone, from now on"
    assert http.get("/api/auth/factors", headers=headers).json() == {"recovery_codes": 0}
    assert told(http.delete("/api/auth/totp", headers=headers)) == (404, "record.not_found")
    assert http.post("/api/auth/recovery-codes", headers=headers).status == 404


CHANGES = [("POST", "/api/auth/totp"), ("DELETE", "/api/auth/totp"),
           ("POST", "/api/auth/recovery-codes"), ("POST", "/api/auth/totp/confirm"),
           ("POST", "/payout")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_what_changes_the_way_in_asks_for_a_recent_proof(
    ann: Person, method: str, path: str
) -> None:
    body = {"ticket": "tk_", "code": "1"} if path.endswith("confirm") else None
    ann.time.pass_(601)
    before = ann.http.get("/api/auth/factors", headers=ann.headers).body
    refused = ann.http.request(method, path, body, headers=ann.headers)
    assert told(refused) == (403, "auth.proof_needed")
    assert ann.http.get("/api/auth/factors", headers=ann.headers).body == before
    assert ann.http.request(method, path, body).status == 401
    prove(ann, code=ann.code())
    answer = ann.http.request(method, path, body, headers=ann.headers)
    assert answer.status < 300 or told(answer) == ENDED


def prove(ann: Person, status: int = 204, password: str = GOOD, **more: Any) -> Response:
    body = {"password": password, **more}
    answer = ann.http.post("/api/auth/proof", body, headers=ann.headers)
    assert answer.status == status, answer.text
    return answer


def test_a_proof_is_both_factors(ann: Person) -> None:
    ann.time.pass_(601)
    assert told(prove(ann, 403)) == (403, "auth.code_needed")
    assert told(prove(ann, 403, code="000000")) == WRONG
    wrong = prove(ann, 403, password="wrong", code=ann.code())
    assert told(wrong) == (403, "auth.wrong_password")
    assert ann.http.post("/payout", headers=ann.headers).status == 403
    prove(ann, code=ann.code())
    assert ann.http.post("/payout", headers=ann.headers).json() == ANN
    ann.time.pass_(601)
    assert ann.http.post("/payout", headers=ann.headers).status == 403


def test_a_proof_is_of_one_session(ann: Person) -> None:
    other = bearer(ann.enter(ann.next_code()))
    ann.time.pass_(601)
    prove(ann, code=ann.code())
    assert ann.http.post("/payout", headers=ann.headers).status == 200
    assert ann.http.post("/payout", headers=other).status == 403


def test_a_password_alone_proves_where_nothing_else_is_asked() -> None:
    """Also in an app that offers no second factor."""
    moved = Time()
    clock.use(lambda: moved.ns)
    try:
        with client(make_app(totp=False)) as http:
            headers = register(http)
            moved.pass_(601)
            assert http.post("/payout", headers=headers).status == 403
            assert http.post("/api/auth/totp", headers=headers).status == 404
            body = {"password": GOOD}
            assert http.post("/api/auth/proof", body, headers=headers).status == 204
            assert http.post("/payout", headers=headers).status == 200
            with as_actor(http.app, http.app.system()):
                assert http.post("/payout").status == 401, "a route of people"
    finally:
        clock.use(None)


def test_the_document_says_what_each_route_wants(http: Client) -> None:
    document = http.get("/openapi.json").json()
    assert document["paths"]["/payout"]["post"]["security"]
    one = document["paths"]["/api/auth/login"]["post"]["responses"]["200"]
    names = {each["$ref"].rpartition("/")[2] for each in
             one["content"]["application/json"]["schema"]["anyOf"]}  # fmt: skip
    assert names == {"SessionStarted", "SecondFactorAsked"}


@pytest.mark.parametrize("minutes", [0, -1, 1441])
def test_a_proof_that_is_recent_for_ever_is_none(minutes: float) -> None:
    with pytest.raises(DeclarationError):
        requires_proof(minutes)


# what is kept


TABLES = ("_factors", "_recovery", "_tickets")


async def rows_of(http: Client, *tables: str) -> list[Any]:
    found = []
    for table in tables:
        found += await http.app.runtime.engine.fetch(f"select * from {table}", ())
    return found


def test_a_copy_of_the_database_opens_nothing(ann: Person) -> None:
    ticket = ann.ticket()
    begun = begin(ann.http, ann.headers)
    rows = ann.http.run(rows_of(ann.http, *TABLES, "_changes"))
    assert len(rows) >= 13
    for secret in (ann.secret, begun["secret"], begun["ticket"], ticket, *ann.recovery):
        plain = secret.replace("-", "")
        for form in (secret, plain, plain.encode(), plain.encode().hex()):
            assert not any(holds(value, form) for row in rows for value in row)
    for table in TABLES:
        with as_actor(ann.http.app, ann.http.app.system()):
            assert ann.http.get(f"/api/{table}").status == 404


def holds(value: Any, form: Any) -> bool:
    return type(value) is type(form) and form in value


def test_a_sealed_secret_opens_in_its_own_row_alone() -> None:
    sealer = Sealer(Settings(secret_key="0123456789abcdef-a-key-of-a-test"))
    sealed = sealer.seal(b"secret", "totp ann")
    assert sealer.open(sealed, "totp ann") == b"secret"
    assert sealer.open(sealed, "totp bob") is None
    assert sealer.open(Sealed(sealed.key, sealed.text[:-1] + b"\x00"), "totp ann") is None
    assert sealer.open(Sealed("another", sealed.text), "totp ann") is None
    assert sealer.seal(b"secret", "totp ann") != sealed, "another nonce"
    assert OF_DEV not in repr(Settings(secret_key=OF_DEV))


def test_what_a_user_leaves_behind_is_nothing(ann: Person) -> None:
    ann.ticket()
    user = ann.http.get("/api/auth/me", headers=ann.headers).json()["user"]["id"]
    with as_actor(ann.http.app, ann.http.app.system()):
        assert ann.http.delete(f"/api/users/{user}").status == 204
    assert ann.http.run(rows_of(ann.http, *TABLES)) == []


def test_a_taken_over_account_has_no_factor_of_who_made_it(ann: Person) -> None:
    """What `forget_user` takes away in the transaction that hands an account over."""
    user = ann.http.get("/api/auth/me", headers=ann.headers).json()["user"]["id"]

    def steps() -> Any:
        yield from forget_user(user)

    assert set(TABLES) <= set(SECRETS)
    ann.http.run(ann.http.app.runtime.engine.write(steps))
    assert ann.http.run(rows_of(ann.http, *TABLES)) == []
    assert login(ann.http).status == 401


# what the judge of codes knows


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"),
        (1234567890, "89005924"), (2000000000, "69279037"), (20000000000, "65353130"),
    ],
)  # fmt: skip
def test_the_codes_of_rfc_6238(time: Time, moment: int, code: str) -> None:
    """Its table for SHA-1 has eight digits; six are the last of them."""
    time.ns = moment * 1_000_000_000
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # 12345678901234567890
    assert matching_step(secret, code[-6:]) == moment // 30
    assert matching_step(secret, "000000") is None


def test_a_code_that_is_not_used_up_would_be_seen(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(user: str, *_: Any) -> factors.GoodCode:
        def steps() -> Any:
            yield Ask("select 1")

        return factors.GoodCode("totp", steps)

    gate = ann.http.app.runtime.gate
    assert gate is not None
    monkeypatch.setattr(gate.factors, "_judge_totp", careless)
    code = ann.next_code()
    assert [ann.enter(code).status for _ in range(2)] == [200, 200]
