"""One app with every way in but passkeys and providers, and short ways to call it.

In: nothing.   Out: an app, people who are signed in, and what their mails hold.
"""

from __future__ import annotations

import re
from typing import Any

from stanchion import (
    App,
    CurrentUser,
    Field,
    OptionalUser,
    Record,
    Ref,
    Rules,
    Settings,
    SignIn,
    UserRecord,
    public,
    requires,
    requires_proof,
    role,
)
from stanchion.testing import Client, Response, as_actor

ANN, EVE = "ann@example.com", "eve@example.com"
GOOD, BETTER = "zebra fox lamp", "seven quiet harbours"
COOKIE = "__Host-session"
MANY = "100000/h"
UNLIMITED: dict[str, Any] = {
    "attempts": MANY, "attempts_from_anywhere": MANY, "attempts_of_client": MANY, "codes": MANY,
    "codes_from_anywhere": MANY, "registrations": MANY, "mails": MANY, "mails_of_client": MANY,
}  # fmt: skip
PATIENT = Settings(transaction_ms=60_000, write_deadline_ms=60_000, read_deadline_ms=60_000)


def make_app(settings: Settings = PATIENT, **more: Any) -> App:
    app = App("Notebook", settings=settings)
    policy = {"register": "open", "codes_by_mail": True, "totp": True, "keys": True}

    @app.collection("users")
    class User(UserRecord):
        name: str = Field(max_length=100, default="")
        role: str = Field(max_length=20, default="customer", write="auth.admin")
        sign_in = SignIn(**{**policy, **UNLIMITED, **more})
        rules = Rules(read="record.id == auth.id", update="record.id == auth.id")

    @app.collection("notes")
    class Note(Record):
        owner: Ref[User] = Field(on_delete="cascade")
        text: str = Field(max_length=1000)
        rules = Rules(read="record.owner == auth.id", write="record.owner == auth.id")

    @app.collection("prices")
    class Price(Record):
        amount: int
        rules = Rules(read=public, write=role("chief"))

    @app.get("/menu")
    async def menu(user: OptionalUser) -> str:
        return "menu"

    @app.get("/mine")
    async def mine(user: CurrentUser) -> str:
        return user.email

    @app.post("/payout", dependencies=[requires_proof()])
    async def pay_out(user: CurrentUser) -> str:
        return user.email

    @app.post("/close", dependencies=[requires(role("chief"))])
    async def close() -> str:
        return "closed"

    return app


def post(http: Client, path: str, headers: Any = None, **body: Any) -> Response:
    return http.post(f"/api/auth{path}", body, headers=headers)


def register(http: Client, email: str = ANN, **more: Any) -> dict[str, str]:
    """Make an account; the headers of who is signed in then."""
    return bearer(post(http, "/register", email=email, password=GOOD, **{"as": "token", **more}))


def bearer(answer: Response) -> dict[str, str]:
    assert answer.status in (200, 201), answer.text
    return {"authorization": f"Bearer {answer.json()['token']}"}


def cookie_of(answer: Response) -> dict[str, str]:
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


def own_id(http: Client, headers: dict[str, str]) -> str:
    return str(http.get("/api/auth/me", headers=headers).json()["user"]["id"])


def email_of(http: Client, headers: dict[str, str]) -> str | None:
    """Who these headers are taken for."""
    answer = http.get("/api/auth/me", headers=headers)
    return str(answer.json()["user"]["email"]) if answer.status == 200 else None


def as_system(http: Client, method: str, url: str, body: Any = None) -> Response:
    with as_actor(http.app, http.app.system()):
        answer = http.request(method, url, body)
    assert answer.status < 300, answer.text
    return answer


def mailed(http: Client) -> str:
    """The text of the newest mail, after what is due was sent."""
    http.run_jobs()
    part = http.mails[-1].get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def token_in(text: str) -> str:
    return str(set(re.findall(r"\?token=([\w-]+)", text)).pop())


def code_in(text: str) -> str:
    found = re.search(r"^Your code: ([0-9]{6})$", text, re.MULTILINE)
    assert found is not None
    return found[1]
