"""The people of the world, who sign in themselves: what a request carries alone says who asks.

In: a new world.   Out: accounts with a password in it, and for each of its people the headers of a
session by cookie, of one by bearer token, and of their API keys; an `Asking` that sends them.
A caller of a cell is sent as `by` says: `ann by cookie`, `ann by bearer`, or `ann by key *:write`,
which takes nothing away from who is no admin. The name of one with another key says so itself:
`ann by key tasks:read`. Who has no headers sends none.
"""

from __future__ import annotations

from typing import Any

from stanchion import App
from stanchion.auth.accounts import set_password
from stanchion.engines import AskAll, Steps
from stanchion.query import Actor

from .asking import Answer, Asking
from .world import ROWS, auth_of

PASSWORD = "seven quiet harbours"
PEOPLE = ("ann", "ben", "cat", "dan", "eve", "admin")
WHOLE = "*:write"
HOWS = ("cookie", "bearer", f"key {WHOLE}")
KEYS = (
    f"admin by key {WHOLE}",
    "ann by key *:read",
    "ann by key projects:read tasks:write",
    "ben by key tasks:read users:read",
    "cat by key projects:write seats:write rooms:read",
    "dan by key users:write reports:read",
    "eve by key rooms:write users:read",
    "admin by key projects:write vault:read",
)
"""Callers with a key of these scopes; the first takes nothing away but what no key may."""
Carried = dict[str, dict[str, str]]
"""By the name of who asks, and how: the headers of their requests."""


class People(Asking):
    """An app that is told by requests alone who asks."""

    def __init__(self, app: App, headers: Carried) -> None:
        super().__init__(app)
        self.headers = headers
        self.by = "cookie"

    def carried(self, caller: str) -> tuple[Actor | None, dict[str, str]]:
        name = caller.replace(" later", "")
        return None, self.headers.get(name if " by " in name else f"{name} by {self.by}", {})


def sign_in(opened: People) -> None:
    """Give every user a password, and let everybody in who is to ask."""
    opened.run(_give_passwords(opened.app))
    for person in PEOPLE:
        opened.headers[f"{person} by cookie"] = _cookie(_login(opened, person, "cookie"))
        opened.headers[f"{person} by bearer"] = bearer(_login(opened, person, "token").json)
    for caller in {*KEYS, *(f"{person} by key {WHOLE}" for person in PEOPLE)}:
        person, _, scopes = caller.partition(" by key ")
        session = opened.headers[f"{person} by bearer"]
        made = opened.ask(
            "anonymous", "POST", "/api/auth/keys", {},
            {"name": caller, "scopes": scopes.split()}, **session,
        )  # fmt: skip
        opened.headers[caller] = bearer(made.json)


def bearer(answer: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {answer['token']}"}


def _cookie(answer: Answer) -> dict[str, str]:
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return {"cookie": cookie, "sec-fetch-site": "same-origin"}


def _login(opened: People, person: str, kind: str) -> Answer:
    row = auth_of(person)
    assert row is not None
    body = {"email": row["email"], "password": PASSWORD, "as": kind}
    answer = opened.ask("anonymous", "POST", "/api/auth/login", {}, body)
    assert answer.status == 200, answer.body
    return answer


async def _give_passwords(app: App) -> None:
    """One hash for all: a hash takes 30 ms, and is not what is asked here."""
    gate = app.runtime.gate
    assert gate is not None
    hashed = await gate.accounts.hasher.hash(PASSWORD)

    def steps() -> Steps[None]:
        yield AskAll([set_password(key, hashed) for key in ROWS["users"]])

    await app.runtime.engine.write(steps)
