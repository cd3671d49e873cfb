"""Documentation says what is there: settings, commands and code blocks are held to the code."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from stanchion.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced code blocks of a page: their language and text."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("field", fields(Settings), ids=lambda f: f.name)
def test_setting_is_documented_with_its_default(field: object) -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    name, default = field.name, field.default  # type: ignore[attr-defined]  # a dataclass field
    row = re.search(rf"^\| `STANCHION_{name.upper()}` \| ([^|]*) \|", page, re.MULTILINE)
    assert row is not None, f"docs/settings.md says nothing about {name}"
    if default != "":
        assert row[1].strip() == str(int(default))


def test_no_setting_is_documented_that_is_not_there() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    named = set(re.findall(r"^\| `STANCHION_([A-Z_]+)`", page, re.MULTILINE))
    assert named == {f.name.upper() for f in fields(Settings)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_blocks_say_their_language_and_python_parses(page: Path) -> None:
    for language, text in blocks(page):
        assert language in ("python", "console", "json", "sql", "text", "ini", "nginx"), (
            f"a block in {page.name}"
        )
        if language == "python":
            ast.parse(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_source_points_to_a_decision_by_its_heading() -> None:
    """006 is long: a name of the file alone leaves its reader to search."""
    pointers = 0
    for path in sorted((ROOT / "src").rglob("*.py")):
        text = " ".join(path.read_text().split())
        for page, heading in re.findall(r'docs/decisions/([\w-]+\.md)(?:, "([^"]*)")?', text):
            headings = re.findall("^#+ (.*)$", (ROOT / "docs/decisions" / page).read_text(), re.M)
            assert heading in headings, f"{path}: {page} has no {heading!r}"
            pointers += 1
    assert pointers >= 10


def test_readme_code_is_an_app_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's app.py and its route, run together."""
    python = [text for language, text in blocks(ROOT / "README.md") if language == "python"]
    assert len(python) == 2
    (tmp_path / "readme_app.py").write_text("\n".join(python))
    monkeypatch.syspath_prepend(tmp_path)
    import readme_app  # type: ignore[import-not-found]  # written a moment ago

    from stanchion import testing

    with testing.client(readme_app.app) as client:
        made = client.post("/api/pizzas", json={"name": "Margherita", "price": 900})
        assert made.status == 201
        found = client.get("/api/pizzas?q=marg&expand=toppings").json()["items"]
        assert [p["name"] for p in found] == ["Margherita"]
        assert found[0]["toppings"] == {"items": [], "more": False}
        key = found[0]["id"]
        assert client.post("/api/toppings", json={"name": "Basil", "pizza": key}).status == 201
        assert client.patch(f"/api/pizzas/{key}", json={"price": 1}).status == 401
        assert client.post(f"/pizzas/{key}/discount?cents=-5").status == 422
        assert client.post(f"/pizzas/{key}/discount?cents=100").json() is True
        assert client.post(f"/pizzas/{key}/discount?cents=900").json() is False
        assert client.get(f"/api/pizzas/{key}").json()["price"] == 800
        refused = client.get("/api/pizzas?name=Margherita")
        assert refused.status == 400
        said = [t for lang, t in blocks(ROOT / "README.md") if "query.unknown_parameter" in t]
        assert refused.text in said[0]
