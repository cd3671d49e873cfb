from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from stanchion.expr import tree
from stanchion.expr.check import Scope, check, check_value
from stanchion.expr.evaluate import FAILED, Env, Values, evaluate, value_of
from stanchion.expr.literals import lift
from stanchion.expr.parse import parse

if TYPE_CHECKING:
    from .conftest import Shop

DATA: dict[str, list[dict[str, Any]]] = {
    "users": [
        {"id": "u1", "name": "Ann", "role": "cook", "team": "t1"},
        {"id": "u2", "name": "Bob", "role": "owner", "team": None},
        {"id": "u3", "name": "Cid", "role": "cook", "team": "t1"},
    ],
    "teams": [{"id": "t1", "name": None}],
    "orders": [{"id": "o1", "customer": "u1"}],
    "lines": [
        {"id": "l1", "order": "o1", "qty": 1},
        {"id": "l2", "order": "o1", "qty": 5},
    ],
}
ORDER: dict[str, Any] = {
    "id": "o1", "customer": "u1", "price": Decimal("9.50"), "rate": Decimal("0.1250"), "qty": 3,
    "weight": 1.5, "at": datetime(2026, 1, 31, 12, tzinfo=UTC), "day": date(2026, 1, 31),
    "open": True, "late": None, "tags": ["a", "B"], "meta": None, "note": None, "state": "new",
}  # fmt: skip


@dataclass(frozen=True)
class Memory:
    """Records in lists; `unreadable` keys are hidden from the caller, `masked` are (key, field)."""

    unreadable: tuple[str, ...] = ()
    masked: tuple[tuple[str, str], ...] = ()

    def one(self, collection: str, key: Any) -> Values | None:
        return next((row for row in DATA[collection] if row["id"] == key), None)

    def many(self, collection: str, field: str, key: Any) -> Iterable[Values]:
        return [row for row in DATA[collection] if row[field] == key]

    def readable(self, collection: str, row: Values) -> bool:
        return row["id"] not in self.unreadable

    def field_readable(self, collection: str, field: str, row: Values) -> bool:
        return (row["id"], field) not in self.masked


ENV = Env(
    record=ORDER,
    auth=DATA["users"][0],
    now=datetime(2026, 2, 1, tzinfo=UTC),
    params={"n": 3, "list": [1, 3]},
    world=Memory(),
)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        # null
        ("note == null", True),
        ("note != 'x'", True),
        ("note == 'x'", False),
        ("note == record.note", True),
        ("note < 'x'", None),
        ("!(note < 'x')", None),
        ("late", None),
        ("late == false", False),
        ("late != true", True),
        ("note.contains('x')", None),
        ("note.lowerAscii() == 'x'", None),
        ("size(note) == 0", None),
        ("note in ['x']", False),
        ("meta == null", True),
        # errors are absorbed on either side
        ("late || true", True),
        ("true || late", True),
        ("late && false", False),
        ("late && true", None),
        ("late || false", None),
        ("(late || true) == (open && true)", True),
        ("(late && true) == false", None),
        # paths
        ("customer.role == 'cook'", True),
        ("record.customer.team.name == null", True),
        ("record.customer.team.name != 'x'", True),
        ("has(customer.team)", True),
        ("has(customer.team.name)", False),
        ("has(note)", False),
        # numbers
        ("price == 9.5 && price < 9.501 && price > 9", True),
        ("qty == 3.0 && qty < 3.5 && qty + 1 == 4 && -qty == -3", True),
        ("price + rate == 9.625 && rate + qty == 3.125", True),
        ("qty < price && qty in [1, 3] && price in [9.50]", True),
        ("qty + 9223372036854775807 > 0", None),
        ("-9223372036854775807 - qty < 0", None),
        ("-(-9223372036854775808) > 0", None),
        ("price + 92233720368547758.07 > 0", None),
        ("price - 92233720368547758.07 < 0", True),
        ("rate + 922337203685477.5807 > 0", None),
        ("price + 92233720368547758.08 - 1 > 0", None),
        ("weight == 1.5 && weight < 2 && weight in [1, 1.5]", True),
        # texts
        ("state < 'news' && 'B' < 'a' && '￿' < '😀'", True),
        ("'ÄB'.lowerAscii() == 'Äb' && size('a😀') == 2", True),
        ("'abc'.contains('') && 'abc'.startsWith('ab') && 'abc'.endsWith('bc')", True),
        # time
        ("at == '2026-01-31T12:00:00Z' && day == '2026-01-31'", True),
        ("at + '12h' == now && now - at == '12h' && now - duration('12h') == at", True),
        ("at + duration('80000000h') > now", None),
        ("at - duration('-80000000h') > now", None),
        ("duration('87000000h') + duration('1h') > '1s'", True),
        # lists
        ("'a' in tags && !('b' in tags) && size(tags) == 2", True),
        ("tags.exists(t, t == 'B') && !tags.all(t, t == 'B')", True),
        ("tags.exists_one(t, t.lowerAscii() == 'b')", True),
        ("tags.exists(t, t < note)", None),
        ("tags.exists(t, t == 'B' || t < note)", True),
        ("tags.all(t, t == 'x' || t < note)", None),
        ("tags.all(t, t != 'a' && t < note)", False),
        ("tags.exists_one(t, t == 'B' || t < note)", None),
        ("[].all(x, x < 1) && ![].exists(x, x < 1) && ![].exists_one(x, true)", True),
        ("qty in $list && qty == $n", True),
        # relations
        ("lines.exists(l, l.qty > qty) && size(lines) == 2", True),
        ("lines.all(l, l.order.customer.role == 'cook')", True),
        ("size(customer.team.members) == 2", True),
        ("auth.team.members.exists_one(m, m.name == auth.name)", True),
    ],
)  # fmt: skip
def test_outcome(shop: Shop, text: str, outcome: bool | None) -> None:
    assert evaluate(shop.check(text), ENV) is outcome


@pytest.mark.parametrize("text", ["customer == auth.id", "auth.team == customer.team"])
def test_without_a_caller_selecting_from_auth_is_an_error(shop: Shop, text: str) -> None:
    assert evaluate(shop.check(text), ENV) in (True, False)
    for wrapped in (text, f"!({text})"):
        assert evaluate(shop.check(wrapped), replace(ENV, auth=None)) is None


def test_null_of_auth_equals_nothing_but_the_literal(shop: Shop) -> None:
    env = replace(ENV, auth=DATA["users"][1], record={"note": None, "customer": "u2"})
    for text, outcome in {
        "auth.team == null": True,
        "auth.team == customer.team": False,
        "auth.team != customer.team": True,
        "customer.team == auth.team": False,
        "auth.team == auth.team": False,
        "customer.team in [auth.team]": False,
        "auth == null": False,
    }.items():
        assert evaluate(shop.check(text), env) is outcome, text
    assert evaluate(shop.check("auth == null"), replace(env, auth=None)) is True


def test_old_is_null_in_create(shop: Shop) -> None:
    node = shop.check("old.qty == 3", old=True)
    assert evaluate(node, ENV) is None
    assert evaluate(node, replace(ENV, old=ORDER)) is True
    assert evaluate(shop.check("old == null", old=True), ENV) is True


def test_path_of_a_caller_ends_at_a_record_that_is_hidden(shop: Shop) -> None:
    hidden = replace(ENV, world=Memory(unreadable=("u1", "l2")))
    for text, open_outcome, outcome in [
        ("customer.role == 'cook'", True, None),
        ("has(record.customer)", True, True),
        ("lines.exists(l, l.qty == 5)", True, False),
        ("size(lines) == 2", True, False),
        ("lines.all(l, l.qty == 1)", False, True),
    ]:
        assert evaluate(shop.check(text, caller=True), ENV) is open_outcome
        assert evaluate(shop.check(text, caller=True), hidden) is outcome
        assert evaluate(shop.check(text), hidden) is open_outcome


def test_masked_field_is_null_where_its_rule_does_not_hold(shop: Shop) -> None:
    def see(collection: Any, field: Any) -> Any:
        return "masked" if field.name in ("qty", "role") else "open"

    env = replace(ENV, world=Memory(masked=(("o1", "qty"), ("u1", "role"))))
    for text in ("qty == null", "customer.role == null", "!has(record.qty)"):
        node = shop.check(text, caller=True, see=see)
        assert evaluate(node, env) is True
        assert evaluate(node, ENV) is False


def test_broken_reference_is_an_error(shop: Shop) -> None:
    env = replace(ENV, record={**ORDER, "customer": "gone"})
    assert evaluate(shop.check("customer.role == 'cook'"), env) is None
    assert evaluate(shop.check("has(customer.role)"), env) is None
    assert evaluate(shop.check("customer == null"), env) is False


def test_lifted_literals_come_from_the_request(shop: Shop) -> None:
    node = shop.check("qty > 1 && price == -2.5", lifted=True)
    for text, outcome in {
        "qty > 2 && price == -2.5": False,
        "qty > 2 && price == -9.5": False,
        "qty > 99999999999999999999 && price == -9.5": False,
    }.items():
        assert evaluate(node, replace(ENV, literals=lift(text).literals)) is outcome
    env = replace(ENV, record={**ORDER, "price": Decimal("-9.50")})
    literals = lift("qty > 2 && price == -9.5").literals
    assert evaluate(node, replace(env, literals=literals)) is True


def test_value_of_tells_null_from_an_error(shop: Shop) -> None:
    scope = replace(shop.scope, bare=True)

    def value(text: str, type: tree.Type) -> Any:
        return value_of(check_value(parse(text), scope, type), ENV)

    assert value("qty - $n", tree.INT) == 0
    assert value("note", tree.TEXT) is None
    assert value("customer.name.lowerAscii()", tree.TEXT) == "ann"
    assert value("note.lowerAscii()", tree.TEXT) is FAILED
    assert value("$absent", tree.INT) is FAILED
    assert repr(value("price + 1", tree.Type("decimal", places=2))) == "Decimal('10.50')"
    assert value("now - at", tree.DURATION) == timedelta(hours=12)


def test_variables_of_a_host(shop: Shop) -> None:
    scope = Scope(shop.schema, variables={"x": tree.INT, "flag": tree.BOOL})
    env = Env(variables={"x": 5, "flag": None})
    assert evaluate(check(parse("x > 4"), scope), env) is True
    assert evaluate(check(parse("flag || x == 5"), scope), env) is True
    assert evaluate(check(parse("flag"), scope), env) is None
