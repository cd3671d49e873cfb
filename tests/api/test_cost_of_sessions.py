"""What it costs that somebody is signed in: no statement, no plan of their own, a little time.

In memory, where a read by id takes a third of what it takes behind the HTTP server: a quarter more
is soon reached here. `make bench ARGS=--signed-in` shows the same on the wire.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest

from stanchion import App, Field, Record, Ref, Rules, UserRecord
from stanchion.auth import sessions
from stanchion.plan.policy import Policy
from stanchion.testing import Client, client
from tests.cost import ratio_of

PEOPLE, ITEMS = 12, 96
MOST = 1.25
TRIES = 12
"""A neighbour on the same core may spoil one. What costs too much does so each time."""


def make_app() -> App:
    app = App("Costs")

    @app.collection("users")
    class User(UserRecord):
        role: str = Field(default="customer")
        rules = Rules(read="record.id == auth.id")

    @app.collection("items")
    class Item(Record):
        title: str = Field(max_length=120)
        note: str = Field(default="What there is to say about it.", max_length=400)
        price: int = Field(ge=0, index=True)
        active: bool = True
        owner: Ref[User]
        rules = Rules(
            read="record.owner == auth.id || auth.role == 'cook' || record.active",
            write="record.owner == auth.id",
        )

    app.state.item = Item
    return app


class Shop:
    """An app with items that everybody sees, and people who are signed in."""

    def __init__(self, http: Client) -> None:
        self.http = http
        self.app: Any = http.app
        self.people = [http.as_user() for _ in range(PEOPLE)]
        self.ids: list[str] = http.run(self._fill())

    async def _fill(self) -> list[str]:
        item = self.app.state.item
        async with self.app.transaction(actor=self.app.system()) as tx:
            made = [
                await tx.create(item(title=f"Item {n}", price=n, owner=Ref(self._id(n))))
                for n in range(ITEMS)
            ]
        return [str(each.id) for each in made]

    def _id(self, number: int) -> str:
        user = self.people[number % PEOPLE].user
        assert user is not None
        return str(user.id)

    def scope(self, number: int, *, signed_in: bool) -> dict[str, Any]:
        """A read by id; every other one comes from a browser."""
        path = f"/api/items/{self.ids[number]}"
        headers = [(b"host", b"localhost"), (b"user-agent", b"test")]
        token = self.people[number % PEOPLE]._token.encode()
        if signed_in and number % 2:
            headers.append((b"cookie", b"theme=dark; __Host-session=" + token))
        elif signed_in:
            headers.append((b"authorization", b"Bearer " + token))
        return {
            "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": headers, "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        }  # fmt: skip

    async def read(self, scopes: list[dict[str, Any]]) -> None:
        """Ask for all of them."""
        for scope in scopes:
            await self.app(dict(scope), _nothing_more, _refuse_refusals)

    def reads(self, *, signed_in: bool) -> list[dict[str, Any]]:
        return [self.scope(number, signed_in=signed_in) for number in range(ITEMS)]

    def ratio(self, rounds: int) -> float:
        """What a signed-in read by id costs against one of nobody."""
        nobody, somebody = self.reads(signed_in=False), self.reads(signed_in=True)
        found = self.http.run(
            ratio_of(lambda: self.read(nobody), lambda: self.read(somebody), rounds)
        )
        print(f"signed in: {found:.2f} × the processor time of nobody")
        return found


async def _nothing_more() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _refuse_refusals(message: Any) -> None:
    assert message.get("status", 200) == 200


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with client(make_app()) as http:
        yield Shop(http)


class Forgetful(dict[Any, Any]):
    """What a process remembers that remembers nothing."""

    def __setitem__(self, name: Any, value: Any) -> None:
        return


def forget_sessions(shop: Shop, patch: pytest.MonkeyPatch) -> None:
    gate = shop.app.runtime.gate
    assert gate is not None
    patch.setattr(gate.sessions, "_kept", Forgetful())


# time


def is_cheap(shop: Shop, tries: int = TRIES, rounds: int = 30) -> bool:
    return any(shop.ratio(rounds) <= MOST for _ in range(tries))


@pytest.mark.needs("reads in this process")
def test_a_signed_in_read_costs_a_quarter_more_at_most(shop: Shop) -> None:
    assert is_cheap(shop)


@pytest.mark.needs("reads in this process")
def test_planted_sessions_that_nobody_remembers_cost_too_much(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_sessions(shop, monkeypatch)
    assert not is_cheap(shop, tries=2, rounds=5)


# statements

_asked: ContextVar[list[str] | None] = ContextVar("asked", default=None)


@pytest.fixture
def noting(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Note each statement that the engine is asked by who wants to know."""
    kind: Any = type(shop.app.runtime.engine)

    def noted(ask: Callable[..., Any], text_of: Callable[[Any], str]) -> Callable[..., Any]:
        async def asked(self: Any, first: Any, *rest: Any) -> Any:
            if (texts := _asked.get()) is not None:
                texts.append(text_of(first))
            return await ask(self, first, *rest)

        return asked

    for name in ("find", "fetch"):
        monkeypatch.setattr(kind, name, noted(getattr(kind, name), str))
    monkeypatch.setattr(kind, "write", noted(kind.write, lambda job: "write"))


def check_statements(shop: Shop) -> None:
    """One statement for each read, and now and then the question what ended."""

    async def ask() -> tuple[Counter[str], float]:
        texts: list[str] = []
        _asked.set(texts)
        began = time.monotonic()
        await shop.read(shop.reads(signed_in=True))
        return Counter(texts), time.monotonic() - began

    shop.http.run(shop.read(shop.reads(signed_in=True)))
    asked, seconds = shop.http.run(ask())
    ended = asked.pop(sessions._ENDED, 0)
    assert ended <= 2 + seconds / sessions.FRESH_S
    assert list(asked.values()) == [ITEMS], asked


def test_a_session_that_is_remembered_adds_no_statement(shop: Shop, noting: None) -> None:
    check_statements(shop)


def test_planted_sessions_that_nobody_remembers_are_seen(
    shop: Shop, noting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_sessions(shop, monkeypatch)
    with pytest.raises(AssertionError):
        check_statements(shop)


# plans


def check_plans(shop: Shop) -> None:
    """People of one role share their plans: who comes later makes none."""
    plans, seen = shop.app.runtime.opened.plans.by_shape, 0
    for number, role in enumerate(["customer", "cook"] * 3):
        somebody = shop.http.as_user(role=role)
        assert somebody.user is not None
        listed = "/api/items?filter=price < 50 %26%26 active&sort=-price&limit=30"
        for path in (listed, "/api/items?limit=200", f"/api/items/{shop.ids[0]}"):
            assert somebody.get(path).status == 200
        assert somebody.get("/api/items/_aggregate?sum=price").status == 200
        body = {"title": "New", "price": 1, "owner": str(somebody.user.id)}
        assert somebody.post("/api/items", body).status == 201
        assert number < 2 or len(plans) == seen, f"{role} {number} made plans"
        seen = len(plans)


def test_plans_are_those_of_a_role(shop: Shop) -> None:
    check_plans(shop)


def test_planted_plans_for_each_caller_are_seen(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = Policy._find_profile
    monkeypatch.setattr(
        Policy, "_find_profile", lambda self, actor: replace(find(self, actor), _rows={})
    )
    with pytest.raises(AssertionError, match="made plans"):
        check_plans(shop)
