"""Golden cases of `explain`: who asks what, and what a person reads.

`explain/<case>.txt` is the text; places are masked, the clock stands still. The SQL itself is left
out, because the cases of reading hold it; its plan and the advice are there.
STANCHION_GOLDEN=write writes them anew; what changed is for a person to review.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from stanchion.cli.explain import find_actor, read_request
from stanchion.explain import as_data, explain_request, render
from stanchion.explain.said import Explanation
from stanchion.http.rehearse import answer_with

from .conftest import Shop, load_shop

HERE = Path(__file__).parent / "explain"
WRITE = os.environ.get("STANCHION_GOLDEN") == "write"
shop_module = load_shop()
ID = shop_module.make_id
ADA, MIA = "ada@shop.example", "mia@shop.example"
ORDER = f"/api/orders/{ID(shop_module.ORDER, 1)}"
REVIEW = f"/api/reviews/{ID(shop_module.REVIEW, 1)}"
NEW = "0190ffff-0000-7000-8000-000000000001"

# case -> method, URL, who, body
CASES: dict[str, tuple[str, str, str, str | None]] = {
    "list_refused_to_anonymous": ("GET", "/api/orders", "anonymous", None),
    "list_of_own_orders": ("GET", "/api/orders?sort=-placed", ADA, None),
    "list_of_a_manager": ("GET", "/api/orders?filter=state == \"open\"", MIA, None),
    "list_that_sorts": ("GET", "/api/products?sort=stock&fields=id,name", "anonymous", None),
    "list_that_would_walk_two_fields": (
        "GET", '/api/reviews?filter=stars == 5&sort=text&fields=id', "anonymous", None
    ),
    "list_that_needs_no_index": ("GET", "/api/products?sort=-price&fields=id", "anonymous", None),
    "list_with_total_and_search": ("GET", "/api/products?q=tea&total=true&fields=id", MIA, None),
    "one_order_of_another": ("GET", ORDER, "bo@shop.example", None),
    "one_order_of_ones_own": ("GET", f"{ORDER}?expand=lines", ADA, None),
    "one_line_by_its_path": ("GET", f"/api/lines/{ID(shop_module.LINE, 1)}", ADA, None),
    "one_project_by_two_relations": (
        "GET", f"/api/projects/{ID(shop_module.PROJECT, 1)}", ADA, None
    ),
    "groups": ("GET", "/api/products/_aggregate?group=size&sum=stock", "anonymous", None),
    "options_ask_no_rule": ("OPTIONS", REVIEW, "anonymous", None),
    "misspelled_field": ("GET", "/api/products?filter=prise > 1", "anonymous", None),
    "create_for_somebody_else": (
        "POST", "/api/reviews", ADA,
        f'{{"id": "{NEW}", "product": "{ID(shop_module.PRODUCT, 1)}", "stars": 5, '
        f'"author": "{ID(shop_module.USER, 2)}"}}',
    ),
    "create_of_ones_own": (
        "POST", "/api/reviews", ADA,
        f'{{"id": "{NEW}", "product": "{ID(shop_module.PRODUCT, 1)}", "stars": 5, '
        f'"author": "{ID(shop_module.USER, 1)}"}}',
    ),
    "create_that_breaks_the_model": ("POST", "/api/reviews", ADA, '{"stars": 9}'),
    "change_that_gives_it_away": (
        "PATCH", REVIEW, ADA, f'{{"author": "{ID(shop_module.USER, 2)}"}}'
    ),
    "change_by_another": ("PATCH", REVIEW, "bo@shop.example", '{"stars": 1}'),
    "put_that_makes_a_record": (
        "PUT", f"/api/reviews/{NEW}", ADA,
        f'{{"product": "{ID(shop_module.PRODUCT, 1)}", "stars": 5, '
        f'"author": "{ID(shop_module.USER, 1)}"}}',
    ),
    "put_that_replaces_ones_own": (
        "PUT", REVIEW, ADA,
        f'{{"product": "{ID(shop_module.PRODUCT, 1)}", "stars": 2, '
        f'"author": "{ID(shop_module.USER, 1)}"}}',
    ),
    "put_over_the_review_of_another": (
        "PUT", REVIEW, "bo@shop.example",
        f'{{"product": "{ID(shop_module.PRODUCT, 1)}", "stars": 1, '
        f'"author": "{ID(shop_module.USER, 2)}"}}',
    ),
    "batch_of_ones_own": (
        "POST", "/api/_batch", ADA,
        f'{{"steps": [{{"method": "POST", "path": "/api/reviews", "body": {{"id": "{NEW}", '
        f'"product": "{ID(shop_module.PRODUCT, 1)}", "stars": 5, '
        f'"author": "{ID(shop_module.USER, 1)}"}}}}, '
        f'{{"method": "PATCH", "path": "/api/reviews/{NEW}", "body": {{"stars": 4}}}}, '
        f'{{"method": "DELETE", "path": "{REVIEW}"}}]}}',
    ),
    "batch_whose_last_step_is_refused": (
        "POST", "/api/_batch", "bo@shop.example",
        f'{{"steps": [{{"method": "POST", "path": "/api/reviews", "body": {{"id": "{NEW}", '
        f'"product": "{ID(shop_module.PRODUCT, 1)}", "stars": 5, '
        f'"author": "{ID(shop_module.USER, 2)}"}}}}, '
        f'{{"method": "PATCH", "path": "{REVIEW}", "body": {{"stars": 1}}}}]}}',
    ),
    "delete_by_the_system": ("DELETE", REVIEW, "system", None),
    "ledger_of_an_admin": ("GET", "/api/ledger?fields=id", "admin", None),
}  # fmt: skip


def explained(shop: Shop, name: str) -> Explanation:
    method, url, who, body = CASES[name]
    shop.records.plans.by_shape.clear()
    return ask(shop, method, url, who, body)


def ask(shop: Shop, method: str, url: str, who: str, body: str | None = None) -> Explanation:
    request = read_request(method, url, body, ())
    runtime = shop.app.runtime

    async def run() -> Explanation:
        actor = await find_actor(shop.records, who)
        return await explain_request(request, shop.records, actor, answer_with(request, runtime))

    return shop.runner.run(run())


def masked(text: str) -> str:
    """The text without statements, and with places that every machine has."""
    text = re.sub(r"^SQL(     .*)\n(?:  (?!runs as).*\n)*", r"SQL\1\n", text, flags=re.MULTILINE)
    text = re.sub(r"shop\.py:\d+", "shop.py:N", text)
    return text.replace(str(HERE.parent / "reading") + "/", "") + "\n"


def counted(shop: Shop) -> list[tuple[Any, ...]]:
    """What a write could leave behind."""
    text = "select (select count(*) from reviews),(select count(*) from _changes)"
    return shop.runner.run(shop.records.engine.fetch(text, ()))  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", CASES)
def test_explanation_is_as_reviewed(shop: Shop, name: str) -> None:
    before = counted(shop)
    found = explained(shop, name)
    text = masked(render(found))
    path = HERE / f"{name}.txt"
    if WRITE:
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"{path.name} differs; is the change meant?"
    assert counted(shop) == before, "explaining changes nothing"
    assert as_data(found)["answer"]["status"] == found.answer.status


def test_every_text_has_a_case() -> None:
    assert {path.stem for path in HERE.glob("*")} == set(CASES)


def test_second_request_of_a_shape_finds_its_plan(shop: Shop) -> None:
    shop.records.plans.by_shape.clear()
    assert ask(shop, "GET", "/api/products?filter=stock > 1", MIA).cache.startswith(
        "the first request"
    )
    assert ask(shop, "GET", "/api/products?filter=stock > 7", MIA).cache.startswith("hit")
    assert ask(shop, "GET", "/api/products?filter=stock > 7", ADA).cache.startswith(
        "the first request"
    )


def test_search_is_told_of_groups_too(shop: Shop) -> None:
    shop.records.plans.by_shape.clear()
    shape = ask(shop, "GET", "/api/products/_aggregate?count=true&q=tea", MIA).shape
    assert ("search", "q is given") in shape


def test_plan_of_the_schema_has_an_operation_and_a_caller(shop: Shop) -> None:
    shop.records.plans.by_shape.clear()
    shape = ask(shop, "GET", "/api/_schema", "anonymous").shape
    assert shape[:2] == (("operation", "describe"), ("caller", "anonymous"))


def test_value_that_nobody_may_read_is_not_told(shop: Shop) -> None:
    key = ID(shop_module.USER, 1)
    found = render(ask(shop, "GET", f"/api/users/{key}", "system"))
    assert "secret-1" not in found.partition("SQL")[0]


def test_value_that_nobody_may_read_is_not_among_the_parameters(shop: Shop) -> None:
    key = ID(shop_module.USER, 1)
    found = ask(shop, "PATCH", f"/api/users/{key}", ADA, '{"pin": "hunter2"}')
    assert found.answer.status == 200
    assert "hunter2" not in render(found) and "hunter2" not in str(as_data(found))
    assert "(a value that nobody may read)" in render(found)
