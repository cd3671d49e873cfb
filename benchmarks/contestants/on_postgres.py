"""The three that are compared on PostgreSQL: ours, its hand-written limit, and the Python default.

Each has a database of its own on one server, `url`; the rows are those that our own app wrote.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg

from benchmarks.contestants.base import HERE, run_quietly, versions
from benchmarks.contestants.own import BENCHMARKS, Limit, Stanchion
from benchmarks.contestants.python_apps import FastApi
from benchmarks.data import COLUMNS
from benchmarks.processes import Command
from tests.postgres import Postgres

SOURCE = "ours"


class OurselvesOnPostgres(Stanchion):
    """Filled through the one write door."""

    name = "Stanchion on PostgreSQL"

    def __init__(self, server: Postgres, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.url = server.create(SOURCE)

    def version(self) -> str:
        return versions(Path(sys.executable), "stanchion", "granian", "asyncpg")

    def prepare(self, source: Path, folder: Path) -> None:
        subprocess.run(
            [sys.executable, str(BENCHMARKS / self.script), str(self.rows)], check=True,
            env={
                **os.environ, "STANCHION_DATABASE_URL": self.url,
                "STANCHION_TRANSACTION_MS": "60000",  # of what fills it: hundreds of creates each
            },
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def command(self, folder: Path, port: int) -> Command:
        made = super().command(folder, port)
        return Command(made.argv, {"STANCHION_DATABASE_URL": self.url})


class LimitOnPostgres(Limit):
    """A copy of our database."""

    name = "the limit on PostgreSQL"

    def __init__(self, server: Postgres) -> None:
        super().__init__()
        self.server = server
        self.url = server.url("hand_written")

    def version(self) -> str:
        return versions(Path(sys.executable), "granian", "asyncpg")

    def prepare(self, source: Path, folder: Path) -> None:
        self.server.sql(f"create database {self.url.rpartition('/')[2]} template {SOURCE}")

    def command(self, folder: Path, port: int) -> Command:
        made = super().command(folder, port)
        argv = (*made.argv[:-1], "limit_postgres:app")
        return Command(argv, {"LIMIT_DATABASE": self.url}, BENCHMARKS)


class FastApiOnPostgres(FastApi):
    """Its own tables, with our rows."""

    name = "FastAPI + SQLAlchemy on PostgreSQL"
    packages = ("fastapi", "sqlalchemy", "asyncpg", "uvicorn")

    def __init__(self, server: Postgres) -> None:
        super().__init__()
        self.source = server.url(SOURCE)
        self.url = server.create("fastapi")

    def prepare(self, source: Path, folder: Path) -> None:
        run_quietly(self.python, HERE / self.folder / "main.py", self._driver())
        asyncio.run(_copy(self.source, self.url))

    def command(self, folder: Path, port: int) -> Command:
        made = super().command(folder, port)
        return Command(made.argv, {"BENCH_DATABASE": self._driver()}, made.cwd)

    def _driver(self) -> str:
        return self.url.replace("postgresql:", "postgresql+asyncpg:", 1)


async def _copy(source: str, target: str) -> None:
    """The same rows in tables of the same names, keys as texts."""
    ours, theirs = await asyncpg.connect(source), await asyncpg.connect(target)
    for table, columns in COLUMNS.items():
        names = [*columns.split(","), "created", "updated", "version"]
        keys = {"id", "owner", "category"}
        asked = ",".join(f"{name}::text" if name in keys else name for name in names)
        rows = await ours.fetch(f"select {asked} from {table}")
        await theirs.copy_records_to_table(table, records=rows, columns=names)
    await ours.close()
    await theirs.close()
