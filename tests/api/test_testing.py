"""What `stanchion.testing` gives the tests of an app, on each engine: signed-in clients, a clock
that moves, and rules that are asked without a database and say what the database says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from stanchion import App, Field, Many, Record, Ref, Rules, UserRecord, back, owner, public, role
from stanchion import rule as written
from stanchion.access import render_snapshot
from stanchion.plan.policy import RowOperation
from stanchion.testing import AskedRule, Client, access_matrix, check_access, client, rule

app = App("Pizzeria")
MINUTES_OPEN = 60


@app.collection("users")
class User(UserRecord):
    role: Literal["customer", "cook", "boss"] = "customer"
    rules = Rules(read="record.id == auth.id")


@app.collection("orders")
class Order(Record):
    customer: Ref[User]
    state: Literal["new", "baking", "done"] = "new"
    note: str = Field(default="", write="old == null || record.state == 'new'")
    margin: int = Field(default=0, write=False)
    lines: Many[Line] = back("order")
    rules = Rules(
        read=owner("customer") | role("cook") | role("boss"),
        create="record.customer == auth.id && record.state == 'new'",
        update=owner("customer") & written("record.state == 'new'") | role("cook"),
        delete=role("boss") & written("record.lines.all(l, l.quantity == 0)"),
    )


@app.collection("lines")
class Line(Record):
    order: Ref[Order] = Field(on_delete="cascade")
    quantity: int = 1
    rules = Rules(
        read="record.order.customer == auth.id",
        create="record.order.customer == auth.id && size(record.order.lines) <= 2",
    )


@app.collection("coupons")
class Coupon(Record):
    ends: datetime
    rules = Rules(read="record.ends > now", create=public)


@pytest.fixture
def http() -> Iterator[Client]:
    with client(app) as caller:
        yield caller


# signed in


def test_as_user_makes_a_user_with_these_fields_and_signs_them_in(http: Client) -> None:
    cook = http.as_user(role="cook")
    assert isinstance(cook.user, User)
    assert cook.user.role == "cook"
    assert cook.get("/api/auth/me").json()["user"]["id"] == str(cook.user.id)
    assert http.get("/api/auth/me").status == 401, "the client itself is nobody"
    assert http.user is None


def test_as_user_takes_a_record_that_is_there_or_not(http: Client) -> None:
    ann = User(email="ann@example.com")
    first, second = http.as_user(ann), http.as_user(ann)
    assert first.user is not None
    assert first.user.id == ann.id
    for one in (first, second):
        assert one.get("/api/users").json()["items"][0]["email"] == "ann@example.com"
    admin = http.as_user(admin=True)
    assert len(admin.get("/api/users").json()["items"]) == 2


def test_the_session_goes_by_what_is_stored_of_the_user_now(http: Client) -> None:
    ann = http.as_user()
    assert ann.user is not None
    admin, path = http.as_user(admin=True), f"/api/users/{ann.user.id}"
    assert ann.get("/api/orders").status == 200
    assert admin.delete(path).status == 204
    assert ann.get("/api/orders").status == 401


def test_as_user_needs_a_user(http: Client) -> None:
    with pytest.raises(TypeError, match="no Order"):
        http.as_user(Order(customer=Ref("00000000-0000-7000-8000-000000000001")))  # type: ignore[arg-type]  # on purpose
    plain = App("Plain")
    with client(plain) as nobody, pytest.raises(TypeError, match="needs an app with users"):
        nobody.as_user()


# the clock


def test_a_session_ends_when_the_clock_is_moved(http: Client) -> None:
    ann = http.as_user()
    http.clock.forward(days=6)
    assert ann.get("/api/auth/me").status == 200
    http.clock.forward(days=31)
    assert ann.get("/api/auth/me").status == 401


@pytest.mark.unordered  # moments of 2031 are not known as moments of this run
def test_now_in_rules_and_system_fields_is_that_of_the_clock(http: Client) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    path = http.post("/api/coupons", {"ends": ends.isoformat()}).headers["location"]
    assert http.get(path).status == 200
    http.clock.forward(hours=2)
    assert http.get(path).status == 404
    http.clock.set(datetime(2031, 5, 1, 12, tzinfo=UTC))
    made = http.post("/api/coupons", {"ends": "2031-05-01T13:00:00Z"})
    assert made.json()["created"].startswith("2031-05-01T12:0")
    assert http.clock.now.year == 2031
    with pytest.raises(ValueError, match="time zone"):
        http.clock.set(datetime(2031, 5, 1))  # that is what is refused


def test_the_clock_is_right_again_after_the_client() -> None:
    with client(app) as caller:
        caller.clock.forward(days=400)
    with client(app) as caller:
        assert abs(caller.clock.now - datetime.now(UTC)) < timedelta(minutes=1)


# rules

ANN, BO = User(email="ann@example.com"), User(email="bo@example.com")
COOK, BOSS = User(email="cook@example.com", role="cook"), User(email="boss@x.example", role="boss")
ADMIN = User(email="admin@example.com", admin=True)
PEOPLE = (None, ANN, BO, COOK, BOSS, ADMIN)


def order(**changed: object) -> Order:
    """Ann's order, or what it would become."""
    values = {"id": ORDER, "customer": ANN.id, **changed}
    return Order(**values)  # type: ignore[arg-type]  # of the fields' types


ORDER = "00000000-0000-7000-8000-000000000001"


@pytest.mark.parametrize("state", ["new", "done"])
@pytest.mark.parametrize(
    "changed", [{}, {"state": "baking"}, {"note": "hot"}, {"customer": BO.id}, {"margin": 5}]
)
def test_an_update_is_allowed_where_the_database_lets_it_through(
    http: Client, state: str, changed: dict[str, object]
) -> None:
    stored = order(state=state)
    asked = rule(app, Order, "update")
    people = {who.email if who else "": http.as_user(who) if who else http for who in PEOPLE}

    for who in PEOPLE:

        async def store() -> None:
            async with app.transaction(actor=app.system()) as tx:
                await tx.create(stored)

        http.run(store())
        sent = {name: str(v) if name == "customer" else v for name, v in changed.items()}
        answer = people[who.email if who else ""].patch(f"/api/orders/{ORDER}", sent)
        verdict = asked.allows(actor=who, old=stored, record=order(**{"state": state, **changed}))
        if answer.status != 409:  # Bo is nobody that Ann may see, which no rule of orders says
            assert bool(verdict) == (answer.status == 200), (who, answer.text, verdict)

        async def remove() -> None:
            async with app.transaction(actor=app.system()) as tx:
                await tx.delete(Order, ORDER)

        http.run(remove())


def asked(operation: RowOperation, record: type[Record] = Order) -> AskedRule:
    return rule(app, record, operation)


def test_read_create_and_delete() -> None:
    read, create, delete = asked("read"), asked("create"), asked("delete")
    assert [bool(read.allows(actor=who, record=order())) for who in PEOPLE] == [
        False, True, False, True, True, True,
    ]  # fmt: skip
    new = Order(customer=ANN.id)
    assert [bool(create.allows(actor=who, record=new)) for who in PEOPLE] == [
        False, True, False, False, False, True,
    ]  # fmt: skip
    assert not create.allows(actor=ANN, record=order(state="done"))
    line = Line(order=Ref(ORDER), quantity=1)
    assert delete.allows(actor=BOSS, record=order())
    assert not delete.allows(actor=BOSS, record=order(), others=[line])
    assert not delete.allows(actor=COOK, record=order())


def test_what_a_rule_reaches_is_said_by_the_others() -> None:
    create, line = asked("create", Line), Line(order=Ref(ORDER))
    assert not create.allows(actor=ANN, record=line), "there is no order"
    assert create.allows(actor=ANN, record=line, others=[order()])
    assert not create.allows(actor=BO, record=line, others=[order()])
    full = [order(), *(Line(order=Ref(ORDER)) for _ in range(2))]
    assert create.allows(actor=ANN, record=line, others=full[:2])
    verdict = create.allows(actor=ANN, record=line, others=full)
    assert not verdict, "it counts among them"
    assert "size(record.order.lines) <= 2" in repr(verdict)


def test_a_refusal_says_which_rule_and_on_what() -> None:
    update = asked("update")
    told = [
        update.allows(record=order(), old=order()),
        update.allows(actor=BO, old=order(), record=order()),
        update.allows(actor=ANN, old=order(), record=order(state="done")),
        update.allows(actor=COOK, old=order(state="done"), record=order(state="done", note="x")),
        update.allows(actor=COOK, old=order(), record=order(margin=1)),
    ]
    assert [repr(one) for one in told] == [
        "refused: The rule orders.update lets nobody in who is not signed in.",
        "refused: orders.read does not hold on the stored record: "
        '(owner("customer") | role("cook")) | role("boss"), here record.customer == auth.id',
        "refused: orders.update does not hold on the record as it would be: "
        '(owner("customer") & (record.state == \'new\')) | role("cook"), '
        'here record.customer == auth.id && record.state == "new"',
        "refused: the write rule of orders.note does not hold on the stored record: "
        'old == null || record.state == "new"',
        "refused: orders.margin may not be set by this caller",
    ]
    assert repr(update.allows(actor=COOK, old=order(), record=order(state="done"))) == "allowed"


def test_a_question_without_a_record_is_none() -> None:
    with pytest.raises(TypeError):
        asked("read").allows(actor=ANN)
    with pytest.raises(TypeError):
        asked("update").allows(actor=ANN, record=order())


# the access matrix


def test_the_matrix_is_read_and_compared_with_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = access_matrix(app)
    assert matrix.cell("role=cook", "update", "orders") == "yes"
    assert matrix.cell("role=customer", "read", "lines") == ("if record.order.customer == auth.id")
    monkeypatch.setattr(app.runtime, "base", tmp_path)
    with pytest.raises(AssertionError, match=r"access --write access\.json makes it"):
        check_access(app, "access.json")
    (tmp_path / "access.json").write_text(render_snapshot(matrix))
    check_access(app, "access.json")
    text = (tmp_path / "access.json").read_text()
    assert '"orders.note read": "as the record"' in text
    before, after = '"role=cook": "yes", "role=boss"', '"role=cook": "no", "role=boss"'
    (tmp_path / "access.json").write_text(text.replace(before, after))
    with pytest.raises(AssertionError) as failed:
        check_access(app, "access.json")
    told = str(failed.value)
    assert "if all of it is meant: stanchion access --write access.json" in told
    assert "Wider: these may do more\n  orders read  role=cook\n    was  no\n    is   yes" in told
