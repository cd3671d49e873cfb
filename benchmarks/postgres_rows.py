"""P11: the work of P1 to P5 on PostgreSQL, by ours, its limit and the Python default.

In: how much.   Out: per work and contestant the runs.
All three have a database on one server of the newest version that is here, at its defaults; what
that server uses is in nobody's CPU time. A check of the bodies comes first, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import http_rows
from benchmarks.contestants import Contestant, NotInstalled
from benchmarks.contestants.on_postgres import (
    FastApiOnPostgres,
    LimitOnPostgres,
    OurselvesOnPostgres,
)
from benchmarks.http_rows import Entrant
from benchmarks.processes import Server, free_port, start
from tests.postgres import binaries, serving, why_not


@contextmanager
def entrants(folder: Path, items: int, install: bool) -> Iterator[tuple[list[Entrant], str]]:
    """Everybody's server, started on a filled database, and the version of PostgreSQL."""
    newest = max(binaries(), key=int, default="of any version")
    if why_not(newest):
        raise NotInstalled(why_not(newest))
    servers: list[Server] = []
    with serving(newest) as postgres:
        try:
            ready: list[tuple[Contestant, Path]] = []
            for who in (
                OurselvesOnPostgres(postgres, items),
                LimitOnPostgres(postgres),
                FastApiOnPostgres(postgres),
            ):
                if install:
                    who.install()
                if who.installed():
                    ready.append((who, _prepared(who, folder)))
            found = [_opened(who, place, servers) for who, place in ready]
            for other in found[1:]:
                http_rows.check_bodies([found[0], other], items)
            yield found, postgres.sql("show server_version")
        finally:
            for server in servers:
                server.stop()


def _prepared(who: Contestant, folder: Path) -> Path:
    place = folder / who.name.replace(" ", "-")
    place.mkdir()
    who.prepare(place, place)
    return place


def _opened(who: Contestant, folder: Path, servers: list[Server]) -> Entrant:
    port = free_port()
    servers.append(start(who.command(folder, port), port, who.probe(), folder / "server.log"))
    return Entrant(who.name, who, servers[-1], "")
