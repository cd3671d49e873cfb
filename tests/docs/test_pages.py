"""Every code block of the README and of the documentation is run, or says why it is not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks_of
from tests.docs.reader import Reader

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
TYPED = [page for page in PAGES if any(b.language == "console" for b in blocks_of(page))]


def runs(block: Block) -> bool:
    return block.noted("not run") is None


@pytest.mark.parametrize("page", TYPED, ids=lambda p: p.name)
def test_page_works_as_typed(page: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    reader = Reader(tmp_path / "reader")
    try:
        for block in blocks_of(page):
            reader.follow(block)
    finally:
        reader.close()


@pytest.mark.parametrize(
    "block",
    [b for b in BLOCKS if b.language == "python" and ".py" not in b.note and runs(b)],
    ids=lambda b: b.place,
)
def test_python_block_runs(block: Block, tmp_path: Path) -> None:
    """On its own, after what `with:` names; an app in it is checked as `stanchion check` does."""
    program = f"{block.noted('with') or ''}\n{block.text}\n"
    program += "\nif 'app' in globals():\n    app.check()\n"
    (tmp_path / "block.py").write_text(program)
    ran = subprocess.run(
        [sys.executable, "block.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, f"{block.place}\n{ran.stderr[-2000:]}"


def test_the_kitchen_of_the_page_cooks_each_dish_once(tmp_path: Path) -> None:
    """The program that reads the change log, started three times."""
    (block,) = [b for b in BLOCKS if b.language == "python" and "app.changes" in b.text]
    (tmp_path / "block.py").write_text(block.text)
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, "block.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert ran.stdout.splitlines() == ["cook Funghi", "cook the last one"], ran.stderr[-2000:]


@pytest.mark.parametrize(
    "block", [b for b in BLOCKS if b.language == "json"], ids=lambda b: b.place
)
def test_json_block_is_json(block: Block) -> None:
    assert json.loads(block.text)


NOT_RUN = {
    "README.md": "installs this folder, as make does before every test",
    "sign-in.md": "the app of this page allows no keys",
}
"""The blocks that no test runs: one a page at most, each with its reason."""


def test_every_block_is_run_but_those_that_are_named() -> None:
    left = {b.page: b.noted("not run") for b in BLOCKS if not runs(b)}
    assert left == NOT_RUN
    assert len([b for b in BLOCKS if not runs(b)]) == len(NOT_RUN)


def test_no_request_is_shown_that_is_not_sent() -> None:
    """A block of `text` is a drawing or a form, never a call."""
    for block in BLOCKS:
        if block.language == "text":
            assert not re.search(r"^(GET|POST|PUT|PATCH|DELETE) /|curl ", block.text, re.M), (
                block.place
            )
