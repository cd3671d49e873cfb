"""There and back, with a provider of OpenID Connect that nobody here wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]  # no types

from stanchion import App, Field, Provider, Rules, Settings, SignIn, UserRecord, clock
from stanchion.errors import SettingError
from stanchion.testing import Client, Response, as_actor, client
from tests.api.test_canaries import TABLES

from .conftest import HOME
from .people import Browser

CLIENTS = json.dumps(
    {name: {"id": "shop", "secret": "a secret of both"} for name in ("work", "other")}
)
STATE, SESSION = "__Host-oauth", "__Host-session"


def make_app(issuer: str, register: Any = "open", **more: Any) -> App:
    settings = Settings(public_url=HOME, oauth_clients=CLIENTS)
    app = App("Shop", settings=settings)
    factors = more.pop("totp", False)
    given: dict[str, Any] = {"vouches": True, **more}

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50)
        sign_in = SignIn(
            register=register,
            totp=factors,
            providers=(
                Provider.oidc("work", issuer=issuer, title="Work", **given),
                Provider.oidc("other", issuer=issuer),
            ),
        )
        rules = Rules(read="record.id == auth.id")

    return app


@pytest.fixture
def http(issuer: str) -> Iterator[Client]:
    with client(make_app(issuer)) as running:
        yield running


def begin(http: Client, provider: str = "work", next: str = "/") -> tuple[str, str]:
    """Where the browser is sent, and the cookie that it keeps."""
    answer = http.get(f"/api/auth/oauth/{provider}", params={"next": next})
    assert answer.status == 303, answer.text
    return answer.headers["location"], kept(answer, STATE)


def kept(answer: Response, name: str) -> str:
    said, _, rest = answer.headers["set-cookie"].partition(";")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(rest.strip().split("; "))
    found, _, value = said.partition("=")
    assert found == name
    return value


def finish(http: Client, address: str, cookie: str, **headers: str) -> Response:
    parts = urlsplit(address)
    url = f"{parts.path}?{parts.query}"
    return http.get(url, headers={"cookie": f"{STATE}={cookie}", **headers})


def come_in(http: Client, browser: Browser, name: str, provider: str = "work") -> Response:
    address, cookie = begin(http, provider)
    return finish(http, browser.sign_in(address, name, HOME), cookie)


def me(http: Client, answer: Response) -> Any:
    assert answer.status == 303, answer.text
    cookie = {"cookie": f"{SESSION}={kept(answer, SESSION)}"}
    return http.get("/api/auth/me", headers=cookie).json()["user"]


def test_a_new_person_comes_in_and_is_known_again(http: Client, browser: Browser) -> None:
    address, cookie = begin(http, next="/orders?open=1")
    asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{HOME}/api/auth/oauth/work/callback"
    assert len(asked["nonce"]) >= 40
    assert asked["state"] == cookie
    answer = finish(http, browser.sign_in(address, "ann", HOME), cookie)
    assert answer.headers["location"] == "/orders?open=1"
    assert answer.headers["cache-control"] == "no-store"
    ann = me(http, answer)
    assert (ann["email"], ann["name"], ann["verified"]) == ("ann@example.com", "The ann", True)
    with Browser() as again:
        assert me(http, come_in(http, again, "ann"))["id"] == ann["id"]
    with Browser() as other:
        assert me(http, come_in(http, other, "bob"))["id"] != ann["id"]


BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_browser_gets_the_page_for_the_second_factor(issuer: str, browser: Browser) -> None:
    with client(make_app(issuer, totp=True)) as http:
        first = kept(come_in(http, browser, "ann"), SESSION)
        ann = {"cookie": f"{SESSION}={first}", "sec-fetch-site": "same-origin"}
        begun = http.post("/api/auth/totp", {}, headers=ann).json()
        totp = pyotp.TOTP(begun["secret"])
        proof = {"ticket": begun["ticket"], "code": totp.at(clock.now())}
        codes = http.post("/api/auth/totp/confirm", proof, headers=ann).json()["recovery_codes"]
        address, cookie = begin(http, next="/orders")
        shown = finish(http, browser.sign_in(address, "ann", HOME), cookie, accept=BROWSERS)
        assert shown.status == 200 and shown.headers["content-type"].startswith("text/html")
        assert kept_cookies(shown) == {STATE: ""}, "nobody is signed in yet"
        ticket = re.search('name="ticket" value="([^"]+)"', shown.text)
        assert ticket is not None
        form = urlencode({"ticket": ticket[1], "code": codes[0], "next": "/orders"}).encode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        done = http.request("POST", "/auth/second-factor", headers=ann | kind, content=form)
        assert (done.status, done.headers["location"]) == (303, "/orders")
        address, cookie = begin(http)
        program = finish(http, browser.sign_in(address, "ann", HOME), cookie)
        assert program.json()["second_factor"] == ["totp", "recovery"]


def kept_cookies(answer: Response) -> dict[str, str]:
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    return {name: value}


def test_what_is_brought_back_is_used_once(http: Client, browser: Browser) -> None:
    address, cookie = begin(http)
    back = browser.sign_in(address, "ann", HOME)
    assert finish(http, back, cookie).status == 303
    again = finish(http, back, cookie)
    assert (again.status, again.json()["code"]) == (400, "auth.way_unknown")


@pytest.mark.parametrize("cookie", ["", "another", "begun elsewhere"])
def test_another_browser_cannot_finish_it(http: Client, browser: Browser, cookie: str) -> None:
    """Else a link would sign somebody in to the account of whoever wrote it."""
    address, _ = begin(http)
    other = begin(http)[1] if cookie == "begun elsewhere" else cookie
    answer = finish(http, browser.sign_in(address, "ann", HOME), other)
    assert (answer.status, answer.json()["code"]) == (400, "auth.way_unknown")
    assert "set-cookie" not in answer.headers


def test_it_takes_ten_minutes_at_most(http: Client, browser: Browser) -> None:
    address, cookie = begin(http)
    back = browser.sign_in(address, "ann", HOME)
    late = clock.now_ns() + 601 * 10**9
    clock.use(lambda: late)
    try:
        assert finish(http, back, cookie).json()["code"] == "auth.way_unknown"
    finally:
        clock.use(None)


def test_who_says_no_there_is_not_let_in(http: Client) -> None:
    address, cookie = begin(http)
    state = parse_qs(urlsplit(address).query)["state"][0]
    url = f"{HOME}/api/auth/oauth/work/callback?error=access_denied&state={state}"
    answer = finish(http, url, cookie)
    assert (answer.status, answer.json()["code"]) == (403, "auth.provider_refused")


@pytest.mark.parametrize("query", ["iss=http%3A%2F%2Fevil.example", "iss="])
def test_another_issuer_cannot_answer(http: Client, browser: Browser, query: str) -> None:
    """RFC 9207: mix-up of providers."""
    address, cookie = begin(http)
    back = browser.sign_in(address, "ann", HOME)
    assert "iss=" in back
    changed = "&".join([part for part in back.split("&") if not part.startswith("iss=")] + [query])
    answer = finish(http, changed, cookie)
    assert (answer.status, answer.json()["code"]) == (403, "auth.provider_refused")


def test_a_way_to_one_provider_does_not_end_at_another(http: Client, browser: Browser) -> None:
    """Mix-up where a provider does not name itself: each has an address of its own."""
    address, cookie = begin(http)
    back = browser.sign_in(address, "ann", HOME)
    answer = finish(http, back.replace("work/callback", "other/callback"), cookie)
    assert (answer.status, answer.json()["code"]) == (400, "auth.way_unknown")


def test_tokens_of_a_provider_stay_in_the_server(
    http: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    ask = AsyncOAuth2Client.fetch_token

    async def watched(self: Any, *given: Any, **more: Any) -> Any:
        told.append(await ask(self, *given, **more))
        return told[-1]

    monkeypatch.setattr(AsyncOAuth2Client, "fetch_token", watched)
    address, cookie = begin(http)
    back = browser.sign_in(address, "ann", HOME)
    answer = finish(http, back, cookie)
    me(http, answer)
    secrets = [told[0]["access_token"], told[0]["id_token"]]
    assert all(len(each) > 20 for each in secrets)

    async def stored() -> str:
        engine = http.app.runtime.engine
        names = [name for (name,) in await engine.find(TABLES[engine.name], ())]
        assert "_identities" in names
        return repr([await engine.find(f'select * from "{name}"', ()) for name in names])

    rows = http.run(stored())
    for secret in secrets:
        assert secret not in repr(answer) and secret not in answer.text + str(answer.headers)
        assert secret not in rows


def test_a_code_of_another_sign_in_is_refused(http: Client, browser: Browser) -> None:
    """The verifier of PKCE is another one."""
    stolen = browser.sign_in(begin(http)[0], "ann", HOME)
    code = parse_qs(urlsplit(stolen).query)["code"][0]
    address, cookie = begin(http)
    own = browser.sign_in(address, "ann", HOME)
    own_code = parse_qs(urlsplit(own).query)["code"][0]
    answer = finish(http, own.replace(own_code, code), cookie)
    assert (answer.status, answer.json()["code"]) == (403, "auth.provider_refused")


@pytest.mark.parametrize(
    "goal",
    [
        "//evil.example", "/\\evil.example", "https://evil.example", "evil.example", "",
        "/\t/evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1", " /a", "/a b",
        "\\/evil", "/\r\n",
    ],
)  # fmt: skip
def test_the_goal_is_a_path_of_this_app(http: Client, goal: str) -> None:
    answer = http.get("/api/auth/oauth/work", params={"next": goal})
    assert (answer.status, answer.json()["code"]) == (400, "auth.goal")


@pytest.mark.parametrize("name", ["google", "WORK", "work%2f", "x" * 100])
def test_a_provider_that_is_not_listed_is_none(http: Client, name: str) -> None:
    assert http.get(f"/api/auth/oauth/{name}").status == 404


def test_an_address_that_nobody_checked_opens_nothing(http: Client, browser: Browser) -> None:
    answer = come_in(http, browser, "unproven")
    assert (answer.status, answer.json()["code"]) == (403, "auth.address_unproven")


def test_a_provider_that_does_not_vouch_opens_nothing(http: Client, browser: Browser) -> None:
    answer = come_in(http, browser, "ann", "other")
    assert (answer.status, answer.json()["code"]) == (403, "auth.address_unproven")


def test_strangers_are_not_let_in_where_registering_is_closed(
    issuer: str, browser: Browser
) -> None:
    with client(make_app(issuer, "closed")) as http:
        answer = come_in(http, browser, "ann")
        assert (answer.status, answer.json()["code"]) == (403, "auth.register_closed")


def test_a_form_is_sent_on_as_a_link(http: Client, browser: Browser) -> None:
    """As Apple answers: the browser adds no cookie to it."""
    address, cookie = begin(http)
    back = urlsplit(browser.sign_in(address, "ann", HOME))
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site"}
    sent = http.request("POST", back.path, headers=form, content=f"{back.query}&user=x".encode())
    assert sent.status == 303, sent.text
    assert "user=" not in sent.headers["location"]
    assert me(http, finish(http, sent.headers["location"], cookie))["name"] == "The ann"
    large = http.request("POST", back.path, headers=form, content=b"code=" + b"x" * 70_000)
    assert large.status == 413


def signed_in(http: Client, email: str) -> dict[str, str]:
    body = {"email": email, "password": "zebra fox lamp", "name": "Cat", "as": "token"}
    answer = http.post("/api/auth/register", body)
    return {"authorization": f"Bearer {answer.json()['token']}"}


def link(http: Client, browser: Browser, who: dict[str, str], name: str) -> Response:
    asked = http.post("/api/auth/oauth/other/link", {"next": "/me"}, headers=who)
    assert asked.status == 200, asked.text
    back = browser.sign_in(asked.json()["address"], name, HOME)
    return finish(http, back, kept(asked, STATE))


def test_who_is_signed_in_links_any_account_and_comes_in_with_it(
    http: Client, browser: Browser
) -> None:
    cat = signed_in(http, "cat@example.com")
    answer = link(http, browser, cat, "unproven")
    assert (answer.status, answer.headers["location"]) == (303, "/me")
    assert me(http, come_in(http, browser, "unproven", "other"))["email"] == "cat@example.com"
    listed = http.get("/api/auth/identities", headers=cat).json()["items"]
    assert [(one["provider"], one.get("email")) for one in listed] == [("other", None)]
    url = f"/api/auth/identities/{listed[0]['id']}"
    dan = signed_in(http, "dan@example.com")
    assert http.delete(url, headers=dan).status == 404
    taken = link(http, browser, dan, "unproven")
    assert (taken.status, taken.json()["code"]) == (409, "auth.identity_taken")
    assert http.delete(url, headers=cat).status == 204
    assert come_in(http, browser, "unproven", "other").status == 403


def test_the_last_way_in_stays(http: Client, browser: Browser) -> None:
    answer = come_in(http, browser, "ann")
    ann = {"cookie": f"{SESSION}={kept(answer, SESSION)}", "sec-fetch-site": "same-origin"}
    listed = http.get("/api/auth/identities", headers=ann).json()["items"]
    refused = http.delete(f"/api/auth/identities/{listed[0]['id']}", headers=ann)
    assert (refused.status, refused.json()["code"]) == (409, "auth.last_way_in")


def test_a_disabled_account_stays_shut(http: Client, browser: Browser) -> None:
    ann = me(http, come_in(http, browser, "ann"))
    with as_actor(http.app, http.app.system()):
        assert http.patch(f"/api/users/{ann['id']}", {"disabled": True}).status == 200
    answer = come_in(http, browser, "ann")
    assert (answer.status, answer.json()["code"]) == (403, "auth.disabled")


def test_providers_are_listed(http: Client) -> None:
    items = http.get("/api/auth/providers").json()["items"]
    assert items == [{"name": "work", "title": "Work"}, {"name": "other", "title": "Other"}]


def test_a_provider_that_is_away_is_503(issuer: str) -> None:
    nowhere = "http://127.0.0.1:9"
    with client(make_app(nowhere)) as http:
        answer = http.get("/api/auth/oauth/work")
        assert (answer.status, answer.json()["code"]) == (503, "auth.provider_unreachable")
        assert answer.headers["retry-after"] == "10"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(oauth_clients=CLIENTS), "STANCHION_PUBLIC_URL"),
        (Settings(public_url=HOME), "STANCHION_OAUTH_CLIENTS"),
        (Settings(public_url=HOME, oauth_clients="{"), "STANCHION_OAUTH_CLIENTS"),
        (Settings(public_url=HOME, oauth_clients='{"work": {"id": "a"}}'), "STANCHION_OAUTH"),
        (Settings(public_url=HOME, oauth_clients='{"work": {"id": "a", "secret": " "}}'), "STAN"),
    ],
)
def test_what_is_missing_is_said_at_the_start(settings: Settings, named: str) -> None:
    app = make_app("https://login.example.com")
    app.runtime._settings = settings
    with pytest.raises(SettingError) as told, client(app):
        pass
    assert named in str(told.value)
    assert "a secret of both" not in str(told.value)
