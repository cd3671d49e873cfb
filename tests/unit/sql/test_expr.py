"""The SQL forms that matter: what each looks like, and what it must not look like."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import apsw
import pytest

from stanchion.declare import (
    Declarations,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    UserRecord,
    back,
    build_model,
    public,
)
from stanchion.errors import BadRequest
from stanchion.expr.check import Scope, check
from stanchion.expr.literals import lift
from stanchion.expr.parse import parse
from stanchion.plan.policy import Policy, compile_policy
from stanchion.query import ANONYMOUS, Actor
from stanchion.sql import ddl
from stanchion.sql.dialect import POSTGRES, SQLITE, Dialect
from stanchion.sql.expr import ExpressionCompiler, Rows
from stanchion.sql.text import Aliases, Given, Parameters, Statement, boolean

shop = Declarations()


@shop.collection("users")
class User(UserRecord):
    team: str | None
    level: int | None
    rank: int | None = Field(read="record.level > 1")
    boss: Ref[User] | None
    deputy: Ref[User] | None
    mentor: Ref[User] | None
    orders: Many[Order] = back("customer")
    rules = Rules(read="record.id == auth.id")


@shop.collection("orders")
class Order(Record):
    customer: Ref[User] | None
    note: str | None
    team: str | None
    count: int
    total: Decimal
    open: bool
    lines: Many[Line] = back("order")
    rules = Rules(read=public)


@shop.collection("lines")
class Line(Record):
    order: Ref[Order]
    shares: Many[Share] = back("line")
    rules = Rules(read=public)


@shop.collection("shares")
class Share(Record):
    line: Ref[Line]
    user: Ref[User]
    rules = Rules(read=public)


SCHEMA = build_model("Shop", shop.declared).schema
ORDERS = SCHEMA.collection["orders"]
USER = "018f0000-0000-7000-8000-000000000001"
OTHER = "018f0000-0000-7000-8000-000000000002"


@pytest.fixture(scope="module")
def policy() -> Policy:
    return compile_policy(SCHEMA)


def user(**values: Any) -> Actor:
    return Actor("user", {"id": USER, **values})


def rule(
    policy: Policy, text: str, actor: Actor, *, wide: bool = False, dialect: Dialect = SQLITE
) -> Statement:
    """Where a rule on orders certainly holds."""
    scope = Scope(SCHEMA, ORDERS, auth=SCHEMA.users)
    return _statement(policy, check(parse(text), scope), actor, wide, dialect)


def filtered(
    policy: Policy, text: str, actor: Actor = ANONYMOUS, *, wide: bool = False,
    dialect: Dialect = SQLITE,
) -> Statement:  # fmt: skip
    """Where a filter on orders certainly holds."""
    scope = Scope(
        SCHEMA, ORDERS, bare=True, auth=SCHEMA.users, lifted=True, caller=True,
        see=policy.profile(actor).sight,
    )  # fmt: skip
    return _statement(policy, check(parse(text), scope), actor, wide, dialect)


def _statement(policy: Policy, node: Any, actor: Actor, wide: bool, dialect: Dialect) -> Statement:
    parameters = Parameters(dialect)
    compiler = ExpressionCompiler(SCHEMA, policy.profile(actor), dialect, parameters, Aliases())
    return parameters.finish(boolean(compiler.true(node, Rows.of(record="r"), wide=wide)))


# paths


def test_path_to_an_identity_is_an_in_chain_at_the_root(policy: Policy) -> None:
    made = rule(policy, "record.customer.boss == auth.id", user(), wide=True)
    assert made.text == ('r."customer" in (select t1."id" from "users" t1 where t1."boss"=?1)')
    assert "exists" not in made.text


def test_path_to_an_identity_is_an_exists_elsewhere(policy: Policy) -> None:
    made = rule(policy, "record.customer.boss == auth.id", user())
    assert made.text == (
        'exists(select 1 from "users" t1 where (t1."id"=r."customer" and t1."boss"=?1) limit 1)'
    )


def test_path_to_a_plain_value_is_an_exists_also_at_the_root(policy: Policy) -> None:
    made = rule(policy, 'record.customer.team == "north"', user(), wide=True)
    assert made.text.startswith('exists(select 1 from "users" t1 where')
    assert made.text.endswith(" limit 1)")


def test_postgres_has_no_limit_inside_exists(policy: Policy) -> None:
    made = rule(policy, "record.customer.boss == auth.id", user(), dialect=POSTGRES)
    assert made.text == (
        'exists(select 1 from "users" t1 where (t1."id"=r."customer" and t1."boss"=$1::uuid))'
    )


def test_rule_through_two_to_many_is_an_in_chain_at_the_root(policy: Policy) -> None:
    text = "record.lines.exists(l, l.shares.exists(s, s.user == auth.id))"
    assert rule(policy, text, user(), wide=True).text == (
        'r."id" in (select t1."order" from "lines" t1 where t1."id" in '
        '(select t2."line" from "shares" t2 where t2."user"=?1))'
    )
    inside = rule(policy, text, user()).text
    assert " in (" not in inside
    assert inside.count("exists(select 1") == inside.count(" limit 1)") == 2


def test_macro_variable_may_have_any_name_at_the_root(policy: Policy) -> None:
    made = rule(policy, "record.lines.exists(cls, cls.id == auth.id)", user(), wide=True)
    assert made.text == 'r."id" in (select t1."order" from "lines" t1 where t1."id"=?1)'


def test_body_that_names_the_outer_row_is_no_chain(policy: Policy) -> None:
    text = "record.lines.exists(l, l.id == auth.id && record.open)"
    assert rule(policy, text, user(), wide=True).text.startswith("exists(")


def test_one_record_is_joined_once(policy: Policy) -> None:
    made = rule(policy, "record.customer.team == record.customer.email", user())
    assert made.text.count('"users"') == 1


def test_path_of_a_caller_passes_the_row_rule(policy: Policy) -> None:
    made = filtered(policy, "customer.team == 'north'", user(level=1))
    assert made.text.count('t1."id"=?1') == 1
    assert made.bind(Given(lift("customer.team == 'north'").literals, auth={"id": USER})) == [
        USER, "north"
    ]  # fmt: skip


def test_more_records_than_sqlite_joins_at_once(policy: Policy) -> None:
    steps = ("boss", "deputy", "mentor")
    paths = [f"record.customer.{a}.{b}.{c}.team" for a in steps for b in steps for c in steps]
    made = rule(policy, f"record.team in [{','.join(paths)}]", user())
    assert made.text.count('"users"') == 1 + 3 + 9 + 27
    assert made.text.count("exists(") == 2, "32 of them, and the rest inside"
    _runs(made)


# auth


def test_null_of_auth_equals_nothing(policy: Policy) -> None:
    nobody = user(team=None, level=None)
    assert rule(policy, "record.team == auth.team", nobody).text == "1=0"
    assert rule(policy, "record.team != auth.team", nobody).text == "1=1"
    assert rule(policy, "auth.team == null", nobody).text == "?1 is null"
    somebody = rule(policy, "record.team == auth.team", user(team="north", level=1))
    assert somebody.text == 'r."team"=?1'  # two nulls are not equal: no `is`


def test_field_of_auth_is_an_error_for_the_anonymous(policy: Policy) -> None:
    for text in (
        "record.team == auth.team", "record.team != auth.team", "auth.team == null",
        "!has(auth.team)", "auth.orders.all(o, false)", "size(auth.orders) == 0",
        "auth.boss.team != record.team", 'auth.team in ["a"] || !(auth.team in ["a"])',
    ):  # fmt: skip
        assert rule(policy, text, ANONYMOUS).text == "1=0", text
    assert rule(policy, "auth == null", ANONYMOUS).text == "1=1"
    assert rule(policy, "auth == null", user()).text == "1=0"


def test_masked_field_of_auth_passes_its_field_rule(policy: Policy) -> None:
    made = filtered(policy, "auth.rank == 3", user(level=1, rank=3))
    assert made.text == (
        '(case when exists(select 1 from "users" t1 where (t1."id"=?1 and t1."level">?2)) '
        "then ?3 end)=?4"
    )


def test_folded_parameters_are_not_numbered(policy: Policy) -> None:
    made = rule(policy, "record.team == auth.team || record.note == 'x'", user(team=None))
    assert made.text == 'r."note"=?1'
    assert made.bind(Given(auth={"id": USER})) == ["x"]


def test_equal_values_are_one_parameter(policy: Policy) -> None:
    made = rule(policy, "record.note == 'x' || record.team == 'x'", user())
    assert made.text == '(r."note"=?1 or r."team"=?1)'


# null


def test_null_safe_only_where_both_sides_may_be_null(policy: Policy) -> None:
    assert rule(policy, "record.note == record.team", user()).text == 'r."note" is r."team"'
    assert rule(policy, "record.note == 'x'", user()).text == 'r."note"=?1'
    assert rule(policy, "record.note != 'x'", user()).text == 'r."note" is not ?1'
    assert rule(policy, "record.count != 1", user()).text == 'r."count"<>?1'
    assert rule(policy, "!(record.note < 'x')", user()).text == 'r."note">=?1'


def test_null_text_ends_with_nothing(policy: Policy) -> None:
    made = rule(policy, "!record.note.endsWith(record.team)", user())
    rows = [(None, ""), ("a", ""), ("a", "b"), ("ab", "b"), ("a", None)]
    database = apsw.Connection(":memory:")
    found = [
        database.execute(
            f"select 1 from (select ?1 as note,?2 as team) r where {made.text}", row
        ).fetchall() != []
        for row in rows
    ]  # fmt: skip
    assert found == [False, False, True, False, False]


# numbers


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("total < 9.999", 1000),  # 9.99 < 9.999: below 10.00
        ("total <= 9.999", 999),
        ("total > 9.999", 999),
        ("total >= 9.999", 1000),
        ("9.999 < total", 999),
        ("9.999 >= total", 999),
        ("total < -9.999", -999),
        ("total <= -9.999", -1000),
        ("total == 9.99", 999),
        ("total == 9.990", 999),
        ("total == 9.999", "no such number"),
        ("total != 9.999", "no such number"),
        ("total in [9.999]", "no such number"),
        ("total < 1e30", float("inf")),
        ("total > -1e30", float("-inf")),
        ("count < 2.5", 3),
        ("count <= 2.5", 2),
        ("count == 2.5", "no such number"),
        ("count < 1e30", float("inf")),
        ("count == 9223372036854775807", 2**63 - 1),
    ],
)
def test_number_is_rounded_so_that_the_column_stays_bare(
    policy: Policy, text: str, bound: Any
) -> None:
    made = filtered(policy, text)
    assert made.bind(Given(lift(text).literals)) == [bound]
    assert 'r."total"' in made.text or 'r."count"' in made.text
    assert "*" not in made.text


def test_decimals_of_other_places_are_scaled(policy: Policy) -> None:
    assert rule(policy, "record.total < record.count", user()).text == ('r."total"<(r."count"*100)')


def test_sum_is_guarded_against_overflow(policy: Policy) -> None:
    made = rule(policy, "record.count + 1 > 0", user())
    assert made.text == '(typeof((r."count"+?1))=\'integer\' and (r."count"+?1)>?2)'


def test_in_with_an_error_among_its_items_is_an_error(policy: Policy) -> None:
    made = rule(policy, "record.count in [1, record.count + 9223372036854775807]", user())
    assert made.text.startswith("(typeof(")
    assert made.bind(Given()) == [2**63 - 1, 1]


# conditions as values


def test_conditions_compared_with_each_other_stay_short(policy: Policy) -> None:
    text = "record.open == (record.count == 1)"
    lengths = []
    for _ in range(12):
        text = f"(({text}) && record.open) == record.open"
        lengths.append(len(rule(policy, text, user()).text))
    steps = [after - before for before, after in pairwise(lengths)]
    assert max(steps) == min(steps), "it grows by the same length at each level"


# params


def test_param_of_a_list(policy: Policy) -> None:
    made = filtered(policy, "total in $totals")
    given = Given(params={"totals": [Decimal("1.5"), 2, Decimal("9.999"), 10**40]})
    assert made.bind(given) == ['["1.50", "2.00"]']
    ids = filtered(policy, "customer in $ids")
    assert ids.bind(Given(params={"ids": (USER.upper(), OTHER)})) == [f'["{USER}", "{OTHER}"]']


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("note == $v", 5), ("note == $v", None), ("note == $v", "\ud800"), ("note == $v", "a\0"),
        ("count == $v", True), ("count == $v", 1.5), ("count == $v", Decimal("NaN")),
        ("customer == $v", "no uuid"), ("note in $v", "text"), ("note in $v", [1]),
        ("created < $v", "2026-01-01"),
    ],
)  # fmt: skip
def test_param_that_no_field_could_hold_is_refused(policy: Policy, text: str, value: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        filtered(policy, text).bind(Given(params={"v": value}))
    assert refused.value.code == "query.param"
    assert "$v" in str(refused.value)


def test_param_without_a_value_is_refused(policy: Policy) -> None:
    with pytest.raises(BadRequest, match=r"\$v` has no value"):
        filtered(policy, "note == $v").bind(Given())


def _runs(made: Statement) -> None:
    database = apsw.Connection(":memory:")
    for collection in SCHEMA.collections:
        for statement in ddl.create_collection(collection, SQLITE):
            database.execute(statement)
    params = made.bind(Given(auth={"id": USER}))
    assert database.execute(f'select 1 from "orders" r where {made.text}', params).fetchall() == []
