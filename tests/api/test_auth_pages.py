"""The pages of sign-in: forms without a script, for apps that have no pages of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from stanchion import App, Field, Provider, Rules, Settings, SignIn, UserRecord, clock
from stanchion.http.sign_in.pages.account import program_of
from stanchion.testing import Client, Response, client

ANN, PASSWORD = "ann@example.com", "zebra fox lamp"
SESSION = "__Host-session"
HERE = {"sec-fetch-site": "same-origin"}


def make_app(settings: Settings | None = None, **more: Any) -> App:
    app = App("Shop & Co", settings=settings)

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50)
        age: int | None = None
        sign_in = SignIn(**{"register": "open", "totp": True, "keys": True, **more})
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id")

    return app


class Person:
    """Somebody with a browser: follows no redirect by itself, keeps the session's cookie."""

    def __init__(self, http: Client) -> None:
        self.http = http
        self.session = ""

    def get(self, path: str) -> Response:
        return self._kept(self.http.get(path, headers=self._headers()))

    def post(self, path: str, headers: Any = HERE, **fields: str) -> Response:
        form = {"content-type": "application/x-www-form-urlencoded", **headers}
        sent = urlencode(fields).encode()
        answer = self.http.request("POST", path, headers={**self._headers(), **form}, content=sent)
        return self._kept(answer)

    def register(self, email: str = ANN) -> Response:
        return self.post("/auth/register", email=email, password=PASSWORD, name="Ann")

    def account(self) -> str:
        answer = self.get("/auth/account")
        assert answer.status == 200, answer.text
        return answer.text

    def _headers(self) -> dict[str, str]:
        return {"cookie": f"{SESSION}={self.session}"} if self.session else {}

    def _kept(self, answer: Response) -> Response:
        found = re.match(f"{SESSION}=([^;]*)", answer.headers.get("set-cookie", ""))
        if found is not None:
            self.session = found[1]
        return answer


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


@pytest.fixture
def ann(http: Client) -> Person:
    return Person(http)


def value_of(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return unescape(found[1])


def test_somebody_registers_signs_out_and_in_again(ann: Person) -> None:
    page = ann.get("/auth/register?next=/orders%3Fopen%3D1").text
    assert value_of(page, "next") == "/orders?open=1"
    made = ann.register()
    assert (made.status, made.headers["location"]) == (303, "/auth/account")
    assert ANN in ann.account()
    out = ann.post("/auth/sign-out")
    assert (out.status, out.headers["location"]) == (303, "/auth/sign-in")
    assert ann.get("/auth/account").headers["location"].startswith("/auth/sign-in")
    back = ann.post("/auth/sign-in", email=ANN, password=PASSWORD, next="/orders?open=1")
    assert (back.status, back.headers["location"]) == (303, "/orders?open=1")
    assert ANN in ann.account()


def test_the_page_of_the_app_is_where_people_go_where_it_has_one() -> None:
    app = make_app()
    app.get("/")(lambda: "the app")
    with client(app) as http:
        made = Person(http).register()
    assert (made.status, made.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, True),
        ({"x-forwarded-proto": "https"}, True),  # of nobody who is trusted
        ({"sec-fetch-site": "none"}, False),  # browsers say it over https, and to this machine
    ],
)
def test_who_comes_without_tls_is_told_that_browsers_keep_no_session(
    http: Client, headers: dict[str, str], told: bool
) -> None:
    for page in ("sign-in", "register"):
        assert (
            "did not come over https" in http.get(f"/auth/{page}", headers=headers).text
        ) is told


def test_a_page_says_what_was_wrong_and_keeps_what_was_typed(ann: Person) -> None:
    refused = ann.post("/auth/sign-in", email='<b>"ann"', password="wrong password")
    assert refused.status == 401
    assert 'role="alert"' in refused.text and "No account has this address" in refused.text
    assert "&lt;b&gt;&#34;ann&#34;" in refused.text and "<b>" not in refused.text
    assert "wrong password" not in refused.text
    short = ann.post("/auth/register", email="ann", password="x", name="")
    assert short.status == 422
    for field in ("password", "name"):
        assert f'id="{field}-mistake"' in short.text, field
    assert short.text.count('aria-invalid="true"') == 2


@pytest.mark.parametrize("goal", ["//evil.example", "https://evil.example", "/\\evil.example", "x"])
def test_no_link_leads_through_it_to_another_site(ann: Person, goal: str) -> None:
    ann.register()
    shown = ann.get(f"/auth/sign-in?{urlencode({'next': goal})}").text
    assert value_of(shown, "next") == "/"
    done = ann.post("/auth/sign-in", email=ANN, password=PASSWORD, next=goal)
    assert done.headers["location"] == "/auth/account"


OTHER_SITES = ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
               {"origin": "https://evil.example"}, {"origin": "null"})  # fmt: skip


@pytest.mark.parametrize("headers", OTHER_SITES)
def test_a_form_of_another_site_does_nothing(ann: Person, headers: dict[str, str]) -> None:
    ann.register()
    session = ann.session
    for path in ("/auth/sign-out", "/auth/account/sessions", "/auth/account/password"):
        assert ann.post(path, headers, current=PASSWORD, new="seven quiet harbours").status == 403
    assert ann.session == session and ANN in ann.account()
    assert (
        Person(ann.http).post("/auth/sign-in", headers, email=ANN, password=PASSWORD).status == 403
    )
    assert (
        Person(ann.http).post("/auth/register", headers, email="b@x", password=PASSWORD).status
        == 403
    )


def test_pages_are_kept_by_nobody_framed_by_nobody_and_run_nothing(ann: Person) -> None:
    ann.register()
    for path in ("/auth/sign-in", "/auth/register", "/auth/account"):
        answer = ann.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text
        named = set(re.findall(r'<input id="(\w+)"', answer.text))
        labelled = set(re.findall(r'<label for="(\w+)"', answer.text))
        assert named == labelled, path
        assert len(re.findall("<h1>", answer.text)) == 1


def test_a_session_is_ended_from_another(ann: Person) -> None:
    ann.register()
    other = Person(ann.http)
    assert other.post("/auth/sign-in", email=ANN, password=PASSWORD).status == 303
    page = ann.account()
    assert page.count('action="/auth/account/sessions"') == 2  # the other one, and all others
    ended = ann.post("/auth/account/sessions", id=value_of(page, "id"))
    assert ended.headers["location"] == "/auth/account?told=sessions"
    assert other.get("/auth/account").status == 303
    assert ANN in ann.account()


def test_the_password_is_changed_with_the_current_one(ann: Person) -> None:
    ann.register()
    new = "seven quiet harbours"
    wrong = ann.post("/auth/account/password", current="another", new=new)
    assert wrong.status == 403 and "current password" in wrong.text
    done = ann.post("/auth/account/password", current=PASSWORD, new=new)
    assert done.headers["location"] == "/auth/account?told=password"
    assert Person(ann.http).post("/auth/sign-in", email=ANN, password=new).status == 303


def later(seconds: float) -> None:
    moment = clock.now_ns() + int(seconds * 10**9)
    clock.use(lambda: moment)


@pytest.fixture
def own_time() -> Iterator[None]:
    yield
    clock.use(None)


@pytest.mark.unordered  # recovery codes are drawn by chance
def test_a_second_factor_is_set_up_asked_for_and_taken_away(ann: Person, own_time: None) -> None:
    ann.register()
    begun = ann.post("/auth/account/authenticator").text
    secret = re.search(r"<code>([A-Z2-7]+)</code>", begun)
    assert secret is not None, begun
    totp = pyotp.TOTP(secret[1])
    wrong = ann.post("/auth/account/code", ticket=value_of(begun, "ticket"), code="000000")
    assert wrong.status == 403
    code = totp.at(clock.now())
    done = ann.post("/auth/account/code", ticket=value_of(begun, "ticket"), code=code)
    codes = re.findall(r"<li><code>([^<]+)</code></li>", done.text)
    assert len(codes) == 10
    other = Person(ann.http)
    asked = other.post("/auth/sign-in", email=ANN, password=PASSWORD, next="/a")
    assert asked.status == 200 and not other.session
    ticket = value_of(asked.text, "ticket")
    no = other.post("/auth/second-factor", ticket=ticket, code="000000", next="/a")
    assert no.status == 403 and not other.session
    yes = other.post("/auth/second-factor", ticket=ticket, code=codes[0], next="/a")
    assert (yes.status, yes.headers["location"]) == (303, "/a")
    assert "9 recovery codes are left" in other.account()
    later(700)
    refused = other.post("/auth/account/no-authenticator")
    assert refused.status == 403 and "Show that it is you" in refused.text
    proven = other.post("/auth/account/proof", password=PASSWORD, code=codes[1])
    assert proven.headers["location"] == "/auth/account?told=proof"
    assert other.post("/auth/account/no-authenticator").status == 303
    assert "Set one up" in other.account()


def test_a_key_is_shown_once_and_ended(ann: Person) -> None:
    ann.register()
    made = ann.post("/auth/account/keys", name="reports", scopes="users:read")
    found = re.search(r"<code>(stk_[^<]+)</code>", made.text)
    assert found is not None, made.text
    key = {"authorization": f"Bearer {found[1]}"}
    assert ann.http.get("/api/users", headers=key).status == 200
    page = ann.account()
    assert found[1] not in page and "reports" in page
    assert ann.post("/auth/account/keys", name="", scopes="nothing:read").status == 422
    keys = page[page.index("API keys") :]
    assert ann.post("/auth/account/no-key", id=value_of(keys, "id")).status == 303
    assert ann.http.get("/api/users", headers=key).status == 401


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0",
         "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
         "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
         "Safari on iPhone"),
        ("curl/8.9.1", "curl/8.9.1"),
        ("<script>" + "x" * 100, "<script>" + "x" * 52),
        ("", "An unknown program"),
    ],
)  # fmt: skip
def test_programs_are_called_as_people_do(agent: str, told: str) -> None:
    assert program_of(agent) == told


def test_what_is_not_there_is_not_there(ann: Person) -> None:
    ann.register()
    assert ann.post("/auth/account/nothing").status == 404
    assert ann.get("/auth/account/password").status == 303
    assert ann.get("/auth/second-factor").status == 303
    assert ann.post("/auth/account/link", provider="google").status == 404


def test_nobody_registers_where_that_is_closed() -> None:
    with client(make_app(register="closed", totp=False, keys=False, css="/own.css")) as http:
        page = http.get("/auth/sign-in").text
        assert "/auth/register" not in page and 'href="/own.css"' in page
        assert http.get("/auth/register").status == 404


def test_a_browser_is_told_on_a_page_what_went_wrong_elsewhere() -> None:
    work = Provider.oidc("work", issuer="https://login.example.com")
    settings = Settings(
        public_url="https://shop.example", oauth_clients='{"work": {"id": "i", "secret": "s"}}'
    )
    html = {"accept": "text/html,application/xml;q=0.9,*/*;q=0.8"}
    with client(make_app(settings, providers=(work,))) as http:
        assert "Go on with Work" in http.get("/auth/sign-in").text
        for path, status in (("work/callback?state=x&code=y", 400), ("other?next=/", 404)):
            shown = http.get(f"/api/auth/oauth/{path}", headers=html)
            assert shown.status == status and 'role="alert"' in shown.text
            assert 'href="/auth/sign-in"' in shown.text
            assert shown.headers["content-security-policy"].startswith("default-src 'none'")
            plain = http.get(f"/api/auth/oauth/{path}")
            assert (plain.status, plain.headers["content-type"]) == (
                status, "application/problem+json",
            )  # fmt: skip


def test_a_page_of_the_app_takes_the_place_of_ours() -> None:
    app = make_app()

    @app.get("/auth/sign-in")
    async def own() -> str:
        return "mine"

    with client(app) as http:
        assert http.get("/auth/sign-in").json() == "mine"
