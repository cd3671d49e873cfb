"""`stanchion new`: a small project that runs and whose tests pass.

Its files lie in `template/`; PROJECT_NAME and PROJECT_TITLE are replaced in them.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from .console import failure

TEMPLATE = Path(__file__).resolve().parent / "template"
FILES = {
    "app.py": "app.py",
    "tests/test_rules.py": "tests/test_rules.py",
    "access.json": "access.json",
    "pyproject.toml": "pyproject.toml",
    ".github/workflows/ci.yml": "github/workflows/ci.yml",
    "README.md": "README.md",
    ".gitignore": "gitignore",
}
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,60}[A-Za-z0-9])?")
TAKEN = ("stanchion", "app", "tests", "test", "site-packages")


@click.command(short_help="Make a small project that runs.")
@click.argument("name")
def new(name: str) -> None:
    """Make the folder NAME with a small project: two collections, their rules, tests of the
    rules, the access matrix that one of them compares, and a file for continuous integration. It
    runs as it is.

    A folder that holds anything is left alone.

    \b
    Example
      stanchion new shop && cd shop && stanchion dev
    """
    check_name(name)
    folder = Path(name).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise failure(
            "new.exists",
            f"{folder} is there already and is not empty",
            hint="choose another name; nothing was written",
        )
    try:
        write_project(folder, name)
    except OSError as error:
        raise failure(
            "new.write", f"{error.filename or folder}: {error.strerror}", exit_code=1
        ) from None
    click.echo(f"Created {folder}/  {'  '.join(FILES)}")
    click.echo(f"Next  cd {name} && stanchion dev")


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a folder and a package; raises `CommandFailed`."""
    if not _NAME.fullmatch(name):
        raise failure(
            "new.name",
            f"{name!r} cannot be the name of a project",
            hint="letters, digits, - and _, beginning with a letter: stanchion new my-shop",
        )
    if name.lower() in TAKEN:
        raise failure(
            "new.name",
            f"a project named {name} would stand in the way of a package of that name",
            hint=f"stanchion new my-{name}",
        )


def write_project(folder: Path, name: str) -> None:
    """Write the files of the template."""
    title = re.sub(r"[-_]+", " ", name).strip()
    title = title[:1].upper() + title[1:]
    for place, source in FILES.items():
        text = (TEMPLATE / f"{source}.template").read_text("utf-8")
        text = text.replace("PROJECT_TITLE", title).replace("PROJECT_NAME", name)
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
