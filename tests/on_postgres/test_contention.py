"""Held transactions that meet each other: they take turns, and nothing is lost or done twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stanchion import App, Field, Record, calc
from stanchion.engines.postgres import PostgresEngine
from stanchion.engines.postgres.turns import TakingTurns
from stanchion.errors import Unavailable
from stanchion.settings import Settings

BUYERS = 50


class Shop:
    """A counter in a database, and buyers who each count it down once."""

    def __init__(self, url: str) -> None:
        self.app = app = App("Shop", settings=Settings(database_url=url))

        @app.collection("stocks")
        class Stock(Record):
            left: int = Field(ge=0)

        self.stock = Stock
        self.told = 0

    async def fill(self) -> str:
        async with self.app.transaction(actor=self.app.system()) as tx:
            return str((await tx.create(self.stock(left=BUYERS))).id)

    async def buy(self, key: str) -> None:
        """Read, decide, write; whoever is told of a conflict comes again."""
        while True:
            try:
                async with self.app.transaction(actor=self.app.system()) as tx:
                    seen = await tx.get(self.stock, key)
                    assert seen is not None
                    await asyncio.sleep(0)
                    await tx.update_where(
                        self.stock, "id == $id", {"left": calc("left - 1")}, id=key
                    )
                return
            except Unavailable as problem:
                assert problem.code == "transaction.conflict"
                self.told += 1

    async def left(self, key: str) -> int:
        async with self.app.transaction(actor=self.app.system()) as tx:
            found = await tx.get(self.stock, key)
            assert found is not None
            return found.left

    @property
    def turns(self) -> TakingTurns:
        engine = self.app.runtime.engine
        assert isinstance(engine, PostgresEngine)
        return engine._here().turns


def run(url: str, act: Callable[[Shop], Awaitable[None]]) -> None:
    async def whole() -> None:
        shop = Shop(url)
        try:
            await act(shop)
        finally:
            await shop.app.runtime.close()

    asyncio.run(asyncio.wait_for(whole(), 60))


def test_buyers_who_all_read_what_they_change_are_told_a_few_times_and_then_queue(
    database: str,
) -> None:
    async def act(shop: Shop) -> None:
        key = await shop.fill()
        await asyncio.gather(*(shop.buy(key) for _ in range(BUYERS)))
        assert await shop.left(key) == 0
        # those that had begun side by side may be told; who comes later waits instead
        assert shop.told <= 2 * Settings().database_connections

    run(database, act)


def test_transactions_that_touch_nothing_in_common_do_not_wait_for_each_other(
    database: str,
) -> None:
    async def act(shop: Shop) -> None:
        keys = [await shop.fill() for _ in range(2)]
        both = asyncio.Barrier(2)

        async def side_by_side(key: str) -> None:
            async with shop.app.transaction(actor=shop.app.system()) as tx:
                await tx.update_where(shop.stock, "id == $id", {"left": 1}, id=key)
                await both.wait()

        async with asyncio.timeout(10):
            await asyncio.gather(*(side_by_side(key) for key in keys))

    run(database, act)


def test_a_turn_is_given_back_however_the_transaction_ends(database: str) -> None:
    async def act(shop: Shop) -> None:
        key = await shop.fill()
        shop.turns._while = 60
        shop.turns._until = asyncio.get_running_loop().time() + 60
        with pytest.raises(ZeroDivisionError):
            async with shop.app.transaction(actor=shop.app.system()) as tx:
                await tx.get(shop.stock, key)
                raise ZeroDivisionError
        dropped = await shop.app.runtime.engine.begin()
        del dropped
        held = await shop.app.runtime.engine.begin()
        waiting = asyncio.create_task(shop.buy(key))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await held.rollback()
        await waiting
        assert await shop.left(key) == BUYERS - 1

    run(database, act)
