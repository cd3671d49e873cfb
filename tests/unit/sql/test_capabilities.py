"""What differs between engines is a capability with a name: nobody asks for the engine's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import stanchion
from stanchion.sql.dialect import POSTGRES, SQLITE, Dialect

SOURCE = Path(stanchion.__file__).parent
NAMES = {"sqlite", "postgresql", "postgres"}
VALUES = {"SQLITE", "POSTGRES"}
KINDS = {"SQLiteDialect", "PostgresDialect"}

MAY_ASK = {
    "sql/dialect.py": "finds the words of an engine by its name",
    "changelog/pages.py": "finds the log of an engine by its name",
    "changelog/moved.py": "translates the positions of one engine's log into another's",
    "cli/check.py": "says of which engine it speaks",
    "settings.py": "reads the engine out of an address",
    "engines/opening.py": "refuses a replica that is none of PostgreSQL's",
}


def questions(source: str) -> Iterator[int]:
    """The lines that ask which engine it is, whichever way."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            asked = [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            asked = [c.pattern.value for c in node.cases if isinstance(c.pattern, ast.MatchValue)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            asked = list(node.args[1:]) if node.func.id == "isinstance" else []
        else:
            continue
        if any(_names_an_engine(part) for each in asked for part in ast.walk(each)):
            yield node.lineno


def _names_an_engine(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=value):
            return value in NAMES
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in VALUES | KINDS
    return False


def test_nobody_asks_for_the_name_of_an_engine() -> None:
    asking = {
        path.relative_to(SOURCE).as_posix(): lines
        for path in SOURCE.rglob("*.py")
        if (lines := list(questions(path.read_text(encoding="utf-8"))))
    }
    assert {name: lines for name, lines in asking.items() if name not in MAY_ASK} == {}
    assert asking.keys() == MAY_ASK.keys(), "who no longer asks is no longer named here"


@pytest.mark.parametrize(
    "question",
    [
        'if dialect.name == "sqlite": ...',
        'x = 1 if "postgresql" != engine.name else 2',
        'y = name in ("sqlite",)',
        "if dialect is SQLITE: ...",
        "z = d == dialect.POSTGRES",
        "if isinstance(dialect, PostgresDialect): ...",
        'match name:\n    case "sqlite": ...',
    ],
)
def test_a_question_is_found_however_it_is_asked(question: str) -> None:
    assert list(questions(question)) != []


def test_every_capability_differs() -> None:
    same = [n for n in Dialect.__slots__ if getattr(SQLITE, n) == getattr(POSTGRES, n)]
    assert same == []
