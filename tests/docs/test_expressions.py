"""Every example of the page about expressions is asked of the dish that the page declares."""

from __future__ import annotations

import html
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stanchion import testing
from stanchion.expr.operands import FUNCTIONS, METHODS
from stanchion.expr.parse import MACROS, MAX_CHARACTERS, MAX_NESTING, MAX_NODES
from tests.docs.pages import blocks_of

PAGE = Path(__file__).parents[2] / "docs" / "expressions.md"
TABLE = re.compile(r"^\| (expression|asked by Ada) \| answer \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.M)
ROW = re.compile(r"^\| `(.*)` \| (\w+) \|$", re.M)


class Example(NamedTuple):
    asked: str
    expression: str
    answer: str


EXAMPLES = [
    Example(asked, html.unescape(expression), answer)
    for asked, rows in TABLE.findall(PAGE.read_text())
    for expression, answer in ROW.findall(rows)
]


class Kitchen(NamedTuple):
    client: testing.Client
    ada: Any


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    (block,) = (b for b in blocks_of(PAGE) if b.language == "python")
    path = tmp_path_factory.mktemp("page") / "kitchen.py"
    path.write_text(block.text)
    module: dict[str, Any] = runpy.run_path(str(path))
    with testing.client(module["app"]) as client:
        ada = client.run(_only(client.app, module["User"]))
        yield Kitchen(client, ada)


async def _only(app: Any, record: Any) -> Any:
    async with app.transaction(actor=app.system()) as tx:
        (found,) = await tx.list(record)
    return found


def finds(client: testing.Client, expression: str) -> bool | int:
    """Whether the filter finds the dish, or the status of its refusal."""
    answer = client.get("/api/dishes", params={"filter": expression})
    return len(answer.json()["items"]) == 1 if answer.status == 200 else answer.status


def meaning(client: testing.Client, expression: str) -> str:
    found, opposite = finds(client, expression), finds(client, f"not ({expression})")
    if found == 400:
        assert opposite == 400
        return "refused"
    return {(True, False): "yes", (False, True): "no", (False, False): "neither"}[found, opposite]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.expression)
def test_example_is_as_the_page_says(kitchen: Kitchen, example: Example) -> None:
    caller = kitchen.ada if example.asked == "asked by Ada" else None
    with testing.as_actor(kitchen.client.app, caller):
        assert meaning(kitchen.client, example.expression) == example.answer


def test_every_row_is_an_example() -> None:
    """A row that the pattern does not fit would be asked by nobody."""
    rows = sum(body.count("\n") for _, body in TABLE.findall(PAGE.read_text()))
    assert len(EXAMPLES) == rows > 80


def test_every_function_and_macro_is_shown_at_work() -> None:
    asked = "\n".join(e.expression for e in EXAMPLES if e.answer != "refused")
    for name in {*FUNCTIONS, *METHODS, *MACROS}:
        assert f"{name}(" in asked, name
    for operator in ("==", "!=", "<", "<=", ">", ">=", "&&", " or ", " in ", "not ", "!", "+", "-"):
        assert operator in asked, operator


def test_limits_are_those_of_the_parser() -> None:
    text = PAGE.read_text()
    for limit in (f"{MAX_CHARACTERS:,}", MAX_NODES, MAX_NESTING):
        assert f"| {limit} |" in text
