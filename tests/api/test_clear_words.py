"""What a newcomer gets wrong: the answer names the mistake, and the way out is one that works."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stanchion import App, Many, Record, Ref, Rules, Settings, public, through
from stanchion.query import ANONYMOUS
from tests.conformance.engines import url

from .conftest import Answer, Api

P = "/api/products"


def only_mistake(answer: Answer) -> dict[str, Any]:
    assert answer.status == 422, answer.body
    (mistake,) = answer.json["errors"]
    return dict(mistake)


BIG = [
    ("12345678901234567890", "int_out_of_range", "9223372036854775807"),
    ("-12345678901234567890", "int_out_of_range", "-9223372036854775808"),
    ("9" * 19, "int_out_of_range", "9223372036854775807"),
    ("007", "big_int_type", 'needless zero or sign: "7"'),
    ("-0", "big_int_type", 'needless zero or sign: "0"'),
    ("+5", "big_int_type", 'needless zero or sign: "5"'),
    ("1_000", "big_int_type", "digits only"),
    (5, "big_int_type", "not a number"),
]


@pytest.mark.parametrize(("sent", "code", "told"), BIG)
def test_big_integer_says_what_is_wrong_with_its_digits(
    api: Api, shop: ModuleType, sent: object, code: str, told: str
) -> None:
    path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    mistake = only_mistake(api.send("PATCH", path, {"serial": sent}))
    assert mistake["code"] == code
    assert told in mistake["detail"]


@pytest.mark.parametrize(("number", "sample"), [("1e3", "1000"), ("5.0", "5"), ("2.5", "42")])
def test_whole_number_says_how_it_is_written(
    api: Api, shop: ModuleType, number: str, sample: str
) -> None:
    path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    body = f'{{"stock": {number}}}'.encode()
    json = [("content-type", "application/json")]
    mistake = only_mistake(api.ask("PATCH", path, "system", json, body))
    assert mistake["code"] == "int_type"
    assert "without a point or an exponent" in mistake["detail"]
    assert mistake["detail"].endswith(f"such as {sample}.")


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_relation_in_a_body_leads_to_the_collection_of_the_links(
    api: Api, shop: ModuleType, method: str
) -> None:
    path = "/api/teams" if method == "POST" else f"/api/teams/{shop.make_id(shop.TEAM, 1)}"
    mistake = only_mistake(api.send(method, path, {"name": "Kitchen", "plans": []}))
    assert (mistake["pointer"], mistake["code"]) == ("/plans", "unknown_field")
    for word in ("project_teams", "`team`", "`project`"):
        assert word in mistake["detail"]


def test_back_reference_in_a_body_leads_to_the_records_that_refer(
    api: Api, shop: ModuleType
) -> None:
    path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    mistake = only_mistake(api.send("PATCH", path, {"reviews": []}, "mia"))
    assert "records of reviews whose `product` refers here" in mistake["detail"]


def test_relation_over_closed_links_is_told_as_if_it_were_not_there(tmp_path: Path) -> None:
    app = App("Notes", settings=Settings(database_url=url(tmp_path / "notes.db")))
    app.runtime.change_schema = True

    @app.collection("notes")
    class Note(Record):
        text: str
        labels: Many[Label] = through("secret_links")
        rules = Rules(read=public, create=public)

    @app.collection("labels")
    class Label(Record):
        name: str
        rules = Rules(read=public)

    @app.collection("secret_links")
    class SecretLink(Record):
        note: Ref[Note]
        label: Ref[Label]

    api = Api(app, {"anonymous": ANONYMOUS})
    try:
        refused = api.send("POST", "/api/notes", {"text": "x", "labels": []}, "anonymous")
    finally:
        api.close()
    assert only_mistake(refused)["detail"].startswith("notes has no field `labels`.")
    assert b"secret_links" not in refused.body


def test_groups_are_not_sent_to_a_next_page(api: Api) -> None:
    refused = api.get(f"{P}/_aggregate", count="true", limit=0)
    assert (refused.status, refused.code) == (400, "query.limit")
    assert "after" not in refused.hint and "sort" in refused.hint
    assert "after" in api.get(P, limit=0).hint


@pytest.mark.parametrize("field", ["tags", "extra"])
def test_group_by_what_makes_no_groups_says_so(api: Api, field: str) -> None:
    refused = api.get(f"{P}/_aggregate", count="true", group=field)
    assert (refused.status, refused.code) == (400, "query.group")
    assert "groups" in refused.json["detail"] and "order" not in refused.json["detail"]
    assert "name" in refused.hint and field not in refused.hint
    sorted_ = api.get(P, sort=field)
    assert (sorted_.code, "order" in sorted_.json["detail"]) == ("query.sort", True)


WAYS_OUT = [
    ("sort", "name desc", "query.sort", "sort=-name"),
    ("sort", "price:asc", "query.sort", "sort=price"),
    ("sort", "reviews.stars", "query.sort", "references to one"),
    ("filter", "id == 5", "filter.type", "in quotes"),
    ("filter", 'tags.contains("red")', "filter.type", "x in tags"),
    ("filter", "reviews.exists(r)", "filter.type", "exists(x, …)"),
    ("filter", 'extra.origin == "India"', "filter.type", "a field of its own"),
    ("filter", "stock == $n", "query.param", "In a URL"),
]


@pytest.mark.parametrize(("parameter", "value", "code", "way_out"), WAYS_OUT)
def test_refused_query_has_a_way_out(
    api: Api, parameter: str, value: str, code: str, way_out: str
) -> None:
    refused = api.get(P, **{parameter: value})
    assert (refused.status, refused.code) == (400, code)
    assert way_out in refused.hint


def test_groups_by_a_to_many_relation_are_asked_of_the_other_side(api: Api) -> None:
    refused = api.get(f"{P}/_aggregate", count="true", group="reviews")
    assert "/api/reviews/_aggregate, grouped by product" in refused.hint
    other = api.get("/api/reviews/_aggregate", count="true", group="product")
    assert other.status == 200


def test_sum_of_what_is_no_number_says_so(api: Api) -> None:
    refused = api.get(f"{P}/_aggregate", avg="since")
    assert refused.json["detail"] == "`since` is a date; only numbers have an average."


@pytest.mark.parametrize("body", [b'{"name": True}', b"{'name': 1}", b'{"name": "x",}'])
def test_body_that_is_no_json_is_told_what_json_is(api: Api, body: bytes) -> None:
    json = [("content-type", "application/json")]
    refused = api.ask("POST", "/api/categories", "system", json, body)
    assert (refused.status, refused.code) == (400, "body.syntax")
    assert "double quotes" in refused.hint and "true, false and null" in refused.hint


TEXTS = [
    ("since", "2026-02-30", "no such day"),
    ("since", "31.01.2026", "year-month-day"),
    ("checked", "2026-01-01", "with an offset"),
    ("price", "1,50", "a point"),
    ("price", "1e3", "digits"),
]


@pytest.mark.parametrize(("field", "value", "told"), TEXTS)
def test_text_of_a_value_says_its_form(
    api: Api, shop: ModuleType, field: str, value: str, told: str
) -> None:
    path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    assert told in only_mistake(api.send("PATCH", path, {field: value}))["detail"]
