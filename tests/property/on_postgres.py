"""The worlds in a PostgreSQL database, and what it says of every row to one expression.

In: a `World`, the address of an empty database, and expressions.   Out: each disagreement with the
evaluator. All callers and questions of an expression are one statement, over all rows.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

from stanchion.engines.postgres.pools import Pools, ServerAddress
from stanchion.settings import Settings
from stanchion.sql import ddl
from stanchion.sql.dialect import POSTGRES
from tests.postgres import GERMAN, Postgres, run

from .agreement import WORDS, Disagreement, Tally, compiled, evaluated, judge
from .expressions import Written
from .worlds import World

BUILTIN = "locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'"
QUESTIONS = ("true", "false", "wide")


def create(server: Postgres, database: str) -> tuple[str, str]:
    """A database that does not sort as C does, where this server knows such a locale: its address
    and what it is. The best comes first; the last two order by code point as C does, but are
    another locale to the server, which asks its provider for every comparison."""
    libc = [f"locale_provider libc locale '{name}'" for name in (*_dictionaries(), "C.UTF-8")]
    refused = []
    for how in (GERMAN, *libc[:-1], BUILTIN, libc[-1]):
        try:
            return server.create(database, how), how
        except AssertionError as error:
            refused.append(str(error))
    raise AssertionError(refused)


def _dictionaries() -> list[str]:
    """The locales of this machine that sort as a dictionary does."""
    program = which("locale")
    told = run(Path(program), "-a").stdout.split() if program else []
    return [name for name in told if re.fullmatch(r"[a-z]{2}_[A-Z]{2}\.utf-?8", name, re.I)]


class Stored:
    """The rows of one world, in a database."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self._runner = asyncio.Runner()
        self._runner.run(self._fill(url))

    def close(self) -> None:
        self._runner.run(self._pools.close())
        self._runner.close()

    async def _fill(self, url: str) -> None:
        self._pools = Pools(ServerAddress(url, url), Settings())  # of this loop
        async with self._pools.take("writers", 10) as connection:
            for collection in self.world.schema.collections:
                for statement in ddl.create_collection(collection, POSTGRES):
                    await connection.execute(statement)
                fields = collection.fields
                names = ",".join(f'"{one.name}"' for one in fields)
                marks = ",".join(f"${number}" for number in range(1, len(fields) + 1))
                await connection.executemany(
                    f'insert into "{collection.name}" ({names}) values ({marks})',
                    [
                        [POSTGRES.raw(one.type, row[one.name]) for one in fields]
                        for row in self.world.rows[collection.name].values()
                    ],
                )
            await connection.execute("create table pairs (id uuid primary key, old uuid not null)")
            pairs = list(self.world.old.items())
            await connection.executemany("insert into pairs values ($1,$2)", pairs)
            await connection.execute("analyze")

    def fetch(self, text: str, *params: Any) -> list[Any]:
        """The rows that a statement answers."""

        async def fetching() -> list[Any]:
            async with self._pools.take("lists", 10) as connection:
                return list(await connection.fetch(text, *params))

        return self._runner.run(fetching())

    def disagreements(self, written: Written, tally: Tally) -> Iterator[Disagreement]:
        """Every row, caller and question on which the database and the evaluator differ."""
        tally.expressions.add(written.text)
        tally.modes[written.mode] += 1
        asked, texts, params = [], [], []
        for judged in judge(self.world, written):
            outcomes = evaluated(self.world, judged)
            tally.outcomes.update(WORDS[outcome] for outcome in outcomes.values())
            for question in QUESTIONS:
                statement = compiled(self.world.schema, judged, question, POSTGRES)
                text = _from(statement.text, len(params))
                texts.append(text.replace("select r.id", f"select {len(texts)},r.id::text", 1))
                given = statement.bind(judged.given)
                params += given
                asked.append((judged, question, outcomes, statement.text, given))
        found = {tuple(row) for row in self.fetch(" union all ".join(texts), *params)}
        for number, (judged, question, outcomes, text, given) in enumerate(asked):
            tally.comparisons += len(outcomes)
            for key, outcome in outcomes.items():
                if ((number, key) in found) is not (outcome is (question != "false")):
                    yield Disagreement(judged, question, key, outcome, text, given)


def _from(text: str, before: int) -> str:
    """A statement whose parameters come after others."""
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + before}", text)
