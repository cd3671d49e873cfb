"""A safe whose `secret` the attacker is after, in several ways of hiding it, and the attacker.

In: a database and how the secret is hidden.   Out: an app, and what an attacker could make of it.
The attacker is a user who may read and change every safe but for the secret, owns a safe with a
secret of its own as a ruler, and knows the first two letters of the other one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stanchion import (
    App,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    Settings,
    Transaction,
    UserRecord,
    back,
    owner,
    public,
    role,
)
from stanchion.query import Actor
from tests.conformance.engines import url

from .asking import Answer, Asking

LETTERS = "abcdefghijklmnop"  # four bits each
LENGTH = 16
KNOWN = "kq"
USER, SAFE, BOX = "0190000a", "0190000b", "0190000c"
BUDGET = 2_000


def make_id(kind: str, number: int) -> str:
    return f"{kind}-0000-7000-8000-{number:012x}"


VICTIM, OWN, NEW = (make_id(SAFE, n) for n in (1, 2, 3))
THEIR_BOX, OWN_BOX = make_id(BOX, 1), make_id(BOX, 2)
VICTIM_OWNER, ATTACKER = make_id(USER, 1), make_id(USER, 2)

HIDING: dict[str, dict[str, Any]] = {
    "nobody reads it": {"read": False, "unique": True, "search": True},
    "the caller has not the role": {"read": role("boss"), "unique": True, "search": True},
    "a rule on the row": {"read": owner("owner"), "unique": True},
    "a rule through a reference": {"read": "record.owner.role == 'boss'", "unique": True},
}
OPEN: dict[str, Any] = {"unique": True, "search": True}


def make_app(database: Path, secret: str, hiding: dict[str, Any], rows: Any = public) -> App:
    """The safes; `hiding` is what is said of the secret, `rows` the read rule of a safe."""
    app = App("Safes", settings=Settings(database_url=url(database)))
    app.runtime.change_schema = True

    @app.collection("users")
    class User(UserRecord):
        role: Literal["member", "boss"] = "member"
        safes: Many[Safe] = back("owner")
        rules = Rules(read=public)

    @app.collection("safes")
    class Safe(Record):
        name: str = Field(search=True)
        owner: Ref[User]
        secret: str | None = Field(default=None, **hiding)
        boxes: Many[Box] = back("safe")
        rules = Rules(read=rows, create=owner("owner"), update=public, delete=owner("owner"))

    @app.collection("boxes")
    class Box(Record):
        name: str
        safe: Ref[Safe]
        rules = Rules(read=public)

    @app.seed
    async def plant(tx: Transaction) -> None:
        for number in (1, 2):
            user, safe = make_id(USER, number), make_id(SAFE, number)
            await tx.create(User(id=user, email=f"{number}@x"))
            value = secret if number == 1 else None
            await tx.create(Safe(id=safe, name=f"safe {number}", owner=user, secret=value))
            await tx.create(Box(id=make_id(BOX, number), name="box", safe=safe))

    return app


@dataclass
class Attacker:
    """What is asked, and every answer: status, headers and body, but for the request's id."""

    asking: Asking
    told: list[tuple[str, int, Any, bytes]] = field(default_factory=list)
    actor: Actor = field(
        default_factory=lambda: Actor(
            "user",
            {"id": ATTACKER, "email": "2@x", "verified": False, "admin": False,
             "disabled": False, "role": "member", "version": 1},
        )
    )  # fmt: skip

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        answer = self.asking.ask(self.actor, method, path, query, body)
        headers = {k: v for k, v in answer.headers.items() if k != "x-request-id"}
        self.told.append((f"{method} {path} {query} {body}", answer.status, headers, answer.body))
        return answer

    def keys(self, path: str, **query: str) -> list[str]:
        """The ids that a list answers; nothing where it answers otherwise."""
        answer = self.ask("GET", path, None, **query)
        return [i["id"] for i in answer.json["items"]] if answer.status == 200 else []

    # one bit: does the secret stand below a guess, or begin with it?

    def by_filter(self, guess: str) -> bool:
        return VICTIM in self.keys("/api/safes", filter=f'secret < "{guess}"', fields="id")

    def by_negation(self, guess: str) -> bool:
        return VICTIM in self.keys("/api/safes", filter=f'!(secret >= "{guess}")')

    def by_total(self, guess: str) -> bool:
        text = f'id == "{VICTIM}" && secret < "{guess}"'
        answer = self.ask("GET", "/api/safes", filter=text, total="true", limit="1")
        return bool(answer.json.get("total"))

    def by_count(self, guess: str) -> bool:
        text = f'id == "{VICTIM}" && secret < "{guess}"'
        answer = self.ask("GET", "/api/safes/_aggregate", filter=text, count="true")
        return "items" in answer.json and answer.json["items"][0]["count"] == 1

    def set_ruler(self, guess: str) -> bool:
        """Whether the own safe holds the guess now; the very secret is taken."""
        return self.ask("PATCH", f"/api/safes/{OWN}", {"secret": guess}).status == 200

    def by_sort(self, guess: str) -> bool:
        held = self.set_ruler(guess)
        return held and self.keys("/api/safes", sort="secret")[:1] == [VICTIM]

    def by_page(self, guess: str) -> bool:
        held = self.set_ruler(guess)
        return held and self.keys("/api/safes", sort="-secret", limit="1") == [OWN]

    def by_path(self, guess: str) -> bool:
        return THEIR_BOX in self.keys("/api/boxes", filter=f'safe.secret < "{guess}"')

    def by_path_sort(self, guess: str) -> bool:
        held = self.set_ruler(guess)
        return held and self.keys("/api/boxes", sort="safe.secret")[:1] == [THEIR_BOX]

    def by_macro(self, guess: str) -> bool:
        text = f'safes.exists(s, s.secret < "{guess}")'
        return VICTIM_OWNER in self.keys("/api/users", filter=text)

    def by_deep_macro(self, guess: str) -> bool:
        text = f'!safe.owner.safes.all(s, s.secret >= "{guess}")'
        return THEIR_BOX in self.keys("/api/boxes", filter=text)

    def by_start(self, guess: str) -> bool:
        return VICTIM in self.keys("/api/safes", filter=f'secret.startsWith("{guess}")')

    def by_search(self, guess: str) -> bool:
        return VICTIM in self.keys("/api/safes", q=guess)

    # all at once, where it is told at all

    def read_out(self) -> None:
        """Every answer that could hold the secret as it is."""
        self.set_ruler("zz")
        for query in (
            {}, {"fields": "id,secret"}, {"sort": "secret", "limit": "1"}, {"sort": "-secret"},
            {"sort": "owner,secret", "limit": "1"}, {"expand": "boxes", "total": "true"},
        ):  # fmt: skip
            self.ask("GET", "/api/safes", None, **query)
        for query in ({}, {"fields": "secret"}, {"expand": "owner"}):
            self.ask("GET", f"/api/safes/{VICTIM}", None, **query)
            self.ask("HEAD", f"/api/safes/{VICTIM}", None, **query)
        for query in ({"expand": "safe"}, {"expand": "safe", "fields": "safe.secret"},
                      {"sort": "safe.secret", "limit": "1"}):  # fmt: skip
            self.ask("GET", "/api/boxes", None, **query)
        for query in ({"expand": "safes"}, {"expand": "safes", "fields": "safes.secret"}):
            self.ask("GET", "/api/users", None, **query)
        for word in ("group", "min", "max", "sum", "avg"):
            self.ask("GET", "/api/safes/_aggregate", None, **{word: "secret"}, count="true")
            self.ask("GET", "/api/boxes/_aggregate", None, **{word: "safe.secret"}, count="true")
        for query in ({"secret": "x"}, {"filter": "secrt == 1"}, {"sort": "secre"},
                      {"filter": "secret == 1"}, {"filter": "size(secret) < 20"},
                      {"filter": "has(secret)"}, {"filter": "secret == null"},
                      {"filter": "secret == name"}, {"filter": 'secret.contains("a")'},
                      {"expand": "secret"}, {"q": KNOWN}):  # fmt: skip
            self.ask("GET", "/api/safes", None, **query)
        self.ask("GET", "/api/_schema")

    def try_writes(self, value: str) -> None:
        """Writes that would tell by their answer whether a guess of the secret is right."""
        near = value[:-1] + ("a" if value[-1] != "a" else "b")
        for guess in (near, value[:8], KNOWN, None, 5):
            body = {"id": NEW, "name": "new", "owner": ATTACKER, "secret": guess}
            self.ask("POST", "/api/safes", body)
            self.ask("DELETE", f"/api/safes/{NEW}")
            self.ask("PATCH", f"/api/safes/{OWN}", {"secret": guess})
        self.ask("DELETE", f"/api/safes/{VICTIM}")
        self.ask("PATCH", f"/api/safes/{VICTIM}", {"name": "renamed"})
        self.ask("PATCH", f"/api/safes/{VICTIM}", {"secret": value})
        self.ask("GET", f"/api/safes/{VICTIM}", fields="id,name")
        self.ask("PATCH", f"/api/safes/{VICTIM}", {"secret": near})


BITS: dict[str, Callable[[Attacker, str], bool]] = {
    "filter": Attacker.by_filter, "negation": Attacker.by_negation, "total": Attacker.by_total,
    "count": Attacker.by_count, "sort": Attacker.by_sort, "page": Attacker.by_page,
    "path": Attacker.by_path, "path in sort": Attacker.by_path_sort, "macro": Attacker.by_macro,
    "deep macro": Attacker.by_deep_macro,
}  # fmt: skip
STARTS = {"startsWith": Attacker.by_start, "search": Attacker.by_search}


def recover(attacker: Attacker, below: Callable[[Attacker, str], bool]) -> str:
    """The secret by halves: four questions for each letter."""
    found = KNOWN
    for _ in range(LENGTH):
        low, high = 0, len(LETTERS)
        while high - low > 1:
            middle = (low + high) // 2
            if below(attacker, found + LETTERS[middle]):
                high = middle
            else:
                low = middle
        found += LETTERS[low]
    return found


def recover_by_start(attacker: Attacker, begins: Callable[[Attacker, str], bool]) -> str:
    """The secret letter by letter; the last of the alphabet is taken where none other fits."""
    found = KNOWN
    for _ in range(LENGTH):
        found += next((c for c in LETTERS[:-1] if begins(attacker, found + c)), LETTERS[-1])
    return found


def attack(attacker: Attacker, search: bool) -> dict[str, str]:
    """What the attacker takes the secret for, by each way."""
    found = {name: recover(attacker, below) for name, below in BITS.items()}
    for name, begins in STARTS.items():
        if search or name != "search":
            found[name] = recover_by_start(attacker, begins)
    attacker.read_out()
    return found


CURSOR = re.compile(rb'"next":"([A-Za-z0-9_-]+)"')


def in_the_open(attacker: Attacker, secret: str) -> list[str]:
    """The questions whose answers hold the secret, in the open or in a cursor, and do not
    repeat a question that does."""
    held = []
    for asked, _, headers, body in attacker.told:
        cursors = [base64.urlsafe_b64decode(c + b"==") for c in CURSOR.findall(body)]
        said = [body, str(headers).encode(), *cursors]
        if secret not in asked and any(secret.encode() in text for text in said):
            held.append(asked)
    return held
