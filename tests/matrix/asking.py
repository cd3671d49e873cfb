"""Asking an app in memory, as anybody; what is written is taken back after each question."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from stanchion import App, Gap, LoggedChange
from stanchion.query import SYSTEM, Actor
from stanchion.sql.dialect import quoted
from tests.conformance import engines

from .world import FIELDS, Rows, actor_of

T = TypeVar("T")
Log = dict[tuple[int, str], list[LoggedChange]]
"""What is told, by the number of the transaction and the key."""
READ_S = 60  # a log that does not end is told as such
_TXS = "select tx from _changes group by tx order by min(seq)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _TakeBackError(Exception):
    """Ends a transaction whose writes are not to stay."""


class Asking:
    """An app on a loop of its own."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.runner = asyncio.Runner()
        self.actors: dict[str, Actor] = {}
        self.told: dict[tuple[str, str], Log] = {}
        self.run(app.runtime.records())

    def run(self, waited: Awaitable[T]) -> T:
        async def waiting() -> T:
            return await waited

        return self.runner.run(waiting())

    def close(self) -> None:
        self.run(self.app.runtime.close())
        self.runner.close()

    def actor(self, caller: str) -> Actor:
        return self.actors.setdefault(caller, actor_of(caller))

    def carried(self, caller: str) -> tuple[Actor | None, dict[str, str]]:
        """What tells the app who asks: an actor that it takes over, or headers of the request."""
        return self.actor(caller), {}

    async def send(
        self,
        caller: str | Actor,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Any = None,
        **headers: str,
    ) -> Answer:
        """One request; `query` is encoded here, `body` is sent as JSON."""
        sent = b"" if body is None else json.dumps(body).encode()
        actor, carried = self.carried(caller) if isinstance(caller, str) else (caller, {})
        given = {"host": "world.example", **carried}
        given |= {k.replace("_", "-"): v for k, v in headers.items()}
        if body is not None:
            given.setdefault("content-type", "application/json")
        pairs = "&".join(f"{k}={quote(v)}" for k, v in (query or {}).items())
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(),
            "query_string": pairs.encode(), "root_path": "", "client": ("127.0.0.1", 1),
            "server": None, "headers": [(k.encode(), v.encode()) for k, v in given.items()],
        }  # fmt: skip
        parts: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Any) -> None:
            parts.append(message)

        runtime = self.app.runtime
        runtime.test_actor = actor
        try:
            await self.app(scope, receive, send)
        finally:
            runtime.test_actor = None
        start, *rest = parts
        told = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], told, b"".join(m.get("body", b"") for m in rest))

    def ask(self, caller: str | Actor, method: str, path: str, *more: Any, **named: Any) -> Answer:
        """`send`, waited for."""
        return self.run(self.send(caller, method, path, *more, **named))

    async def tried(self, doing: Callable[[], Awaitable[T]]) -> tuple[T, Rows]:
        """What `doing` gives and the rows that are stored then; all of it is taken back."""
        kept: Any = None
        try:
            async with self.app.runtime.transaction(SYSTEM) as tx:
                kept = (await doing(), await self._stored(tx._fetch))
                raise _TakeBackError
        except _TakeBackError:
            return kept  # type: ignore[no-any-return]  # set where this is raised

    async def read_log(self, caller: str, collection: str) -> Log:
        """What the change log tells a caller of a collection; read once."""
        identity = (caller, collection)
        if identity not in self.told:
            async with asyncio.timeout(READ_S):
                self.told[identity] = await self._read_log(caller, collection)
        return self.told[identity]

    async def _read_log(self, caller: str, collection: str) -> Log:
        numbers = {tx: n for n, (tx,) in enumerate(await self.app.runtime.engine.fetch(_TXS, ()))}
        records = [self.app.runtime.model.bindings[n].record for n in (collection, "teams")]
        found: Log = {}
        name = f"{caller} {uuid4()}"
        async with self.app.changes(
            name, *records, actor=self.actor(caller), from_start=True
        ) as reader:
            async for change in reader:
                assert not isinstance(change, Gap)
                at = (numbers[change.tx], change.key)
                if change.collection == collection:
                    found.setdefault(at, []).append(change)
                if at[0] == len(numbers) - 1 and change.collection == "teams":
                    return found  # everybody is told the last change
        raise AssertionError("a reader has no end")

    def stored(self) -> Rows:
        """The rows of the raw tables, committed."""
        return self.run(self._stored(self.app.runtime.engine.fetch))

    async def _stored(self, fetch: Any) -> Rows:
        """Every row, in one statement of its own past all pipelines."""
        rows: Rows = {}
        for name, text in await fetch(_EVERYTHING[engines.current().dialect], ()):
            rows[name] = {}
            for raw in json.loads(text or "[]"):
                row = {
                    f.name: bool(v) if f.kind == "bool" else v
                    for f, v in zip(FIELDS[name], raw, strict=True)
                }
                rows[name][row["id"]] = row
        return rows


def _everything(rows: str) -> str:
    """Each collection with its rows; `rows` is what makes them one text."""
    return " union all ".join(
        f"select '{name}',{rows.format(','.join(quoted(f.name) for f in fields))} "
        f"from {quoted(name)}"
        for name, fields in FIELDS.items()
    )


_EVERYTHING = {
    "sqlite": _everything("json_group_array(json_array({}))"),
    "postgresql": _everything("json_agg(json_build_array({}))::text"),
}
