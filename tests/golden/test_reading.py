"""Golden cases of reading: a query, its plan, its SQL on both engines, and what SQLite answers.

A case is a `.toml` in `reading/`: who asks what, and why it is there. Beside it lie

    .plan.txt       the plan; `field~` may be hidden in its record, `path?` sees visible records
    .sqlite.sql     the statements that ran, in order
    .postgres.sql   the same for PostgreSQL
    .json           the answer that SQLite gave

STANCHION_GOLDEN=write writes them anew; what changed is for a person to review.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from stanchion.explain.wording import sql_text
from stanchion.http.parameters import aggregate_query, list_query, one_query
from stanchion.plan.aggregate import AggregatePlan, plan_aggregate
from stanchion.plan.read import ReadPlan, plan_read
from stanchion.query import AggregateQuery, ReadQuery, encode_cursor
from stanchion.reading import mark_of
from stanchion.sql.aggregate import compile_aggregate
from stanchion.sql.dialect import POSTGRES
from stanchion.sql.read import (
    EXPLAIN,
    compile_list,
    compile_one,
    compile_total,
    compile_walk,
    shows_last,
)

from .conftest import Shop
from .render import plan_text

HERE = Path(__file__).parent / "reading"
CASES = sorted(path.stem for path in HERE.glob("*.toml"))
WRITE = os.environ.get("STANCHION_GOLDEN") == "write"


@dataclass(frozen=True)
class Case:
    """One request. `after` are the sort values of the record that the page starts behind."""

    caller: str
    path: str
    query: dict[str, Any]
    after: tuple[Any, ...] | None

    @classmethod
    def read(cls, name: str) -> Case:
        told = tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))
        assert told["why"], "a case says what it is for"
        assert set(told) <= {"why", "caller", "path", "query", "after"}
        after = told.get("after")
        if after is not None:  # TOML has no null
            after = tuple(None if value == "(null)" else value for value in after)
        return cls(told["caller"], told["path"], told.get("query", {}), after)

    def query_string(self, shop: Shop) -> str:
        parts = []
        for name, value in self.query.items():
            parts += [(name, str(v)) for v in (value if isinstance(value, list) else [value])]
        if self.after is not None:
            without = list_query(self.collection(shop), _encoded(parts).encode(), dict)
            mark = mark_of(without, shop.records.schema.fingerprint)
            parts.append(("after", encode_cursor(mark, self.after)))
        return _encoded(parts)

    def collection(self, shop: Shop) -> Any:
        return shop.records.schema.collection[self.path.split("/")[2]]

    def ask(self, shop: Shop) -> ReadQuery | AggregateQuery:
        """What the dispatcher makes of the request."""
        raw = self.query_string(shop).encode()
        key = self.path.split("/")[3] if self.path.count("/") == 3 else ""
        if key == "_aggregate":
            return aggregate_query(self.collection(shop), raw, dict)
        if key:
            return one_query(self.collection(shop), key, raw, dict)
        return list_query(self.collection(shop), raw, dict)


def _encoded(parts: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={quote(value)}" for name, value in parts)


@pytest.mark.parametrize("name", CASES)
def test_query_plan_sql_and_answer_are_as_reviewed(shop: Shop, name: str) -> None:
    case = Case.read(name)
    ask = case.ask(shop)
    profile = shop.records.policy.profile(shop.callers[case.caller])
    plan: ReadPlan | AggregatePlan
    if isinstance(ask, AggregateQuery):
        plan = plan_aggregate(ask, shop.records.schema, profile)
    else:
        plan = plan_read(ask, shop.records.schema, profile)
    ran, answer = shop.runner.run(_answer(shop, case))
    _compare(name, ".plan.txt", plan_text(plan))
    _compare(name, ".sqlite.sql", "\n".join(sql_text(text) for text in ran))
    _compare(name, ".postgres.sql", "\n".join(sql_text(t) for t in _postgres(plan, ask, case)))
    _compare(name, ".json", json.dumps(answer, indent=2, ensure_ascii=False) + "\n")


def test_every_case_is_complete_and_nothing_else_lies_there() -> None:
    kinds = (".toml", ".plan.txt", ".sqlite.sql", ".postgres.sql", ".json")
    expected = {f"{name}{kind}" for name in CASES for kind in kinds} | {"shop.py"}
    assert {path.name for path in HERE.iterdir() if path.is_file()} == expected
    assert len(CASES) >= 25


def _postgres(plan: ReadPlan | AggregatePlan, ask: Any, case: Case) -> list[str]:
    if isinstance(plan, AggregatePlan):
        return [compile_aggregate(plan, POSTGRES).text]
    if ask.key is not None:
        return [compile_one(plan, POSTGRES).text]
    after = None if case.after is None else tuple(value is None for value in case.after)
    page = compile_walk(plan, POSTGRES, after)
    if page is None or not shows_last(page, POSTGRES):
        page = compile_list(plan, POSTGRES, after)
    texts = [page.text]
    return [*texts, compile_total(plan, POSTGRES).text] if ask.total else texts


async def _answer(shop: Shop, case: Case) -> tuple[list[str], Any]:
    """The statements that ran, and the answer; each case starts with no plan in memory."""
    shop.records.plans.by_shape.clear()
    shop.app.runtime.test_actor = shop.callers[case.caller]
    engine, ran = shop.records.engine, []
    fetch, together = engine.fetch, engine.fetch_together

    async def noted(text: str, params: Sequence[Any]) -> Any:
        if not text.startswith(EXPLAIN):
            ran.append(text)
        return await fetch(text, params)

    async def noted_together(asks: Any) -> Any:
        ran.extend(ask.text for ask in asks)
        return await together(asks)

    engine.find, engine.fetch, engine.fetch_together = noted, noted, noted_together
    try:
        body = await _get(shop.app, case.path, case.query_string(shop))
    finally:
        engine.find, engine.fetch, engine.fetch_together = fetch, fetch, together
        shop.app.runtime.test_actor = None
    return ran, json.loads(body)


async def _get(app: Any, path: str, query: str) -> bytes:
    sent: list[Any] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "root_path": "", "headers": [(b"host", b"shop.example")], "client": None, "server": None,
    }  # fmt: skip

    async def receive() -> Any:
        raise AssertionError("a read has no body")

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent[1]["body"]
    return sent[1]["body"]  # type: ignore[no-any-return]  # bytes, as ASGI says


def _compare(name: str, kind: str, found: str) -> None:
    path = HERE / f"{name}{kind}"
    if WRITE:
        path.write_text(found, "utf-8")
    assert path.exists(), f"{path.name} is missing: run with STANCHION_GOLDEN=write, and review it"
    assert found == path.read_text("utf-8"), f"{path.name} differs; is the change meant?"
