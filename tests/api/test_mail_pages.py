"""The pages of sign-in that ask for a mail, and those its links lead to; on every engine. One app
is shared, so each test has people of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from zlib import crc32

import pytest

from stanchion import App, Field, Rules, SignIn, UserRecord
from stanchion.testing import Client, Response, client

from .test_auth_pages import Person, value_of
from .test_by_mail import (
    BETTER,
    GOOD,
    MANY,
    code_in,
    login,
    mail,
    post,
    rows,
    text_of,
    token_in,
    with_factor,
)

ASKING = ("/auth/forgot", "/auth/code", "/auth/register")


def make_app(register: Any = "verified", **policy: Any) -> App:
    app = App("Notebook & Co")

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50)
        sign_in = SignIn(register=register, **{"codes_by_mail": True, **MANY, **policy})
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id")

    return app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(make_app(totp=True, keys=True, attempts_of_client="10000/h")) as running:
        yield running


@pytest.fixture(scope="module")
def open_http() -> Iterator[Client]:
    with client(make_app("open", codes_by_mail=False)) as running:
        yield running


@pytest.fixture
def email(request: pytest.FixtureRequest) -> str:
    """An address of this test's own, the same on every engine."""
    return f"ann-{crc32(request.node.name.encode())}@example.com"


def ask(http: Client, path: str, email: str, **more: str) -> Response:
    return Person(http).post(path, email=email, name="Ann", **more)


def join(http: Client, email: str) -> Person:
    """Somebody with an account, who is signed in."""
    person = Person(http)
    assert ask(http, "/auth/register", email).status == 200
    done = person.post("/auth/verify", token=token_in(mail(http, email)), password=GOOD)
    assert done.status == 200 and person.session, done.text
    return person


def jobs(http: Client) -> int:
    return len(rows(http, "select id from _jobs"))


# the way to them


def test_sign_in_leads_to_what_the_app_offers(http: Client) -> None:
    shown = http.get("/auth/sign-in?next=/a%3Fb").text
    links = ("/auth/forgot", "/auth/code?next=/a%3Fb", "/auth/register?next=/a%3Fb")
    for link in links:
        assert f'href="{link}"' in shown
        assert http.get(link).status == 200


def test_and_to_nothing_else(open_http: Client) -> None:
    shown = open_http.get("/auth/sign-in").text
    assert "/auth/forgot" in shown and "/auth/register" in shown and "/auth/code" not in shown
    assert open_http.get("/auth/code").status == 404
    kept = open_http.app.runtime.mail_place
    carrier, kept.carrier = kept.carrier, None
    try:
        assert "/auth/forgot" not in open_http.get("/auth/sign-in").text
        refused = ask(open_http, "/auth/forgot", "ann@example.com")
        assert refused.status == 403 and "This app sends no mail." in refused.text
    finally:
        kept.carrier = carrier


@pytest.mark.parametrize("path", ASKING)
def test_pages_are_kept_by_nobody_framed_by_nobody_and_run_nothing(
    http: Client, path: str, email: str
) -> None:
    for answer in (http.get(path), ask(http, path, email)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store" and "<script" not in answer.text
        named = set(re.findall(r'<input id="(\w+)"', answer.text))
        assert named == set(re.findall(r'<label for="(\w+)"', answer.text))
        assert answer.text.count("<h1>") == 1


# asking


@pytest.mark.parametrize("path", ASKING)
def test_who_has_an_account_and_who_has_none_are_told_alike(
    http: Client, path: str, email: str
) -> None:
    known, unknown = email, f"not-{email}"
    join(http, known)
    before = jobs(http)
    told = []
    for address in (known, unknown):
        answer = ask(http, path, address)
        page = re.sub(r'name="request" value="[^"]+"', "", answer.text).replace(address, "…")
        headers = {n: v for n, v in answer.headers.items() if n not in ("x-request-id", "date")}
        headers.pop("content-length")
        told.append((answer.status, page, headers))
    assert told[0] == told[1] and told[0][0] == 200
    assert jobs(http) == before + 2, "what differs is what the job does"


@pytest.mark.parametrize("path", ASKING)
@pytest.mark.parametrize("text", ["", "ann", "ann@x, bob@y", '"><b>@x', "a@b\r\nBcc: eve@x.org"])
def test_what_is_no_address_is_told_beside_the_field(http: Client, path: str, text: str) -> None:
    before = jobs(http)
    refused = ask(http, path, text)
    assert refused.status == 422 and 'role="alert"' in refused.text
    assert 'id="email-mistake"' in refused.text and 'href="#email"' in refused.text
    assert 'aria-invalid="true"' in refused.text and "<b>" not in refused.text
    assert jobs(http) == before


@pytest.mark.parametrize("path", ASKING)
@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://x.y"}])
def test_another_site_asks_for_nothing(
    http: Client, path: str, headers: dict[str, str], email: str
) -> None:
    before = jobs(http)
    refused = Person(http).post(path, headers, email=email, name="Ann")
    assert refused.status == 403 and "Open this page anew" in refused.text
    assert jobs(http) == before


def test_an_address_gets_as_many_as_the_app_says() -> None:
    with client(make_app(mails="2/h")) as http:
        assert [ask(http, path, "ann@example.com").status for path in ASKING] == [200, 200, 429]
        refused = ask(http, "/auth/forgot", " ANN@example.com ")
        assert refused.status == 429 and 0 < int(refused.headers["retry-after"]) <= 3600
        assert re.search(r"tried too often\. Try again in \d+ minutes\.", refused.text)
        assert value_of(refused.text.replace('type="email" ', ""), "email") == "ANN@example.com"
        assert ask(http, "/auth/forgot", "bob@example.com").status == 200


# an account, a password


def test_an_account_is_made_by_who_has_the_address(http: Client, email: str) -> None:
    short = Person(http).post("/auth/register", email=email)
    assert short.status == 422 and 'id="name-mistake"' in short.text, "a name is asked for"
    ann = join(http, email)
    assert email in ann.account()


def test_who_has_an_account_is_led_in_by_the_mail_about_it(http: Client, email: str) -> None:
    join(http, email)
    ask(http, "/auth/register", email)
    told = text_of(mail(http, email))
    for path in ("/auth/sign-in", "/auth/forgot"):
        assert f"http://localhost{path}\n" in told and http.get(path).status == 200


def test_a_link_that_has_ended_leads_to_another(http: Client) -> None:
    for name, again in (
        ("verify", "/auth/register"), ("reset", "/auth/forgot"), ("link", "/auth/code"),
        ("email", "/auth/account"),
    ):  # fmt: skip
        shown = http.get(f"/auth/{name}?token=ml_x")
        assert shown.status == 403 and f'href="{again}"' in shown.text


def test_a_forgotten_password_is_set_anew(http: Client, email: str) -> None:
    ann = join(http, email)
    assert ask(http, "/auth/forgot", email.upper()).status == 200
    token = token_in(mail(http, email))
    weak = ann.post("/auth/reset", token=token, password="password1")
    assert weak.status == 422 and 'id="password-mistake"' in weak.text
    done = ann.post("/auth/reset", token=token, password=BETTER)
    assert done.status == 200 and 'href="/auth/sign-in"' in done.text
    assert ann.get("/auth/account").status == 303, "every session ended"
    assert login(http, BETTER, email).status == 200


# a code


def asked_for(http: Client, email: str, goal: str = "/") -> tuple[Response, str]:
    """The page for a code, and the code."""
    answer = ask(http, "/auth/code", email, next=goal)
    return answer, code_in(mail(http, email))


def type_in(page: Response, person: Person, code: str) -> Response:
    kept = {name: value_of(page.text, name) for name in ("next", "email", "request")}
    return person.post("/auth/code", code=code, **kept)


def test_a_code_signs_in_and_leads_on(http: Client, email: str) -> None:
    join(http, email)
    ann, (page, code) = Person(http), asked_for(http, email, "/orders?open=1")
    wrong = type_in(page, ann, f"{(int(code) + 1) % 10**6:06}")
    assert wrong.status == 401 and "ask for another one" in wrong.text and not ann.session
    done = type_in(wrong, ann, f" {code[:3]} {code[3:]} ")
    assert (done.status, done.headers["location"]) == (303, "/orders?open=1")
    assert email in ann.account()
    assert type_in(wrong, Person(http), code).status == 401, "it was good once"


def test_a_code_is_tried_five_times(http: Client, email: str) -> None:
    join(http, email)
    ann, (page, code) = Person(http), asked_for(http, email)
    for _ in range(5):
        assert type_in(page, ann, "nothing").status == 401
    assert type_in(page, ann, code).status == 401 and not ann.session


def test_a_code_is_typed_from_this_site_and_leads_to_no_other(http: Client, email: str) -> None:
    join(http, email)
    page, code = asked_for(http, email, "//evil.example")
    assert value_of(page.text, "next") == "/"
    eve, other = Person(http), {"sec-fetch-site": "cross-site"}
    asked = value_of(page.text, "request")
    assert eve.post("/auth/code", other, request=asked, code=code).status == 403
    assert eve.post("/auth/code", code=code, request="").status == 401
    assert not eve.session


def test_a_code_is_one_factor_and_no_second(http: Client, email: str) -> None:
    join(http, email)
    token = login(http, email=email).json()["token"]
    with_factor(http, {"authorization": f"Bearer {token}"})
    ann, (page, code) = Person(http), asked_for(http, email, "/a")
    done = type_in(page, ann, code)
    assert done.status == 200 and not ann.session
    assert value_of(done.text, "ticket") and value_of(done.text, "next") == "/a"


# one's own account


def test_the_address_is_changed_on_the_page_of_the_account(http: Client, email: str) -> None:
    ann, new = join(http, email), f"new-{email}"
    bad = ann.post("/auth/account/email", email="ann", known=GOOD)
    assert bad.status == 422 and 'id="email-mistake"' in bad.text
    wrong = ann.post("/auth/account/email", email=new, known=BETTER)
    assert wrong.status == 403 and "current password is another one" in wrong.text
    assert "Show that it is you" not in wrong.text
    done = ann.post("/auth/account/email", email=new, known=GOOD)
    assert done.headers["location"] == "/auth/account?told=email"
    assert ann.post("/auth/email", token=token_in(mail(http, new))).status == 200
    assert new in ann.account()


def test_who_is_signed_in_proves_the_address_and_keeps_the_password(
    open_http: Client, email: str
) -> None:
    ann = Person(open_http)
    ann.register(email)
    assert "Nobody has shown yet" in ann.account()
    ann.post("/auth/account/verification")
    link = f"/auth/verify?token={quote(token_in(mail(open_http, email)))}"
    assert 'type="password"' in Person(open_http).get(link).text, "whoever else has the mailbox"
    shown = ann.get(link).text
    assert 'type="password"' not in shown
    done = ann.post("/auth/verify", token=value_of(shown, "token"))
    assert done.status == 200 and "Nobody has shown yet" not in ann.account()
    assert post(open_http, "/login", email=email, password=GOOD).status == 200


def test_what_is_wrong_with_a_key_is_told_and_what_was_typed_stays(
    http: Client, email: str
) -> None:
    ann = join(http, email)
    typed = {"name": "stock <b>", "scopes": "user:read users:read", "days": "9999"}
    refused = ann.post("/auth/account/keys", **typed)
    assert refused.status == 422 and "users:read" in refused.text and "<b>" not in refused.text
    for field in ("scopes", "days"):
        assert f'href="#{field}"' in refused.text and f'id="{field}-mistake"' in refused.text
    assert 'value="9999"' in refused.text and 'value="stock &lt;b&gt;"' in refused.text
    assert ann.post("/auth/account/keys", **{**typed, "days": "many"}).status == 422
    made = ann.post("/auth/account/keys", name="stock", scopes="users:read", days="3")
    assert made.status == 200 and "stk_" in made.text


def test_a_wrong_code_while_setting_up_leaves_the_secret_to_be_read(
    http: Client, email: str
) -> None:
    ann = join(http, email)
    begun = ann.post("/auth/account/authenticator").text
    kept = {name: value_of(begun, name) for name in ("ticket", "secret", "uri")}
    wrong = ann.post("/auth/account/code", code="000000", **kept)
    assert wrong.status == 403 and f"<code>{kept['secret']}</code>" in wrong.text
    assert value_of(wrong.text, "ticket") == kept["ticket"]
    bare = ann.post("/auth/account/code", code="000000", uri="javascript:alert(1)", ticket="x")
    assert bare.status in (401, 403) and 'href="javascript' not in bare.text
