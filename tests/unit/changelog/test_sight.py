"""What a reader of the change log is told where its rules cross references."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stanchion import (
    App,
    Field,
    Gap,
    LogReader,
    Many,
    Record,
    Ref,
    Rules,
    Settings,
    UserRecord,
    back,
    owner,
    public,
)
from stanchion.changelog.past import Past
from stanchion.changelog.trim import Keep, trim
from stanchion.engines import Ask
from tests.conformance.engines import url

Told = tuple[str, str, Any, Any]


class AtEnd(Exception):
    """The reader came to the end of the log."""


class Shop:
    """An app, and what its tests ask of it."""

    def __init__(self, folder: Path) -> None:
        app = App("Shop", settings=Settings(database_url=url(Path(folder, "shop.db"))))

        @app.collection("users")
        class User(UserRecord):
            rules = Rules(read=public)

        @app.collection("orders")
        class Order(Record):
            customer: Ref[User]
            state: str = "open"
            pin: str = Field(default="1", read=False)
            rules = Rules(read=owner("customer"))

        @app.collection("lines")
        class Line(Record):
            order: Ref[Order] = Field(on_delete="cascade")
            amount: int = 0
            note: str = Field(default="", read="record.order.state == 'open'")
            cost: int = Field(default=0, read="record.order.pin == '1'")
            rules = Rules(read="record.order.customer == auth.id")

        @app.collection("teams")
        class Team(Record):
            members: Many[Member] = back("team")
            rules = Rules(read="record.members.exists(m, m.user == auth.id)")

        @app.collection("members")
        class Member(Record):
            team: Ref[Team] = Field(on_delete="cascade")
            user: Ref[User]

        @app.collection("posts")
        class Post(Record):
            team: Ref[Team] = Field(on_delete="cascade")
            amount: int = 0
            rules = Rules(read="record.team.members.exists(m, m.user == auth.id)")

        @app.collection("secrets")
        class Secret(Record):
            order: Ref[Order] = Field(on_delete="cascade")
            amount: int = 0
            rules = Rules(read="record.order.pin != '2'")

        @app.collection("news")
        class News(Record):
            amount: int = 0
            until: datetime
            rules = Rules(read="record.until < now")

        self.app, self.user, self.order, self.line = app, User, Order, Line
        self.team, self.member, self.post = Team, Member, Post
        self.secret, self.news = Secret, News

    def write(self) -> Any:
        return self.app.transaction(actor=self.app.system())

    async def make(self, kind: Any, **values: Any) -> Any:
        async with self.write() as tx:
            return await tx.create(kind(**values))

    async def people(self) -> tuple[Any, Any]:
        return await self.make(self.user, email="a@x"), await self.make(self.user, email="b@x")

    async def told(self, who: Any, *kinds: Any, name: str = "late") -> list[Told]:
        """What a reader is told that was not told before: where, what, and the amounts."""
        told: list[Told] = []
        async with self.app.changes(name, *kinds, actor=who, from_start=True) as reader:
            while (change := await self.next_of(reader)) is not None:
                before, after = change.before or {}, change.after or {}
                amounts = before.get("amount"), after.get("amount")
                told.append((change.collection, change.operation, *amounts))
        return told

    @staticmethod
    async def next_of(reader: LogReader) -> Any:
        """The next item, or None where the reader would wait."""
        try:
            return await anext(reader)
        except AtEnd:
            return None

    async def end_instead_of_waiting(self) -> None:
        async def end(*_: object) -> None:
            raise AtEnd

        engine: Any = (await self.app.runtime.records()).engine
        engine.wait_for_commit = end


def in_shop(folder: Path, act: Callable[[Shop, Any, Any], Awaitable[None]]) -> None:
    async def main() -> None:
        shop = Shop(folder)
        try:
            await shop.end_instead_of_waiting()
            ann, bob = await shop.people()
            await act(shop, ann, bob)
        finally:
            await shop.app.runtime.close()

    asyncio.run(main())


def test_a_delete_that_came_with_its_parents_is_told(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id)
        await shop.make(shop.line, order=order.id, amount=1)
        assert await shop.told(ann, shop.line, name="prompt") == [("lines", "create", None, 1)]
        async with shop.write() as tx:
            await tx.delete(shop.order, order.id)
        assert await shop.told(ann, shop.line, name="prompt") == [("lines", "delete", 1, None)]
        late = [("lines", "create", None, 1), ("lines", "delete", 1, None)]
        assert await shop.told(ann, shop.line) == late, "a late reader is told the same"
        assert await shop.told(bob, shop.line, name="bob") == []

    in_shop(tmp_path, act)


def test_a_parent_is_looked_up_once_for_all_that_went_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id)
        async with shop.write() as tx:
            for amount in range(30):
                await tx.create(shop.line(order=order.id, amount=amount))
        async with shop.write() as tx:
            await tx.delete(shop.order, order.id)
        loaded = 0
        load = Past._load

        async def counted(past: Past, *what: Any) -> Any:
            nonlocal loaded
            loaded += 1
            return await load(past, *what)

        monkeypatch.setattr(Past, "_load", counted)
        assert len(await shop.told(ann, shop.line)) == 60
        assert loaded == 2, "once after the lines were made, once before all of it was deleted"

    in_shop(tmp_path, act)


def test_what_was_written_under_another_owner_is_not_shown(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=bob.id)
        line = await shop.make(shop.line, order=order.id, amount=111)
        async with shop.write() as tx:
            await tx.update(shop.line, line.id, amount=112)
        async with shop.write() as tx:
            await tx.update(shop.order, order.id, customer=ann.id)
        async with shop.write() as tx:
            await tx.update(shop.line, line.id, amount=5)
        assert await shop.told(ann, shop.line) == [("lines", "update", 112, 5)]
        theirs = [("lines", "create", None, 111), ("lines", "update", 111, 112)]
        assert await shop.told(bob, shop.line, name="bob") == theirs

    in_shop(tmp_path, act)


def test_a_change_of_the_owner_is_told_as_one_of_the_order_alone(tmp_path: Path) -> None:
    """The limit: no row of the lines was written, so nothing is told of them."""

    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id)
        await shop.make(shop.line, order=order.id, amount=1)
        async with shop.write() as tx:
            await tx.update(shop.order, order.id, customer=bob.id)
        seen = await shop.told(ann, shop.order, shop.line)
        assert [t[:2] for t in seen] == [
            ("orders", "create"), ("lines", "create"), ("orders", "delete"),
        ]  # fmt: skip
        assert [t[:2] for t in await shop.told(bob, name="bob")][2:] == [("orders", "create")]

    in_shop(tmp_path, act)


def test_a_transaction_is_judged_as_a_whole(tmp_path: Path) -> None:
    """What stood between its steps nobody could ever read."""

    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id)
        line = await shop.make(shop.line, order=order.id, amount=1)
        async with shop.write() as tx:
            await tx.update(shop.line, line.id, amount=999)
            await tx.update(shop.order, order.id, customer=bob.id)
        assert await shop.told(ann, shop.line) == [
            ("lines", "create", None, 1), ("lines", "delete", 1, None),
        ]  # fmt: skip
        assert await shop.told(bob, shop.line, name="bob") == [("lines", "create", None, 999)]

    in_shop(tmp_path, act)


def test_what_a_record_was_between_two_steps_is_told_to_the_system_alone(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id, state="hers")
        async with shop.write() as tx:
            await tx.update(shop.order, order.id, state="not for her")
            await tx.update(shop.order, order.id, customer=bob.id)
        async with shop.write() as tx:
            await tx.update(shop.order, order.id, customer=ann.id)
            await tx.update(shop.order, order.id, customer=bob.id, state="his")

        async def states(who: Any, name: str) -> list[tuple[Any, ...]]:
            found = []
            async with shop.app.changes(name, shop.order, actor=who, from_start=True) as reader:
                while (change := await shop.next_of(reader)) is not None:
                    sides = change.before or {}, change.after or {}
                    found.append((change.operation, *(side.get("state") for side in sides)))
            return found

        assert await states(ann, "ann") == [("create", None, "hers"), ("delete", "hers", None)]
        assert await states(bob, "bob") == [
            ("create", None, "not for her"), ("update", "not for her", "his"),
        ]  # fmt: skip
        assert len(await states(shop.app.system(), "system")) == 5

    in_shop(tmp_path, act)


def test_a_record_that_is_gone_and_back_in_one_transaction_is_changed(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id)
        line = await shop.make(shop.line, order=order.id, amount=1)
        async with shop.write() as tx:
            await tx.delete(shop.line, line.id)
            await tx.create(shop.line(id=line.id, order=order.id, amount=2))
            passing = await tx.create(shop.line(order=order.id, amount=3))
            await tx.delete(shop.line, passing.id)
        assert await shop.told(ann, shop.line) == [
            ("lines", "create", None, 1), ("lines", "update", 1, 2),
        ]  # fmt: skip

    in_shop(tmp_path, act)


def test_fields_follow_the_references_of_their_time(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id, state="shut")
        line = await shop.make(shop.line, order=order.id, note="old")
        async with shop.write() as tx:
            await tx.update(shop.order, order.id, state="open")
        async with shop.write() as tx:
            await tx.update(shop.line, line.id, note="new")
        async with shop.app.changes("a", shop.line, actor=ann, from_start=True) as reader:
            made, changed = [await anext(reader) for _ in range(2)]
        assert not isinstance(made, Gap) and not isinstance(changed, Gap)
        assert made.after is not None and "note" not in made.after
        assert changed.before is not None and changed.after is not None
        assert (changed.before["note"], changed.after["note"]) == ("old", "new")
        assert "cost" not in changed.after, "its rule asks a secret field of the order"

    in_shop(tmp_path, act)


def test_members_of_that_time_are_told(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        team = await shop.make(shop.team)
        await shop.make(shop.post, team=team.id, amount=1)
        member = await shop.make(shop.member, team=team.id, user=ann.id)
        await shop.make(shop.member, team=team.id, user=bob.id)
        await shop.make(shop.post, team=team.id, amount=2)
        async with shop.write() as tx:
            await tx.delete(shop.member, member.id)
        await shop.make(shop.post, team=team.id, amount=3)
        async with shop.write() as tx:
            await tx.delete(shop.team, team.id)
        assert await shop.told(ann, shop.post) == [("posts", "create", None, 2)]
        told = await shop.told(bob, shop.post, name="bob")
        assert told[:2] == [("posts", "create", None, 2), ("posts", "create", None, 3)]
        assert sorted(told[2:]) == [("posts", "delete", n, None) for n in (1, 2, 3)]

    in_shop(tmp_path, act)


def test_a_rule_that_asks_a_secret_of_another_record_is_never_met(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id)
        await shop.make(shop.secret, order=order.id, amount=1)
        assert await shop.told(ann, shop.secret) == []

    in_shop(tmp_path, act)


def test_a_row_that_the_types_of_today_refuse_is_left_out(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        order = await shop.make(shop.order, customer=ann.id)
        await shop.make(shop.line, order=order.id, amount=1)
        await shop.make(shop.line, order=order.id, amount=2)

        def spoil() -> Any:
            yield Ask('update _changes set after=replace(after,\'"amount":1\',\'"amount":"x"\')')

        await shop.app.runtime.engine.write(spoil)
        assert await shop.told(ann, shop.line) == [("lines", "create", None, 2)]

    in_shop(tmp_path, act)


@pytest.mark.parametrize("together", [False, True], ids=["apart", "in one transaction"])
def test_what_is_trimmed_before_it_is_judged_is_a_gap(tmp_path: Path, together: bool) -> None:
    """Nobody knows any more whose order it was; by today's owner Ann would be shown Bob's line."""

    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        async with contextlib.AsyncExitStack() as stack:
            tx = await stack.enter_async_context(shop.write())
            hers = await tx.create(shop.order(customer=ann.id))
            await tx.create(shop.line(order=hers.id, amount=1))
            if not together:
                await stack.aclose()
                tx = await stack.enter_async_context(shop.write())
            his = await tx.create(shop.order(customer=bob.id))
            await tx.create(shop.line(order=his.id, amount=111))
        async with shop.app.changes("a", shop.line, actor=ann, from_start=True) as reader:
            assert not isinstance(await anext(reader), Gap)  # his was read with it, and waits
            async with shop.write() as tx:
                await tx.update(shop.order, his.id, customer=ann.id)
            await shop.app.runtime.engine.write(
                lambda: trim(Keep(7, 1), shop.app.runtime.engine.name)
            )
            await shop.make(shop.line, order=hers.id, amount=2)
            assert isinstance(await anext(reader), Gap)
            assert (await shop.next_of(reader)).after["amount"] == 2
            assert await shop.next_of(reader) is None

    in_shop(tmp_path, act)


def test_the_clock_is_that_of_the_change(tmp_path: Path) -> None:
    async def act(shop: Shop, ann: Any, bob: Any) -> None:
        until = datetime.now(UTC) + timedelta(seconds=1.5)
        news = await shop.make(shop.news, amount=1, until=until)
        async with shop.write() as tx:
            await tx.update(shop.news, news.id, amount=2)
        await asyncio.sleep(1.6)
        assert await shop.told(ann, shop.news, name="a") == [], "drafts stay drafts"
        async with shop.write() as tx:
            await tx.update(shop.news, news.id, amount=3)
        assert await shop.told(ann, shop.news) == [("news", "update", 2, 3)]

    in_shop(tmp_path, act)
