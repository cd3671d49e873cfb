from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from stanchion.expr import tree
from stanchion.expr.check import Scope, check_value
from stanchion.expr.error import ExpressionError
from stanchion.expr.parse import parse
from stanchion.schema import Collection, Field

if TYPE_CHECKING:
    from .conftest import Shop

PRICE = tree.Type("decimal", places=2)


@pytest.mark.parametrize(
    "text",
    [
        "price < 500",
        "price + 1.25 >= 2 && qty - 1 != 3",
        "price < rate && qty + price > rate",
        "record.customer.role == 'cook'",
        "customer == auth.id && record.customer.team == auth.team",
        "not open and state == 'paid' or 'x' in tags",
        "lines.exists(l, l.qty > 3)",
        "record.customer.team.members.all(m, m.role != 'cook')",
        "auth.team.members.exists(m, m.id == customer)",
        "lines.exists(l, l.order.customer.team.members.exists_one(m, m.id == l.order.customer))",
        "lines.exists(l, l.order.lines.exists(k, k.qty == l.qty))",
        "tags.exists(t, t == 'a' && lines.exists(l, l.qty == size(t)))",
        "[1, 2].all(n, n < qty)",
        "at > now - duration('1h30m') && at - now > '1h' && at + '1h' < now",
        "at < '2026-01-01T00:00:00Z' && day == '2026-01-01'",
        "meta == null && tags != null && customer != null && auth != null && record != null",
        "has(customer.team) && has(record.note) && has(auth.team)",
        "size(lines) > 2 && size(tags) == 0 && note.size() < 5",
        "note.lowerAscii().contains('a') && state.startsWith('p')",
        "open == (qty == 3) && late == true && (qty == 1) != (qty == 2)",
        "qty in [1, 2, -3] && state in ['new'] && price in [1, 2.5] && qty in []",
        "weight < 5 && weight > -0.5 && weight in [1, 2.5]",
        "price == 1 + 2 && qty < 5.5 && -qty < -price",
        "$x == qty && qty in $xs && note.contains($part) && price == -$y && $flag",
        "'cook' == auth.role && auth.role in ['cook', 'owner']",
        "state < 'q'",
        "true || false",
        "open",
    ],
)
def test_expression_has_a_meaning(shop: Shop, text: str) -> None:
    assert isinstance(shop.check(text), tree.Node)
    assert isinstance(shop.check(text, lifted=True), tree.Node)


def _operands(node: tree.Node) -> tuple[Any, Any]:
    assert isinstance(node, tree.Compare)
    return node.left, node.right


def test_literal_takes_the_type_of_its_neighbour(shop: Shop) -> None:
    _, right = _operands(shop.check("price < 500"))
    assert right == tree.Lit(PRICE, Decimal(500))
    left, _ = _operands(shop.check("-5 < weight"))
    assert left == tree.Lit(tree.FLOAT, -5.0, negative=True)
    _, right = _operands(shop.check("id == '018F3C2E-7A4B-7C1D-9E2F-3A4B5C6D7E8F'"))
    assert right.value == "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"


def test_lifted_literal_keeps_its_slot_and_no_value(shop: Shop) -> None:
    node = shop.check("qty > 1 && price == -2.5", lifted=True)
    assert isinstance(node, tree.And)
    _, right = _operands(node.parts[1])
    assert right == tree.Lit(PRICE, None, slot=1, negative=True)


def test_sum_has_the_most_places_and_binds_its_literals(shop: Shop) -> None:
    left, _ = _operands(shop.check("price + rate > 0"))
    assert left.type.places == 4
    left, _ = _operands(shop.check("price + 1.5 > 0.123", lifted=True))
    assert left.right.exact
    assert shop.refused("price + 1.255 > 0").code == "literal"


def test_path_follows_references_and_names_its_field(shop: Shop) -> None:
    left, right = _operands(shop.check("record.customer.team == auth.team"))
    assert left.hops == (tree.Hop("orders", "customer", "users"),)
    assert (left.root, left.collection, left.leaf, left.last) == (
        "record",
        "orders",
        "team",
        "users",
    )
    assert left.nullable
    assert (right.root, right.hops, right.leaf) == ("auth", (), "team")


def test_relation_leads_to_many_records(shop: Shop) -> None:
    node = shop.check("customer.team.members.exists(m, m.role == 'cook')", caller=True)
    assert isinstance(node, tree.Macro)
    many = node.source
    assert isinstance(many, tree.Many)
    assert (many.collection, many.field, many.key, many.caller) == ("users", "team", "id", True)
    assert many.source.leaf is None
    assert many.source.last == "teams"
    left, _ = _operands(node.body)
    assert (left.root, left.collection, left.leaf, left.caller) == ("m", "users", "role", True)


def test_macro_variable_wins_over_a_field(shop: Shop) -> None:
    node = shop.check("tags.exists(note, note == 'a')")
    assert isinstance(node, tree.Macro)
    left, _ = _operands(node.body)
    assert left == tree.Var("note", tree.TEXT)


def test_not_swaps_what_it_binds(shop: Shop) -> None:
    assert shop.check("not open == late") == shop.check("!(open == late)")
    assert shop.check("not open == late") != shop.check("!open == late")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("prize < 5", """
unknown_field: 'orders' has no field 'prize'.
 | prize < 5
 | ^^^^^ did you mean 'price'?"""),
        ("recrd.price < 5", """
unknown_field: 'orders' has no field 'recrd'.
 | recrd.price < 5
 | ^^^^^ did you mean 'record'?"""),
        ("customer.nme == 'x'", """
unknown_field: 'users' has no field 'nme'.
 | customer.nme == 'x'
 |          ^^^ did you mean 'name'?"""),
        ("lines.exists(l, l.qtty == 1)", """
unknown_field: 'lines' has no field 'qtty'.
 | lines.exists(l, l.qtty == 1)
 |                   ^^^^ did you mean 'qty'?"""),
        ("open == True", """
unknown_field: 'orders' has no field 'True'.
 | open == True
 |         ^^^^ did you mean 'true'?"""),
        ("state == 'pad'", """
literal: 'pad' is none of the values this field can have.
 | state == 'pad'
 |          ^^^^^ did you mean 'paid'?"""),
        ("qty == 99999999999999999999", """
literal: 99999999999999999999 does not fit into 64 bits.
 | qty == 99999999999999999999
 |        ^^^^^^^^^^^^^^^^^^^^"""),
        ('price == "5"', """
type: "5" does not go with a decimal.
 | price == "5"
 |          ^^^
hint: Write the number without quotes."""),
        ("note == 5", """
type: 5 does not go with text.
 | note == 5
 |         ^
hint: Write "5" in quotes."""),
        ("open == 'true'", """
type: 'true' does not go with a boolean.
 | open == 'true'
 |         ^^^^^^
hint: Write true or false, without quotes."""),
        ("at == day", """
type: A datetime does not compare with a date.
 | at == day
 | ^^^^^^^^^
hint: A date is a day and a datetime a moment: compare the moment with the day's start and end, \
at >= "2026-01-31T00:00:00Z" && at < "2026-02-01T00:00:00Z"."""),
        ("customer == auth", """
type: A UUID does not compare with a record.
 | customer == auth
 | ^^^^^^^^^^^^^^^^
hint: Compare its key: auth.id; a record itself is compared with null only."""),
        ("tags == ['a']", """
type: A list is compared with null only.
 | tags == ['a']
 | ^^^^^^^^^^^^^
hint: Write x in list, list.exists(x, …) or size(list); a list is compared with null only."""),
        ("weight + 1 > 2", """
type: Nothing is added to a float.
 | weight + 1 > 2
 | ^^^^^^^^^^
hint: Arithmetic with floats is not part of the language yet; decimals are exact."""),
        ("note + 'x' == ''", """
type: Nothing is added to text.
 | note + 'x' == ''
 | ^^^^^^^^^^
hint: Texts are not joined in expressions."""),
        ("now - '1h' < at", """
type: This may be a moment or a duration.
 | now - '1h' < at
 |       ^^^^
hint: Write timestamp("2026-01-31T12:00:00Z") or duration("1h30m")."""),
        ("'a' in note", """
type: 'in' takes a list, not text.
 | 'a' in note
 |        ^^^^
hint: Write note.contains(…)."""),
        ("lines.qty == 3", """
type: 'lines' holds many records, so 'qty' cannot be selected from it.
 | lines.qty == 3
 | ^^^^^
hint: Write lines.exists(x, x.qty …)."""),
        ("note", """
type: This is text, and a condition is needed here.
 | note
 | ^^^^
hint: Compare it: note == …"""),
        ("lines", """
type: 'lines' holds many records.
 | lines
 | ^^^^^
hint: Write lines.exists(x, …), lines.all(x, …) or size(lines)."""),
        ("open < true", """
type: Booleans have no order.
 | open < true
 | ^^^^^^^^^^^
hint: Compare them with '==' or '!='."""),
        ("$a == $b", """
type: Nothing here says of what type the values are.
 | $a == $b
 | ^^^^^^^^
hint: Name a field."""),
        ("qty in [1, null]", """
type: A list holds no null.
 | qty in [1, null]
 |            ^^^^
hint: Write x == null || x in […]."""),
        ("qty + 1 == null", """
type: This is never null.
 | qty + 1 == null
 | ^^^^^^^
hint: Fields, records and variables are compared with null."""),
        ("lines.exists(record, true)", """
type: 'record' already has a meaning here.
 | lines.exists(record, true)
 |              ^^^^^^
hint: Choose another name."""),
        ("note.startswith('a')", """
unknown_function: There is no method 'startswith'.
 | note.startswith('a')
 |      ^^^^^^^^^^ did you mean 'startsWith'?"""),
        ("startsWith(note, 'a')", """
unknown_function: There is no function 'startsWith'.
 | startsWith(note, 'a')
 | ^^^^^^^^^^
hint: Write text.startsWith(…)."""),
        ("note.contains()", """
type: 'contains' takes one argument, not 0.
 | note.contains()
 | ^^^^^^^^^^^^^^^"""),
        ("a.b.c.d.e.f == 1", """
too_complex: A path has at most 5 names.
 | a.b.c.d.e.f == 1
 | ^^^^^^^^^^^"""),
    ],
)  # fmt: skip
def test_mistake_is_shown_with_its_place_and_a_way_out(
    shop: Shop, text: str, shown: str, frame: Callable[[ExpressionError, str], str]
) -> None:
    assert frame(shop.refused(text), text) == shown.strip("\n")


@pytest.mark.parametrize(
    "text",
    [
        "price.x == 1", "auth == customer", "meta == 'x'", "qty + weight > 1", "qty < weight",
        "note == id", "day + '1h' > day", "at + at > at", "qty + 0.5 > 1", "-note == 'a'",
        "-duration('1h') < '1h'", "null < 5", "null", "null in tags", "tags in [tags]", "1 == 'a'",
        "[1] == [1]", "lines == null", "has(lines)", "has(record)", "has(1)", "size(qty) == 1",
        "size(1) == 1", "now.hour == 1", "timestamp(note) < now", "duration(5) > '1h'",
        "note.exists(x, true)", "lines.exists(1, true)", "lines.exists(l, l)", "lines.exists(l)",
        "[note].exists(n, n == 'a')", "qty in 5", "qty in lines", "'a' in state",
        "[1, 'a'].all(n, n > 1)", "1 == null",
        "(qty == 1) + 1 == 2", "[qty == 1].exists(b, b)",
        "open in [open == true]", "price == $p + $q + 'x'",
        "$p.x == 1", "tags.lowerAscii() == 'a'", "-open", "customer", "auth", "5", "'a'", "qty",
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_a_type_error(shop: Shop, text: str) -> None:
    error = shop.refused(text)
    assert error.code == "type"
    assert 0 <= error.start < error.end <= len(text)


def test_variables_must_be_known(shop: Shop) -> None:
    error = shop.refused("prce == 1", bare=False)
    assert (error.code, error.hint) == ("unknown_variable", "Known here: record, auth, now.")
    assert shop.refused("price == 1", bare=False).hint == "Did you mean 'record.price'?"
    assert shop.refused("aut.id == record.id", bare=False).hint == "Did you mean 'auth'?"
    assert shop.refused("old.qty == 1", bare=False).hint == (
        "'old' is there in rules of create and update, and in write rules of fields."
    )
    assert isinstance(shop.check("old.qty < record.qty", bare=False, old=True), tree.Compare)


def test_params_must_be_among_the_given(shop: Shop) -> None:
    assert isinstance(shop.check("qty == $count", params=("count",)), tree.Compare)
    error = shop.refused("qty == $cuont", params=("count",))
    assert (error.code, error.hint) == ("unknown_variable", "Did you mean 'count'?")
    assert shop.refused("qty == $n", params=()).code == "unknown_variable"


def test_auth_without_users_is_compared_with_null_alone(shop: Shop) -> None:
    assert isinstance(shop.check("auth == null", auth=None), tree.Compare)
    error = shop.refused("record.customer == auth.id", auth=None)
    assert error.code == "unknown_field"
    assert error.hint == "Declare one: class User(UserRecord)."


def test_macros_nest_three_deep(shop: Shop) -> None:
    text = "true"
    for name in "cba":
        text = f"tags.exists({name}, {text})"
    shop.check(text)
    assert shop.refused(f"tags.exists(d, {text})").code == "too_complex"


# what a caller may see


def see(collection: Collection, field: Field) -> Any:
    return {"secret": "hidden", "note": "masked", "team": "masked"}.get(field.name, "open")


def test_hidden_field_looks_like_one_that_does_not_exist(shop: Shop) -> None:
    hidden = shop.refused("customer.secret == 'x'", caller=True, see=see)
    absent = shop.refused("customer.sekret == 'x'", caller=True, see=see)
    assert hidden.code == absent.code == "unknown_field"
    assert hidden.detail.replace("secret", "sekret") == absent.detail
    assert hidden.hint is None
    assert absent.hint is None
    assert isinstance(shop.check("customer.secret == 'x'", see=see), tree.Compare)


def test_relation_over_a_field_that_is_not_open_does_not_exist(shop: Shop) -> None:
    text = "auth.team.members.exists(m, true)"
    assert shop.refused(text, caller=True, see=see).code == "type"

    def hide(collection: Collection, field: Field) -> Any:
        return "hidden" if field.name == "order" else "open"

    error = shop.refused("lines.exists(l, true)", caller=True, see=hide)
    assert (error.code, error.hint) == ("unknown_field", None)


def test_masked_field_may_be_null(shop: Shop) -> None:
    left, _ = _operands(shop.check("customer.team == null", caller=True, see=see))
    assert left.masked
    assert left.nullable
    left, _ = _operands(shop.check("qty == 1", caller=True, see=see))
    assert left.caller
    assert not left.masked
    assert shop.refused("customer.team.name == 'x'", caller=True, see=see).code == "type"


# values


def test_value_is_checked_against_the_field_it_is_for(shop: Shop) -> None:
    scope = Scope(shop.schema, shop.scope.collection, bare=True)
    found = check_value(parse("qty - $n"), scope, tree.INT)
    assert isinstance(found, tree.Arith)
    assert found.right == tree.Param("n", tree.INT)
    assert check_value(parse("null"), scope, tree.INT) == tree.Null()
    assert check_value(parse("5"), scope, PRICE) == tree.Lit(PRICE, Decimal(5), exact=True)
    assert check_value(parse("now + '1h'"), scope, tree.DATETIME) is not None
    for text in ("price", "note", "qty == 1", "1.5", "'a'"):
        with pytest.raises(ExpressionError):
            check_value(parse(text), scope, tree.INT)
    for text in ("rate", "price + 0.001"):
        with pytest.raises(ExpressionError):
            check_value(parse(text), scope, PRICE)
