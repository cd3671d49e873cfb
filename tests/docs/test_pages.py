"""Every code block of the README and of the documentation is run, or says why it is not."""

from __future__ import annotations

import json
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


def test_most_blocks_are_run() -> None:
    """What is left out has a reason, and stays the exception."""
    acted = [b for b in BLOCKS if b.language in ("python", "console")]
    left = [b for b in acted if not runs(b)]
    assert all(len(b.noted("not run") or "") > 10 for b in left)
    assert len(left) <= len(acted) * 0.4, [b.place for b in left]
