"""What is installed with Stanchion is what it needs: declared, imported and explained."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PAGE = (ROOT / "docs" / "dependencies.md").read_text("utf-8")


def named(requirement: str) -> str:
    """The distribution that a requirement asks for, as package indexes compare names."""
    found = re.match(r"[\w.-]+", requirement)
    assert found is not None, requirement
    return normal(found[0])


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


EXTRAS = PROJECT["project"]["optional-dependencies"]
DECLARED = {
    named(r) for group in [PROJECT["project"]["dependencies"], *EXTRAS.values()] for r in group
}
TOOLS = {named(r) for group in PROJECT["dependency-groups"].values() for r in group} - DECLARED
HOMES = {
    module: {normal(name) for name in names} for module, names in packages_distributions().items()
}
"""The distributions that a module comes from."""

PLUGINS: dict[str, str] = {"uvloop": "granian, which is told its name by `serve`"}
"""Declared, and imported by no file of ours: who loads it."""


def imports_of(text: str) -> Iterator[tuple[int, str]]:
    """What a file imports that neither Python nor we wrote: the line and the first name."""
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for first in {name.partition(".")[0] for name in names}:
            if first not in sys.stdlib_module_names and first != "stanchion":
                yield node.lineno, first


def undeclared_in(text: str) -> list[str]:
    return [
        f"line {line}: {module}, of {' or '.join(sorted(HOMES.get(module, {'nothing'})))}"
        for line, module in sorted(imports_of(text))
        if not HOMES.get(module, set()) & DECLARED
    ]


FILES = sorted((ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT / "src")))
def test_a_file_imports_only_what_is_declared(path: Path) -> None:
    """What comes with something else today may not come tomorrow."""
    assert undeclared_in(path.read_text("utf-8")) == []


def test_an_undeclared_import_would_be_seen() -> None:
    text = "import json, apsw\ndef later():\n    from anyio.abc import Lock\nimport nosuch.part"
    assert undeclared_in(text) == ["line 3: anyio, of anyio", "line 4: nosuch, of nothing"]


def test_everything_declared_is_imported() -> None:
    imported: set[str] = set()
    for path in FILES:
        for _, module in imports_of(path.read_text("utf-8")):
            imported |= HOMES.get(module, set())
    assert DECLARED - imported == set(PLUGINS)


USERS = ("Makefile", "tests/**/*.py", "tools/**/*.py", "drills/**/*.py", "examples/**/*.py")


def test_every_tool_is_used() -> None:
    """By an import, by its command, or by the option that a plugin adds to pytest."""
    files = [file for pattern in USERS for file in sorted(ROOT.glob(pattern))]
    text = "\n".join(f.read_text("utf-8") for f in files if f != Path(__file__))
    for tool in sorted(TOOLS):
        names = {module for module, homes in HOMES.items() if tool in homes} | {tool}
        names |= {"--dist"} if tool == "pytest-xdist" else set()
        either = "|".join(map(re.escape, names))
        assert re.search(rf"(?<![\w-])({either})(?![\w-])", text), f"nothing uses {tool}"


def explained(chapter: str) -> set[str]:
    """The names at the start of a row in the tables of a chapter."""
    found = re.search(rf"^## {chapter}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/dependencies.md has no chapter {chapter}"
    return set(re.findall(r"^\| \*\*([\w.-]+)\*\* \|", found[1], re.MULTILINE))


def test_page_explains_every_dependency() -> None:
    assert explained("What is installed with it") == DECLARED


def test_page_explains_every_tool() -> None:
    assert explained("What tests, checks and the documentation need") == TOOLS
