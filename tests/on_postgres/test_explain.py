"""`stanchion explain` on PostgreSQL: the SQL as it runs there, its plan, and nothing is changed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.inside import run_here

APP = """
from stanchion import App, Field, Record, Rules, nobody, public
app = App("Shelf")

@app.collection("books")
class Book(Record):
    title: str = Field(max_length=80, index=True)
    price: int = Field(ge=0)
    paid: int = Field(default=4711, read=nobody)
    rules = Rules(read="record.price > 10", write=public)

@app.seed
async def fill(tx):
    await tx.create(Book(id="00000000-0000-7000-8000-000000000001", title="One", price=12))
"""
KEY = "00000000-0000-7000-8000-000000000001"


def stanchion(folder: Path, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(APP)
    return run_here(*arguments, cwd=folder, STANCHION_DATABASE_URL=database)


def explained(folder: Path, database: str, *arguments: str) -> dict[str, Any]:
    done = stanchion(folder, database, "explain", *arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_list_and_a_record_say_how_postgresql_runs_them(tmp_path: Path, database: str) -> None:
    listed = explained(tmp_path, database, "GET", "/api/books?filter=price < 20&sort=title")
    (statement,) = listed["statements"]
    assert statement["title"] == "the list"
    assert "$1::int8" in statement["sql"]
    assert statement["planned"] == "planned for these values"
    plan = [step["text"] for step in statement["steps"]]
    assert plan[0].startswith(("Limit", "Subquery Scan", "Sort"))
    assert any("on books r" in step for step in plan), plan
    (one,) = explained(tmp_path, database, "GET", f"/api/books/{KEY}")["statements"]
    assert one["title"] == "the record"
    assert one["planned"].endswith("then perhaps for any")
    text = stanchion(tmp_path, database, "explain", "GET", f"/api/books/{KEY}").stdout
    assert "runs as, planned for these values" in text
    assert f"$1 = '{KEY}'" in text


def test_writes_are_tried_and_taken_back(tmp_path: Path, database: str) -> None:
    for arguments, status in (
        (("POST", "/api/books", "--body", '{"title": "Two", "price": 5}'), 201),
        (("PATCH", f"/api/books/{KEY}", "--body", '{"price": 15}'), 200),
        (("DELETE", f"/api/books/{KEY}"), 204),
    ):
        found = explained(tmp_path, database, *arguments)
        assert found["answer"]["status"] == status, found["answer"]
        assert "4711" not in json.dumps(found["statements"])
    (book,) = explained(tmp_path, database, "GET", "/api/books")["answer"]["document"]["items"]
    assert (book["title"], book["price"], book["version"]) == ("One", 12, 1)


def test_check_says_which_planner_judged_the_lists(tmp_path: Path, database: str) -> None:
    done = stanchion(tmp_path, database, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stanchion explain asks PostgreSQL itself" in done.stdout
    lite = stanchion(tmp_path, "sqlite:///shelf.db", "check")
    assert "PostgreSQL" not in lite.stdout


def test_what_differs_is_refused_with_the_plan_and_without_the_password(
    tmp_path: Path, database: str
) -> None:
    with_password = database.replace("stanchion@", "stanchion:geheim@")
    assert stanchion(tmp_path, with_password, "explain", "GET", "/api/books").returncode == 0
    (tmp_path / "other.py").write_text(APP.replace('record.price', 'record.pages')
                                       .replace("    price: int", "    pages: int"))  # fmt: skip
    done = stanchion(tmp_path, with_password, "serve", "other.py", "--port", "0")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "drop field `price` (1 row holds a value)" in done.stderr
    assert "an empty database" in done.stderr and "sqlite" not in done.stderr
    assert "geheim" not in done.stdout + done.stderr
