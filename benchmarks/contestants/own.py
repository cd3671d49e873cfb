"""Stanchion itself, and the limit: a hand-written ASGI function that does nothing else."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.contestants.base import HERE, Contestant, Page, versions
from benchmarks.data import database_url
from benchmarks.people import Person, sign_in, write_callers
from benchmarks.processes import Command, Server

BENCHMARKS = HERE.parent


class _Here(Contestant):
    """Both run in the environment that measures."""

    prefix = "/api"
    file = ""

    def installed(self) -> bool:
        return True

    def install(self) -> None:
        return

    def prepare(self, source: Path, folder: Path) -> None:
        with closing(sqlite3.connect(source)) as database:
            database.execute("pragma wal_checkpoint(truncate)").fetchall()
        shutil.copy(source, folder / "data.db")

    def following(self, ask: Page, answer: Any) -> Page | None:
        return replace(ask, after=answer["next"]) if answer["next"] else None


class Stanchion(_Here):
    name = "Stanchion"
    note = "1 worker, durable, change logged, row rule"
    script = "app.py"
    workers = 1

    def version(self) -> str:
        return versions(Path(sys.executable), "stanchion", "granian", "apsw")

    def command(self, folder: Path, port: int) -> Command:
        argv = (sys.executable, "-m", "stanchion", "serve", str(BENCHMARKS / self.script),
                "--port", str(port), "--workers", str(self.workers))  # fmt: skip
        return Command(argv, {"STANCHION_DATABASE_URL": database_url(folder / "data.db")})

    def page(self, ask: Page) -> str:
        path = f"/api/items?filter={quote(f'price < {ask.price} && active')}"
        path += f"&sort=-price&limit={ask.limit}{'&expand=category' if ask.expand else ''}"
        return path + (f"&after={quote(ask.after)}" if ask.after else "")


class SignedIn(Stanchion):
    """The same app with people who signed in, instead of a stand-in."""

    def __init__(self, many: int) -> None:
        super().__init__()
        self.many = many
        self.people: list[Person] = []
        self.callers: Path | None = None

    def command(self, folder: Path, port: int) -> Command:
        made = super().command(folder, port)
        self.callers = folder / "callers.txt"
        return replace(made, environ={**made.environ, "BENCHMARK_CALLERS": "sessions"})

    def sign_in(self, server: Server) -> None:
        self.people = sign_in(server, self.many)
        self.token = self.people[0].headers["Authorization"]
        assert self.callers is not None
        write_callers(self.people, self.callers)

    def create_in_turn(self, number: int, price: int) -> tuple[str, dict[str, object]]:
        path, body = self.create(f"New {number}", price)
        return path, {**body, "owner": self.people[number % self.many].user}


class NobodySignedIn(Stanchion):
    """The same server, asked by nobody: what a create asks for is open to anybody."""

    def create(self, title: str, price: int) -> tuple[str, dict[str, object]]:
        _, body = super().create(title, price)
        return f"{self.prefix}/open_items", body


class TwoWorkers(Stanchion):
    name = "Stanchion, 2 workers"
    note = "2 workers, durable, change logged, row rule"
    workers = 2


class Limit(_Here):
    name = "the limit"
    note = "1 worker, durable, change logged, no rule"

    def version(self) -> str:
        return versions(Path(sys.executable), "granian", "apsw")

    def command(self, folder: Path, port: int) -> Command:
        argv = (sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1",
                "--port", str(port), "--no-ws", "--http", "1", "limit:app")  # fmt: skip
        return Command(argv, {"LIMIT_DATABASE": str(folder / "data.db")}, BENCHMARKS)

    def page(self, ask: Page) -> str:
        path = f"/api/items?price={ask.price}&limit={ask.limit}"
        path += "&expand=category" if ask.expand else ""
        return path + (f"&after={quote(ask.after)}" if ask.after else "")
