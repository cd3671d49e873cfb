"""P6: a rule through two to-many relations at 100,000 rows, ours and PocketBase's.

Every document is granted to two of 2,500 groups and every group has five members. Measured twice:
the caller is in one group (80 documents of 100,000, the small team in a large house, which is the
hard case for a plan that walks the documents), then in 25 more (2,000 documents). With people who
signed in each of them is in as many groups, and they ask in turn.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from benchmarks import http_rows
from benchmarks.contestants import Contestant
from benchmarks.contestants.own import SignedIn, Stanchion
from benchmarks.contestants.pocketbase_driver import PocketBase, relation, text
from benchmarks.data import make, uuid_of
from benchmarks.http_rows import Entrant
from benchmarks.judge import NOBODY
from benchmarks.load import Run
from benchmarks.processes import BadAnswer, Command, Server, call, free_port, start

GROUPS, MEMBERS, GRANTS, MORE = 2_500, 5, 2, 25
CASES = FEW, MANY = "1 group of 2,500", "26 groups of 2,500"


Tables = dict[str, list[tuple[object, ...]]]
Callers = Sequence[int | str]
"""Users: numbers, or ids as our server gave them."""


def relations(rows: int, callers: Callers = (1,)) -> Tables:
    """The rows by table, keys as numbers; the same ones each time. Each caller is in a group of
    their own."""
    rng = random.Random(20_260_102)
    memberships: list[tuple[int, int | str]] = list(enumerate(callers))
    for group in range(len(callers), GROUPS):
        memberships += [(group, 2 + rng.randrange(9)) for _ in range(MEMBERS)]
    grants = [(d, g) for d in range(rows) for g in rng.sample(range(GROUPS), GRANTS)]
    return {
        "groups": [(10_000 + g, f"Group {g}") for g in range(GROUPS)],
        "memberships": [(20_000 + n, 10_000 + g, u) for n, (g, u) in enumerate(memberships)],
        "documents": [(100_000 + d, f"Document {d}", d) for d in range(rows)],
        "grants": [(10_000_000 + n, 100_000 + d, 10_000 + g) for n, (d, g) in enumerate(grants)],
    }


def more_groups(callers: Callers = (1,)) -> Tables:
    """Each caller joins 25 more groups."""
    joined = [(MORE * n + g, who) for n, who in enumerate(callers) for g in range(1, MORE + 1)]
    return {"memberships": [(90_000 + g, 10_000 + g % GROUPS, who) for g, who in joined]}


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
                        *(who.id(v) if c in KEYS and isinstance(v, int) else v
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

    def make(self, folder: Path) -> Callers:
        make(folder / self.file, 0, "relations.py")
        return (1,)

    def probe(self) -> str:
        return f"/api/users/{uuid_of(1)}"

    def documents(self, below: int) -> str:
        return f"/api/documents?filter={quote(f'number < {below}')}&sort=-number&limit=30"


class PeopleInGroups(OurRelations, SignedIn):
    """The same with people who signed in before the rows were written."""

    def make(self, folder: Path) -> Callers:
        super().make(folder)
        with _serving(self, folder) as server:
            SignedIn.sign_in(self, server)
        return [person.user for person in self.people]

    def sign_in(self, server: Server) -> None:
        return

    @property
    def bearers(self) -> list[str]:
        sent = (person.headers.get("Authorization") for person in self.people)
        return [token for token in sent if token]


class AskedAsFilter(OurRelations):
    """The same rows for anybody, and the same condition as a filter that names a user: nobody has
    to be signed in."""

    def command(self, folder: Path, port: int) -> Command:
        made = super().command(folder, port)
        return replace(made, environ={**made.environ, "BENCHMARK_CALLERS": "nobody"})

    def documents_of(self, user: str, below: int) -> str:
        mine = f"grants.exists(g, g.group.members.exists(m, m.user == '{user}'))"
        path, _, rest = self.documents(below).partition("&")
        return f"{path}{quote(f' && {mine}')}&{rest}"


class TheirRelations(PocketBase):
    """The same rule over PocketBase's back relations, with indexes on every reference."""

    moment = "2026-01-01 00:00:00.000Z"
    file = "pb_data/data.db"

    def make(self, folder: Path) -> Callers:
        self.prepare(folder, folder)
        return (1,)

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


Asked = OurRelations | TheirRelations


def indexes(table: str, *names: str) -> tuple[str, ...]:
    return tuple(f"CREATE INDEX {table}_{n} ON {table} (`{n}`, id)" for n in names)


@dataclass
class Found:
    """By case: lists a second of each contestant; and runs of people who signed in and of nobody,
    for whom a filter names the same users."""

    rates: dict[str, dict[str, float]] = field(default_factory=dict)
    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)


def measure(
    folder: Path, rows: int, rounds: int, seconds: float, *, cases: Sequence[str], theirs: bool,
    people: int,
) -> Found:  # fmt: skip
    """The first cases for each contestant; `people` sign in, or the caller is a stand-in."""
    taking: list[Asked] = [PeopleInGroups(people) if people else OurRelations()]
    taking += [TheirRelations()] if theirs else []
    found = Found()
    for who in taking:
        home = folder / who.name
        home.mkdir(parents=True)
        callers = who.make(home)
        for case in cases:
            more = relations(rows, callers) if case == FEW else more_groups(callers)
            fill(home / who.file, more, who, who.moment)
            with _serving(who, home) as server:
                rates = found.rates.setdefault(case, {})
                rates[who.name] = rate(who, server, rows, min(5, seconds))
                if isinstance(who, PeopleInGroups):
                    found.runs[case] = beside_nobody(who, server, home, rows, rounds, seconds)
    return found


def rate(who: Asked, server: Server, rows: int, seconds: float) -> float:
    """Lists a second, one request at a time, another literal in each request."""
    who.sign_in(server)
    tokens = who.bearers if isinstance(who, PeopleInGroups) else [who.token]
    rng, done, seen, begun = random.Random(1), 0, 0, time.monotonic()
    while time.monotonic() - begun < seconds:
        path, token = who.documents(_below(rng, rows)), tokens[done % len(tokens)]
        seen += len(who.items(call(server.port, "GET", path, token=token, timeout=120)))
        done += 1
    if not seen:
        raise BadAnswer(f"{who.name} answered no documents")
    return done / (time.monotonic() - begun)


def beside_nobody(
    who: PeopleInGroups, server: Server, folder: Path, rows: int, rounds: int, seconds: float
) -> dict[str, list[Run]]:
    """People who signed in, and a second server on the same rows, taking turns."""
    rng, nobody, count = random.Random(2), AskedAsFilter(), len(who.people)
    places = [_below(rng, rows) for _ in range(2_000)]
    asked = [who.documents(below) for below in places]
    filtered = [
        nobody.documents_of(who.people[n % count].user, below) for n, below in enumerate(places)
    ]
    files = {who.name: folder / "asked.txt", NOBODY: folder / "filtered.txt"}
    for name, paths in ((who.name, asked), (NOBODY, filtered)):
        files[name].write_text("".join(f"GET {path}\n" for path in paths))
    with _serving(nobody, folder) as other:
        entrants = [
            Entrant(who.name, who, server, who.token, callers=who.callers),
            Entrant(NOBODY, nobody, other, ""),
        ]
        return http_rows.measure(entrants, files, rounds, seconds)


def _below(rng: random.Random, rows: int) -> int:
    return rng.randrange(rows // 2, rows)


@contextmanager
def _serving(who: Asked, folder: Path) -> Iterator[Server]:
    port = free_port()
    server = start(who.command(folder, port), port, who.probe(), folder / "server.log")
    try:
        yield server
    finally:
        server.stop()
