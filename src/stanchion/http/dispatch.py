"""The generated data API: a thin ASGI application before FastAPI's router.

In: an ASGI request for `/api/…`.   Out: bytes on the socket.
A dictionary look-up finds the collection, `records` does the work, and problems become
problem+json here. What is not exactly a generated route is left to the app's own routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import MethodNotAllowed, NotFound, Problem, did_you_mean
from ..schema import Collection, Schema
from .asgi import Answer, ASGIApp, Receive, Scope, Send
from .exchange import Host
from .packing import PACKED_FROM, Packer
from .problem import render
from .reads import Reads
from .writes import Writes

PREFIX = b"/api/"
Handler = Callable[[Any, bytes, Scope, Receive], Awaitable[Answer]]
Routes = dict[str, Handler]
NOBODY: Routes = {}


class Dispatcher:
    """Answers the generated routes; `other` answers everything else."""

    def __init__(self, host: Host, schema: Schema, other: ASGIApp) -> None:
        self.host = host
        self.collections = {c.name.encode(): c for c in schema.collections}
        self.other = other
        self.packer = Packer()
        reads, writes = Reads(host), Writes(host, self.collections)
        self._on_collection: Routes = {
            "GET": reads.list, "HEAD": reads.list, "POST": writes.create
        }  # fmt: skip
        self._on_record: Routes = {
            "GET": reads.one, "HEAD": reads.one, "PUT": writes.put, "PATCH": writes.patch,
            "DELETE": writes.delete,
        }  # fmt: skip
        self._on_groups: Routes = {"GET": reads.aggregate, "HEAD": reads.aggregate}
        self._own: dict[bytes, Routes] = {
            b"_schema": {"GET": reads.schema, "HEAD": reads.schema},
            b"_batch": {"POST": writes.batch},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.other(scope, receive, send)
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        root = scope.get("root_path", "")
        if root:
            path = path.removeprefix(root.encode())
        if not path.startswith(PREFIX):
            return await self.other(scope, receive, send)
        collection, rest, routes = self._find(path)
        answer = routes.get(scope["method"])
        if answer is None:
            return await self.other(scope, receive, send)
        try:
            answered = await answer(collection, rest, scope, receive)
        except Problem as problem:
            self.host.refused(scope, problem)
            answered = render(problem)
        if len(answered[2]) >= PACKED_FROM:
            answered = await self.packer.pack(scope, answered)
        status, headers, body = answered
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body})

    def _find(self, path: bytes) -> tuple[Collection | None, bytes, Routes]:
        """The collection of a path, what stands behind its name, and who answers there."""
        name, slash, rest = path[5:].partition(b"/")
        collection = self.collections.get(name)
        if collection is None:
            routes = self._own.get(path[5:], NOBODY)
        elif not rest:
            routes = NOBODY if slash else self._on_collection
        elif rest == b"_aggregate":
            routes = self._on_groups
        elif rest.startswith(b"_") or rest.find(b"/") >= 0:  # `in` takes ten times as many steps
            routes = NOBODY
        else:
            routes = self._on_record
        return collection, rest, routes

    def methods_at(self, path: bytes) -> tuple[str, ...]:
        """The methods that are answered at a path, so that no route of the app is asked there."""
        return tuple(self._find(path)[2]) if path.startswith(PREFIX) else ()

    def refusal(self, scope: Scope) -> Problem | None:
        """The 404 or 405 of a path under `/api/` that no route of the app answered either."""
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        path = path.removeprefix(scope.get("root_path", "").encode())
        if path != b"/api" and not path.startswith(PREFIX):
            return None
        collection, _, routes = self._find(path)
        if routes:
            return _wrong_method(scope, path, ", ".join((*routes, "OPTIONS")))
        if collection is None:
            known = [key.decode() for key in self.collections]
            said = path[5:].partition(b"/")[0].decode("utf-8", "replace")[:60]
            return NotFound(
                "route.not_found",
                f"There is no collection {said!r}." if said else "Name a collection: /api/…",
                hint=did_you_mean(said, known) or "See /docs for what there is.",
            )
        return NotFound(
            "route.not_found",
            f"Nothing is at {path.decode('utf-8', 'replace')[:200]}.",
            hint=f"/api/{collection.name} or /api/{collection.name}/{{id}}; a `/` inside an id "
            "is written %2F.",
        )


def _wrong_method(scope: Scope, path: bytes, methods: str) -> MethodNotAllowed:
    return MethodNotAllowed(
        "route.method",
        f"{scope['method']} is no method of {path.decode('utf-8', 'replace')[:200]}.",
        hint=f"Methods here: {methods}.",
        headers={"Allow": methods},
    )
