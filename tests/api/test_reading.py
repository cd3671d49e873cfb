"""Reading over REST: what is there, and what must not be."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanchion import App, Field, Record, Ref, Rules, Settings, plans, public, reading, records
from stanchion.query import encode_cursor
from stanchion.sql import read as sql_read
from tests.conformance.engines import url

from .conftest import Api

P = "/api/products"

# lists


def test_list_of_nothing_asked_is_in_the_order_of_the_keys(api: Api) -> None:
    answer = api.get(P)
    ids = answer.column("id")
    assert ids == sorted(ids) and len(ids) == 5
    assert answer.json["next"] is None
    assert list(answer.json) == ["items", "next"], "total only when it is asked for"


FILTERS: list[tuple[str, list[str]]] = [
    ("price < 8", ["Assam", 'Cup "Classic"', "Mug"]),
    ("price == 7.5", ["Assam", 'Cup "Classic"']),
    ("price == 7.505", []),
    ("price != 7.505 && stock == 0", ["Grüner Matcha \U0001f375"]),
    ("price >= 7.501", ["Sencha", "Grüner Matcha \U0001f375"]),
    ("-stock == -7", ["Mug"]),
    ("stock + 1 == 8", ["Mug"]),
    ("stock == 99999999999", []),
    ("serial == 9007199254740993", ["Assam"]),
    ("weight > 0.2 && weight <= 0.4", ["Assam", 'Cup "Classic"']),
    ("since == '2024-03-01'", ["Assam", "Mug"]),
    ("checked == timestamp('2025-01-02T04:04:05.678901+01:00')", ["Assam"]),
    ("checked == timestamp('2025-01-02T03:04:05.678Z')", []),
    ("about == null", ["Grüner Matcha \U0001f375"]),
    ("!available", ["Grüner Matcha \U0001f375"]),
    ("!(weight < 0.2)", ["Assam", 'Cup "Classic"', "Mug"]),
    ("about.contains('\\n')", ["Mug"]),
    ("name.contains('\"')", ['Cup "Classic"']),
    ("name.endsWith('\U0001f375')", ["Grüner Matcha \U0001f375"]),
    ("name.lowerAscii() == 'mug' or name == 'Assam'", ["Assam", "Mug"]),
    ("'green' in tags", ["Sencha"]),
    ("size(tags) == 0", ["Grüner Matcha \U0001f375", "Mug"]),
    ("size in ['large'] and not (stock > 10)", ["Mug"]),
    ("category.name == 'Cups'", ['Cup "Classic"', "Mug"]),
    ("reviews.exists(r, r.stars == 2)", ['Cup "Classic"']),
    ("reviews.all(r, r.stars > 9)", ["Sencha", "Grüner Matcha \U0001f375", "Mug"]),
    ("supplier == 'Hidden Hills'", []),
    ("supplier == null", ["Grüner Matcha \U0001f375", 'Cup "Classic"']),
]


@pytest.mark.parametrize(("text", "names"), FILTERS, ids=[text for text, _ in FILTERS])
def test_filter_keeps_exactly_these(api: Api, text: str, names: list[str]) -> None:
    answer = api.get(P, filter=text, fields="name")
    assert (answer.status, answer.column("name")) == (200, names), answer.body


def test_repeated_filters_are_joined_and_an_empty_one_is_none(api: Api) -> None:
    answer = api.get(P, filter=["price < 10 || stock == 0", "", "stock > 3"], fields="name")
    assert answer.column("name") == ["Assam", 'Cup "Classic"', "Mug"]


def test_repeated_filter_must_stand_alone(api: Api) -> None:
    """Two halves that only make sense together are two mistakes."""
    assert api.get(P, filter=["(price < 10", "stock > 3)"]).code == "filter.syntax"
    assert api.get(P, filter=["price < 10) || (true", "stock > 3"]).code == "filter.syntax"
    ok = api.get(P, filter=["(price < 10) || (stock > 3)", "stock > 3"])
    assert ok.status == 200
    again = api.get(P, filter=["(price < 10", "stock > 3)"])
    assert again.status == 400, "no plan of another split is taken"


SORTS: list[tuple[str, list[str]]] = [
    ("price", ["Mug", "Assam", "Cup", "Sencha", "Grüner"]),
    ("-price", ["Grüner", "Sencha", "Cup", "Assam", "Mug"]),
    ("price,-name", ["Mug", "Cup", "Assam", "Sencha", "Grüner"]),
    ("weight", ["Grüner", "Sencha", "Assam", "Cup", "Mug"]),
    ("-weight", ["Mug", "Cup", "Assam", "Sencha", "Grüner"]),
    ("since,-stock", ["Grüner", "Cup", "Assam", "Mug", "Sencha"]),
    ("name", ["Assam", "Cup", "Grüner", "Mug", "Sencha"]),
    ("available", ["Grüner", "Assam", "Sencha", "Cup", "Mug"]),
    ("size", ["Sencha", "Grüner", "Cup", "Mug", "Assam"]),
    ("supplier", ["Grüner", "Cup", "Assam", "Mug", "Sencha"]),
    ("-category.name,name", ["Assam", "Grüner", "Sencha", "Cup", "Mug"]),
    ("-id", ["Mug", "Cup", "Grüner", "Sencha", "Assam"]),
]


@pytest.mark.parametrize(("sort", "names"), SORTS, ids=[sort for sort, _ in SORTS])
def test_sort_is_total_and_nulls_are_smallest(api: Api, sort: str, names: list[str]) -> None:
    found = api.get(P, sort=sort, fields="name").column("name")
    assert [name.split(" ")[0] for name in found] == names


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("sort", ["", *(sort for sort, _ in SORTS)])
def test_pages_visit_every_record_once_in_the_order_of_the_list(
    api: Api, sort: str, limit: int
) -> None:
    whole = api.get(P, sort=sort).column("id")
    assert follow(api, P, sort=sort, limit=limit) == whole


def follow(api: Api, path: str, caller: str = "anonymous", **query: Any) -> list[Any]:
    """The ids of every page, one after the other."""
    ids: list[Any] = []
    after: dict[str, str] = {}
    for _ in range(1000):
        answer = api.get(path, caller, **query, **after)
        assert answer.status == 200, answer.body
        page = answer.column("id")
        ids += page
        if answer.json["next"] is None:
            return ids
        assert len(page) == query["limit"], "a page with a next one is full"
        after = {"after": answer.json["next"]}
    raise AssertionError("the pages have no end")


def test_a_page_holds_fifty_records_unless_another_number_is_asked_for(fresh: Api) -> None:
    bodies = [{"name": f"category {n}"} for n in range(51)]
    assert fresh.send("POST", "/api/categories", bodies).status == 201
    page = fresh.get("/api/categories")
    assert len(page.json["items"]) == 50 and page.json["next"] is not None
    assert len(fresh.get("/api/categories", limit=1000).json["items"]) == 54


def test_next_is_null_exactly_when_nothing_follows(api: Api) -> None:
    assert api.get(P, limit=5).json["next"] is None
    assert api.get(P, limit=4).json["next"] is not None
    assert api.get("/api/categories", filter="name == 'x'").json == {"items": [], "next": None}


def test_cursor_holds_the_masked_value(api: Api) -> None:
    """The supplier of the matcha must not be read out of the cursor either."""
    cursor = api.get(P, sort="supplier", limit=1).json["next"]
    text = base64.urlsafe_b64decode(cursor + "==").decode()
    assert json.loads(text)[2][0] is None
    assert "Hidden" not in text


def test_record_that_is_made_between_two_pages_moves_nothing(fresh: Api, shop: ModuleType) -> None:
    first = fresh.get(P, sort="price", limit=2)
    before = fresh.get(P, sort="price").column("id")
    body = {
        "id": shop.make_id(shop.PRODUCT, 90), "name": "New", "price": "0.01",
        "category": shop.make_id(shop.CATEGORY, 1),
    }  # fmt: skip
    assert fresh.send("POST", P, body).status == 201
    rest = fresh.get(P, sort="price", after=first.json["next"]).column("id")
    assert first.column("id") + rest == before


# search


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("tea", ["Assam", "Sencha", "Cup"]),
        ("TEA  green", ["Sencha"]),
        ("te gre", ["Sencha"]),
        ("cup,classic!", ["Cup"]),
        ("GRÜNER", ["Grüner"]),
        ("gru\u0308ner", ["Grüner"]),
        ("classic tea", ["Cup"]),
        ("ea", []),
        ('tea" OR "mug', []),
        ("NOT tea", []),
        ("tea*", ["Assam", "Sencha", "Cup"]),
        ("uji", []),  # a supplier, which is not searched
        ("small", []),  # a size
    ],
)
def test_search_finds_records_that_hold_every_word(api: Api, q: str, names: list[str]) -> None:
    found = api.get(P, q=q, fields="name").column("name")
    assert [name.split(" ")[0] for name in found] == names


def test_words_are_folded_and_parted_alike_where_stored_and_where_asked(
    fresh: Api, shop: ModuleType
) -> None:
    first = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    about = "ÄPFEL–Kuchen an der Straße 7b, e\u0301te\u0301"
    assert fresh.send("PATCH", first, {"about": about}).status == 200
    for q in ("äpfel", "Kuchen", "kuch äpf", "STRASSE", "straße", "7b", "été", "ÉTÉ"):
        assert fresh.get(P, q=q).column("name") == ["Assam"], q
    for q in ("pfel", "apfel", "äpfelkuchen", "ete"):
        assert fresh.get(P, q=q).json["items"] == [], q


def test_search_follows_an_update_and_a_delete(fresh: Api, shop: ModuleType) -> None:
    first = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    assert fresh.send("PATCH", first, {"about": "Malty and dark"}).status == 200
    assert fresh.get(P, q="malty").column("name") == ["Assam"]
    assert "Assam" not in fresh.get(P, q="black").column("name")
    last = f"{P}/{shop.make_id(shop.PRODUCT, 3)}"
    assert fresh.ask("DELETE", last, "system").status == 204
    assert fresh.get(P, q="matcha").json["items"] == []


def test_search_total_and_pages(api: Api) -> None:
    answer = api.get(P, q="tea", limit=2, total="true", sort="-price")
    assert answer.json["total"] == 3
    assert len(follow(api, P, q="tea", limit=1, sort="-price")) == 3


# total


@pytest.mark.parametrize(
    ("query", "total"),
    [({}, 5), ({"filter": "price < 8"}, 3), ({"limit": 1}, 5), ({"filter": "stock < 0"}, 0)],
)
def test_total_counts_what_the_list_holds(api: Api, query: dict[str, Any], total: int) -> None:
    assert api.get(P, total="true", **query).json["total"] == total
    assert "total" not in api.get(P, total="false", **query).json


def test_total_is_counted_in_the_snapshot_of_its_page(
    fresh: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, ran = fresh.records.engine, []
    together = engine.fetch_together

    async def noted(asks: Any) -> Any:
        ran.append(len(asks))
        return await together(asks)

    fresh.get(P, total="true")  # what the plan needs is known
    monkeypatch.setattr(engine, "fetch_together", noted)
    monkeypatch.setattr(engine, "fetch", None)
    assert fresh.get(P, total="true").json["total"] == 5
    assert ran == [2]


def test_total_counts_visible_records_only(api: Api) -> None:
    assert api.get("/api/reviews", "anonymous", total="true").json["total"] == 3
    assert api.get("/api/reviews", "ada", total="true").json["total"] == 4
    assert api.get("/api/reviews", "system", total="true").json["total"] == 5


# expansions


def test_to_one_is_nested_and_an_invisible_one_stays_an_id(api: Api, shop: ModuleType) -> None:
    own, other = api.get("/api/project_teams", "ada", expand="project").column("project")
    assert own["name"] == "Roast"
    assert other == shop.make_id(shop.PROJECT, 2)
    plain = api.get("/api/project_teams", "ada").column("project")
    assert plain == [shop.make_id(shop.PROJECT, 1), shop.make_id(shop.PROJECT, 2)]


def test_to_many_holds_visible_children_only(api: Api) -> None:
    def stars(caller: str) -> list[list[int]]:
        found = api.get(P, caller, expand="reviews").column("reviews")
        assert all(many["more"] is False for many in found)
        return [[review["stars"] for review in many["items"]] for many in found]

    assert stars("anonymous") == [[5, 3], [], [], [2], []]
    assert stars("ada") == [[5, 3], [4], [], [2], []]
    assert stars("system") == [[5, 3, 1], [4], [], [2], []]


def test_expansions_nest_with_the_rules_of_each_collection(api: Api) -> None:
    orders = api.get("/api/orders", "ada", expand="lines.product.reviews,customer").json["items"]
    assert [order["customer"]["name"] for order in orders] == ["Ada", "Ada"]
    assert orders[0]["customer"]["phone"] == "+49 30 1"
    lines = orders[0]["lines"]["items"]
    assert [line["product"]["name"] for line in lines] == ["Assam", 'Cup "Classic"']
    assert [len(line["product"]["reviews"]["items"]) for line in lines] == [2, 1]
    mia = api.get("/api/orders", "mia", expand="lines,customer").json["items"]
    assert all(order["lines"]["items"] == [] for order in mia), "lines are the customer's own"
    assert all("phone" not in order["customer"] for order in mia)


def test_to_many_stops_at_a_hundred_and_says_so(fresh: Api, shop: ModuleType) -> None:
    def make(numbers: range) -> None:
        bodies = [
            {"id": shop.make_id(shop.PRODUCT, n), "name": f"P {n}", "price": "1.00",
             "category": shop.make_id(shop.CATEGORY, 3)}
            for n in numbers
        ]  # fmt: skip
        assert fresh.send("POST", P, bodies).status == 201

    def products() -> dict[str, Any]:
        path = f"/api/categories/{shop.make_id(shop.CATEGORY, 3)}"
        return fresh.get(path, expand="products").json["products"]  # type: ignore[no-any-return]  # a list, as JSON says

    make(range(1000, 1100))
    assert (len(products()["items"]), products()["more"]) == (100, False)
    make(range(1100, 1101))
    assert (len(products()["items"]), products()["more"]) == (100, True)
    assert [p["name"] for p in products()["items"]] == [f"P {n}" for n in range(1000, 1100)]


# fields


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ({"fields": "name"}, ["name"]),
        ({"fields": "version, id ,name"}, ["id", "name", "version"]),
        ({"fields": "name", "expand": "category"}, ["name", "category"]),
        ({"fields": "category.name", "expand": "category"}, ["category"]),
        ({"fields": "name,reviews.stars", "expand": "reviews"}, ["name", "reviews"]),
    ],
)
def test_fields_says_what_is_shown(api: Api, query: dict[str, str], keys: list[str]) -> None:
    for item in api.get(P, **query).json["items"]:
        assert list(item) == keys


def test_fields_reach_into_expansions(api: Api) -> None:
    answer = api.get(P, expand="category,reviews", fields="category.name,reviews.stars", limit=1)
    reviews = {"items": [{"stars": 5}, {"stars": 3}], "more": False}
    assert answer.json["items"] == [{"category": {"name": "Tea"}, "reviews": reviews}]  # fmt: skip


# who may see what


def test_field_that_is_never_visible_does_not_exist(api: Api) -> None:
    for caller in ("anonymous", "ada", "mia"):
        assert all("pin" not in user for user in api.get("/api/users", caller).json["items"])
        assert api.get("/api/users", caller, filter="pin == 'secret-1'").status == 400
    assert api.get("/api/users", "anonymous", fields="nick").code == "query.unknown_field"
    assert api.get("/api/users", "ada", fields="nick").status == 200
    assert "cost" not in api.get(P, limit=1).json["items"][0]
    assert api.get(P, "mia", limit=1).json["items"][0]["cost"] == "3.10"


def test_field_that_depends_on_the_row_is_left_out_there(api: Api) -> None:
    assert api.get("/api/users", "ada").column("phone") == ["+49 30 1", ..., ...]
    assert api.get("/api/users", "bo").column("phone") == [..., "+49 30 2", ...]
    assert api.get(P).column("supplier") == ["Ganga", "Uji", ..., None, "Kiln"]


def test_rules_filter_lists(api: Api, shop: ModuleType) -> None:
    def numbers(path: str, caller: str) -> list[int]:
        return [int(found[-12:], 16) for found in api.get(path, caller).column("id")]

    assert numbers("/api/orders", "ada") == [1, 2]
    assert numbers("/api/orders", "bo") == [3]
    assert numbers("/api/orders", "mia") == [1, 2, 3]
    assert numbers("/api/lines", "ada") == [1, 2, 3]
    assert numbers("/api/lines", "mia") == []
    assert numbers("/api/projects", "ada") == [1]
    assert numbers("/api/projects", "mia") == []
    assert numbers("/api/ledger", "system") == [1]


@pytest.mark.parametrize("path", ["", "/{id}", "/_aggregate?count=true"])
def test_rule_that_can_never_be_true_is_401_or_403(api: Api, shop: ModuleType, path: str) -> None:
    path = path.format(id=shop.make_id(shop.LEDGER, 1))
    closed = api.ask("GET", f"/api/ledger{path}")
    assert (closed.status, closed.code) == (401, "access.sign_in")
    assert closed.headers["www-authenticate"] == "Bearer"
    refused = api.ask("GET", f"/api/ledger{path}", "ada")
    assert (refused.status, refused.code) == (403, "access.refused")
    for answer in (closed, refused):
        assert b"amount" not in answer.body and b"1000000" not in answer.body


@pytest.mark.parametrize("path", ["orders", "lines", "projects"])
def test_rule_about_the_caller_is_401_without_one(api: Api, path: str) -> None:
    assert api.get(f"/api/{path}").status == 401


def test_closed_collection_tells_none_of_its_names(api: Api) -> None:
    for query in ("amount=1", "filter=amount+==+1", "sort=amout", "fields=amount", "q=ab"):
        for caller in ("anonymous", "ada"):
            answer = api.ask("GET", f"/api/ledger?{query}", caller)
            assert b"amount ==" not in answer.body and b"amount'" not in answer.body
    assert api.ask("GET", "/api/ledger?filter=amount+==+1").status == 401
    assert api.ask("GET", "/api/ledger?filter=amount+==").status == 400, "400 comes before 401"


def test_record_that_is_not_visible_answers_like_one_that_is_not_there(
    api: Api, shop: ModuleType
) -> None:
    hidden, missing = shop.make_id(shop.ORDER, 3), shop.make_id(shop.ORDER, 99)
    answers = [api.get(f"/api/orders/{key}", "ada") for key in (hidden, missing)]
    told = [
        answer.body.replace(key.encode(), b"KEY")
        for answer, key in zip(answers, (hidden, missing), strict=True)
    ]
    assert told[0] == told[1]
    assert [answer.status for answer in answers] == [404, 404]
    assert api.get(f"/api/orders/{hidden}", "bo").status == 200


# one record


def test_one_record_has_an_etag_that_changes_with_it(fresh: Api, shop: ModuleType) -> None:
    path = f"/api/categories/{shop.make_id(shop.CATEGORY, 1)}"
    first = fresh.get(path)
    assert first.headers["etag"].startswith('"1-')
    assert fresh.get(path, fields="name").headers["etag"] != first.headers["etag"]
    written = fresh.send("PATCH", path, {"name": "Fine tea"})
    assert written.headers["etag"] == fresh.get(path, "system").headers["etag"]
    assert written.headers["etag"].startswith('"2-')


def test_id_is_taken_in_upper_case_and_told_in_lower(api: Api, shop: ModuleType) -> None:
    key = shop.make_id(shop.PRODUCT, 1)
    assert api.get(f"{P}/{key.upper()}").json["id"] == key


@pytest.mark.parametrize(
    "path",
    [P, f"{P}?expand=reviews", f"{P}/{{id}}", f"{P}/{{id}}?expand=category",
     f"{P}/_aggregate?count=true"],
)  # fmt: skip
def test_known_answer_is_304(api: Api, shop: ModuleType, path: str) -> None:
    path = path.format(id=shop.make_id(shop.PRODUCT, 1))
    etag = api.ask("GET", path).headers["etag"]
    for method in ("GET", "HEAD"):
        for tags in (etag, f'"x", W/{etag}', "*"):
            answer = api.ask(method, path, headers=[("if-none-match", tags)])
            assert (answer.status, answer.body) == (304, b"")
            assert answer.headers["etag"] == etag
            assert answer.headers["vary"].startswith("Authorization, Cookie")
        assert api.ask(method, path, headers=[("if-none-match", '"x"')]).status == 200


def test_etag_of_a_list_depends_on_what_the_caller_sees(api: Api) -> None:
    etags = {api.get("/api/users", caller).headers["etag"] for caller in api.callers}
    assert len(etags) == len(api.callers)


# the forms of values


def test_values_have_one_form(api: Api, shop: ModuleType) -> None:
    item = api.get(f"{P}/{shop.make_id(shop.PRODUCT, 1)}", "mia").body.decode()
    for member in (
        '"price":"7.50"', '"stock":12', '"weight":0.25', '"since":"2024-03-01"',
        '"checked":"2025-01-02T03:04:05.678901Z"', '"available":true', '"size":"small"',
        '"tags":["black","loose"]', '"extra":{"origin":"India","altitude":50}',
        '"serial":"9007199254740993"', '"cost":"3.10"', '"version":1',
    ):  # fmt: skip
        assert member in item
    empty = api.get(f"{P}/{shop.make_id(shop.PRODUCT, 3)}").body.decode()
    for member in (
        '"name":"Grüner Matcha \U0001f375"', '"about":null', '"weight":null', '"since":null',
        '"size":null', '"tags":[]', '"extra":null', '"available":false', '"serial":"0"',
    ):  # fmt: skip
        assert member in empty
    assert "supplier" not in empty and "null," not in item
    assert '"name":"Cup \\"Classic\\""' in api.get(P).body.decode()
    assert '"price":"0.05"' in api.get(P).body.decode()


@pytest.mark.parametrize(
    "text",
    ["", " ", "a\tb\nc", "\x01\x1f\x7f", '"\\/', "\u2028\ufeff\uffff",
     "\U0001f468\u200d\U0001f469", "'||'", "null"],
)  # fmt: skip
def test_any_text_comes_back_as_it_was_sent(fresh: Api, shop: ModuleType, text: str) -> None:
    key = shop.make_id(shop.CATEGORY, 50)
    assert fresh.send("POST", "/api/categories", {"id": key, "name": text}).json["name"] == text
    assert fresh.get(f"/api/categories/{key}").json["name"] == text
    quoted = json.dumps(text, ensure_ascii=True) if text.isprintable() else None
    if quoted is not None and "\\u" not in quoted and "\\/" not in quoted:
        assert fresh.get("/api/categories", filter=f"name == {quoted}").column("id") == [key]
    assert follow(fresh, "/api/categories", sort="name", limit=1)[-1] is not None


# plans


def test_plan_is_made_once_for_a_hundred_literals(
    fresh: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    for module, name in (
        (records, "plan_read"),
        (reading, "compile_list"),
        (reading, "compile_walk"),
    ):
        original = getattr(module, name)

        def counted(*args: Any, original: Any = original, name: str = name) -> Any:
            made.append(name)
            return original(*args)

        monkeypatch.setattr(module, name, counted)
    for number in range(100):
        text = f'price < {number}.{number:02d} and name != "n{number}"'
        answer = fresh.get(P, filter=text, sort="-price", limit=number + 1)
        assert answer.status == 200
    assert len(made) == len(set(made)) and {"compile_list", "plan_read"} <= set(made)


def test_equal_callers_share_plans_and_others_do_not(fresh: Api) -> None:
    fresh.get("/api/orders", "ada")
    plans = len(fresh.records.plans.by_shape)
    bo = fresh.get("/api/orders", "bo").column("customer")
    assert len(fresh.records.plans.by_shape) == plans, "two customers, one plan"
    mia = fresh.get("/api/orders", "mia").column("customer")
    assert len(fresh.records.plans.by_shape) == plans + 1
    assert len(set(bo)) == 1 and len(set(mia)) == 2


def test_plans_are_bounded(shop: ModuleType, tmp_path: Path) -> None:
    app = shop.make_app(tmp_path / "shop.db", plan_cache=8)
    api = Api(app, shop.callers(app))
    for number in range(40):
        assert api.get(P, fields="name,stock,price"[: 4 + number % 3 * 6], limit=1).status == 200
        assert api.get(P, filter="stock > 1" + " && stock > 1" * number).status == 200
        assert len(api.records.plans.by_shape) <= 8
    api.close()


def test_text_of_plans_is_bounded(
    shop: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few plans may be as large as many: a long filter, or a list after cursors of many forms."""
    app = shop.make_app(tmp_path / "shop.db", plan_cache=8)
    api = Api(app, shop.callers(app))

    def kept() -> int:
        held = api.records.plans.by_shape.values()
        return sum(plan.size for plan in held if isinstance(plan, reading.Reading))

    monkeypatch.setattr(plans, "TEXT_FOR_EACH", 2_048)
    largest = 0
    for number in range(7):
        signs = ["!=" if number >> at & 1 else "<" for at in range(40)]
        long = " || ".join(f"category.name {sign} 'x'" for sign in signs)
        assert api.get(P, filter=long, limit=1).status == 200
        largest = max(largest, kept())
    assert 2_048 * 4 < largest <= 2_048 * 8
    api.close()


def test_forms_of_a_cursor_are_bounded(api: Api) -> None:
    keys = ["about", "weight", "since", "checked", "size", "supplier"]
    plan = api.records
    query = {"sort": ",".join(keys), "limit": 1}
    mark = json.loads(base64.urlsafe_b64decode(api.get(P, **query).json["next"] + "=="))[1]
    some = ["x", 0.5, "2024-01-01", "2025-01-01T00:00:00.000000Z", "small", "x"]
    for bits in range(2 ** len(keys)):
        values = [None if bits >> at & 1 else some[at] for at in range(len(keys))]
        after = encode_cursor(mark, [*values, "01900004-0000-7000-8000-000000000001"])
        assert api.get(P, after=after, **query).status == 200
    most = max(len(r.pages) for r in plan.plans.by_shape.values() if hasattr(r, "pages"))
    assert most <= reading.MOST_PAGES


@pytest.mark.needs("counted steps")
def test_indexed_sort_needs_no_sorter_and_others_choose_the_page_first(api: Api) -> None:
    def statement(**query: Any) -> str:
        api.records.plans.by_shape.clear()
        assert api.get(P, **query).status == 200
        (reading,) = api.records.plans.by_shape.values()
        (page,) = reading.pages.values()
        return str(page.text)

    def explained(text: str) -> list[Any]:
        params = [None] * text.count("?")
        fetch = api.records.engine.fetch(sql_read.EXPLAIN + text, params[: len(set(_marks(text)))])
        return api.runner.run(fetch)  # type: ignore[no-any-return]  # rows

    for query in (
        {},
        {"sort": "-price"},
        {"sort": "-price", "filter": "price < 5"},
        {"sort": "since"},
        {"sort": "category.name"},
    ):
        text = statement(**query)
        assert "_k0" not in text
        assert sql_read.walks(explained(text))
    for query in (
        {"sort": "stock"},
        {"sort": "price,-name"},
        {"q": "tea"},
        {"sort": "category.created"},
        {"sort": "category.name", "filter": "stock > 1"},
    ):
        text = statement(**query, expand="category,reviews")
        assert text.startswith("select concat('{") and "r._n as _n" in text
        inner = text[text.index("(select r._n") :]
        assert "json_quote" not in inner, "no JSON is made of a row before it is chosen"


def _marks(text: str) -> list[str]:
    return [part for part in text.replace(")", " ").replace(",", " ").split() if "?" in part]


# deadline


@pytest.mark.needs("reads in this process")
def test_slow_read_is_503_and_the_next_one_is_served(fresh: Api) -> None:
    reader, threads = fresh.records.engine._reader, fresh.records.engine._long
    budget, reader._budget = reader._budget, -1.0
    deadline, threads._deadline = threads._deadline, -1.0
    heavy = " || ".join(f"reviews.exists(b, b.product.name.contains('{n}'))" for n in range(12))
    query = {"filter": f"reviews.all(a, {heavy})", "expand": "reviews.product.reviews"}
    slow = fresh.get(P, **query)
    threads._deadline = deadline
    assert fresh.get(P, **query).status == 200
    assert threads.readers, "it was answered from a thread"
    reader._budget = budget
    assert (slow.status, slow.code) == (503, "server.deadline")
    assert slow.headers["retry-after"] == "1"
    assert len(fresh.get(P).json["items"]) == 5
    assert fresh.get(P, total="true").json["total"] == 5


# pages over every type, with ties and nulls


def make_types(database: Path) -> App:
    """One collection with a nullable field of every type that sorts, and a batch to filter by."""
    app = App("Types", settings=Settings(database_url=url(database)))
    app.runtime.change_schema = True

    @app.collection("parents")
    class Parent(Record):
        label: str
        rules = Rules(read=public)

    @app.collection("things")
    class Thing(Record):
        batch: int = Field(index=True)
        text: str | None = None
        whole: int | None = None
        big: int | None = Field(default=None, big=True)
        real: float | None = None
        money: Decimal | None = Field(default=None, max_digits=9, decimal_places=3)
        flag: bool | None = None
        day: date | None = None
        kind: Literal["a", "b"] | None = None
        moment: datetime | None = None
        token: UUID | None = None
        parent: Ref[Parent] | None = None
        secret: str | None = Field(default=None, read="record.flag == true")
        rules = Rules(read=public)

    return app


SORTABLE = [
    "text",
    "whole",
    "big",
    "real",
    "money",
    "flag",
    "day",
    "kind",
    "moment",
    "token",
    "parent",
    "secret",
    "parent.label",
]
PARENTS = [f"01900000-0000-7000-8000-{n:012x}" for n in range(3)]


def few(*values: Any) -> st.SearchStrategy[Any]:
    """Mostly ties and nulls."""
    return st.none() | st.sampled_from(values)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": few("", "a", "A", "é", "\U0001f600", "\uffff"),
            "whole": few(-1, 0, 2**53 - 1),
            "big": few(str(-(2**63)), "0", str(2**63 - 1)),
            "real": few(-1.5, 0.0, 1e300, 0.1),
            "money": few("-0.001", "0.000", "999999.999"),
            "flag": few(True, False),
            "day": few("0001-01-01", "2024-02-29", "9999-12-31"),
            "kind": few("a", "b"),
            "moment": few("0001-01-01T00:00:00.000000Z", "2024-02-29T12:00:00.000001Z"),
            "token": few(*PARENTS),
            "parent": few(*PARENTS),
            "secret": few("x", "y"),
        }
    ),
    min_size=1,
    max_size=9,
)


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Any:
    app = make_types(tmp_path_factory.mktemp("types") / "types.db")
    from stanchion.query import ANONYMOUS, SYSTEM

    api = Api(app, {"anonymous": ANONYMOUS, "system": SYSTEM})
    for number, key in enumerate(PARENTS):
        body = {"id": key, "label": "same" if number else "first"}
        assert api.send("POST", "/api/parents", body).status == 201
    yield api
    api.close()


batches = iter(range(1, 100_000))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, limit=st.integers(1, 4), second=st.sampled_from(SORTABLE))
def test_pages_over_ties_and_nulls_of_every_type(
    types: Api, rows: list[dict[str, Any]], limit: int, second: str
) -> None:
    batch = next(batches)
    bodies = [{"batch": batch, **row} for row in rows]
    assert types.send("POST", "/api/things", bodies).status == 201
    query: dict[str, Any] = {"filter": f"batch == {batch}", "expand": "parent"}
    records_of = {item["id"]: item for item in types.get("/api/things", **query).json["items"]}
    assert len(records_of) == len(rows)
    for first in SORTABLE:
        for sort in (first, f"-{first}", f"{first},-{second}", f"-{first},{second}"):
            if first == second and "," in sort:
                continue
            found = follow(types, "/api/things", sort=sort, limit=limit, **query)
            assert found == _sorted(records_of, sort), sort


def _sorted(records_of: dict[str, Any], sort: str) -> list[str]:
    """The order that the contract promises, by Python."""
    terms = sort.split(",")
    order = sorted(records_of, reverse=terms[-1].startswith("-"))
    for term in reversed(terms):
        word = term.removeprefix("-")
        order.sort(key=lambda key: _key(records_of[key], word), reverse=term.startswith("-"))
    return order


def _key(item: dict[str, Any], word: str) -> tuple[bool, Any]:
    value = item.get(word.split(".")[0])
    if word == "parent" and value is not None:
        value = value["id"]
    if word == "parent.label" and value is not None:
        value = value["label"]
    if word in ("big", "money") and value is not None:
        value = Decimal(value)
    return (value is not None, "" if value is None else value)


@pytest.mark.needs("counted steps")
def test_list_in_the_order_of_another_collection_walks_its_index(api: Api) -> None:
    """The categories are walked by name, and the products of each by their key."""
    ran: list[str] = []
    engine = api.records.engine
    fetch = engine.fetch

    async def noted(text: str, params: Any) -> Any:
        ran.append(text)
        return await fetch(text, params)

    api.records.plans.by_shape.clear()
    engine.fetch = noted
    try:
        names = api.get(P, sort="category.name", fields="name").column("name")
    finally:
        engine.fetch = fetch
    assert names == ['Cup "Classic"', "Mug", "Assam", "Sencha", "Grüner Matcha \U0001f375"]
    plan = api.runner.run(fetch(sql_read.EXPLAIN + ran[-1], (50,)))
    assert not [row for row in plan if "TEMP B-TREE" in row[3]], plan
    assert plan[0][3].startswith("SCAN t1 USING"), plan
