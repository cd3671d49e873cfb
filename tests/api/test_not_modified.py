"""304: whoever has an answer already is not sent it again."""

from __future__ import annotations

from types import ModuleType

import pytest

from .conftest import Answer, Api

P = "/api/products"
READS = [
    P, f"{P}?filter=stock+%3E+3&expand=category&total=true", f"{P}/{{id}}",
    f"{P}/{{id}}?fields=id,name", f"{P}/{{id}}?expand=reviews", "/api/users/{user}",
    f"{P}/_aggregate?group=category&count=true&avg=price", "/api/_schema",
]  # fmt: skip


@pytest.fixture(params=READS)
def path(request: pytest.FixtureRequest, shop: ModuleType) -> str:
    text: str = request.param
    return text.format(id=shop.make_id(shop.PRODUCT, 1), user=shop.make_id(shop.USER, 1))


def ask(api: Api, path: str, tags: str, method: str = "GET", caller: str = "ada") -> Answer:
    return api.ask(method, path, caller, [("if-none-match", tags)])


@pytest.mark.parametrize(
    "form",
    ["{}", "W/{}", "*", ' "x" , {} ', 'W/"a",W/{}', '"a, b", {}', "{},", ' * '],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_tag_that_is_named_in_any_way_answers_304(
    api: Api, path: str, form: str, method: str
) -> None:
    fresh = api.ask("GET", path, "ada")
    assert fresh.status == 200
    tag = fresh.headers["etag"]
    assert tag.startswith('"') and tag.endswith('"')
    answer = ask(api, path, form.format(tag), method)
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == tag
    assert answer.headers["vary"] == fresh.headers["vary"]
    assert answer.headers["vary"].startswith("Authorization, Cookie")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("form", ['"x"', "", "{}x", "w/{}", "x{}", '"*"', "*, {}x", "W/"])
def test_other_tags_answer_the_whole(api: Api, path: str, form: str) -> None:
    tag = api.ask("GET", path, "ada").headers["etag"]
    answer = ask(api, path, form.format(tag))
    assert (answer.status, answer.headers["etag"]) == (200, tag)
    assert answer.body


def test_bare_tag_without_its_marks_is_none(api: Api, path: str) -> None:
    tag = api.ask("GET", path, "ada").headers["etag"]
    assert ask(api, path, tag.strip('"')).status == 200


def test_refusal_is_never_304(api: Api, shop: ModuleType) -> None:
    for path, status in (
        ("/api/ledger", 403), (f"{P}/{shop.make_id(shop.PRODUCT, 99)}", 404),
        (f"{P}?limit=0", 400), (f"{P}/_aggregate?sum=cost", 400),
    ):  # fmt: skip
        assert ask(api, path, "*").status == status


def test_what_changed_is_sent_again(fresh: Api, shop: ModuleType) -> None:
    one = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    paths = (one, f"{one}?expand=category", P, f"{P}/_aggregate?sum=stock")
    tags = {path: fresh.ask("GET", path).headers["etag"] for path in paths}
    assert fresh.send("PATCH", one, {"stock": 77}).status == 200
    for path, tag in tags.items():
        assert ask(fresh, path, tag, caller="anonymous").status == 200, path
    schema = fresh.ask("GET", "/api/_schema").headers["etag"]
    assert ask(fresh, "/api/_schema", schema, caller="anonymous").status == 304


def test_what_changed_around_a_record_is_sent_again(fresh: Api, shop: ModuleType) -> None:
    """What is expanded, and what is said of a list beside its items."""
    one = f"{P}/{shop.make_id(shop.PRODUCT, 1)}"
    category = shop.make_id(shop.CATEGORY, 1)
    paths = (
        f"{one}?expand=category", f"{one}?expand=reviews&fields=id",
        f"{P}?limit=1&fields=id&total=true",
    )  # fmt: skip
    tags = {path: fresh.ask("GET", path).headers["etag"] for path in (one, *paths)}
    assert fresh.send("PATCH", f"/api/categories/{category}", {"name": "Teas"}).status == 200
    review = {"product": shop.make_id(shop.PRODUCT, 1), "stars": 1}
    assert fresh.send("POST", "/api/reviews", review).status == 201
    product = {"name": "Last", "category": category, "price": "1.00"}
    assert fresh.send("POST", P, product).status == 201
    for path in paths:
        assert ask(fresh, path, tags[path], caller="anonymous").status == 200, path
    assert ask(fresh, one, tags[one], caller="anonymous").status == 304


def test_tag_of_one_caller_is_not_that_of_another_who_sees_less(api: Api, shop: ModuleType) -> None:
    for path in (P, f"{P}/{shop.make_id(shop.PRODUCT, 1)}", "/api/_schema"):
        seen = api.ask("GET", path, "mia").headers["etag"]
        assert ask(api, path, seen, caller="anonymous").status == 200
