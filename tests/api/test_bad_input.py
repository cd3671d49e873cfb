"""Bad input: a 4xx that says what is wrong and what to do, and nothing changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

import pytest

from stanchion import (
    App,
    Field,
    Many,
    Record,
    Ref,
    Rules,
    Settings,
    UserRecord,
    back,
    public,
    role,
)
from stanchion.query import ANONYMOUS, SYSTEM, Actor
from tests.conformance.engines import url
from tests.cost import counted

from .conftest import Answer, Api

P = "/api/products"
JSON = [("content-type", "application/json")]


@pytest.fixture(autouse=True)
def nothing_is_changed(api: Api) -> Iterator[None]:
    before = api.rows()
    yield
    assert api.rows() == before


def refused(answer: Answer, status: int, code: str, *told: str) -> None:
    assert (answer.status, answer.code) == (status, code), answer.body
    text = answer.body.decode()
    for word in told:
        assert word in text, text


# names: unknown ones, and hidden ones that must look the same

UNKNOWN = [
    ("filter", "titel == 'x'", "filter.unknown_field"),
    ("filter", "category.titel == 'x'", "filter.unknown_field"),
    ("filter", "reviews.exists(r, r.sters > 1)", "filter.unknown_field"),
    ("filter", "cost > 1", "filter.unknown_field"),
    ("filter", "reviews.exists(r, r.author.pin == 'x')", "filter.unknown_field"),
    ("filter", "auth.titel == 'x'", "filter.unknown_field"),
    ("sort", "titel", "query.unknown_field"),
    ("sort", "-cost", "query.unknown_field"),
    ("sort", "category.titel", "query.unknown_field"),
    ("sort", "titel.name", "query.unknown_field"),
    ("expand", "titel", "query.unknown_field"),
    ("expand", "category.titel", "query.unknown_field"),
    ("expand", "reviews.author.pin", "query.unknown_field"),
    ("fields", "titel", "query.unknown_field"),
    ("fields", "id,cost", "query.unknown_field"),
    ("fields", "titel.x", "query.unknown_field"),
    ("group", "titel", "query.unknown_field"),
    ("group", "cost", "query.unknown_field"),
    ("sum", "cost", "query.unknown_field"),
    ("sum", "category.cost", "query.unknown_field"),
]


@pytest.mark.parametrize(("parameter", "value", "code"), UNKNOWN)
def test_unknown_and_hidden_names_look_alike(
    api: Api, parameter: str, value: str, code: str
) -> None:
    path = f"{P}/_aggregate" if parameter in ("group", "sum") else P
    query = {parameter: value, **({"count": "true"} if parameter == "group" else {})}
    answer = api.get(path, **query)
    refused(answer, 400, code)
    other = api.get(
        path, **{**query, parameter: value.replace("cost", "zost").replace("pin", "zin")}
    )
    for hidden, unknown in (("cost", "zost"), ("pin", "zin")):
        told = answer.body.decode().replace(hidden, unknown)
        if hidden in value:
            assert told == other.body.decode()
        assert f"'{hidden}'?" not in answer.hint and f" {hidden}," not in answer.hint


def test_hidden_field_expands_into_nothing_known(api: Api) -> None:
    """An expansion that is there for a manager is not there for others, with the same words."""
    assert api.get(P, expand="reviews", fields="reviews.pin").status == 400


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ({"sort": "nam"}, "Did you mean 'name'?"),
        ({"fields": "nmae"}, "Did you mean 'name'?"),
        ({"expand": "reviewz"}, "Did you mean 'reviews'?"),
        ({"expand": "xyz"}, "Relations here: category, reviews."),
        ({"filter": "nam == 'x'"}, "Did you mean 'name'?"),
        ({"sort": "cist"}, "Fields here: id, name"),
        ({"filter": "name == Xylo"}, 'A text stands in quotation marks: "Xylo"'),
    ],
)
def test_hint_names_the_nearest(api: Api, query: dict[str, str], hint: str) -> None:
    assert hint in api.get(P, **query).hint


# parameters

MANY_RELATIONS = (
    "category.products.category.products.category", "reviews.product.category.products.category",
    "reviews.author.team.members.team", "reviews.author.orders.lines.product",
    "category.products.reviews.author.team", "category.products.reviews.product.category",
)  # fmt: skip
PARAMETERS: list[tuple[str, str, str]] = [
    ("limit=0", "query.limit", "from 1 to 1000"),
    ("limit=1001", "query.limit", "from 1 to 1000"),
    ("limit=-1", "query.limit", ""),
    ("limit=1e9", "query.limit", ""),
    ("limit=1.0", "query.limit", ""),
    ("limit=", "query.limit", ""),
    ("limit=" + "9" * 5000, "query.limit", ""),
    ("limit=%D9%A3", "query.limit", ""),
    ("limit=5&limit=5", "query.limit", "2 times"),
    ("sort=name&sort=price", "query.sort", "2 times"),
    ("expand=category&expand=reviews", "query.expand", "2 times"),
    ("fields=id&fields=name", "query.fields", "2 times"),
    ("after=a&after=b", "query.after", "2 times"),
    ("q=tea&q=cup", "query.q", "2 times"),
    ("total=true&total=true", "query.total", "2 times"),
    ("total=1", "query.total", "total=true"),
    ("total=", "query.total", "total=true"),
    ("sort=name,", "query.sort", "commas"),
    ("sort=,", "query.sort", "commas"),
    ("sort=--price", "query.unknown_field", "-price"),
    ("sort=price,-price", "query.sort", "twice"),
    ("sort=tags", "query.sort", "no order"),
    ("sort=extra", "query.sort", "no order"),
    ("sort=reviews", "query.sort", "many"),
    ("sort=reviews.stars", "query.sort", "many"),
    ("sort=name.x", "query.sort", "plain field"),
    ("sort=id,name,about,price,stock,weight,since,size,serial", "query.sort", "at most 8"),
    ("sort=category" + ".name" * 9, "query.sort", "deeper"),
    ("fields=name,,id", "query.fields", "commas"),
    ("fields=category.name", "query.fields", "expand=category"),
    ("fields=reviews", "query.fields", "expand=reviews"),
    ("fields=name.x", "query.fields", "plain field"),
    ("expand=name", "query.expand", "Relations here: category, reviews."),
    ("expand=category..name", "query.expand", "commas"),
    ("expand=" + ".".join(["category", "products"] * 4), "query.expand", "deeper"),
    ("expand=" + ",".join(MANY_RELATIONS), "query.expand", "At most 20"),
    ("q=a", "query.q", "two letters"),
    ("q=tea+x", "query.q", "two letters"),
    ("q=!!!", "query.q", "no word"),
    ("q=" + "+".join(f"w{n}" for n in range(17)), "query.q", "at most 16"),
    ("category=x", "query.unknown_parameter", 'filter=category == \\"018f'),
    ("name=x", "query.unknown_parameter", 'filter=name == \\"x\\""'),
    ("stock=5", "query.unknown_parameter", "filter=stock == 5"),
    ("price=9.50&limit=3", "query.unknown_parameter", "filter=price == 9.50"),
    ("price%3C8", "query.unknown_parameter", "filter=price<8"),
    ("price>=8", "query.unknown_parameter", "filter=price>=8"),
    ("stock==5", "query.unknown_parameter", 'filter=stock == 5"'),
    ("stock", "query.unknown_parameter", 'filter=stock == 1"'),
    ("stock=many", "query.unknown_parameter", 'filter=stock == 1"'),
    ("name=='Mug'", "query.unknown_parameter", 'filter=name == \\"Mug\\""'),
    ("name=%22Mug%22", "query.unknown_parameter", 'filter=name == \\"Mug\\""'),
    ("filter=stock==1&stock==2", "query.unencoded", "`and`"),
    ("sorted=name", "query.unknown_parameter", "Did you mean 'sort'?"),
    ("page=2", "query.unknown_parameter", "read on with `after`"),
    ("zzz=2", "query.unknown_parameter", "Parameters here"),
    ("fitler=x", "query.unknown_parameter", "Did you mean 'filter'?"),
    ("Filter=x", "query.unknown_parameter", "Did you mean 'filter'?"),
    ("where=x", "query.unknown_parameter", "Did you mean 'filter'?"),
    ("orderBy=name", "query.unknown_parameter", "Did you mean 'sort'?"),
    ("per_page=2", "query.unknown_parameter", "Did you mean 'limit'?"),
    ("include=category", "query.unknown_parameter", "Did you mean 'expand'?"),
    ("count=true", "query.unknown_parameter", "Did you mean 'total'?"),
    ("group=name", "query.unknown_parameter", "belongs to _aggregate"),
    ("pric=3", "query.unknown_parameter", 'filter=price == 3"'),
    ("filter[price]=3", "query.unknown_parameter", 'filter=price == 3"'),
    ("price[gte]=3", "query.unknown_parameter", 'filter=price >= 3"'),
    ("price__lt=3", "query.unknown_parameter", 'filter=price < 3"'),
    ("category.name=Tea", "query.unknown_parameter", 'filter=category.name == \\"Tea\\""'),
    ("cots=3", "query.unknown_parameter", "Parameters here"),  # `cost` is hidden
    ("filter=stock+>+1+&&+available", "query.unencoded", "%26%26"),
    ("filter=name+==+\"a%26b\"&&limit=1", "query.unencoded", "%26%26"),
    ("filter=name+==+\"Tea+&+Cups\"", "query.unencoded", "%26"),
    ("q=%ff%fe", "query.encoding", "UTF-8"),
    ("filter=name+==+\"%C3%28\"", "query.encoding", "UTF-8"),
    ("q=%ed%a0%80", "query.encoding", "UTF-8"),
    ("filter=name+==+\"a%00b\"", "query.encoding", "NUL"),
    ("q=te%00a", "query.encoding", "NUL"),
    ("%00=1", "query.encoding", "NUL"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "code", "told"), PARAMETERS, ids=[q[:40] for q, _, _ in PARAMETERS]
)
def test_parameter(api: Api, query: str, code: str, told: str) -> None:
    refused(api.ask("GET", f"{P}?{query}"), 400, code, told)


def test_limit_is_taken_from_1_to_1000(api: Api) -> None:
    assert len(api.get(P, limit=1).json["items"]) == 1
    assert len(api.get(P, limit=1000).json["items"]) == 5


def test_hint_never_names_a_hidden_field(api: Api) -> None:
    hidden = api.ask("GET", f"{P}?cost=1")
    assert "filter=" not in hidden.hint
    assert "filter=cost == 1" in api.ask("GET", f"{P}?cost=1", "mia").hint
    assert hidden.body.replace(b"cost", b"zzzz") == api.ask("GET", f"{P}?zzzz=1").body


def test_plus_is_a_space(api: Api) -> None:
    answer = api.ask("GET", f"{P}?filter=stock+>+10+and+available&fields=name&sort=-stock")
    assert answer.column("name") == ['Cup "Classic"', "Assam"]
    assert api.ask("GET", f"{P}?filter=stock+%2B+1+==+8&fields=name").column("name") == ["Mug"]


@pytest.mark.parametrize(
    "query", ["filter=", "q=", "filter=+", "sort=", "expand=", "fields=", "&", "limit=5&"]
)
def test_empty_parameter_counts_as_absent(api: Api, query: str) -> None:
    assert len(api.ask("GET", f"{P}?{query}").json["items"]) == 5


def test_one_record_takes_its_parameters_only(api: Api, shop: ModuleType) -> None:
    path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    for query in ("filter=stock+>+1", "limit=1", "total=true", "sort=name", "after=x", "name=x"):
        refused(api.ask("GET", f"{path}?{query}"), 400, "query.unknown_parameter", "expand, fields")


def test_writes_take_no_parameters(api: Api, shop: ModuleType) -> None:
    path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    for method, target in (("POST", P), ("PATCH", path), ("DELETE", path)):
        answer = api.ask(method, f"{target}?force=true", "system", JSON, b"{}")
        refused(answer, 400, "query.unknown_parameter", "takes none")


AGGREGATES = [
    ("", "query.aggregate", "count=true"),
    ("group=category", "query.aggregate", "count=true"),
    ("sum=name", "query.sum", "numbers"),
    ("sum=reviews", "query.sum", "many"),
    ("sum=price,price", "query.sum", "twice"),
    ("group=tags&count=true", "query.group", "no groups"),
    ("group=name,name&count=true", "query.group", "twice"),
    ("group=&count=maybe", "query.count", "true or false"),
    ("count=true&sort=name", "query.sort", "neither a group nor computed"),
    ("group=name&sum=stock&sort=-count", "query.sort", "Add count=true"),
    ("group=name&count=true&sort=sum.stock", "query.sort", "Add stock to `sum`"),
    ("group=name&count=true&sort=name,-group.name", "query.sort", "twice"),
    ("group=category&count=true&sort=categry", "query.sort", "Did you mean 'category'"),
    ("count=true&total=true", "query.unknown_parameter", "Did you mean 'count'?"),
    ("count=true&grup=category", "query.unknown_parameter", "Did you mean 'group'?"),
    ("count=true&group_by=category", "query.unknown_parameter", "Did you mean 'group'?"),
    ("average=price", "query.unknown_parameter", "Did you mean 'avg'?"),
    ("count=true&having=x", "query.unknown_parameter", "Did you mean 'filter'?"),
    ("count=true&after=x", "query.unknown_parameter", "Groups have no pages"),
    ("count=true&expand=category", "query.unknown_parameter", "belongs to records"),
    ("avg=name", "query.avg", "min=name"),
    ("avg=price,price", "query.avg", "twice"),
    ("avg=price,", "query.avg", "list of names"),
    ("min=tags", "query.min", "no order"),
    ("max=extra", "query.max", "no order"),
    ("max=reviews", "query.max", "many"),
    ("max=reviews.stars", "query.max", "many"),
    ("min=cost", "query.unknown_field", "min"),
    ("max=category.nam", "query.unknown_field", "name"),
    ("count=true&avg=price&avg=stock", "query.avg", "times"),
    ("count=true&name=x", "query.unknown_parameter", "filter=name"),
    ("count=true&limit=1001", "query.limit", ""),
]


@pytest.mark.parametrize(("query", "code", "told"), AGGREGATES)
def test_aggregate(api: Api, query: str, code: str, told: str) -> None:
    refused(api.ask("GET", f"{P}/_aggregate?{query}"), 400, code, told)


# filters

FILTERS = [
    ("stock >", "filter.syntax"),
    ("stock = 5", "filter.syntax"),
    ("stock == 'x'", "filter.type"),
    ("name == 5", "filter.type"),
    ('name == "a', "filter.syntax"),
    ('stock == "', "filter.syntax"),
    ("stock == '", "filter.syntax"),
    ("name == 'a\\q'", "filter.syntax"),
    ("tags == 'a'", "filter.type"),
    ("extra == 'a'", "filter.type"),
    ("category == 'no uuid'", "filter.literal"),
    ("since == '2024-02-30'", "filter.literal"),
    ("checked > timestamp('2024-01-01T00:00:00')", "filter.literal"),
    ("size == 'huge'", "filter.literal"),
    ("stock == 1e999", "filter.literal"),
    ("weight > 1e999", "filter.literal"),
    ("stock == " + "9" * 600, "filter.literal"),
    ("price + 0.001 > 1", "filter.literal"),
    ("stock", "filter.type"),
    ("record", "filter.type"),
    ("stock / 2 == 1", "filter.syntax"),
    ("name.matches('a.*')", "filter.unknown_function"),
    ("$x == 5", "query.param"),
    ("stock == $x", "query.param"),
    ("exists(stock)", "filter.unknown_function"),
    ("reviews.stars == 5", "filter.type"),
    ("old.stock == 5", "filter.unknown_field"),
]


@pytest.mark.parametrize(("text", "code"), FILTERS, ids=[t[:40] for t, _ in FILTERS])
def test_filter(api: Api, text: str, code: str) -> None:
    answer = api.get(P, filter=text)
    assert answer.status == 400, answer.body
    assert answer.code == code
    if answer.code.startswith("filter."):
        assert answer.json["position"] >= 1


HUGE = {
    "1,000 short terms": "||".join(["a"] * 1000),
    "1,000 comparisons": " || ".join(["stock>1"] * 370),
    "1,000 levels": "(" * 1000 + "true" + ")" * 1000,
    "1,000 signs": "!" * 1000 + "available",
    "1,000 minus": "stock == " + "-" * 1000 + "1",
    "1,000 lists": "stock in " + "[" * 1000 + "]" * 1000,
    "a long list": "stock in [" + ",".join("1" for _ in range(1900)) + "]",
    "a long path": "category" + ".name" * 500,
    "4,097 characters": "name == '" + "x" * 4096 + "'",
    "quotation marks": 'name == "' * 400,
    "an open text": 'name == "' + "\\\\" * 2000,
    "digits": "1" * 4000,
    "words": "a" * 4000,
    "dots": "." * 4000,
    "nested macros": "reviews.exists(a, " * 30 + "true" + ")" * 30,
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_huge_filter_is_refused_quickly(api: Api, text: str) -> None:
    with counted() as cost:
        for _ in range(5):
            assert api.get(P, filter=text).status == 400
    assert cost.seconds / 5 < 0.1
    assert api.get(P, filter=[text[:1000]] * 4).status == 400


# cursors


def test_cursor_must_be_one_of_this_list(api: Api) -> None:
    cursor = api.get(P, sort="price", limit=1).json["next"]
    assert api.get(P, sort="price", after=cursor).status == 200
    foreign = [
        {"sort": "-price"}, {"sort": "stock"}, {}, {"sort": "price", "filter": "stock > 1"},
        {"sort": "price", "q": "tea"},
    ]  # fmt: skip
    for query in foreign:
        answer = api.get(P, after=cursor, **query)
        refused(answer, 400, "query.cursor", "another list")
        assert answer.hint == "Start again without `after`."
    counted = api.get(P, sort="price", limit=1, total="true").json["next"]
    assert counted == cursor
    second = api.get(P, sort="price", limit=1, total="true", after=cursor).json["next"]
    assert second == api.get(P, sort="price", limit=1, after=cursor).json["next"] != cursor
    refused(api.get("/api/categories", after=cursor), 400, "query.cursor")
    assert api.get(P, sort="price", after=cursor, fields="id", limit=3, total="true").status == 200


def test_cursor_of_another_schema_is_stale(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = api.get(P, limit=1).json["next"]
    monkeypatch.setitem(api.records.schema.__dict__, "fingerprint", "0123456789abcdef")
    refused(api.get(P, after=cursor), 400, "query.cursor", "Start again")


def test_forged_cursor_is_refused(api: Api, shop: ModuleType) -> None:
    cursor = api.get(P, sort="price", limit=1).json["next"]
    _, mark, values = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    key = shop.make_id(shop.PRODUCT, 1)

    def packed(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    forged = [
        "", "x", "null", "%%%", "=", cursor[:-1], cursor + "A", cursor + "=", f" {cursor}x",
        "é", "A" * 10_000, packed("{}"), packed("[]"), packed("[1]"), packed("null"),
        packed("[" * 5000), packed('{"a":1,"b":2,"c":3}'), packed("[1,2,3]"), packed('[1,"x","y"]'),
        packed(json.dumps([1, mark, values])),  # other spaces
        packed(json.dumps([2, mark, values], separators=(",", ":"))),
        packed(json.dumps([True, mark, values], separators=(",", ":"))),
        packed(f'[1,"{mark}",[NaN,"{key}"]]'), packed(f'[1,"{mark}",[1e999,"{key}"]]'),
        packed(f'[1,"{mark}",["1","{key}"],0]'), packed(f'[1,"{mark}",[{"1" * 5000},"{key}"]]'),
        base64.b64encode(b"\xff\xfe\xfd").decode(),
    ]  # fmt: skip
    forged += [
        packed(json.dumps([1, mark, wrong], separators=(",", ":")))
        for wrong in (
            [], ["7.50"], ["7.50", key, 1], [7.5, key], [None, key], ["7.50", None], ["x", key],
            ["7.50", "x"], [True, key], ["7.505", key], ["1e5", key], [["7.50"], key],
            [{"a": 1}, key], ["7.50\0", key], ["9" * 40, key], ["7.50", key.upper() + "0"],
        )
    ]  # fmt: skip
    for after in forged:
        answer = api.get(P, sort="price", after=after)
        refused(answer, 400, "query.cursor")
        assert answer.hint


def test_cursor_with_texts_that_no_database_takes(api: Api, shop: ModuleType) -> None:
    mark = json.loads(
        base64.urlsafe_b64decode(api.get(P, sort="name", limit=1).json["next"] + "==")
    )[1]
    key = shop.make_id(shop.PRODUCT, 1)
    for text in ('"a\\u0000"', '"\\ud800"'):
        packed = base64.urlsafe_b64encode(f'[1,"{mark}",[{text},"{key}"]]'.encode()).rstrip(b"=")
        refused(api.get(P, sort="name", after=packed.decode()), 400, "query.cursor")


# keys


KEYS = [
    b"%00", b"a%2Fb", b"..%2F..%2Fetc", b"%2e%2e", b"%ff", b"%", b"%zz", b"1", b"null",
    b"%20", b"x" * 3000, b"'%20or%201=1", b"01900004-0000-7000-8000-00000000000",
    b"01900004-0000-7000-8000-0000000000zz", b"{01900004-0000-7000-8000-000000000001}",
    b"urn:uuid:01900004-0000-7000-8000-000000000001", b"%EF%BC%90190000400007000800000000000001",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_key_that_cannot_be_one_is_not_there(api: Api, key: bytes) -> None:
    path = P.encode() + b"/" + key
    refused(api.ask("GET", path), 404, "record.not_found")
    refused(api.ask("PATCH", path, "system", JSON, b'{"stock":1}'), 404, "record.not_found")
    refused(api.ask("DELETE", path, "system"), 404, "record.not_found")


@pytest.mark.parametrize(
    "path",
    ["/api/products/", "/api/products//", "/api/products/a/b", "/api/products/_x", "/api", "/api/",
     "/api//x", "/api/nope", "/api/nope/1", "/api/product"],
)  # fmt: skip
def test_path_that_is_no_route_is_404(api: Api, path: str) -> None:
    refused(api.ask("GET", path), 404, "route.not_found")


def test_mistyped_collection_gets_a_hint(api: Api) -> None:
    assert api.get("/api/product").hint == "Did you mean 'products'?"
    assert "%2F" in api.get("/api/products/a/b").hint


# bodies

TEA = "01900003-0000-7000-8000-000000000001"
BODIES: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 400, "body.empty"),
    ("spaces", b" \n ", 400, "body.empty"),
    ("broken", b'{"name":', 400, "body.syntax"),
    ("two values", b"{} {}", 400, "body.syntax"),
    ("trailing comma", b'{"name":"x",}', 400, "body.syntax"),
    ("single quotes", b"{'name':'x'}", 400, "body.syntax"),
    ("comment", b'{"name":"x"} // y', 400, "body.syntax"),
    ("control character", b'{"name":"a\nb"}', 400, "body.syntax"),
    ("leading zero", b'{"stock":01}', 400, "body.syntax"),
    ("plus", b'{"stock":+1}', 400, "body.syntax"),
    ("hexadecimal", b'{"stock":0x10}', 400, "body.syntax"),
    ("half an escape", b'{"name":"\\u12"}', 400, "body.syntax"),
    ("no JSON", b"name=x", 400, "body.syntax"),
    ("UTF-16", '{"name":"x"}'.encode("utf-16"), 400, "body.encoding"),
    ("UTF-16 without a mark", '{"name":"x"}'.encode("utf-16-le"), 400, "body.encoding"),
    ("UTF-32", '{"name":"x"}'.encode("utf-32-be"), 400, "body.encoding"),
    ("byte order mark", b'\xef\xbb\xbf{"name":"x"}', 400, "body.encoding"),
    ("Latin-1", '{"name":"é"}'.encode("latin-1"), 400, "body.encoding"),
    ("overlong", b'{"name":"\xc0\x80"}', 400, "body.encoding"),
    ("surrogate in UTF-8", b'{"name":"\xed\xa0\x80"}', 400, "body.encoding"),
    ("duplicate keys", b'{"name":"x","name":"y"}', 400, "body.duplicate_key"),
    ("duplicate keys inside", b'{"extra":{"b":{"c":1,"c":2}}}', 400, "body.duplicate_key"),
    ("duplicate keys by escape", b'{"name":"x","n\\u0061me":"y"}', 400, "body.duplicate_key"),
    ("NaN", b'{"weight":NaN}', 400, "body.number"),
    ("Infinity", b'{"weight":-Infinity}', 400, "body.number"),
    ("1e999", b'{"weight":1e999}', 400, "body.number"),
    ("1e999 inside", b'{"extra":{"a":[-1e999]}}', 400, "body.number"),
    ("401 digits", b'{"extra":{"a":-' + b"9" * 401 + b"}}", 400, "body.number"),
    ("5,000 digits", b'{"stock":' + b"9" * 5000 + b"}", 400, "body.number"),
    ("5,000 digits after the point", b'{"weight":0.' + b"9" * 5000 + b"}", 400, "body.number"),
    ("lone surrogate", b'{"name":"\\ud800"}', 400, "body.surrogate"),
    ("lone surrogate as a key", b'{"\\udc00":1}', 400, "body.surrogate"),
    ("surrogates the wrong way", b'{"name":"\\udc00\\ud800"}', 400, "body.surrogate"),
    ("lone surrogate inside", b'{"extra":{"a":["\\ud800"]}}', 400, "body.surrogate"),
    ("NUL", b'{"name":"a\\u0000"}', 400, "body.nul"),
    ("NUL as a key", b'{"a\\u0000":1}', 400, "body.nul"),
    ("raw NUL", b'{"name":"a\0"}', 400, "body.encoding"),
    ("depth 65", b"[" * 65 + b"]" * 65, 400, "body.depth"),
    ("depth 2,000", b'{"extra":' + b'{"a":' * 2000 + b"1" + b"}" * 2001, 400, "body.depth"),
    ("depth 100,000 open", b"[" * 100_000, 400, "body.depth"),
    ("a text", b'"x"', 422, "body.invalid"),
    ("null", b"null", 422, "body.invalid"),
    ("a number", b"5", 422, "body.invalid"),
    ("an empty array", b"[]", 422, "body.invalid"),
    ("an array of numbers", b"[1]", 422, "body.invalid"),
    ("an array in an array", b"[[]]", 422, "body.invalid"),
    ("too many", b"[" + b",".join([b"{}"] * 1001) + b"]", 413, "body.too_many"),
    ("too large", b'{"name":"' + b"x" * 1_048_576 + b'"}', 413, "body.too_large"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "body", "status", "code"), BODIES, ids=[b[0] for b in BODIES])
def test_body(api: Api, shop: ModuleType, what: str, body: bytes, status: int, code: str) -> None:
    created = api.ask("POST", P, "system", JSON, body)
    refused(created, status, code)
    if what not in ("an empty array", "an array of numbers", "an array in an array", "too many"):
        path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
        refused(api.ask("PATCH", path, "system", JSON, body), status, code)
    if status == 422:
        assert created.json["errors"], "every 422 says where"


def test_number_of_400_digits_is_read(bank: Api) -> None:
    body = b'{"extra":{"a":' + b"9" * 400 + b"}}"
    made = bank.ask("POST", "/api/docs", "system", JSON, body)
    assert (made.status, made.json["extra"]) == (201, {"a": 10**400 - 1})


def test_place_of_what_is_no_object(api: Api) -> None:
    answer = api.ask("POST", P, "system", JSON, b'[{}, 5, "x"]')
    pointers = [
        error["pointer"] for error in answer.json["errors"] if error["code"] == "object_type"
    ]
    assert pointers == ["/1", "/2"]


VALUES = [
    ("stock", 2**63, "int_out_of_range"), ("stock", 2**53, "int_out_of_range"),
    ("stock", "5", "int_type"), ("stock", 1.0, "int_type"), ("stock", True, "int_type"),
    ("stock", None, "null"), ("stock", -1, "greater_than_equal"), ("stock", [], "int_type"),
    ("serial", 5, "big_int_type"), ("serial", str(2**63), "int_out_of_range"),
    ("serial", "05", "big_int_type"),
    ("price", 7.5, "decimal_type"), ("price", 7, "decimal_type"),
    ("price", "7.505", "decimal_max_places"), ("price", "1e2", "decimal_parsing"),
    ("price", "123456789.00", "decimal_max_digits"), ("price", "NaN", "decimal_parsing"),
    ("weight", "0.5", "float_type"), ("weight", False, "float_type"),
    ("since", "2024-02-30", "date_parsing"), ("since", "01.02.2024", "date_parsing"),
    ("since", "2024-01-01T00:00:00Z", "date_parsing"), ("since", 0, "date_type"),
    ("checked", "2024-01-01T00:00:00", "datetime_no_offset"),
    ("checked", "2024-13-01T00:00:00Z", "datetime_parsing"),
    ("checked", "0001-01-01T00:00:00+01:00", "datetime_parsing"), ("checked", 0, "datetime_type"),
    ("available", 1, "bool_type"), ("available", "true", "bool_type"),
    ("size", "huge", "literal_error"), ("size", 1, "string_type"),
    ("tags", "a", "list_type"), ("tags", [1], "string_type"), ("tags", [None], None),
    ("extra", [1], None), ("name", 5, "string_type"), ("name", "x" * 121, "string_too_long"),
    ("category", "x", None), ("category", {"id": TEA}, None), ("id", "x", None),
    ("titel", 1, "unknown_field"), ("created", "2024-01-01T00:00:00Z", "system_field"),
    ("version", 1, "system_field"), ("reviews", [], "unknown_field"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "code"), VALUES, ids=[f"{n}-{str(v)[:20]}" for n, v, _ in VALUES]
)
def test_value_of_the_wrong_kind_is_422_at_its_place(
    api: Api, shop: ModuleType, name: str, value: Any, code: str | None
) -> None:
    right = {"name": "x", "price": "1.00", "category": TEA}
    created = api.send("POST", P, {**right, name: value}, "mia")
    many = api.send("POST", P, [right, {**right, name: value}], "mia")
    changed = api.send("PATCH", f"{P}/{shop.make_id(shop.PRODUCT, 1)}", {name: value}, "mia")
    for answer, place in ((created, ""), (many, "/1"), (changed, "")):
        refused(answer, 422, "body.invalid")
        (error,) = answer.json["errors"]
        assert error["pointer"].startswith(f"{place}/{name}")
        assert error["detail"]
        if code is not None and not (name == "id" and answer is changed):
            assert error["code"] == code or error["code"].startswith(code), error


def test_all_mistakes_come_together(api: Api) -> None:
    answer = api.send("POST", P, {"stock": "5", "price": 1, "titel": 2})
    pointers = sorted(error["pointer"] for error in answer.json["errors"])
    assert pointers == ["/category", "/name", "/price", "/stock", "/titel"]


def test_unknown_field_in_a_body_gets_a_hint_but_never_a_hidden_name(api: Api) -> None:
    detail = api.send("POST", P, {"nmae": "x"}).json["errors"][-1]["detail"]
    answer = api.send("POST", P, {"nmae": "x"})
    assert any("'name'" in error["detail"] for error in answer.json["errors"]), detail
    hidden = api.send(
        "PATCH", "/api/users/01900002-0000-7000-8000-000000000001", {"pon": "x"}, "ada"
    )
    assert "pin" not in hidden.body.decode()


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("", 415),
        ("application/jsonp", 415), ("application/merge-patch+json", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/json; charset=utf-8", 422), ("Application/JSON ; x=y", 422),
    ],
)  # fmt: skip
def test_content_type(api: Api, given: str, status: int) -> None:
    headers = [("content-type", given)] if given else []
    answer = api.ask("POST", P, "system", headers, b"{}")
    assert answer.status == status
    if status == 415:
        refused(answer, 415, "body.type", "curl --json")


def test_packed_body_is_415(api: Api) -> None:
    headers = [*JSON, ("content-encoding", "gzip")]
    refused(api.ask("POST", P, "system", headers, b"{}"), 415, "body.type", "Content-Encoding")


def test_delete_that_a_reference_forbids(api: Api, shop: ModuleType) -> None:
    answer = api.ask("DELETE", f"/api/categories/{TEA}", "system")
    assert answer.status == 409
    assert "products" in answer.body.decode()


def test_order_of_judgement(api: Api, shop: ModuleType) -> None:
    """400, 413, 415, then 401 or 403, then 404, then 422."""
    path = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    assert api.ask("POST", P, "anonymous", JSON, b"{").status == 400
    assert api.ask("POST", P, "anonymous", [], b"{}").status == 415
    assert api.ask("POST", P, "anonymous", JSON, b"5").status == 401
    assert api.ask("POST", P, "ada", JSON, b'{"stock":"5"}').status == 403
    assert api.ask("PATCH", path, "ada", JSON, b"[]").status == 403
    assert api.ask("PATCH", f"{P}/x", "mia", JSON, b"[]").status == 404
    stale = [*JSON, ("if-match", '"99"')]
    assert api.ask("PATCH", path, "mia", stale, b"[]").status == 412
    assert api.ask("PATCH", path, "mia", JSON, b"[]").status == 422


# what hints must not tell, and what they must


def make_bank(path: Path) -> App:
    app = App("Bank", settings=Settings(database_url=url(path)))
    app.runtime.change_schema = True

    @app.collection("users")
    class User(UserRecord):
        role: str = "customer"
        rules = Rules(read="record.id == auth.id")

    @app.collection("vaults")
    class Vault(Record):
        topsecret: int = 0
        coins: Many[Coin] = back("vault")
        rules = Rules()

    @app.collection("coins")
    class Coin(Record):
        vault: Ref[Vault]
        worth: int = 0
        rules = Rules()

    @app.collection("docs")
    class Doc(Record):
        vault: Ref[Vault] | None = None
        salary: int = Field(default=0, read=role("manager"))
        keeper: Ref[User] | None = Field(default=None, read=role("manager"))
        password: str = Field(default="", read=False)
        whole: int = 0
        real: float = 0.0
        money: Decimal = Field(default=Decimal(0), max_digits=9, decimal_places=2)
        flag: bool = False
        day: date = date(2026, 1, 31)
        moment: datetime | None = None
        kind: Literal["a", "b"] = "a"
        token: UUID | None = None
        tags: list[str] = Field(default_factory=list)
        counts: list[int] = Field(default_factory=list)
        extra: dict[str, Any] = Field(default_factory=dict)
        subs: Many[Sub] = back("doc")
        rules = Rules(read=public, write=public)

    @app.collection("subs")
    class Sub(Record):
        doc: Ref[Doc]
        rules = Rules(read=public, write=public)

    return app


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    callers = {
        "anonymous": ANONYMOUS,
        "system": SYSTEM,
        "admin": Actor("admin"),
        "customer": Actor("user", {"id": TEA, "role": "customer"}),
        "manager": Actor("user", {"id": TEA, "role": "manager"}),
    }
    api = Api(make_bank(tmp_path_factory.mktemp("bank") / "bank.db"), callers)
    yield api
    api.close()


INTO_THE_VAULT = [
    ({"sort": "vault.xyz"}, "topsecret"),
    ({"sort": "vault.topsecrt"}, "topsecret"),
    ({"expand": "vault.xx"}, "coins"),
    ({"expand": "vault.coinz"}, "coins"),
    ({"expand": "vault.topsecret"}, "coins"),
    ({"expand": "vault", "fields": "vault.topsecrt"}, "topsecret"),
    ({"filter": "vault.topsecrt == 1"}, "topsecret"),
    ({"filter": "vault.coins.exists(c, c.wort == 1)"}, "worth"),
]


@pytest.mark.parametrize(("query", "name"), INTO_THE_VAULT)
def test_no_hint_names_a_field_of_a_closed_collection(
    bank: Api, query: dict[str, str], name: str
) -> None:
    for caller in ("anonymous", "customer"):
        answer = bank.get("/api/docs", caller, **query)
        assert answer.status == 400
        assert name not in answer.json.get("hint", "")
    for caller in ("system", "admin"):
        assert name in bank.get("/api/docs", caller, **query).hint


NEAR_THE_HIDDEN: list[tuple[dict[str, str], str]] = [
    ({"sort": "salry"}, "salary"),
    ({"fields": "salry"}, "salary"),
    ({"filter": "salry == 1"}, "salary"),
    ({"filter": "subs.exists(s, s.doc.salry == 1)"}, "salary"),
    ({"salry": "1"}, "salary"),
    ({"expand": "keepr"}, "keeper"),
    ({"expand": "nothing"}, "keeper"),
    ({"group": "salry", "count": "true"}, "salary"),
    ({"sum": "salry"}, "salary"),
]


@pytest.mark.parametrize(("query", "name"), NEAR_THE_HIDDEN)
def test_no_hint_names_a_field_that_a_rule_hides(
    bank: Api, query: dict[str, str], name: str
) -> None:
    path = "/api/docs/_aggregate" if {"group", "sum"} & set(query) else "/api/docs"
    for caller, told in (("anonymous", False), ("customer", False), ("manager", True)):
        answer = bank.get(path, caller, **query)
        assert answer.status == 400
        assert (name in answer.body.decode()) is told, caller


def test_hint_of_a_body_names_no_field_that_a_rule_hides(bank: Api) -> None:
    path = "/api/docs/" + bank.send("POST", "/api/docs", {}).json["id"]
    for caller, told in (("customer", False), ("manager", True)):
        for answer in (
            bank.send("PATCH", path, {"salry": 1}, caller),
            bank.send("POST", "/api/docs", {"salry": 1}, caller),
        ):
            assert answer.status == 422
            assert ("salary" in answer.body.decode()) is told
            assert "unknown_field" in answer.body.decode()
    assert "'password'" in bank.send("PATCH", path, {"pasword": "x"}, "customer").body.decode()


@pytest.mark.parametrize(
    "name",
    ["whole", "real", "money", "flag", "day", "moment", "kind", "token", "tags", "counts", "extra",
     "vault"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["", "=", "=1", "='x'", "=true", '="a\\"b"', "==x"])
def test_filter_of_a_hint_is_one(bank: Api, name: str, value: str) -> None:
    hint = bank.ask("GET", f"/api/docs?{name}{quote(value, safe='=')}").hint
    text = hint.removeprefix("To filter: filter=")
    assert text != hint
    answer = bank.get("/api/docs", filter=text)
    assert answer.status == 200, (text, answer.body)


NESTED = ["subs.doc.subs.doc.subs", "subs,subs.doc.subs.doc.subs"]


@pytest.mark.parametrize("expand", NESTED)
def test_third_to_many_relation_inside_others_is_refused(bank: Api, expand: str) -> None:
    answer = bank.get("/api/docs", expand=expand)
    refused(answer, 400, "query.expand", "to-many")
    assert "/api/subs" in answer.hint
    doc = bank.send("POST", "/api/docs", {}).json["id"]
    refused(bank.get(f"/api/docs/{doc}", expand=expand), 400, "query.expand", "to-many")
    assert bank.get("/api/docs", expand="subs.doc.subs.doc").status == 200
    assert bank.get("/api/subs", expand="doc.subs.doc.subs").status == 200


@pytest.mark.parametrize("sign", [1, -1])
def test_sum_of_floats_that_is_infinite_is_refused(bank: Api, sign: int) -> None:
    for whole in (1, 2, 3):
        body = {"real": sign * 1.7e308 if whole < 3 else 0.5, "whole": sign * whole}
        assert bank.send("POST", "/api/docs", body).status == 201
    mine = f"whole in [{sign}, {2 * sign}, {3 * sign}]"
    for query in ({"filter": mine}, {"filter": mine, "group": "flag", "count": "true"}):
        answer = bank.get("/api/docs/_aggregate", sum="real", **query)
        refused(answer, 400, "query.overflow", "Narrow")
    one = bank.get("/api/docs/_aggregate", sum="real", filter=f"{mine} and whole != {sign}")
    assert one.json["items"][0]["sum"]["real"] == sign * 1.7e308 + 0.5
    none = bank.get("/api/docs/_aggregate", sum="real", filter="whole > 9")
    assert none.json["items"][0]["sum"]["real"] is None


def test_conditions_in_several_lines_are_one_list(fresh: Api) -> None:
    (key,) = fresh.get(P, fields="id", limit=1).column("id")
    version = json.loads(fresh.ask("GET", f"{P}/{key}", "system").body)["version"]
    held, other = f'"{version}-x"', '"999-x"'

    def patch(name: str, *tags: str) -> int:
        headers = [*JSON, *((name, tag) for tag in tags)]
        return fresh.ask("PATCH", f"{P}/{key}", "system", headers, b"{}").status

    assert patch("if-match", other, held) == patch("if-match", held, other) == 200
    assert patch("if-match", other, other) == 412
    assert patch("if-none-match", other, held) == patch("if-none-match", other, "*") == 412
    assert patch("if-none-match", other, other) == 200
