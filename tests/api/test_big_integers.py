"""Integers of 64 bits: strings of digits wherever they meet the wire."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from .conftest import Api

P = "/api/products"
SAFE = 2**53 - 1
BIG = [-(2**63), -SAFE - 1, -1, SAFE + 1, 2**63 - 1]


@pytest.fixture
def filled(fresh: Api, shop: ModuleType) -> Api:
    """Each product has one of the numbers, the least first."""
    for number, serial in enumerate(BIG, 1):
        path = f"{P}/{shop.make_id(shop.PRODUCT, number)}"
        answer = fresh.send("PATCH", path, {"serial": str(serial)})
        assert (answer.status, answer.json["serial"]) == (200, str(serial))
    return fresh


def test_they_are_read_as_they_were_sent(filled: Api) -> None:
    assert filled.get(P, fields="serial").column("serial") == [str(n) for n in BIG]


@pytest.mark.parametrize("sort", ["serial", "-serial"])
def test_they_sort_and_page_by_their_value(filled: Api, sort: str) -> None:
    seen: list[str] = []
    query: dict[str, Any] = {"sort": sort, "limit": 1, "fields": "serial"}
    while True:
        page = filled.get(P, **query)
        seen += page.column("serial")
        if page.json["next"] is None:
            break
        query["after"] = page.json["next"]
    assert seen == [str(n) for n in (BIG if sort == "serial" else BIG[::-1])]


def test_they_compare_exactly_in_filters(filled: Api) -> None:
    for at, number in enumerate(BIG):
        found = filled.get(P, filter=f"serial == {number}", fields="serial").column("serial")
        assert found == [str(number)]
        beyond = filled.get(P, filter=f"serial > {number}", fields="serial").column("serial")
        assert beyond == [str(n) for n in BIG[at + 1 :]]


def test_aggregates_answer_them_as_strings(filled: Api) -> None:
    query = {"min": "serial", "max": "serial", "group": "serial", "sort": "-serial", "limit": 1}
    (item,) = filled.get(f"{P}/_aggregate", **query).json["items"]
    most = {"serial": str(2**63 - 1)}
    assert item == {"group": most, "min": most, "max": most}
    total = filled.get(f"{P}/_aggregate", sum="serial", avg="serial", filter="serial > -2")
    assert total.json["code"] == "query.overflow"
    some = filled.get(
        f"{P}/_aggregate", sum="serial", avg="serial", filter="serial in [-1, 9007199254740992]"
    )
    assert some.json["items"][0] == {
        "group": {}, "sum": {"serial": str(SAFE)}, "avg": {"serial": "4503599627370495.500000"}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (1, "big_int_type"), (1.0, "big_int_type"), ("01", "big_int_type"), ("-0", "big_int_type"),
        ("+1", "big_int_type"), ("1e3", "big_int_type"), ("", "big_int_type"),
        ("٣", "big_int_type"), (str(2**63), "int_out_of_range"),
        (str(-(2**63) - 1), "int_out_of_range"), (True, "big_int_type"), (None, "null"),
    ],
)  # fmt: skip
def test_other_forms_are_refused(fresh: Api, shop: ModuleType, wire: Any, code: str) -> None:
    answer = fresh.send("PATCH", f"{P}/{shop.make_id(shop.PRODUCT, 1)}", {"serial": wire})
    assert answer.status == 422
    assert [(e["pointer"], e["code"]) for e in answer.json["errors"]] == [("/serial", code)]


@pytest.mark.parametrize(("wire", "status"), [(SAFE, 200), (SAFE + 1, 422), (str(5), 422)])
def test_an_int_that_is_not_big_is_a_safe_number(
    fresh: Api, shop: ModuleType, wire: Any, status: int
) -> None:
    path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    assert fresh.send("PATCH", path, {"stock": wire}).status == status


def test_openapi_and_schema_say_so(fresh: Api) -> None:
    schemas = fresh.app.openapi()["components"]["schemas"]
    assert schemas["Product"]["properties"]["serial"]["type"] == "string"
    stock = schemas["Product"]["properties"]["stock"]
    assert (stock["type"], stock["maximum"]) == ("integer", SAFE)
    fields = fresh.get("/api/_schema").json["collections"]["products"]["fields"]
    assert fields["serial"]["big"] is True
    assert "big" not in fields["stock"]
