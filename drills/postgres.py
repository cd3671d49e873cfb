"""A PostgreSQL for the drills, and what is stored in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from tests.postgres import Postgres, binaries, give, start, why_not

from .ledger import Damage, Ledger, compare_stored

VERSION = max(binaries(), key=int, default="of any version")
QUIET_S = 15.0

DEADLINES = {
    "STANCHION_READ_DEADLINE_MS": "1000",
    "STANCHION_WRITE_DEADLINE_MS": "2000",
    "STANCHION_TRANSACTION_MS": "1500",
}
"""Shorter than usual, so that many pass in a drill."""
NETWORK_S = 1.0
"""What a network may take beyond a deadline before a connection is given up, twice for a write that
has to be taken back: see engines/postgres/outage.py."""
READ_S = 1.0 + NETWORK_S
WRITE_S = 2.0 + 1.5 + 2 * NETWORK_S
BUSY_S = 1.0
"""What a machine that does other work may take besides."""


def needs_server() -> str:
    """Why there is no server here; empty where there is one."""
    return why_not(VERSION)


@contextmanager
def running(folder: Path, *options: str, port: int = 0) -> Iterator[Postgres]:
    """A server on the data in `folder`, killed at the end."""
    server = start(VERSION, folder, *options, port=port)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


def prepared(folder: Path) -> Path:
    """A folder below it that a server may use; whoever runs it may come there."""
    folder.chmod(0o755)
    place = folder / "pg"
    place.mkdir(exist_ok=True)
    give(place)
    return place


def settings(url: str) -> dict[str, str]:
    """What a server of the drills is told about this database."""
    return {"STANCHION_DATABASE_URL": url, **DEADLINES}


def compare(url: str, ledger: Ledger) -> Damage:
    """Hold the database against the ledger, once nothing runs in it that was left behind."""
    with closing(InDatabase(url)) as stored:
        stored.wait_until_quiet()
        return compare_stored(stored, ledger)


class InDatabase:
    """A database, through a connection of our own."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection[Any] = self._runner.run(asyncpg.connect(url))

    def rows(self, text: str) -> list[Any]:
        return [tuple(row) for row in self._runner.run(self._connection.fetch(text))]

    def wait_until_quiet(self) -> None:
        busy = (
            "select count(*) from pg_stat_activity where datname=current_database() "
            "and pid<>pg_backend_pid() and backend_type='client backend' and state<>'idle'"
        )
        until = time.monotonic() + QUIET_S
        while self.rows(busy) != [(0,)]:
            assert time.monotonic() < until, "a transaction was left open"
            time.sleep(0.05)

    def integrity(self) -> tuple[str, int]:
        """Every page is read, and each table is counted the same by its key; PostgreSQL raises
        where the checksum of a page is wrong."""
        wrong = []
        for table in ("notes", "parts", "orders", "lines", "_changes"):
            key = "seq" if table == "_changes" else "id"
            scan = self._counted(f"select count(t::text) from {table} t", "index", "bitmap")
            index = self._counted(f"select count({key}) from {table}", "seq")
            if scan != index:
                wrong.append(f"{table}: {scan} rows, {index} by key")
        lost = self.rows('select count(*) from lines where "order" not in (select id from orders)')
        return "; ".join(wrong) or "ok", int(lost[0][0])

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    def _counted(self, text: str, *without: str) -> int:
        self._runner.run(self._connection.execute("reset all"))
        for scan in without:
            self._runner.run(self._connection.execute(f"set enable_{scan}scan=off"))
        return int(self.rows(text)[0][0])
