"""Sign-in by mail, over HTTP, on every engine: accounts, proofs, passwords, addresses, codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import mintotp
import pytest

from stanchion import App, Field, Record, Ref, Rules, Settings, SignIn, UserRecord, clock
from stanchion.engines import Ask
from stanchion.errors import DeclarationError
from stanchion.testing import Client, Response, as_actor, client

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
GOOD, BETTER = "zebra fox lamp", "seven quiet harbours"
MANY = {"mails": "1000/h", "mails_of_client": "1000/h", "registrations": "1000/h"}


def make_app(register: Any = "verified", settings: Settings | None = None, **policy: Any) -> App:
    app = App("Notebook", settings=settings)

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=50, default="")
        sign_in = SignIn(register=register, **{"codes_by_mail": True, **MANY, **policy})
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id")

    @app.collection("notes")
    class Note(Record):
        owner: Ref[User] = Field(on_delete="cascade")
        rules = Rules(read="record.owner == auth.id", write="record.owner == auth.id")

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running


@pytest.fixture
def open_http() -> Iterator[Client]:
    with client(make_app("open")) as running:
        yield running


@pytest.fixture
def later() -> Iterator[Callable[[float], None]]:
    """Moves the clock on by minutes."""
    moved = 0

    def move(minutes: float) -> None:
        nonlocal moved
        moved += int(minutes * 60e9)
        import time

        clock.use(lambda: time.time_ns() + moved)

    yield move
    clock.use(None)


def post(http: Client, path: str, headers: Any = None, **body: Any) -> Response:
    return http.post(f"/api/auth{path}", body, headers=headers)


def mail(http: Client, to: str = ANN) -> EmailMessage:
    """The newest mail to an address, after what is due was sent."""
    http.run_jobs()
    return next(each for each in reversed(http.mails) if each["To"] == to)


def token_in(message: EmailMessage) -> str:
    (found,) = set(re.findall(r"\?token=([\w-]+)", text_of(message)))
    return str(found)


def code_in(message: EmailMessage) -> str:
    found = re.search(r"^Your code: ([0-9]{6})$", text_of(message), re.MULTILINE)
    assert found is not None
    return found[1]


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def bearer(answer: Response) -> dict[str, str]:
    assert answer.status in (200, 201), answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def join(http: Client, email: str = ANN, password: str = GOOD, **fields: Any) -> dict[str, str]:
    """Make an account by mail; the headers of who is signed in then."""
    assert post(http, "/register", email=email, **fields).status == 202
    token = token_in(mail(http, email))
    return bearer(post(http, "/verify", token=token, password=password, **{"as": "token"}))


def login(http: Client, password: str = GOOD, email: str = ANN) -> Response:
    return post(http, "/login", email=email, password=password, **{"as": "token"})


def me(http: Client, headers: dict[str, str]) -> Any:
    answer = http.get("/api/auth/me", headers=headers)
    return answer.json()["user"] if answer.status == 200 else answer.status


def users(http: Client) -> list[Any]:
    with as_actor(http.app, http.app.system()):
        return list(http.get("/api/users").json()["items"])


def rows(http: Client, text: str) -> list[Any]:
    def steps() -> Any:
        return (yield Ask(text))

    return http.run(http.app.runtime.engine.write(steps))  # type: ignore[no-any-return]  # rows


# accounts


def test_an_account_is_made_by_who_has_the_address(http: Client) -> None:
    assert post(http, "/register", email="Ann@Example.com", name="Ann").status == 202
    assert users(http) == [], "nothing is made before the address is proven"
    token = token_in(mail(http))
    done = post(http, "/verify", token=token, password=GOOD, **{"as": "token"})
    user = me(http, bearer(done))
    assert (user["email"], user["name"], user["verified"]) == (ANN, "Ann", True)
    assert login(http).status == 200
    again = post(http, "/verify", token=token, password=BETTER)
    assert (again.status, again.json()["code"]) == (403, "auth.link_ended")
    assert login(http, BETTER).status == 401


def test_who_has_an_account_is_told_by_mail(http: Client) -> None:
    join(http)
    before = len(http.mails)
    assert post(http, "/register", email=ANN).status == 202
    told = mail(http)
    assert len(http.mails) == before + 1 and "You have one already" in text_of(told)
    assert "token" not in text_of(told)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "ann"}, "/email"),
        ({"email": "ann@example.com\r\nBcc: eve@example.com"}, "/email"),
        ({"email": ANN, "admin": True}, "/admin"),
        ({"email": ANN, "verified": True}, "/verified"),
        ({"email": ANN, "name": "x" * 51}, "/name"),
        ({"email": ANN, "password": GOOD}, "/password"),
        ({"email": ANN, "nothing": "x" * 20_000}, None),
    ],
)
def test_what_breaks_the_model_is_told_at_once(
    http: Client, body: dict[str, Any], pointer: str | None
) -> None:
    answer = post(http, "/register", **body)
    assert answer.status == 422
    assert pointer in [None, *(e.get("pointer") for e in answer.json()["errors"])]
    assert http.run_jobs() == 0


@pytest.mark.parametrize("password", [None, "seven77", "password1", "Notebook-ann"])
def test_a_link_is_not_used_up_by_a_bad_password(http: Client, password: Any) -> None:
    post(http, "/register", email=ANN)
    token = token_in(mail(http))
    refused = post(http, "/verify", token=token, password=password)
    assert refused.status == 422
    assert refused.json()["errors"][0]["pointer"] == "/password"
    assert post(http, "/verify", token=token, password=GOOD).status == 200


def test_two_links_make_one_account(http: Client) -> None:
    for _ in range(2):
        post(http, "/register", email=ANN)
    http.run_jobs()
    first, second = (token_in(each) for each in http.mails)
    assert post(http, "/verify", token=first, password=GOOD).status == 200
    assert post(http, "/verify", token=second, password=BETTER).status == 403
    assert login(http, BETTER).status == 401 and len(users(http)) == 1


# an address that is proven later


def test_who_is_signed_in_proves_the_address_and_keeps_all(open_http: Client) -> None:
    http = open_http
    ann = bearer(post(http, "/register", email=ANN, password=GOOD, **{"as": "token"}))
    assert me(http, ann)["verified"] is False
    assert post(http, "/verification", ann).status == 202
    token = token_in(mail(http))
    assert post(http, "/verify", ann, token=token).status == 200
    assert me(http, ann)["verified"] is True
    assert login(http).status == 200


@pytest.mark.parametrize("way", ["verify", "reset", "link", "code"])
def test_who_has_the_address_gets_an_unproven_account_without_what_was_set(
    open_http: Client, way: str
) -> None:
    """Eve makes an account with Ann's address and waits."""
    http = open_http
    eve = bearer(post(http, "/register", email=ANN, password=BETTER, **{"as": "token"}))
    another = bearer(login(http, BETTER))
    if way == "verify":
        post(http, "/verification", eve)
        body = {"token": token_in(mail(http)), "password": GOOD}
        assert post(http, "/verify", **body).status == 200
    elif way == "reset":
        post(http, "/reset", email=ANN)
        body = {"token": token_in(mail(http)), "password": GOOD}
        assert post(http, "/reset/confirm", **body).status == 204
    else:
        asked = post(http, "/code", email=ANN).json()["request"]
        sent = mail(http)
        done = (
            post(http, "/link", token=token_in(sent))
            if way == "link"
            else post(http, "/code/confirm", request=asked, code=code_in(sent))
        )
        assert done.status == 200
    assert me(http, eve) == 401 and me(http, another) == 401
    assert login(http, BETTER).status == 401
    assert login(http).status == (200 if way in ("verify", "reset") else 401)
    assert [user["verified"] for user in users(http)] == [True]
    others = rows(http, "select count(*) from _codes")
    assert others == [(0,)], "nothing that Eve asked for opens it any more"


def test_another_user_that_is_signed_in_proves_nothing(open_http: Client) -> None:
    http = open_http
    ann = bearer(post(http, "/register", email=ANN, password=GOOD, **{"as": "token"}))
    eve = bearer(post(http, "/register", email=EVE, password=BETTER, **{"as": "token"}))
    post(http, "/verification", ann)
    token = token_in(mail(http))
    assert post(http, "/verify", eve, token=token).status == 422
    assert me(http, ann)["verified"] is False and me(http, eve)["verified"] is False


# passwords


def test_a_forgotten_password_is_set_anew_and_every_session_ends(http: Client) -> None:
    ann, phone = join(http), None
    phone = bearer(login(http))
    assert post(http, "/reset", email=ANN.upper()).status == 202
    token = token_in(mail(http))
    assert me(http, ann) != 401, "asking changes nothing"
    done = post(http, "/reset/confirm", token=token, password=BETTER)
    assert (done.status, done.headers.get("set-cookie")) == (204, None), "nobody is signed in"
    assert me(http, ann) == 401 and me(http, phone) == 401
    assert login(http).status == 401 and login(http, BETTER).status == 200
    assert post(http, "/reset/confirm", token=token, password=GOOD).status == 403


def test_a_link_for_one_thing_is_none_for_another(http: Client) -> None:
    join(http)
    post(http, "/reset", email=ANN)
    token = token_in(mail(http))
    assert post(http, "/link", token=token).status == 403
    assert post(http, "/verify", token=token, password=BETTER).status == 403
    assert post(http, "/email/confirm", token=token).status == 403
    assert post(http, "/reset/confirm", token=token, password=BETTER).status == 204


@pytest.mark.parametrize(
    ("ask", "minutes"), [("/reset", 61), ("/register", 24 * 60 + 1), ("/code", 11)]
)
def test_links_end(http: Client, later: Callable[[float], None], ask: str, minutes: float) -> None:
    email = EVE if ask == "/register" else ANN
    join(http)
    post(http, ask, email=email)
    token = token_in(mail(http, email))
    later(minutes)
    answers = [
        post(http, "/reset/confirm", token=token, password=BETTER),
        post(http, "/verify", token=token, password=BETTER),
        post(http, "/link", token=token),
    ]
    assert [(a.status, a.json()["code"]) for a in answers] == [(403, "auth.link_ended")] * 3


def test_a_disabled_user_gets_nothing(http: Client) -> None:
    join(http)
    post(http, "/reset", email=ANN)
    token = token_in(mail(http))
    (user,) = users(http)
    with as_actor(http.app, http.app.system()):
        http.patch(f"/api/users/{user['id']}", {"disabled": True})
    assert post(http, "/reset/confirm", token=token, password=BETTER).status == 403
    before = len(http.mails)
    assert post(http, "/reset", email=ANN).status == 202
    assert post(http, "/code", email=ANN).status == 202
    assert post(http, "/register", email=ANN).status == 202
    http.run_jobs()
    assert len(http.mails) == before


# the address


def test_an_address_is_changed_by_who_has_the_new_one_and_the_old_one_is_told(
    http: Client,
) -> None:
    ann = join(http)
    post(http, "/reset", email=ANN)
    old_reset = token_in(mail(http))
    wrong = post(http, "/email", ann, email=BOB, password=BETTER)
    assert (wrong.status, wrong.json()["code"]) == (403, "auth.wrong_password")
    assert post(http, "/email", ann, email=BOB, password=GOOD).status == 202
    token = token_in(mail(http, BOB))
    assert me(http, ann)["email"] == ANN, "asking changes nothing"
    assert post(http, "/email/confirm", token=token).status == 204
    assert me(http, ann)["email"] == BOB
    assert BOB in text_of(mail(http, ANN))
    assert login(http, email=BOB).status == 200 and login(http).status == 401
    assert post(http, "/reset/confirm", token=old_reset, password=BETTER).status == 403
    assert post(http, "/email/confirm", token=token).status == 403


def test_an_address_that_is_taken_is_told_to_its_owner(http: Client) -> None:
    ann = join(http)
    join(http, BOB)
    answers = [post(http, "/email", ann, email=each, password=GOOD) for each in (BOB, EVE)]
    assert answers[0].status == 202 and answers[0].body == answers[1].body
    assert "belongs to another account" in text_of(mail(http, BOB))
    assert "token" not in text_of(mail(http, BOB))


def test_an_address_that_was_taken_meanwhile_stays_whose_it_is(http: Client) -> None:
    ann = join(http)
    post(http, "/email", ann, email=BOB, password=GOOD)
    token = token_in(mail(http, BOB))
    join(http, BOB)
    assert post(http, "/email/confirm", token=token).status == 409
    assert me(http, ann)["email"] == ANN
    assert http.run_jobs() == 0, "nobody is told of what did not happen"


def test_a_key_or_a_stranger_changes_no_address(http: Client) -> None:
    assert post(http, "/email", email=BOB, password=GOOD).status == 401
    assert post(http, "/verification").status == 401


# codes and links that sign in


def test_a_code_signs_in_whoever_asked_for_it(http: Client) -> None:
    join(http)
    asked = post(http, "/code", email=ANN).json()["request"]
    code = code_in(mail(http))
    other = post(http, "/code", email=ANN).json()["request"]
    wrong = post(http, "/code/confirm", request=other, code=code)
    assert wrong.status == 401, "it belongs to the request that it was made for"
    done = post(http, "/code/confirm", request=asked, code=code, **{"as": "token"})
    assert me(http, bearer(done))["email"] == ANN
    again = post(http, "/code/confirm", request=asked, code=code)
    assert (again.status, again.json()["code"]) == (401, "auth.wrong_mail_code")


def test_five_wrong_codes_end_it(http: Client) -> None:
    join(http)
    asked = post(http, "/code", email=ANN).json()["request"]
    code = code_in(mail(http))
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(5):
        assert post(http, "/code/confirm", request=asked, code=wrong).status == 401
    assert post(http, "/code/confirm", request=asked, code=code).status == 401
    assert (
        token_in(http.mails[-1])
        and post(http, "/link", token=token_in(http.mails[-1])).status == 200
    ), "the link is another secret"


def test_four_wrong_codes_do_not(http: Client) -> None:
    join(http)
    asked = post(http, "/code", email=ANN).json()["request"]
    code = code_in(mail(http))
    for _ in range(4):
        post(http, "/code/confirm", request=asked, code="nothing")
    assert post(http, "/code/confirm", request=asked, code=code).status == 200


def test_a_link_signs_in_once_and_takes_the_code_along(http: Client) -> None:
    join(http)
    asked = post(http, "/code", email=ANN).json()["request"]
    sent = mail(http)
    done = post(http, "/link", token=token_in(sent), **{"as": "token"})
    assert me(http, bearer(done))["email"] == ANN
    assert post(http, "/link", token=token_in(sent)).status == 403
    assert post(http, "/code/confirm", request=asked, code=code_in(sent)).status == 401


def test_no_text_of_a_link_or_a_code_lies_in_the_database(http: Client) -> None:
    join(http)
    asked = post(http, "/code", email=ANN).json()["request"]
    sent = mail(http)
    kept = repr(rows(http, "select * from _jobs")) + repr(rows(http, "select * from _codes"))
    assert token_in(sent) not in kept and asked not in kept
    assert not re.search(rf"(?<![0-9a-f]){code_in(sent)}(?![0-9a-f])", kept)


def test_an_app_without_codes_has_no_such_route() -> None:
    with client(make_app(codes_by_mail=False)) as http:
        assert post(http, "/code", email=ANN).status == 404
        assert post(http, "/link", token="x").status == 404


def test_an_app_without_mail_says_so(http: Client) -> None:
    http.app.runtime.mail_place.carrier = None
    for path in ("/register", "/reset", "/code"):
        answer = post(http, path, email=ANN)
        assert (answer.status, answer.json()["code"]) == (403, "auth.no_mail")


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://x.y"}])
def test_another_site_asks_for_nothing(http: Client, headers: dict[str, str]) -> None:
    for path, body in (
        ("/register", {"email": ANN}), ("/reset", {"email": ANN}), ("/code", {"email": ANN}),
        ("/link", {"token": "x"}), ("/verify", {"token": "x"}),
        ("/reset/confirm", {"token": "x", "password": GOOD}),
    ):  # fmt: skip
        answer = post(http, path, headers, **body)
        assert (answer.status, answer.json()["code"]) == (403, "auth.other_site")


# how often


def test_an_address_gets_five_mails_in_an_hour() -> None:
    with client(make_app(mails="5/h")) as http:
        for path in ("/reset", "/code", "/register", "/reset", "/reset"):
            assert post(http, path, email=ANN).status == 202
        refused = [post(http, path, email=" ANN@example.com") for path in ("/reset", "/code")]
        assert [each.status for each in refused] == [429, 429]
        assert post(http, "/reset", email=BOB).status == 202
        assert len(rows(http, "select id from _jobs")) == 6


def test_a_network_asks_for_as_many_as_the_app_says() -> None:
    with client(make_app(mails_of_client="3/h")) as http:
        told = [post(http, "/reset", email=f"{n}@example.com").status for n in range(4)]
        assert told == [202, 202, 202, 429]


def test_limits_of_mails_are_checked() -> None:
    with pytest.raises(DeclarationError):
        SignIn(mails="often")
    with pytest.raises(DeclarationError, match="verified"):
        SignIn(register="perhaps")  # type: ignore[arg-type]  # the mistake that is tested


# pages


def page(http: Client, path: str) -> Response:
    return http.get(path, headers={"sec-fetch-site": "none"})


def send(http: Client, path: str, **fields: str) -> Response:
    from urllib.parse import urlencode

    headers = {
        "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin",
    }  # fmt: skip
    return http.request("POST", path, headers=headers, content=urlencode(fields).encode())


def test_a_link_that_is_fetched_is_not_used_up(http: Client) -> None:
    join(http)
    post(http, "/code", email=ANN)
    token = token_in(mail(http))
    link = re.search(r"http://localhost(/auth/link\?token=\S+)", text_of(http.mails[-1]))
    assert link is not None
    for _ in range(3):
        shown = page(http, link[1])
        assert shown.status == 200 and ANN in shown.text and 'method="post"' in shown.text
        assert "set-cookie" not in shown.headers
        assert (
            "script" not in shown.text
            and "form-action 'self'" in (shown.headers["content-security-policy"])
        )
        assert shown.headers["referrer-policy"] == "same-origin"
        assert shown.headers["cache-control"] == "no-store"
    done = send(http, "/auth/link", token=token)
    assert done.status == 200 and "__Host-session=" in done.headers["set-cookie"]
    assert send(http, "/auth/link", token=token).status == 403
    assert page(http, link[1]).status == 403


def test_a_page_sets_a_password(http: Client) -> None:
    join(http)
    post(http, "/reset", email=ANN)
    token = token_in(mail(http))
    assert 'type="password"' in page(http, f"/auth/reset?token={token}").text
    refused = send(http, "/auth/reset", token=token, password="password1")
    assert refused.status == 422 and "most people use" in refused.text
    assert send(http, "/auth/reset", token=token, password=BETTER).status == 200
    assert login(http, BETTER).status == 200


def test_a_page_makes_an_account_and_signs_in(http: Client) -> None:
    post(http, "/register", email=ANN)
    token = token_in(mail(http))
    assert page(http, f"/auth/verify?token={token}").status == 200
    done = send(http, "/auth/verify", token=token, password=GOOD)
    cookie = done.headers["set-cookie"].partition(";")[0]
    assert me(http, {"cookie": cookie})["email"] == ANN


def test_a_page_confirms_an_address(http: Client) -> None:
    ann = join(http)
    post(http, "/email", ann, email=BOB, password=GOOD)
    token = token_in(mail(http, BOB))
    assert BOB in page(http, f"/auth/email?token={token}").text
    assert send(http, "/auth/email", token=token).status == 200
    assert me(http, ann)["email"] == BOB


def test_a_page_of_another_site_posts_to_none(http: Client) -> None:
    join(http)
    post(http, "/code", email=ANN)
    token = token_in(mail(http))
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "cross-site"}
    answer = http.request("POST", "/auth/link", headers=form, content=f"token={token}".encode())
    assert answer.status == 403 and "set-cookie" not in answer.headers
    assert send(http, "/auth/link", token=token).status == 200


@pytest.mark.parametrize("token", ["", "ml_x", '"><script>', "x" * 5000])
def test_a_page_of_no_link_says_so(http: Client, token: str) -> None:
    for name in ("verify", "reset", "email", "link"):
        shown = http.get(f"/auth/{name}", params={"token": token})
        assert shown.status == 403 and "good no longer" in shown.text
        assert "<script" not in shown.text


# with a second factor


def with_factor(http: Client, headers: dict[str, str]) -> None:
    """Let an account ask for codes of an authenticator."""
    begun = post(http, "/totp", headers).json()
    code = mintotp.hotp(begun["secret"], clock.now_ns() // 30_000_000_000)
    done = post(http, "/totp/confirm", headers, ticket=begun["ticket"], code=code)
    assert done.status == 200, done.text


@pytest.mark.parametrize("way", ["link", "code", "page", "reset"])
def test_a_mail_is_one_factor_and_no_second(way: str) -> None:
    with client(make_app(totp=True)) as http:
        ann = join(http)
        with_factor(http, ann)
        if way == "reset":
            post(http, "/reset", email=ANN)
            post(http, "/reset/confirm", token=token_in(mail(http)), password=BETTER)
            answer = login(http, BETTER)
        else:
            asked = post(http, "/code", email=ANN).json()["request"]
            sent = mail(http)
            if way == "page":
                shown = send(http, "/auth/link", token=token_in(sent))
                assert "set-cookie" not in shown.headers
                assert 'name="ticket"' in shown.text and 'name="code"' in shown.text
                return
            answer = (
                post(http, "/link", token=token_in(sent))
                if way == "link"
                else post(http, "/code/confirm", request=asked, code=code_in(sent))
            )
        assert answer.status == 200 and "set-cookie" not in answer.headers
        assert "token" not in answer.json() and "totp" in answer.json()["second_factor"]


def test_an_unproven_account_loses_its_second_factor_too() -> None:
    """Eve set one up, so that nobody else comes in."""
    with client(make_app("open", totp=True)) as http:
        eve = bearer(post(http, "/register", email=ANN, password=BETTER, **{"as": "token"}))
        with_factor(http, eve)
        post(http, "/reset", email=ANN)
        token = token_in(mail(http))
        assert post(http, "/reset/confirm", token=token, password=GOOD).status == 204
        assert me(http, bearer(login(http)))["verified"] is True
