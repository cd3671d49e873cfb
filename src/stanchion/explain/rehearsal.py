"""An engine that does everything and keeps nothing: what is written is rolled back.

In: the engine of an app.   Out: the same promises but one, and what was asked of it.
Used by report in the place of the app's engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from ..engines import Ask, AskAll, Engine, Job, Readable, Row, Session, Wanted, through
from ..schema import Collection
from ..sql.dialect import Dialect, quoted
from ..sql.read import EXPLAIN
from ..store.steps import Steps

T = TypeVar("T")
_WRITES = re.compile(r'(insert into|update|delete from) (?:"([^"]+)"|(\w+))')


@dataclass(frozen=True, slots=True)
class Became:
    """A row as a write left it, before anything was judged: raw columns by field name."""

    collection: str
    created: bool
    raw: Mapping[str, Any]


def written(text: str) -> tuple[str, str] | None:
    """The verb of a statement that writes, and the table that it writes."""
    found = _WRITES.match(text)
    return (found[1], found[2] or found[3]) if found else None


class Rehearsal:
    """See the module. `keys` are those that the request names: an update is looked up by them."""

    name: Literal["sqlite", "postgresql"]

    def __init__(
        self, engine: Engine, collections: Sequence[Collection], keys: set[str], dialect: Dialect
    ) -> None:
        self.name = engine.name
        self.engine = engine
        self.asked: list[Ask] = []
        self.kept: set[str] = set()  # statements that find one record by its key
        self._dialect = dialect
        self.became: list[Became] = []
        self._collections = {c.name: c for c in collections}
        self._keys = keys

    async def open(self) -> None:
        await self.engine.open()

    async def close(self) -> None:
        """The app's engine stays as it is."""

    @property
    def anywhere(self) -> Readable:
        return self

    async def fetch(self, text: str, params: Sequence[Any]) -> list[Row]:
        if not text.startswith(EXPLAIN):
            self.asked.append(Ask(text, params))
        return await self.engine.fetch(text, params)

    async def find(self, text: str, params: Sequence[Any]) -> list[Row]:
        self.asked.append(Ask(text, params))
        self.kept.add(text)
        return await self.engine.find(text, params)

    async def fetch_together(self, asks: Sequence[Ask]) -> list[list[Row]]:
        self.asked += asks
        return await self.engine.fetch_together(asks)

    async def write(self, job: Job[T]) -> T:
        session = await self.begin()
        try:
            return await session.run(job)
        finally:
            await session.rollback()

    async def claim(self, job: Job[T]) -> T:
        return await self.write(job)

    def missing(self) -> str | None:
        return self.engine.missing()

    async def mark(self) -> str:
        return await self.engine.mark()

    async def wait_for_commit(self, mark: str, seconds: float) -> None:
        await self.engine.wait_for_commit(mark, seconds)

    async def begin(self, seconds: float | None = None) -> Session:
        return _Rehearsed(await self.engine.begin(seconds), self)

    def watched(self, job: Job[T]) -> Job[T]:
        """The same job; what it asks is noted, and the rows that it leaves are looked at."""
        return partial(through, job, self._watch)

    def _watch(self, wanted: Wanted) -> Steps[list[Row]]:
        if isinstance(wanted, AskAll):
            rows = []
            for each in wanted.asks:
                rows += yield from self._watch(each)
            return rows
        rows = yield wanted
        if isinstance(wanted, Ask):
            self.asked.append(wanted)
            yield from self._look(wanted)
        return rows

    def _look(self, step: Ask) -> Steps[None]:
        """Note the row that an INSERT or an UPDATE of a collection left."""
        verb, table = written(step.text) or ("", "")
        collection = self._collections.get(table)
        if collection is None or verb == "delete from":
            return
        created = verb == "insert into"
        key, mark = collection.key_field, self._dialect.placeholder
        cast = self._dialect.cast(key.type)
        columns = ",".join(quoted(f.name) for f in collection.fields)
        query = f"select {columns} from {quoted(collection.name)} where {quoted(key.name)}"
        if created:
            rows = yield Ask(f"{query}={mark}1{cast}", [_inserted(step, quoted(key.name), mark)])
        else:
            marks = ",".join(f"{mark}{at + 1}{cast}" for at in range(len(self._keys)))
            wanted = [self._dialect.raw(key.type, each) for each in sorted(self._keys)]
            rows = yield Ask(f"{query} in ({marks})", wanted)
        for row in rows:
            raw = {f.name: row[at] for at, f in enumerate(collection.fields)}
            self.became.append(Became(collection.name, created, raw))


def _inserted(step: Ask, column: str, mark: str) -> Any:
    """The value that an INSERT puts into a column, which is a parameter of its own."""
    names, _, values = step.text.partition(" values ")
    at = names[names.index("(") + 1 : -1].split(",").index(column)
    number = values[1:].split(",")[at].removeprefix(mark).partition("::")[0].rstrip(")")
    return step.params[int(number) - 1]


class _Rehearsed:
    """A transaction whose commit takes everything back."""

    def __init__(self, session: Session, rehearsal: Rehearsal) -> None:
        self._session = session
        self._rehearsal = rehearsal

    async def run(self, job: Job[T]) -> T:
        return await self._session.run(self._rehearsal.watched(job))

    async def commit(self) -> None:
        await self._session.rollback()

    async def rollback(self) -> None:
        await self._session.rollback()
