"""Every field type: what it reads, what it refuses, and that SQLite gives back the same bytes."""

from __future__ import annotations

import decimal
import json
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanchion.schema import Collection, Field
from stanchion.sql import ddl
from stanchion.sql.dialect import SQLITE
from stanchion.types import (
    BoolType,
    DatetimeType,
    DateType,
    DecimalType,
    EnumType,
    FieldType,
    FloatType,
    IntType,
    JsonType,
    ListType,
    TextType,
    UuidType,
    WireError,
)  # fmt: skip

CENTS = DecimalType(18, 2)
ZONES = st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
# a type, and wire values that it accepts
CASES: list[tuple[FieldType, st.SearchStrategy[Any]]] = [
    (TextType(), TEXTS),
    (IntType(), st.integers(-(2**53) + 1, 2**53 - 1)),
    (IntType(big=True), st.integers(-(2**63), 2**63 - 1).map(str)),
    (FloatType(), FINITE),
    (CENTS, st.decimals(-(10**16) + 1, 10**16 - 1, places=2).map(lambda d: f"{d:f}")),
    (DecimalType(18, 18), st.decimals("-0.999", "0.999", places=18).map(lambda d: f"{d:f}")),
    (DecimalType(5, 0), st.integers(-99999, 99999).map(str)),
    (BoolType(), st.booleans()),
    (DateType(), st.dates().map(lambda d: d.isoformat())),
    (
        DatetimeType(),
        st.datetimes(datetime(2, 1, 1), datetime(9999, 12, 30), timezones=ZONES).map(
            lambda d: d.isoformat()
        ),
    ),
    (UuidType(), st.uuids().map(str)),
    (UuidType(), st.uuids().map(lambda u: u.hex.upper())),
    (EnumType(("a", "ä'\"", "")), st.sampled_from(("a", "ä'\"", ""))),
    (ListType(TextType()), st.lists(TEXTS, max_size=5)),
    (ListType(CENTS), st.lists(st.sampled_from(["0.1", "-0.00", "12.50"]))),
    (JsonType(), JSON.filter(lambda v: v is not None)),
    (JsonType(object=True), st.dictionaries(TEXTS, JSON, max_size=4)),
]


@pytest.fixture(scope="module")
def database() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    yield connection
    connection.close()


def short(value: Any) -> str:
    return value if isinstance(value, str) and "_" in value else type(value).__name__


def stored_field(kind: FieldType, *, nullable: bool = True) -> Field:
    return Field("value", "value", kind, nullable=nullable)


@pytest.mark.parametrize(("kind", "wires"), CASES, ids=lambda c: getattr(c, "kind", "wires"))
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_a_value_comes_back_from_sqlite_as_it_was(
    database: apsw.Connection, kind: FieldType, wires: Any, data: Any
) -> None:
    wire = data.draw(wires)
    value = kind.parse(wire)
    column = ddl.column(stored_field(kind), SQLITE)
    database.execute("drop table if exists t")
    database.execute(f"create table t ({column}) strict")
    database.execute("insert into t values (?)", (kind.sqlite_raw(value),))
    text = kind.sqlite_json("value")
    ((raw, shown),) = database.execute(f"select value,''||{text} from t").fetchall()
    assert kind.sqlite_value(raw) == value
    assert json.loads(shown) == kind.wire(value)
    # the wire form is canonical: reading it again changes nothing
    again = kind.parse(json.loads(shown))
    assert again == value and kind.wire(again) == kind.wire(value)
    assert kind.accept(value) == value


LAST = datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))


class Size(Enum):
    SMALL = "a"


class Clueless(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (TextType(), "é", "é"),
        (CENTS, Decimal("9.5"), Decimal("9.50")),
        (CENTS, 9, Decimal("9.00")),
        (CENTS, Decimal("0E+30"), Decimal("0.00")),
        (CENTS, Decimal("-0"), Decimal("0.00")),
        (CENTS, Decimal("1E+2"), Decimal("100.00")),
        (FloatType(), 3, 3.0),
        (DateType(), date(2026, 1, 31), date(2026, 1, 31)),
        (
            DatetimeType(),
            datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 1, 31, 10, tzinfo=UTC),
        ),
        (
            UuidType(),
            UUID("018F3C2E7A4B7C1D9E2F3A4B5C6D7E8F"),
            "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f",
        ),
        (EnumType(("a",)), Size.SMALL, "a"),
        (ListType(EnumType(("a",))), (Size.SMALL,), ["a"]),
        (ListType(CENTS), [1, Decimal("2.5")], [Decimal("1.00"), Decimal("2.50")]),
        (IntType(big=True), 2**63 - 1, 2**63 - 1),
    ],
)
def test_values_of_python_become_canonical(kind: FieldType, given: Any, value: Any) -> None:
    accepted = kind.accept(given)
    assert accepted == value and repr(accepted) == repr(value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^[$\]a]+$", "$]a"), (r"^[^$]$", "x"), (r"^\$$", "$"), (r"^\\$", "\\"), (r"^[]$]$", "$"),
        (r"(?m)^a$", "a\nb"),
    ],
)  # fmt: skip
def test_end_of_a_pattern_leaves_the_other_dollars_alone(pattern: str, text: str) -> None:
    assert TextType(pattern=pattern).accept(text) == text


@pytest.mark.parametrize(
    ("kind", "given", "code"),
    [
        (TextType(), b"x", "string_type"),
        (TextType(), "a\0", "string_nul"),
        (TextType(), "\ud83d", "string_unicode"),
        (TextType(min_length=2), "é", "string_too_short"),
        (TextType(max_length=1), "ab", "string_too_long"),
        (TextType(pattern="^a$"), "b", "string_pattern_mismatch"),
        (TextType(pattern="^a$"), "a\n", "string_pattern_mismatch"),
        (TextType(pattern=r"^(a|b$)$"), "b\n", "string_pattern_mismatch"),
        (TextType(pattern=r"^[$\]a]+$"), "$]\n", "string_pattern_mismatch"),
        (TextType(pattern=r"^\$$"), "$\n", "string_pattern_mismatch"),
        (IntType(), True, "int_type"),
        (IntType(), 1.0, "int_type"),
        (IntType(), "5", "int_type"),
        (IntType(), 10**5000, "int_out_of_range"),
        (IntType(big=True), 2**63, "int_out_of_range"),
        (IntType(big=True), "-0", "big_int_type"),
        (IntType(big=True), True, "big_int_type"),
        (IntType(gt=1), 1, "greater_than"),
        (IntType(lt=1), 1, "less_than"),
        (FloatType(), True, "float_type"),
        (FloatType(), "1", "float_type"),
        (FloatType(), 10**400, "finite_number"),
        (FloatType(le=1), 1.1, "less_than_equal"),
        (CENTS, 1.5, "decimal_type"),
        (CENTS, True, "decimal_type"),
        (CENTS, Decimal("NaN"), "finite_number"),
        (CENTS, Decimal("sNaN"), "finite_number"),
        (CENTS, Decimal("0.001"), "decimal_max_places"),
        (CENTS, Decimal("1e-9999999"), "decimal_max_places"),
        (CENTS, Decimal("1." + "0" * 60 + "1"), "decimal_max_places"),
        (CENTS, Decimal("1e9999999"), "decimal_max_digits"),
        (CENTS, 10**16, "decimal_max_digits"),
        (CENTS, 10**5000, "decimal_max_digits"),
        (DecimalType(5, 2, ge=Decimal(1)), "0.99", "greater_than_equal"),
        (BoolType(), 1, "bool_type"),
        (BoolType(), "true", "bool_type"),
        (DateType(), datetime(2026, 1, 31, tzinfo=UTC), "date_type"),
        (DateType(), "2026-1-31", "date_parsing"),
        (DateType(), "20260131", "date_parsing"),
        (DateType(), "2026-02-30", "date_parsing"),
        (DatetimeType(), datetime(2026, 1, 31), "datetime_no_offset"),
        (DatetimeType(), datetime(2026, 1, 31, tzinfo=Clueless()), "datetime_no_offset"),
        (DatetimeType(), LAST, "datetime_parsing"),
        (DatetimeType(), date(2026, 1, 31), "datetime_type"),
        (DatetimeType(), "2026-01-31 12:00:00Z", "datetime_parsing"),
        (DatetimeType(), "2026-01-31T12:00:60Z", "datetime_parsing"),
        (DatetimeType(), "2026-01-31T12:00:00+24:00", "datetime_parsing"),
        (DatetimeType(), "2026-01-31T12:00:00.1234567Z", "datetime_parsing"),
        (UuidType(), "018f3c2e-7a4b7c1d9e2f-3a4b5c6d-7e8f-", "uuid_parsing"),
        (UuidType(), "{018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f}", "uuid_parsing"),
        (EnumType(("a",)), "b", "literal_error"),
        (ListType(), "ab", "list_type"),
        (ListType(), {"a"}, "list_type"),
        (ListType(min_length=1), [], "too_short"),
        (JsonType(), object(), "json_type"),
        (JsonType(), {1: 2}, "json_type"),
        (JsonType(), {"a": (1,)}, "json_type"),
        (JsonType(), [float("nan")], "finite_number"),
        (JsonType(), 10**400, "json_type"),
        (JsonType(object=True), [], "object_type"),
    ],
    ids=short,
)  # fmt: skip
def test_what_is_no_value_is_refused(kind: FieldType, given: Any, code: str) -> None:
    with pytest.raises(WireError) as refused:
        kind.accept(given)
    assert refused.value.code == code
    assert refused.value.detail.startswith("Must ") and refused.value.detail.endswith((".", "$"))


def test_a_list_tells_every_wrong_item_at_its_place() -> None:
    with pytest.raises(WireError) as refused:
        ListType(IntType()).parse([1, "a", 2, 3.5])
    assert [(e.pointer, e.code) for e in refused.value.told("/x")] == [
        ("/x/1", "int_type"), ("/x/3", "int_type"),
    ]  # fmt: skip
    with pytest.raises(WireError) as refused:
        ListType(IntType()).parse(["a"] * 1000)
    assert len(refused.value.told("")) == 20


def test_the_precision_that_an_app_sets_does_not_touch_stored_decimals() -> None:
    with decimal.localcontext(decimal.Context(prec=3)):
        value = CENTS.parse("1234567890123456.78")
        assert CENTS.sqlite_raw(value) == 123456789012345678
        assert CENTS.wire(CENTS.sqlite_value(123456789012345678)) == "1234567890123456.78"


def test_negative_zero_is_zero() -> None:
    assert struct.pack("d", FloatType().parse(-0.0)) == struct.pack("d", 0.0)


def test_json_may_nest_64_deep() -> None:
    def nested(depth: int) -> list[Any]:
        return [nested(depth - 1)] if depth > 1 else []

    assert JsonType().parse(nested(64))
    with pytest.raises(WireError):
        JsonType().parse(nested(65))


@pytest.mark.parametrize(
    ("kind", "good", "bad", "code"),
    [
        (IntType(ge=1), 1, 0, "ge"),
        (IntType(lt=5), 4, 5, "lt"),
        (IntType(), 2**53 - 1, 2**53, "range"),
        (FloatType(gt=0), 0.1, 0, "gt"),
        (DecimalType(5, 2, le=Decimal("1.5")), 150, 151, "le"),
        (DecimalType(5, 2, ge=Decimal("0.001")), 1, 0, "ge"),
        (DecimalType(5, 2), -99999, -100000, "max_digits"),
        (TextType(max_length=2), "éé", "ééé", "max_length"),
        (TextType(min_length=2), "ab", "a", "min_length"),
        (EnumType(("a", "b'")), "b'", "c", "literal"),
        (BoolType(), 1, 2, "bool"),
        (ListType(max_length=1), "[1]", "[1,2]", "max_length"),
        (ListType(min_length=1), "[1]", "[]", "min_length"),
    ],
)
def test_checks_hold_in_the_database_too(
    database: apsw.Connection, kind: FieldType, good: Any, bad: Any, code: str
) -> None:
    collection = Collection("t", "T", (stored_field(kind),), key=("value",))
    database.execute("drop table if exists t")
    for statement in ddl.create_collection(collection, SQLITE):
        database.execute(statement)
    database.execute("insert into t (value) values (?)", (good,))
    database.execute("insert into t (value) values (null)")
    with pytest.raises(apsw.ConstraintError, match=f"value:{code}$"):
        database.execute("insert into t (value) values (?)", (bad,))


def test_a_type_describes_itself_as_plain_data() -> None:
    kinds = (TextType(max_length=3), DecimalType(5, 2, ge=Decimal("0.5")), ListType(IntType(ge=1)),
             JsonType(object=True), EnumType(("a",)), IntType(big=True))  # fmt: skip
    assert [json.loads(json.dumps(kind.describe())) for kind in kinds] == [
        {"type": "text", "max_length": 3},
        {"type": "decimal", "max_digits": 5, "places": 2, "ge": "0.5"},
        {"type": "list", "item": {"type": "int", "ge": 1}},
        {"type": "json", "object": True},
        {"type": "enum", "values": ["a"]},
        {"type": "int", "big": True},
    ]


def test_each_type_is_one_file() -> None:
    """So a new type is one new file, and what a type knows is found in one place."""
    places = {kind.__name__: kind.__module__ for kind in FieldType.__subclasses__()}
    assert len(set(places.values())) == len(places) >= 11
