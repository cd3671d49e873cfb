"""The house keeps its order: imports go to lower levels only, and no room knows too much."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "stanchion"

# every module or package directly under stanchion/, and its level; DESIGN: "rooms"
LEVELS = {
    "version": 0, "errors": 0, "settings": 1, "clock": 0, "events": 0, "drain": 0, "misuse": 1,
    "types": 1,
    "schema": 2, "search": 2, "problems": 2,
    "expr": 3,
    "declare": 4, "query": 4,
    "plan": 5,
    "engines": 6, "sql": 6,
    "store": 7,
    "migrate": 8, "actors": 8,
    "plans": 8, "reading": 8,
    "writing": 9,
    "records": 10,
    "transaction": 11, "explain": 11,
    "runtime": 12,
    "logs": 12, "http": 13,
    "app": 14,
    "cli": 15, "testing": 15, "__main__": 16, "__init__": 16,
}  # fmt: skip

FORBIDDEN = [
    ("http", "sql", "HTTP never sees SQL"),
    ("http", "engines", "HTTP never touches a database"),
    ("engines", "plan", "engines do I/O only"),
    ("engines", "schema", "engines do I/O only"),
    ("expr", "engines", "expressions know no database"),
]


def room_of(path: Path) -> str:
    """The module or package directly under stanchion/ that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[tuple[str, int]]:
    """Every room that a file imports from, TYPE_CHECKING imports included, with the line."""
    return imports_in(path.read_text("utf-8"), path)


def imports_in(text: str, path: Path) -> list[tuple[str, int]]:
    """The same for a text that stands, or would stand, at `path`."""
    package = ["stanchion", *path.relative_to(SOURCE).parts[:-1]]
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names = [*base, *(node.module or "").split(".")] if node.module else base
            if not names or names[0] != "stanchion":
                continue
            if len(names) > 1:
                found.append((names[1], node.lineno))
            else:
                found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "stanchion" and len(parts) > 1:
                    found.append((parts[1], node.lineno))
    return found


FILES = sorted(
    p for p in SOURCE.rglob("*.py") if "vendor" not in p.parts and "template" not in p.parts
)


def test_every_room_has_a_level() -> None:
    assert {room_of(path) for path in FILES} <= set(LEVELS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for other, line in imports_of(path):
        if other == room or other not in LEVELS:
            continue
        assert LEVELS[other] < LEVELS[room], f"{path.name}:{line}: {room} imports {other}"
        for a, b, why in FORBIDDEN:
            assert (room, other) != (a, b), f"{path.name}:{line}: {why}"


def test_an_upward_import_would_be_seen() -> None:
    text = "from ..records import Records\nfrom .. import app\nimport stanchion.http.front\n"
    found = imports_in(text, SOURCE / "types" / "planted.py")
    assert found == [("records", 1), ("app", 2), ("http", 3)]


def test_no_misc_rooms() -> None:
    names = {path.stem for path in FILES}
    assert not names & {"utils", "util", "helpers", "misc", "common", "manager"}
