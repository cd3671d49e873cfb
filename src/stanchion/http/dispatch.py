"""The generated data API: a thin ASGI application before FastAPI's router.

In: an ASGI request for `/api/…`.   Out: bytes on the socket.
A dictionary look-up finds the collection, `records` does the work, and problems become
problem+json here. What is not exactly a generated route is left to the app's own routes.
"""

from __future__ import annotations

from typing import Any

from ..errors import MethodNotAllowed, NotFound, Problem, did_you_mean
from ..schema import Collection
from .exchange import ASGIApp, Host, Receive, Scope, Send
from .packing import PACKED_FROM, Packer
from .problem import render
from .reads import Reads
from .writes import Writes

PREFIX = b"/api/"
COLLECTION_METHODS = "GET, HEAD, POST, OPTIONS"
RECORD_METHODS = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
AGGREGATE_METHODS = "GET, HEAD, OPTIONS"


class Dispatcher(Reads, Writes):
    """Answers the generated routes; `other` answers everything else."""

    def __init__(self, host: Host, collections: dict[bytes, Collection], other: ASGIApp) -> None:
        self.host = host
        self.collections = collections
        self.other = other
        self.packer = Packer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.other(scope, receive, send)
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        root = scope.get("root_path", "")
        if root:
            path = path.removeprefix(root.encode())
        if not path.startswith(PREFIX):
            return await self.other(scope, receive, send)
        name, _, rest = path[5:].partition(b"/")
        collection = self.collections.get(name)
        if collection is not None:
            answer = self._route(scope["method"], rest, path)
        else:
            answer = _OWN_ROUTES.get(path[5:], {}).get(scope["method"])
        if answer is None:
            return await self.other(scope, receive, send)
        try:
            answered = await answer(self, collection, rest, scope, receive)
        except Problem as problem:
            answered = render(problem)
        if len(answered[2]) >= PACKED_FROM:
            answered = await self.packer.pack(scope, answered)
        status, headers, body = answered
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body})

    def _route(self, method: str, rest: bytes, path: bytes) -> Any:
        if not rest:
            return None if path.endswith(b"/") else _COLLECTION_ROUTES.get(method)
        if rest.find(b"/") >= 0:  # `in` takes ten times as many instructions
            return None
        if rest == b"_aggregate":
            return _AGGREGATE_ROUTES.get(method)
        return None if rest.startswith(b"_") else _RECORD_ROUTES.get(method)

    def refusal(self, scope: Scope) -> Problem | None:
        """The 404 or 405 of a path under `/api/` that no route of the app answered either."""
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        path = path.removeprefix(scope.get("root_path", "").encode())
        if path != b"/api" and not path.startswith(PREFIX):
            return None
        name, _, rest = path[5:].partition(b"/")
        own = _OWN_ROUTES.get(path[5:])
        if own is not None:
            return _wrong_method(scope, path, ", ".join((*own, "OPTIONS")))
        collection = self.collections.get(name)
        if collection is None:
            known = [key.decode() for key in self.collections]
            said = name.decode("utf-8", "replace")[:60]
            return NotFound(
                "route.not_found",
                f"There is no collection {said!r}." if name else "Name a collection: /api/…",
                hint=did_you_mean(said, known) or "See /docs for what there is.",
            )
        if (b"/" in rest) or (path.endswith(b"/")) or (rest[:1] == b"_" and rest != b"_aggregate"):
            return NotFound(
                "route.not_found",
                f"Nothing is at {path.decode('utf-8', 'replace')[:200]}.",
                hint=f"/api/{collection.name} or /api/{collection.name}/{{id}}; a `/` inside an id "
                "is written %2F.",
            )
        return _wrong_method(scope, path, _methods(rest))


def _wrong_method(scope: Scope, path: bytes, methods: str) -> MethodNotAllowed:
    return MethodNotAllowed(
        "route.method",
        f"{scope['method']} is no method of {path.decode('utf-8', 'replace')[:200]}.",
        hint=f"Methods here: {methods}.",
        headers={"Allow": methods},
    )


def _methods(rest: bytes) -> str:
    """The methods of what stands behind a collection's name."""
    if not rest:
        return COLLECTION_METHODS
    return AGGREGATE_METHODS if rest == b"_aggregate" else RECORD_METHODS


_COLLECTION_ROUTES = {
    "GET": Dispatcher._list, "HEAD": Dispatcher._list, "POST": Dispatcher._create
}  # fmt: skip
_RECORD_ROUTES = {
    "GET": Dispatcher._one, "HEAD": Dispatcher._one, "PUT": Dispatcher._put,
    "PATCH": Dispatcher._patch, "DELETE": Dispatcher._delete,
}  # fmt: skip
_AGGREGATE_ROUTES = {"GET": Dispatcher._aggregate, "HEAD": Dispatcher._aggregate}
_OWN_ROUTES: dict[bytes, dict[str, Any]] = {
    b"_schema": {"GET": Dispatcher._schema, "HEAD": Dispatcher._schema},
    b"_batch": {"POST": Dispatcher._batch},
}
