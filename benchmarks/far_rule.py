"""P6: a rule through two to-many relations at 100,000 rows, ours and PocketBase's.

Every document is granted to two of 2,500 groups and every group has five members. Measured twice:
the caller is in one group (80 documents of 100,000, the small team in a large house, which is the
hard case for a plan that walks the documents), then in 25 more (2,000 documents).
"""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from benchmarks.contestants import Contestant
from benchmarks.contestants.own import Stanchion
from benchmarks.contestants.pocketbase_driver import PocketBase, relation, text
from benchmarks.data import make, uuid_of
from benchmarks.processes import BadAnswer, Server, call, free_port, start

GROUPS, MEMBERS, GRANTS = 2_500, 5, 2
FEW, MANY = "1 group of 2,500", "26 groups of 2,500"


Tables = dict[str, list[tuple[object, ...]]]


def relations(rows: int) -> Tables:
    """The rows by table, keys as numbers; the same ones each time."""
    rng = random.Random(20_260_102)
    memberships = [(0, 1)]
    memberships += [(g, 2 + rng.randrange(9)) for g in range(1, GROUPS) for _ in range(MEMBERS)]
    grants = [(d, g) for d in range(rows) for g in rng.sample(range(GROUPS), GRANTS)]
    return {
        "groups": [(10_000 + g, f"Group {g}") for g in range(GROUPS)],
        "memberships": [(20_000 + n, 10_000 + g, u) for n, (g, u) in enumerate(memberships)],
        "documents": [(100_000 + d, f"Document {d}", d) for d in range(rows)],
        "grants": [(10_000_000 + n, 100_000 + d, 10_000 + g) for n, (d, g) in enumerate(grants)],
    }


def more_groups() -> Tables:
    """The caller joins 25 more groups."""
    return {"memberships": [(90_000 + g, 10_000 + g, 1) for g in range(1, 26)]}


COLUMNS = {
    "groups": ("id", "name"),
    "memberships": ("id", "group", "user"),
    "documents": ("id", "title", "number"),
    "grants": ("id", "document", "group"),
}
KEYS = {"id", "group", "user", "document"}


def fill(path: Path, tables: Tables, who: Contestant, moment: str) -> None:
    """Rows written at once; the caller is there already."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        for table, found in tables.items():
            columns = COLUMNS[table]
            names = ",".join(f'"{c}"' for c in (*columns, "created", "updated", "version"))
            marks = ",".join("?" * (len(columns) + 3))
            database.executemany(
                f'insert into "{table}" ({names}) values ({marks})',
                (
                    (
                        *(who.id(int(str(v))) if c in KEYS else v
                          for c, v in zip(columns, row, strict=True)),
                        moment, moment, 1,
                    )
                    for row in found
                ),
            )  # fmt: skip
        database.commit()
        database.execute("pragma wal_checkpoint(truncate)").fetchall()


class OurRelations(Stanchion):
    script = "relations.py"

    moment = "2026-01-01T00:00:00.000000Z"
    file = "data.db"

    def make(self, folder: Path) -> None:
        make(folder / self.file, 0, "relations.py")

    def probe(self) -> str:
        return f"/api/users/{uuid_of(1)}"

    def documents(self, below: int) -> str:
        return f"/api/documents?filter={quote(f'number < {below}')}&sort=-number&limit=30"


class TheirRelations(PocketBase):
    """The same rule over PocketBase's back relations, with indexes on every reference."""

    moment = "2026-01-01 00:00:00.000Z"
    file = "pb_data/data.db"

    def make(self, folder: Path) -> None:
        self.prepare(folder, folder)

    def fill(self, source: Path, database: Path) -> None:
        return

    def declare(self, server: Server) -> None:
        everybody, users = '@request.auth.id != ""', self.users(server)
        groups = self.collection(server, "groups", [text("name", 80)], everybody, None)
        self.collection(
            server, "memberships", [relation("group", groups), relation("user", users)],
            everybody, None, indexes("memberships", "group", "user"),
        )  # fmt: skip
        number: dict[str, object] = {"name": "number", "type": "number", "onlyInt": True}
        documents = self.collection(
            server, "documents", [text("title", 120), number], None, None,
            indexes("documents", "number"),
        )  # fmt: skip
        self.collection(
            server, "grants", [relation("document", documents), relation("group", groups)],
            everybody, None, indexes("grants", "document", "group"),
        )  # fmt: skip
        rule = "grants_via_document.group.memberships_via_group.user ?= @request.auth.id"
        call(
            server.port, "PATCH", "/api/collections/documents",
            {"listRule": rule, "viewRule": rule}, self.admin,
        )  # fmt: skip

    def documents(self, below: int) -> str:
        text = quote(f"number < {below}")
        path = "/api/collections/documents/records"
        return f"{path}?filter={text}&sort=-number&perPage=30&skipTotal=1"


def indexes(table: str, *names: str) -> tuple[str, ...]:
    return tuple(f"CREATE INDEX {table}_{n} ON {table} (`{n}`, id)" for n in names)


def measure(folder: Path, rows: int, seconds: float, theirs: bool) -> dict[str, dict[str, float]]:
    """Lists a second by case, one request at a time, another literal in each request."""
    taking: list[OurRelations | TheirRelations] = [OurRelations()]
    taking += [TheirRelations()] if theirs else []
    found: dict[str, dict[str, float]] = {FEW: {}, MANY: {}}
    for who in taking:
        home = folder / who.name
        home.mkdir(parents=True)
        who.make(home)
        fill(home / who.file, relations(rows), who, who.moment)
        found[FEW][who.name] = rate(who, home, rows, seconds)
        fill(home / who.file, more_groups(), who, who.moment)
        found[MANY][who.name] = rate(who, home, rows, seconds)
    return found


def rate(who: OurRelations | TheirRelations, folder: Path, rows: int, seconds: float) -> float:
    port = free_port()
    server = start(who.command(folder, port), port, who.probe(), folder / "server.log")
    try:
        who.sign_in(server)
        rng, done, begun = random.Random(1), 0, time.monotonic()
        while time.monotonic() - begun < seconds:
            below = rng.randrange(rows // 2, rows)
            answer = call(port, "GET", who.documents(below), token=who.token, timeout=120)
            if not who.items(answer):
                raise BadAnswer(f"{who.name} answered no documents")
            done += 1
        return done / (time.monotonic() - begun)
    finally:
        server.stop()
