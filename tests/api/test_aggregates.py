"""Groups of records and what they come to: forms, orders, and what must not be told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stanchion import App, Field, Record, Rules, Settings, public
from stanchion.query import SYSTEM
from tests.conformance.engines import url

from .conftest import Answer, Api

P = "/api/products"
SAFE = 2**53 - 1


class Numbers:
    """Records with nothing but numbers: a case writes its own, which no other case sees."""

    def __init__(self, database: Path) -> None:
        app = App("Numbers", settings=Settings(database_url=url(database)))
        app.runtime.change_schema = True

        @app.collection("numbers")
        class Number(Record):
            case: int
            whole: int = 0
            big: int = Field(default=0, big=True)
            price: Decimal = Field(default=Decimal(0), max_digits=10, decimal_places=2)
            rules = Rules(read=public)

        self.api = Api(app, {"anonymous": SYSTEM, "system": SYSTEM})
        self.cases = 0

    def ask(self, values: Sequence[Any], query: str) -> Answer:
        """An aggregate over records with these values."""
        self.cases += 1
        rows = [
            {"case": self.cases, "price": str(value)}
            if isinstance(value, Decimal)
            else {"case": self.cases, "whole": value, "big": str(value)}
            for value in values
        ]
        assert self.api.send("POST", "/api/numbers", rows).status == 201
        path = f"/api/numbers/_aggregate?{query}&filter=case+%3D%3D+{self.cases}"
        return self.api.ask("GET", path)

    def value(self, values: Sequence[Any], function: str, field: str) -> Any:
        """The one value of an aggregate without groups."""
        return self.ask(values, f"{function}={field}").json["items"][0][function][field]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Numbers]:
    numbers = Numbers(tmp_path_factory.mktemp("numbers") / "n.db")
    yield numbers
    numbers.api.close()


AGGREGATES: list[tuple[str, str, dict[str, str], list[Any]]] = [
    (P, "anonymous", {"count": "true"}, [{"group": {}, "count": 5}]),
    (P, "anonymous", {"sum": "price"}, [{"group": {}, "sum": {"price": "48.05"}}]),
    (P, "ada", {"sum": "stock,weight"}, [{"group": {}, "sum": {"stock": 62, "weight": 1.75}}]),
    (P, "ada", {"sum": "price", "filter": "stock < 0"}, [{"group": {}, "sum": {"price": None}}]),
    (P, "anonymous", {"group": "stock", "count": "true", "filter": "stock < 0"}, []),
    (
        P, "anonymous", {"group": "available", "count": "true", "sum": "stock"},
        [
            {"group": {"available": False}, "count": 1, "sum": {"stock": 0}},
            {"group": {"available": True}, "count": 4, "sum": {"stock": 62}},
        ],
    ),
    (
        P, "anonymous", {"group": "supplier", "count": "true"},
        [
            {"group": {"supplier": None}, "count": 2},
            {"group": {"supplier": "Ganga"}, "count": 1},
            {"group": {"supplier": "Kiln"}, "count": 1},
            {"group": {"supplier": "Uji"}, "count": 1},
        ],
    ),
    (
        P, "anonymous", {"group": "category.name", "sum": "price", "q": "tea"},
        [
            {"group": {"category.name": "Cups"}, "sum": {"price": "7.50"}},
            {"group": {"category.name": "Tea"}, "sum": {"price": "16.50"}},
        ],
    ),
    (P, "mia", {"sum": "cost"}, [{"group": {}, "sum": {"cost": "19.12"}}]),
    ("/api/reviews", "anonymous", {"sum": "stars"}, [{"group": {}, "sum": {"stars": 10}}]),
    ("/api/reviews", "bo", {"sum": "stars"}, [{"group": {}, "sum": {"stars": 11}}]),
    (
        "/api/orders", "ada", {"group": "state", "count": "true"},
        [{"group": {"state": "open"}, "count": 1}, {"group": {"state": "paid"}, "count": 1}],
    ),
    (
        "/api/orders", "ada", {"group": "customer.phone", "count": "true"},
        [{"group": {"customer.phone": "+49 30 1"}, "count": 2}],
    ),
    (
        "/api/orders", "mia", {"group": "customer.phone", "count": "true"},
        [{"group": {"customer.phone": None}, "count": 3}],
    ),
]  # fmt: skip


AVERAGES: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
    (P, "anonymous", {"avg": "price,stock,weight"},
     {"avg": {"price": "9.61000000", "stock": "12.400000", "weight": 0.4375}}),
    (P, "anonymous", {"avg": "stock", "filter": "stock in [3, 7, 12]"},
     {"avg": {"stock": "7.333333"}}),
    (P, "anonymous", {"avg": "serial", "filter": "stock >= 12"},
     {"avg": {"serial": "4503599627370496.500000"}}),
    (P, "anonymous", {"avg": "price,stock,weight", "filter": "stock > 99"},
     {"avg": {"price": None, "stock": None, "weight": None}}),
    (P, "mia", {"avg": "cost", "count": "true"}, {"count": 5, "avg": {"cost": "4.78000000"}}),
    (P, "anonymous", {"min": "name,price,since,available,size", "max": "checked,weight,serial"},
     {"min": {"name": "Assam", "price": "0.05", "since": "2023-12-24", "available": False,
              "size": "large"},
      "max": {"checked": "2025-01-02T03:04:05.678901Z", "weight": 1,
              "serial": "9007199254740993"}}),
    (P, "anonymous", {"min": "supplier", "max": "supplier"},
     {"min": {"supplier": "Ganga"}, "max": {"supplier": "Uji"}}),
    ("/api/orders", "ada", {"min": "placed", "max": "customer.name"},
     {"min": {"placed": "2025-02-01T09:00:00.000000Z"}, "max": {"customer.name": "Ada"}}),
    ("/api/reviews", "bo", {"avg": "stars,product.price"},
     {"avg": {"stars": "2.750000", "product.price": "7.50000000"}}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "caller", "query", "values"), AVERAGES)
def test_averages_and_extremes_have_the_form_of_their_field(
    api: Api, path: str, caller: str, query: dict[str, str], values: dict[str, Any]
) -> None:
    answer = api.get(f"{path}/_aggregate", caller, **query)
    assert answer.json == {"items": [{"group": {}, **values}]}


ROUNDED: list[tuple[Sequence[int], str]] = [
    ((1, 0), "0.500000"),
    ((-1, 0), "-0.500000"),
    ((1, *[0] * 63), "0.015625"),
    ((1, *[0] * 639), "0.001563"),  # 0.0015625
    ((-1, *[0] * 639), "-0.001563"),
    ((2, 2, 1), "1.666667"),
    ((-2, -2, -1), "-1.666667"),
    ((9, *[10] * 6), "9.857143"),
    ((-1, *[0] * 999), "-0.001000"),
    ((SAFE, SAFE - 1), f"{SAFE - 1}.500000"),
    ((-SAFE, 1 - SAFE), f"-{SAFE - 1}.500000"),
]


@pytest.mark.parametrize(("values", "average"), ROUNDED)
def test_average_of_whole_numbers_is_exact_and_rounds_half_away_from_zero(
    numbers: Numbers, values: Sequence[int], average: str
) -> None:
    assert numbers.value(values, "avg", "whole") == average
    assert numbers.value(values, "avg", "big") == average


@pytest.mark.parametrize(
    ("values", "average"),
    [
        (("-0.01", "0.00"), "-0.00500000"),
        (("99.99", "99.98"), "99.98500000"),
        (("0.01", "0.01", "0.00"), "0.00666667"),
        (("99999999.99", "99999999.99", "99999999.98"), "99999999.98666667"),
        (("1.00", *["0.99"] * 6), "0.99142857"),
    ],
)
def test_average_of_decimals_has_six_places_more(
    numbers: Numbers, values: Sequence[str], average: str
) -> None:
    assert numbers.value([Decimal(value) for value in values], "avg", "price") == average


def test_average_sorts_by_its_value_below_zero_too(numbers: Numbers) -> None:
    answer = numbers.ask((-3, -3, -2, 0, 5), "group=whole&avg=whole,big&sort=avg.whole")
    assert [item["group"]["whole"] for item in answer.json["items"]] == [-3, -2, 0, 5]
    answer = numbers.ask((-3, -3, -2, 0, 5), "group=whole&avg=big&sort=-avg.big")
    assert [item["group"]["whole"] for item in answer.json["items"]] == [5, 0, -2, -3]


def test_sum_that_a_javascript_number_cannot_hold_is_refused(numbers: Numbers) -> None:
    assert numbers.value((SAFE - 1, 1), "sum", "whole") == SAFE
    assert numbers.value((1 - SAFE, -1), "sum", "whole") == -SAFE
    for values in ((SAFE, 1), (-SAFE, -1)):
        refused = numbers.ask(values, "sum=whole")
        assert (refused.status, refused.code) == (400, "query.overflow")
        assert "big" in refused.hint
    assert numbers.value((SAFE, 1), "sum", "big") == str(SAFE + 1)
    assert numbers.value((SAFE, 1), "avg", "whole") == f"{(SAFE + 1) // 2}.000000"


SORTED: list[tuple[dict[str, str], list[Any]]] = [
    ({"group": "category.name", "count": "true", "sort": "-count"}, ["Tea", "Cups"]),
    ({"group": "category.name", "count": "true", "sort": "count"}, ["Cups", "Tea"]),
    ({"group": "category.name", "avg": "price", "sort": "avg.price"}, ["Cups", "Tea"]),
    ({"group": "category.name", "avg": "price", "sort": "-avg.price"}, ["Tea", "Cups"]),
    ({"group": "size", "max": "price", "sort": "-max.price"}, [None, "large", "small"]),
    ({"group": "size", "sum": "weight", "sort": "-group.size"}, ["small", "large", None]),
    ({"group": "name", "min": "stock", "sort": "-min.stock,name", "limit": "2"},
     ['Cup "Classic"', "Assam"]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "groups"), SORTED)
def test_groups_sort_by_what_is_computed(api: Api, query: dict[str, str], groups: Any) -> None:
    answer = api.get(f"{P}/_aggregate", **query)
    assert [next(iter(item["group"].values())) for item in answer.json["items"]] == groups


def test_groups_that_a_sort_leaves_equal_are_in_the_order_of_their_values(api: Api) -> None:
    answer = api.get(f"{P}/_aggregate", group="name", count="true", sort="-count")
    names = [item["group"]["name"] for item in answer.json["items"]]
    assert names == sorted(names)
    assert len(names) == 5


@pytest.mark.parametrize(("path", "caller", "query", "items"), AGGREGATES)
def test_aggregate(api: Api, path: str, caller: str, query: dict[str, str], items: Any) -> None:
    answer = api.get(f"{path}/_aggregate", caller, **query)
    assert answer.json == {"items": items}


def test_groups_past_the_limit_are_announced(api: Api) -> None:
    answer = api.get(f"{P}/_aggregate", group="name", count="true", limit=2)
    assert [item["group"]["name"] for item in answer.json["items"]] == ["Assam", 'Cup "Classic"']
    assert answer.json["more"] is True


def test_sum_out_of_64_bits_is_400(fresh: Api, shop: ModuleType) -> None:
    for number in (1, 2):
        path = f"{P}/{shop.make_id(shop.PRODUCT, number)}"
        assert fresh.send("PATCH", path, {"serial": str(2**63 - 1)}).status == 200
    answer = fresh.get(f"{P}/_aggregate", sum="serial")
    assert (answer.status, answer.code) == (400, "query.overflow")
    assert fresh.get(f"{P}/_aggregate", sum="serial", filter="stock > 10").status == 200
