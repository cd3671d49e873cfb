"""`app.transaction()`: typed steps, conditional updates, what is taken back and what stays."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic
import pytest

from stanchion import (
    App,
    Field,
    Record,
    Ref,
    Rules,
    Settings,
    Transaction,
    UserRecord,
    calc,
    public,
)  # fmt: skip
from stanchion.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Problem,
    Unauthorized,
    Unavailable,
)  # fmt: skip
from stanchion.store.held import held_in
from stanchion.testing import Client, as_actor, client
from stanchion.transaction import TransactionBroken
from tests.conformance.engines import url


class User(UserRecord):
    role: str = "customer"
    rules = Rules(read=public, create=public)


class Item(Record):
    name: str = Field(unique=True, search=True)
    stock: int = Field(default=0, ge=0)
    bonus: int | None = None
    price: Decimal = Field(default=Decimal("1.00"), max_digits=6)
    size: float = 1.0
    big: int = Field(default=0, big=True)
    cost: int = Field(default=0, write=False)
    owner: str = ""
    extra: Any = None
    rules = Rules(read='record.owner != "hidden"', write='record.owner != "them"')


class Line(Record):
    item: Ref[Item]
    count: int = 1
    rules = Rules(read=public, write=public)


class Booking(Record):
    starts: int
    ends: int
    label: str = ""
    rules = Rules(read=public, write=public)

    @pydantic.model_validator(mode="after")
    def check_order(self) -> Booking:
        if self.ends < self.starts:
            raise ValueError("it ends before it starts")
        self.label = self.label.strip()
        return self


class Seat(Record):
    number: int = Field(unique=True)
    row: int
    side: str = "left"
    code: str | None = Field(default=None, unique=True)
    unique = (("row", "side"),)
    rules = Rules(read=public, create=public, update="record.row >= old.row")


class Safe(Record):
    code: str
    rules = Rules(read="auth != null")


def make_app(**settings: Any) -> App:
    # two seconds are short beside other work, and what ends them has tests of its own
    given = {"transaction_ms": 60_000, **settings}
    app = App("Store", settings=Settings(access_log=False, **given))
    for name, record in (
        ("users", User), ("items", Item), ("lines", Line), ("bookings", Booking), ("safes", Safe),
        ("seats", Seat),
    ):  # fmt: skip
        app.collection(name)(record)
    return app


@pytest.fixture
def app() -> App:
    return make_app()


@pytest.fixture
def http(app: App) -> Iterator[Client]:
    with client(app) as http:
        yield http


NAMES = ("stock", "price", "size", "big", "name", "extra", "id")


async def post(app: App, path: str, body: Any) -> int:
    """The status of a POST that is made in this very task."""
    statuses: list[int] = []
    sent = [{"type": "http.request", "body": json.dumps(body).encode()}]
    headers = [(b"host", b"test"), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "root_path": "", "scheme": "http",
        "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("test", 80),
    }  # fmt: skip

    async def receive() -> Any:
        return sent.pop() if sent else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


def run(http: Client, block: Any) -> Any:
    """Run `block(tx)` in a transaction of an anonymous caller."""

    async def go() -> Any:
        async with http.app.transaction() as tx:
            return await block(tx)

    return http.run(go())


def stored(http: Client, sql: str) -> list[tuple[Any, ...]]:
    async def fetch() -> list[tuple[Any, ...]]:
        return await http.app.runtime.engine.fetch(sql, ())

    return http.run(fetch())


# steps


def test_steps_are_typed_and_see_each_other(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        item = await tx.create(Item(name="Nail", stock=3, price=Decimal("2.5")))
        assert isinstance(item, Item) and item.price == Decimal("2.50") and item.version == 1
        line = await tx.create(Line(item=item.id))
        again = await tx.get(Line, line.id, expand="item")
        assert again is not None and again.item == item.id and again.item.record.name == "Nail"
        changed = await tx.update(Item, item.id, stock=4)
        assert changed.stock == 4 and changed.version == 2 and changed.created == item.created
        assert [i.name for i in await tx.list(Item, "stock >= $n", n=4)] == ["Nail"]
        assert await tx.list(Item, "stock >= $n", n=5) == []
        await tx.delete(Line, line.id)
        assert await tx.get(Line, line.id) is None

    run(http, block)
    assert stored(http, "select name,stock from items") == [("Nail", 4)]
    log = stored(http, "select collection,operation,tx from _changes order by seq")
    assert [c[:2] for c in log] == [
        ("items", "create"), ("lines", "create"), ("items", "update"), ("lines", "delete"),
    ]  # fmt: skip
    assert len({c[2] for c in log}) == 1


def test_keys_are_canonical_on_every_step(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        item = await tx.create(Item(name="Nail"))
        upper = item.id.upper()
        assert await tx.get(Item, upper) is not None
        assert (await tx.update(Item, upper, stock=1)).stock == 1
        assert (await tx.create(Line(item=Ref(upper)))).item == item.id
        with pytest.raises(NotFound):
            await tx.update(Item, "nonsense", stock=1)
        with pytest.raises(NotFound):
            await tx.delete(Item, "nonsense")

    run(http, block)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stock", 1.5), ("stock", "1"), ("stock", True), ("stock", 2**53), ("stock", -1),
        ("price", 1.5), ("price", Decimal("NaN")), ("price", Decimal("1e5000000")),
        ("price", Decimal("1e-5000000")), ("price", 10**5000), ("price", True),
        ("size", float("nan")), ("size", float("inf")), ("size", 10**400), ("size", Decimal(1)),
        ("big", 2**63), ("big", 1.0), ("name", 5), ("name", "a\0b"), ("name", "\ud800"),
        ("name", None), ("name", b"x"), ("extra", object()), ("extra", {1: 2}),
        ("extra", {"a": float("inf")}), ("extra", (1, 2)), ("extra", 10**5000),
        ("id", "nonsense"), ("id", 5), ("id", None),
    ],
    ids=lambda value: value if value in NAMES else type(value).__name__,
)  # fmt: skip
def test_values_of_python_are_refused_without_a_traceback(
    http: Client, name: str, value: Any
) -> None:
    async def block(tx: Transaction) -> None:
        item = Item(name="Nail")
        setattr(item, name, value)
        with pytest.raises(Invalid) as refused:
            await tx.create(item)
        assert [e.pointer for e in refused.value.errors] == [f"/{name}"]
        kept = await tx.create(Item(name="Kept"))
        with pytest.raises(Invalid) as refused:
            await tx.update(Item, kept.id, {name: value})
        assert {e.pointer for e in refused.value.errors} == {f"/{name}"}
        if name != "id":
            with pytest.raises(Invalid):
                await tx.update_where(Item, "", {name: value})

    run(http, block)
    assert stored(http, "select name,version from items") == [("Kept", 1)]


def test_a_circle_is_no_json(http: Client) -> None:
    circle: list[Any] = []
    circle += [circle, circle]

    async def block(tx: Transaction) -> None:
        with pytest.raises(Invalid):
            await tx.create(Item.model_construct(name="a", extra=circle))

    run(http, block)


def test_great_and_small_values_survive(http: Client) -> None:
    values = {
        "stock": 2**53 - 1, "price": Decimal("-9999.99"), "size": -0.0, "big": -(2**63),
        "extra": {"ä": [1e308, 5e-324, 10**399, None, True, "\u2028"]},
    }  # fmt: skip

    async def block(tx: Transaction) -> None:
        made = await tx.create(Item(name="🍕", **values))
        again = await tx.get(Item, made.id)
        for item in (made, again):
            assert item is not None and {k: getattr(item, k) for k in values} == values
            assert str(item.size) == "0.0" and item.name == "🍕"

    run(http, block)


def test_unknown_names_are_refused_with_a_hint(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        item = await tx.create(Item(name="Nail"))
        with pytest.raises(Invalid, match="Did you mean 'stock'"):
            await tx.update(Item, item.id, stok=1)
        with pytest.raises(Invalid, match="Did you mean 'stock'"):
            await tx.update_where(Item, "", {"stok": calc("stock + 1")})
        with pytest.raises(BadRequest):
            await tx.update_where(Item, "stok > 1", {"stock": 1})
        with pytest.raises(BadRequest):
            await tx.update_where(Item, "", {"stock": calc("name")})
        with pytest.raises(BadRequest):
            await tx.update_where(Item, "", {"stock": calc("stock + $n")})
        with pytest.raises(Invalid):
            await tx.update_where(Item, "", {})
        with pytest.raises(BadRequest):
            await tx.list(Item, limit=1001)

    run(http, block)


# the caller


def test_tx_carries_the_caller(app: App, http: Client) -> None:
    async def block(tx: Transaction) -> None:
        with pytest.raises(Unauthorized):
            await tx.create(Safe(code="x"))
        with pytest.raises(Unauthorized):
            await tx.list(Safe)
        with pytest.raises(Unauthorized):
            await tx.get(Safe, "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f")
        with pytest.raises(Forbidden):
            await tx.create(Item(name="a", owner="them"))
        made = await tx.create(Item(name="b"))
        with pytest.raises(Forbidden):
            await tx.update(Item, made.id, owner="them")
        hidden = await tx.create(Item(name="c", owner="hidden"))
        assert hidden.name == "c" and await tx.get(Item, hidden.id) is None
        with pytest.raises(NotFound):
            await tx.update(Item, hidden.id, stock=1)
        with pytest.raises(NotFound):
            await tx.delete(Item, hidden.id)
        with pytest.raises(Conflict):
            await tx.create(Line(item=hidden.id))
        gone = await tx.update(Item, made.id, owner="hidden")
        assert gone.id == made.id and not hasattr(gone, "name")

    run(http, block)


def test_only_system_sets_what_is_the_servers(app: App, http: Client) -> None:
    async def block(tx: Transaction) -> None:
        with pytest.raises(Invalid) as refused:
            await tx.create(Item(name="a", cost=3))
        assert [(e.pointer, e.code) for e in refused.value.errors] == [("/cost", "not_writable")]
        with pytest.raises(Invalid):
            await tx.create(User(email="a@x.org", **{"admin": True}))
        item = await tx.system().create(Item(name="a", cost=3))
        with pytest.raises(Invalid):
            await tx.update(Item, item.id, cost=4)
        with pytest.raises(Invalid):
            await tx.update_where(Item, "", {"cost": calc("cost + 1")})
        with pytest.raises(Invalid):
            await tx.update(Item, item.id, version=9)
        assert (await tx.system().update(Item, item.id, cost=4)).cost == 4
        boss = await tx.system().create(User(email="b@x.org", **{"admin": True}))
        assert boss.admin

    run(http, block)
    assert {a for (a,) in stored(http, "select actor from _changes")} == {"system"}


def test_system_is_the_same_transaction_past_the_rules(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        item = await tx.create(Item(name="a"))
        assert (await tx.system().update(Item, item.id, cost=3)).name == "a"
        again = await tx.get(Item, item.id)
        assert again is not None and again.cost == 3
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(http, block)
    assert stored(http, "select 1 from items") == stored(http, "select 1 from _changes") == []


def test_a_record_of_a_user_acts_with_that_users_rights(app: App, http: Client) -> None:
    async def go() -> list[str]:
        async with app.transaction(actor=app.system()) as tx:
            ann = await tx.create(User(email="ann@x.org"))
            await tx.create(Safe(code="x"))
        async with app.transaction(actor=ann) as tx:
            await tx.create(Item(name="hers"))
            return [safe.code for safe in await tx.list(Safe)]

    assert http.run(go()) == ["x"]
    ((ann,),) = stored(http, "select cast(id as text) from users")
    assert stored(http, "select actor from _changes where collection='items'") == [(ann,)]


def test_system_may_read_what_nobody_reads(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        await tx.system().create(Safe(code="x"))
        assert [s.code for s in await tx.system().list(Safe)] == ["x"]

    run(http, block)


# errors


def test_an_error_that_is_caught_takes_back_its_step_only(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        await tx.create(Item(name="a"))
        with pytest.raises(Conflict) as clash:
            await tx.create(Item(name="a"))
        assert [e.pointer for e in clash.value.errors] == ["/name"]
        await tx.create(Item(name="b"))

    run(http, block)
    assert stored(http, "select name from items order by name") == [("a",), ("b",)]


def test_an_error_that_leaves_the_block_takes_back_everything(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        await tx.create(Item(name="a"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(http, block)
    assert stored(http, "select 1 from items") == stored(http, "select 1 from _changes") == []


def test_if_version_refuses_a_stale_change(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        item = await tx.create(Item(name="a"))
        assert (await tx.update(Item, item.id, stock=1, if_version=1)).version == 2
        with pytest.raises(PreconditionFailed):
            await tx.update(Item, item.id, stock=2, if_version=1)
        with pytest.raises(PreconditionFailed):
            await tx.delete(Item, item.id, if_version=1)
        assert (await tx.update(Item, item.id, stock=1)).version == 2
        await tx.delete(Item, item.id, if_version=2)

    run(http, block)


def test_a_held_transaction_ends_with_a_clear_error() -> None:
    app = make_app(transaction_ms=100)

    async def too_long() -> None:
        async with app.transaction() as tx:
            await tx.create(Item(name="a"))
            await asyncio.sleep(0.3)
            await tx.create(Item(name="b"))

    async def too_long_before_the_end() -> None:
        async with app.transaction() as tx:
            await tx.create(Item(name="a"))
            await asyncio.sleep(0.3)

    with client(app) as http:
        for block in (too_long, too_long_before_the_end):
            with pytest.raises(Unavailable, match="100 ms") as held:
                http.run(block())
            assert held.value.code == "transaction.timeout"
        assert http.post("/api/items", {"name": "c"}).status == 201
        assert stored(http, "select name from items") == [("c",)]


# validators of the app


def test_validators_of_the_app_hold_on_every_step(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        wrong = Booking(starts=1, ends=2)
        wrong.ends = 0
        with pytest.raises(Invalid, match="it ends before it starts"):
            await tx.create(wrong)
        made = await tx.create(Booking(starts=1, ends=5))
        with pytest.raises(Invalid):
            await tx.update(Booking, made.id, starts=6)
        with pytest.raises(Invalid):
            await tx.update_where(Booking, "", {"starts": calc("starts + 5")})
        assert await tx.update_where(Booking, "", {"starts": calc("starts + 1"), "label": " x "})
        after = await tx.get(Booking, made.id)
        assert after is not None and (after.starts, after.label, after.version) == (2, "x", 2)

    run(http, block)
    log = stored(http, "select version,after from _changes order by seq")
    assert [v for v, _ in log] == [1, 2] and '"label":"x"' in log[1][1]


# conditional updates


def test_update_where_counts_what_it_changed(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        for n in range(5):
            await tx.create(Item(name=f"i{n}", stock=n))
        await tx.create(Item(name="hidden", stock=9, owner="hidden"))
        await tx.system().create(Item(name="theirs", stock=9, owner="them"))
        less = {"stock": calc("stock - $n")}
        assert await tx.update_where(Item, "stock >= $n", less, n=3) == 2
        assert await tx.update_where(Item, "stock >= $n", less, n=3) == 0
        assert await tx.update_where(Item, 'name == "i0"', {"bonus": 1, "name": "nought"}) == 1
        assert [i.name for i in await tx.list(Item, q="nought")] == ["nought"]
        assert await tx.list(Item, q="i0") == []

    run(http, block)
    assert stored(http, "select name,stock,version from items order by id") == [
        ("nought", 0, 2), ("i1", 1, 1), ("i2", 2, 1), ("i3", 0, 2), ("i4", 1, 2), ("hidden", 9, 1),
        ("theirs", 9, 1),
    ]  # fmt: skip
    assert len(stored(http, "select 1 from _changes where operation='update'")) == 3


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"stock": calc("stock - 6")}, "/stock", "check.ge"),
        ({"stock": calc("stock + 9007199254740991")}, "/stock", "check.range"),
        ({"big": calc("big + 9223372036854775807")}, "/big", "update.overflow"),
        ({"price": calc("price + 9999")}, "/price", "check.max_digits"),
        ({"bonus": calc("bonus + 1")}, "/bonus", "update.overflow"),
        ({"stock": calc("bonus")}, "/stock", "null"),
        ({"name": "taken"}, "/name", "unique"),
    ],
)
def test_a_value_that_cannot_be_is_a_conflict_and_changes_nothing(
    http: Client, changes: dict[str, Any], pointer: str, code: str
) -> None:
    async def block(tx: Transaction) -> None:
        await tx.create(Item(name="a", stock=100, big=-(2**62), bonus=1))
        await tx.create(Item(name="b", stock=5, big=1))
        await tx.create(Item(name="taken", stock=200, big=-(2**62), bonus=1))
        with pytest.raises(Conflict) as refused:
            await tx.update_where(Item, 'name != "taken"', changes)
        assert [(e.pointer, e.code) for e in refused.value.errors] == [(pointer, code)]

    run(http, block)
    assert stored(http, "select distinct version from items") == [(1,)]


def test_what_cannot_be_computed_says_why(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        await tx.create(Item(name="a", bonus=None))
        with pytest.raises(Conflict) as refused:
            await tx.update_where(Item, "", {"bonus": calc("bonus + 1")})
        (error,) = refused.value.errors
        assert error.detail == (
            "The new value cannot be computed: it overflows, or a part of it is null."
        )
        with pytest.raises(Conflict) as refused:
            await tx.update_where(Item, "", {"stock": calc("stock - 1")})
        (error,) = refused.value.errors
        assert error.detail == "`stock` would break its limit (ge)."
        with pytest.raises(Conflict) as refused:
            await tx.update_where(Item, "", {"stock": calc("bonus")})
        (error,) = refused.value.errors
        assert error.detail == "`stock` would be null."

    run(http, block)


def test_computed_value_that_another_record_holds_names_its_field(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        for number in (1, 2):
            await tx.create(Seat(number=number, row=number))
        with pytest.raises(Conflict) as refused:
            await tx.update_where(Seat, "number == 1", {"number": calc("number + 1")})
        (error,) = refused.value.errors
        assert (error.pointer, error.code) == ("/number", "unique")
        assert error.detail == "Another record already has this `number`."
        with pytest.raises(Conflict) as refused:
            await tx.update_where(Seat, "row == 1", {"row": calc("row + 1"), "number": 3})
        assert [e.pointer for e in refused.value.errors] == ["/row"]
        assert "this combination of `row` and `side`" in refused.value.errors[0].detail

    run(http, block)
    assert stored(http, "select number,row,version from seats order by 1") == [(1, 1, 1), (2, 2, 1)]


def test_change_of_nothing_is_judged_with_the_stored_record_as_old(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        made = await tx.create(Seat(number=1, row=1))
        same = await tx.update(Seat, made.id, row=1)
        assert (same.row, same.version) == (1, 1)
        with pytest.raises(Forbidden):
            await tx.update(Seat, made.id, row=0)
        assert (await tx.update(Seat, made.id, row=2)).version == 2

    run(http, block)


def test_records_without_a_value_do_not_clash(http: Client) -> None:
    rows = [{"number": 1, "row": 1}, {"number": 2, "row": 2}, {"number": 1, "row": 3}]
    refused = http.post("/api/seats", rows)
    assert refused.status == 409
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [
        ("/2/number", "unique")
    ]
    assert http.post("/api/seats", rows[:2]).status == 201


def test_update_where_changes_at_most_a_thousand() -> None:
    with client(make_app(transaction_ms=60_000)) as http:
        change_a_thousand(http)


def change_a_thousand(http: Client) -> None:
    items = [{"name": f"i{n}"} for n in range(1000)]
    assert http.post("/api/items", items).status == 201

    async def block(tx: Transaction) -> None:
        assert await tx.update_where(Item, "", {"stock": 1}) == 1000
        await tx.create(Item(name="more"))
        with pytest.raises(Conflict) as refused:
            await tx.update_where(Item, "", {"stock": 2})
        assert refused.value.code == "update.too_many"
        assert refused.value.detail == "More than 1000 records meet the condition."
        assert refused.value.hint == "Narrow the condition, and repeat until nothing is left."

    run(http, block)
    assert stored(http, "select stock,count(*) from items group by 1") == [(0, 1), (1, 1000)]


def test_references_of_update_where_are_judged(http: Client) -> None:
    async def block(tx: Transaction) -> None:
        seen = await tx.create(Item(name="seen"))
        hidden = await tx.create(Item(name="hidden", owner="hidden"))
        await tx.create(Line(item=seen.id))
        with pytest.raises(Conflict) as refused:
            await tx.update_where(Line, "", {"item": hidden.id})
        assert [e.pointer for e in refused.value.errors] == ["/item"]

    run(http, block)


def test_fifty_at_once_never_oversell(http: Client) -> None:
    made = http.post("/api/items", {"name": "a", "stock": 20}).json()

    async def take() -> int:
        async with http.app.transaction() as tx:
            return await tx.update_where(
                Item, "id == $id && stock >= 1", {"stock": calc("stock - 1")}, id=made["id"]
            )

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(take() for _ in range(50)))

    assert sorted(http.run(all_at_once())) == [0] * 30 + [1] * 20
    assert stored(http, "select stock,version from items") == [(0, 21)]


BUYER = """
    import asyncio, sys
    from stanchion import App, Field, Record, Rules, Settings, calc, public

    app = App("Store", settings=Settings(database_url=sys.argv[1]))

    @app.collection("items")
    class Item(Record):
        name: str = Field(unique=True)
        stock: int = Field(ge=0)
        rules = Rules(read=public, write=public)

    @app.seed
    async def load(tx):
        await tx.create(Item(name="a", stock=60))

    async def buy():
        async with app.transaction() as tx:
            return await tx.update_where(Item, "stock >= 1", {"stock": calc("stock - 1")})

    async def main():
        taken = [await buy() for _ in range(25)]
        await app.runtime.close()
        print(sum(taken))

    asyncio.run(main())
"""


def test_four_processes_on_one_file_never_oversell(tmp_path: Path) -> None:
    script = tmp_path / "buyer.py"
    script.write_text(textwrap.dedent(BUYER))
    address = url(tmp_path / "shop.db")
    started = [
        subprocess.Popen(
            [sys.executable, str(script), address], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    told = [process.communicate(timeout=60) for process in started]
    assert [p.returncode for p in started] == [0] * 4, told
    assert sum(int(out) for out, _ in told) == 60


def test_fifty_creates_of_one_key_make_one_record(http: Client) -> None:
    async def create() -> int:
        return await post(http.app, "/api/items", {"name": "one"})

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(create() for _ in range(50)))

    assert sorted(http.run(all_at_once())) == [201] + [409] * 49
    assert stored(http, "select count(*) from items") == [(1,)]


# transactions inside transactions


def test_a_transaction_inside_another_joins_it(app: App, http: Client) -> None:
    async def block(tx: Transaction) -> None:
        await tx.create(Item(name="a"))
        async with app.transaction(actor=app.system()) as inner:
            assert [i.name for i in await inner.list(Item)] == ["a"]
            await inner.create(Item(name="b"))
        await asyncio.gather(tx.create(Item(name="c")), inside(app, "d"))

    async def inside(app: App, name: str) -> None:
        async with app.transaction() as tx:
            await tx.create(Item(name=name))

    run(http, block)
    assert len(stored(http, "select distinct tx from _changes")) == 1
    assert stored(http, "select actor from _changes order by seq limit 2") == [
        ("anonymous",), ("system",),
    ]  # fmt: skip


def test_an_error_of_an_inner_block_dooms_the_outer_one(app: App, http: Client) -> None:
    async def block(tx: Transaction) -> None:
        await tx.create(Item(name="a"))
        try:
            async with app.transaction() as inner:
                await inner.create(Item(name="b"))
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass

    with pytest.raises(TransactionBroken):
        run(http, block)
    assert stored(http, "select 1 from items") == []


def test_a_plain_write_inside_a_block_joins_it(app: App, http: Client) -> None:
    async def block(tx: Transaction) -> None:
        assert await post(app, "/api/items", {"name": "a"}) == 201
        assert [i.name for i in await tx.list(Item)] == ["a"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(http, block)
    assert stored(http, "select 1 from items") == []


def test_a_task_that_outlives_the_block_has_a_transaction_of_its_own(
    app: App, http: Client
) -> None:
    async def later(over: asyncio.Event) -> None:
        await over.wait()
        assert held_in(app.runtime.engine) is None
        async with app.transaction() as tx:
            await tx.create(Item(name="later"))

    async def block() -> None:
        over = asyncio.Event()
        async with app.transaction() as tx:
            task = asyncio.create_task(later(over))
            await tx.create(Item(name="a"))
        over.set()
        await task

    http.run(block())
    assert len(stored(http, "select distinct tx from _changes")) == 2


def test_two_apps_have_two_transactions() -> None:
    one, two = make_app(), make_app()
    with client(one) as first, client(two):

        async def block() -> None:
            async with one.transaction() as tx:
                await tx.create(Item(name="one"))
                async with two.transaction() as other:
                    assert await other.list(Item) == []
                    await other.create(Item(name="two"))

        first.run(block())
        assert stored(first, "select name from items") == [("one",)]


# seeds


def test_a_seed_that_raises_leaves_nothing_and_runs_again() -> None:
    app = make_app()
    broken = True

    @app.seed
    async def load(tx: Transaction) -> None:
        await tx.create(Item(name="seeded", cost=3))
        async with app.transaction(actor=app.system()) as inner:
            await inner.create(Item(name="inner"))
        if broken:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), client(app):
        pass

    async def twice(folder: str) -> list[tuple[Any, ...]]:
        nonlocal broken
        app.runtime._settings = replace(app.runtime.settings, database_url=folder)
        with pytest.raises(ZeroDivisionError):
            await app.runtime.records()
        broken = False
        records = await app.runtime.records()
        rows = await records.engine.fetch("select name,cost from items order by id", ())
        await app.runtime.close()
        return rows

    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(twice(url(Path(folder, "a.db"))))
    assert rows == [("seeded", 3), ("inner", 0)]


class Letter(Record):
    text: str
    rules = Rules(create=True)


def test_what_a_caller_made_and_may_not_read_has_the_moment_that_is_stored() -> None:
    app = App("Inbox")
    app.collection("letters")(Letter)

    async def block() -> tuple[Letter, list[Letter]]:
        async with app.transaction() as tx:
            made = await tx.create(Letter(text="Dear all"))
            assert "created" not in made.model_fields_set  # so that it can be made once more
            return made, await tx.system().list(Letter)

    with client(app) as http:
        made, stored = http.run(block())
    assert [made] == stored


def test_a_seed_may_take_longer_than_a_transaction() -> None:
    app = make_app(transaction_ms=50)

    @app.seed
    async def load(tx: Transaction) -> None:
        await tx.create(Item(name="first"))
        await asyncio.sleep(0.2)
        await tx.create(Item(name="last"))

    with client(app) as http, as_actor(app, app.system()):
        assert [item["name"] for item in http.get("/api/items").json()["items"]] == [
            "first",
            "last",
        ]


def test_problems_inside_a_route_are_answered_as_problems(app: App) -> None:
    @app.post("/buy")
    async def buy() -> dict[str, str]:
        async with app.transaction() as tx:
            await tx.create(Item(name="a"))
            await tx.create(Item(name="a"))
        return {}

    with client(app) as http, as_actor(app, None):
        answer = http.post("/buy", {})
        assert answer.status == 409 and answer.json()["errors"][0]["pointer"] == "/name"
        assert issubclass(Conflict, Problem) and stored(http, "select 1 from items") == []
