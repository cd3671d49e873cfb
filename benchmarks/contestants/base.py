"""What a contestant has to tell: how it is installed, filled, started and asked.

The defaults are those of a plain REST application with `price`, `limit` and `offset`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.data import FIRST_CATEGORY, FIRST_ITEM, uuid_of
from benchmarks.processes import Command, Server

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / ".build"


class NotInstalled(Exception):
    """A contestant cannot be had here; the text is printed on the result page."""


@dataclass(frozen=True)
class Page:
    """One list request: the literal of its filter, its size, and whether the category is nested."""

    price: int
    limit: int = 30
    expand: bool = False
    after: str = ""


class Contestant(ABC):
    """One server that answers the same questions about the same rows."""

    name: ClassVar[str]
    note: ClassVar[str]  # workers and durability, for the table
    prefix: ClassVar[str] = ""
    caller: ClassVar[int] = 1

    def __init__(self) -> None:
        self.token = ""

    @abstractmethod
    def installed(self) -> bool:
        """Whether it can be started without installing anything."""

    @abstractmethod
    def install(self) -> None:
        """Install it through the ordinary clients, or NotInstalled."""

    @abstractmethod
    def version(self) -> str:
        """What was installed, in words."""

    @abstractmethod
    def prepare(self, source: Path, folder: Path) -> None:
        """Its own database with the rows of `source`."""

    @abstractmethod
    def command(self, folder: Path, port: int) -> Command:
        """How it is started on a prepared folder."""

    def sign_in(self, server: Server) -> None:
        """What is needed before the caller can ask; most have a stand-in caller."""
        return

    def probe(self) -> str:
        """A path that answers 200 to anybody as soon as the server serves data."""
        return self.one(7)

    def id(self, number: int) -> str:
        return uuid_of(number)

    def one(self, number: int) -> str:
        return f"{self.prefix}/items/{self.id(FIRST_ITEM + number)}"

    def page(self, ask: Page) -> str:
        path = f"{self.prefix}/items{'-expanded' if ask.expand else ''}"
        path += f"?price={ask.price}&limit={ask.limit}"
        return path + (f"&offset={ask.after}" if ask.after else "")

    def following(self, ask: Page, answer: Any) -> Page | None:
        """The page after this answer."""
        full = len(self.items(answer)) == ask.limit
        return replace(ask, after=str(int(ask.after or 0) + ask.limit)) if full else None

    def create(self, title: str, price: int) -> tuple[str, dict[str, object]]:
        body: dict[str, object] = {
            "title": title, "price": price, "active": True,
            "note": "What there is to say about it, in a sentence or two of text.",
            "owner": self.id(self.caller), "category": self.id(FIRST_CATEGORY + 1),
        }  # fmt: skip
        return f"{self.prefix}/items", body

    def create_in_turn(self, number: int, price: int) -> tuple[str, dict[str, object]]:
        """The create of a line of the file of requests, which callers take in turn."""
        return self.create(f"New {number}", price)

    def items(self, answer: Any) -> list[dict[str, object]]:
        found = answer["items"] if isinstance(answer, dict) else answer
        return list(found)


def run_quietly(*argv: str | Path, cwd: Path | None = None, **environ: str) -> str:
    """A command of an ordinary client; NotInstalled with the end of what it said."""
    answer = subprocess.run(
        [str(part) for part in argv], cwd=cwd, env={**os.environ, **environ},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=900,
    )  # fmt: skip
    if answer.returncode:
        end = " ".join(answer.stdout.split())[-300:]
        raise NotInstalled(f"{Path(str(argv[0])).name} {argv[1]} failed: {end}")
    return answer.stdout


def interpreter(least: tuple[int, int]) -> str:
    """This Python, or where it is too old one that lies beside it or on the path."""
    if sys.version_info[:2] >= least:
        return sys.executable
    beside = Path(sys.base_prefix).parent
    for minor in range(least[1] + 2, least[1] - 1, -1):
        names = [str(p) for p in sorted(beside.glob(f"3.{minor}.*/bin/python3"))]
        for name in (*names, f"python3.{minor}"):
            try:
                subprocess.run([name, "-c", "import venv"], check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                continue
            return name
    return sys.executable


def make_venv(folder: Path, requirements: Path, least: tuple[int, int] = (3, 11)) -> None:
    """A virtual environment of its own; nothing to do where it is there for this list."""
    stamp = folder / "installed.txt"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    run_quietly(interpreter(least), "-m", "venv", "--clear", folder)
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run_quietly(folder / "bin/python", *pip, "--requirement", requirements)
    stamp.write_text(requirements.read_text())


def versions(python: Path, *names: str) -> str:
    """Installed versions, as `django 5.2.1, granian 2.6`, and the Python they run on."""
    code = (
        "import sys,platform; from importlib.metadata import version; "
        "print(', '.join(f'{n} {version(n)}' for n in sys.argv[1:])"
        " + f', Python {platform.python_version()}')"
    )
    return run_quietly(python, "-c", code, *names).strip()
