"""`make bench` works: a run of seconds with the contestants that need no installation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.__main__ import parse

ROOT = Path(__file__).resolve().parents[2]
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


def bench(*options: str, out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--smoke", "--out", str(out), *options],
        cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


@needs_wrk
def test_a_short_bench_writes_the_page_and_the_picture(tmp_path: Path) -> None:
    out = tmp_path / "results.md"
    answer = bench("--rows", "P1,P4", "--contestants", "the limit", out=out)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    page = out.read_text()
    for told in ("### P1 by id", "### P4 list 30 + expand", "commit"):
        assert told in page
    assert "| P1 | ≥ 60% of the limit |" in page
    assert "void" not in page
    assert "P2, P3, P5, P6, P7, P8, P9, P10, P11, P12: not asked for" in page
    assert "PocketBase: not asked for" in page
    picture = ElementTree.fromstring(out.with_suffix(".svg").read_text())
    assert any(
        text.text == "Stanchion" for text in picture.iter("{http://www.w3.org/2000/svg}text")
    )


@needs_wrk
def test_people_who_sign_in_are_measured_beside_nobody(tmp_path: Path) -> None:
    out = tmp_path / "results.md"
    answer = bench("--signed-in", "--rows", "P5,P6", "--contestants", "Stanchion", out=out)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    page = out.read_text()
    for told in (
        "6 people who signed in", "6 sessions in turn", "Stanchion, nobody signed in", "fsync",
        "| P5 | create: signed in against nobody signed in |",
        "| P6 | caller in 1 group of 2,500: signed in against nobody signed in |",
    ):  # fmt: skip
        assert told in page
    assert "void" not in page


def test_rows_that_nobody_signs_in_for_are_refused(tmp_path: Path) -> None:
    answer = bench("--signed-in", "--rows", "P9", out=tmp_path / "results.md")
    assert answer.returncode == 2
    assert "no such row: P9" in answer.stderr


def test_an_unknown_contestant_is_refused(tmp_path: Path) -> None:
    answer = bench("--contestants", "the limit,no such one", out=tmp_path / "results.md")
    assert answer.returncode == 2
    assert "no such contestant: no such one" in answer.stderr


def test_an_unknown_row_is_refused(tmp_path: Path) -> None:
    answer = bench("--rows", "P99", out=tmp_path / "results.md")
    assert answer.returncode == 2
    assert "no such row: P99" in answer.stderr


def test_whole_run_writes_beside_the_benchmarks_unless_told_otherwise(tmp_path: Path) -> None:
    assert parse([]).out == ROOT / "benchmarks" / "results.md"
    assert parse(["--signed-in"]).out == ROOT / "benchmarks" / "results-signed-in.md"
    assert parse(["--out", str(tmp_path / "o.md")]).out == tmp_path / "o.md"
