"""The documentation as a site: it is whole, and asks nobody else for anything."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def listed(nav: object) -> set[str]:
    """The pages that a navigation names, at any depth."""
    if isinstance(nav, str):
        return {nav}
    parts = nav.values() if isinstance(nav, dict) else nav
    assert parts is not None
    return set().union(*map(listed, parts))  # type: ignore[call-overload]  # a list or a dict's


def test_navigation_names_every_page() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]
    assert listed(nav) == {page.name for page in (ROOT / "docs").glob("*.md")}


def test_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    zensical = Path(sys.executable).with_name("zensical")
    if not zensical.exists():
        pytest.skip("zensical is not installed")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    built = subprocess.run(
        [zensical, "build"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert built.returncode == 0 and "No issues found" in built.stdout + built.stderr
    for page in (ROOT / "docs").glob("*.md"):
        html = (tmp_path / "build" / "docs" / f"{page.stem}.html").read_text()
        loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:[^"]*)"', html)
        assert loaded == [], page.name
