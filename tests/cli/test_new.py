"""`stanchion new`: the project runs, its tests pass, and nothing is overwritten."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inside import run_here

from .processes import Running, environment, run

PROJECT = [
    ".github/workflows/ci.yml", ".gitignore", "README.md", "access.json", "app.py",
    "pyproject.toml", "tests/test_rules.py",
]  # fmt: skip


def files(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_new_project_runs_and_its_tests_pass(tmp_path: Path) -> None:
    done = run("new", "my-shop", cwd=tmp_path)
    project = tmp_path / "my-shop"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Created {project}/  app.py  tests/test_rules.py")
    assert done.stdout.endswith("\nNext  cd my-shop && stanchion dev\n")
    assert files(project) == PROJECT
    assert not any("PROJECT_" in (project / name).read_text() for name in PROJECT)

    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=project, env=environment(), text=True, capture_output=True, timeout=30,
    )  # fmt: skip
    assert tests.returncode == 0, tests.stdout
    assert "4 passed" in tests.stdout

    checked = run("check", "--strict", cwd=project)
    assert checked.returncode == 0
    assert "\n  products   every record\n" in checked.stdout or "\n  products  " in checked.stdout
    assert "\nWritable by everyone: none\n" in checked.stdout
    assert "My shop" in checked.stdout
    assert not (project / "data").exists(), "tests and check leave the real database alone"

    server = Running.start("serve", folder=project)
    try:
        server.ready()
        items = server.call("GET", "/api/products?sort=price")[1]["items"]
        assert [item["name"] for item in items] == ["Oak stool", "Walnut table"]
        assert server.call("GET", "/api/inquiries")[0] == 401
        mine = {}
        for name, password in (("ann", "zebra fox lamp"), ("bo", "green kettle moon")):
            sent = {"email": f"{name}@example.com", "password": password, "as": "token"}
            made = server.call("POST", "/api/auth/register", sent)[1]
            mine[name] = token = made["token"]
            asked = {"author": made["user"]["id"], "product": items[0]["id"], "text": f"of {name}"}
            assert server.call("POST", "/api/inquiries", asked, token)[0] == 201
        for name, token in mine.items():
            seen = server.call("GET", "/api/inquiries", token=token)[1]["items"]
            assert [inquiry["text"] for inquiry in seen] == [f"of {name}"]
    finally:
        server.end()


def test_new_project_is_clean_for_ruff(tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    run_here("new", "tidy", cwd=tmp_path)
    for check in (["check", "--select", "E,F,W,I,B,UP"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *check, "--isolated", "--no-cache", "--line-length", "100", "."],
            cwd=tmp_path / "tidy", text=True, capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "a/b", "/tmp/x", "9lives", "my shop", "x" * 70, "-x", "tests"]
)
def test_bad_name_is_refused(tmp_path: Path, name: str) -> None:
    done = run_here("new", "--", name, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error[new.name]: ")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_holds_anything_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "app.py").write_text("mine\n")
    done = run_here("new", "shop", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error[new.exists]: {tmp_path}/shop is there already")
    assert files(tmp_path) == ["shop/app.py"]
    assert (tmp_path / "shop" / "app.py").read_text() == "mine\n"


def test_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    assert run_here("new", "shop", cwd=tmp_path).returncode == 0
    assert files(tmp_path / "shop") == PROJECT
