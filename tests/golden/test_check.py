"""Golden cases of `check`: an app with one trouble, and what a person reads.

`check/<case>.py` is the app, `check/<case>.txt` the text; its folder is masked.
STANCHION_GOLDEN=write writes the texts anew; what changed is for a person to review.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stanchion.cli import stanchion

HERE = Path(__file__).parent / "check"
WRITE = os.environ.get("STANCHION_GOLDEN") == "write"
CASES = sorted(path.stem for path in HERE.glob("*.py"))


Check = Callable[..., Result]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Checks a text as `app.py`, and forgets what it imported."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def run(text: str, *options: str) -> Result:
        (tmp_path / "app.py").write_text(text)
        sys.modules.pop("app", None)
        done = CliRunner().invoke(stanchion, ["check", str(tmp_path / "app.py"), *options])
        sys.modules.pop("app", None)
        return done

    return run


def app_of(case: str) -> str:
    return (HERE / f"{case}.py").read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_findings_are_as_reviewed(check: Check, tmp_path: Path, case: str) -> None:
    done = check(app_of(case))
    text = done.output.replace(f"{tmp_path}/", "")
    path = HERE / f"{case}.txt"
    if WRITE:
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8"), f"{path.name} differs; is the change meant?"
    assert done.exit_code == (1 if "\nerror[" in text else 0)


@pytest.mark.parametrize("case", CASES)
def test_every_finding_has_the_same_form(check: Check, tmp_path: Path, case: str) -> None:
    found = json.loads(check(app_of(case), "--json").output)
    for one in found["findings"]:
        assert list(one) == ["level", "code", "detail", "file", "line", "way_out"]
        assert one["detail"] and one["way_out"]
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", one["code"])
        assert one["line"] >= 1 and one["file"] == f"{tmp_path}/app.py"
    for level in ("mistake", "warning", "note"):
        assert found[f"{level}s"] == sum(one["level"] == level for one in found["findings"])


def test_every_text_has_its_app() -> None:
    assert {path.stem for path in HERE.glob("*.txt")} == set(CASES)


def test_every_code_is_in_the_documentation() -> None:
    said = {
        code for path in HERE.glob("*.txt") for code in re.findall(r"\[(.+?)\]: ", path.read_text())
    }
    page = (HERE.parents[2] / "docs" / "check.md").read_text("utf-8")
    told = set(re.findall(r"^\| `([a-z]+\.[a-z_]+)`", page, re.MULTILINE))
    assert said == told, "each code has an app in golden/check/, and a line in docs/check.md"


def test_advised_index_ends_the_finding(check: Check) -> None:
    text = app_of("rules_over_relations")
    said = json.loads(check(text, "--json").output)["findings"]
    (advice,) = {one["way_out"] for one in said}
    declared = advice.partition("; in members: ")[2]
    mended = text.replace("    # indexes\n", f"    {declared}\n")
    assert mended != text
    assert json.loads(check(mended, "--json").output)["findings"] == []


def test_notes_do_not_fail_a_strict_check_and_warnings_do(check: Check) -> None:
    assert check(app_of("sorts"), "--strict").exit_code == 0
    text = app_of("sorts").replace("read=public", "read=public, update=public")
    assert check(text).exit_code == 0
    assert check(text, "--strict").exit_code == 1
