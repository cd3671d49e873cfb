"""The generated data API: a thin ASGI application before FastAPI's router.

In: an ASGI request for `/api/…`.   Out: bytes on the socket.
A dictionary look-up finds the collection, `records` does the work, and problems become
problem+json here. What is not exactly a generated route is left to the app's own routes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from ..errors import BadRequest, MethodNotAllowed, NotFound, Problem, did_you_mean
from ..plan.describe import LIMITS
from ..schema import Collection
from .exchange import (
    JSON,
    NOSNIFF,
    VARY,
    Answer,
    ASGIApp,
    Host,
    Receive,
    Scope,
    Send,
    key_of,
)  # fmt: skip
from .packing import PACKED_FROM, Packer, asks_for_gzip, vary
from .parameters import MOST, aggregate_query, list_query, one_query, refuse_parameters
from .problem import Headers, render
from .writes import Writes

PREFIX = b"/api/"
COLLECTION_METHODS = "GET, HEAD, POST, OPTIONS"
RECORD_METHODS = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"
AGGREGATE_METHODS = "GET, HEAD, OPTIONS"


class Dispatcher(Writes):
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

    # reads

    async def _list(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self.host.records(), await self.host.identify(scope)
        ask = list_query(
            collection, scope["query_string"], lambda: records.visible(collection.name, actor)
        )
        page = await records.read_list(ask, actor)
        following = "null" if page.next is None else f'"{page.next}"'
        total = "" if page.total is None else f',"total":{page.total}'
        items = ",".join(page.items)
        body = f'{{"items":[{items}],"next":{following}{total}}}'.encode()
        return _digested(scope, self._sendable(body))

    async def _one(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self.host.records(), await self.host.identify(scope)
        ask = one_query(
            collection,
            key_of(rest),
            scope["query_string"],
            lambda: records.visible(collection.name, actor),
        )
        one = await records.read_one(ask, actor)
        return _tagged(scope, one.etag, self._sendable(one.body.encode()))

    def _sendable(self, body: bytes) -> bytes:
        """The body, unless it is so large that clients who do not read would fill the memory."""
        limit = self.host.settings.answer_limit
        if len(body) > limit:
            raise BadRequest(
                "query.too_much",
                f"The answer would be {len(body)} bytes; {limit} at most.",
                hint="Ask for less at once: a smaller `limit`, fewer `fields`, less `expand`.",
            )
        return body

    async def _aggregate(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self.host.records(), await self.host.identify(scope)
        ask = aggregate_query(
            collection, scope["query_string"], lambda: records.visible(collection.name, actor)
        )
        groups = await records.aggregate(ask, actor)
        items = ",".join(groups.items)
        more = ',"more":true' if groups.more else ""
        return _digested(scope, f'{{"items":[{items}]{more}}}'.encode())

    async def _schema(
        self, collection: None, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        records, actor = await self.host.records(), await self.host.identify(scope)
        described = {**records.describe(actor), "limits": self._limits()}
        text = json.dumps(described, ensure_ascii=False, separators=(",", ":"))
        return _digested(scope, text.encode())

    def _limits(self) -> dict[str, int]:
        """What a request may hold at most."""
        settings = self.host.settings
        return {
            "page": MOST,
            **LIMITS,
            "filter": settings.filter_limit,
            "url": settings.url_limit,
            "headers": settings.header_limit,
            "body": settings.body_limit,
            "json_depth": settings.json_depth,
            "array": settings.array_limit,
        }


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


def _quickest_digest() -> Callable[[bytes], str]:
    """128 bits that stand for a body: XXH3, or SHA-256 on a platform that xxhash is not built for.

    SHA-256 takes 6 us for a list of 30 records and 38 for 200, a tenth of the whole answer; XXH3
    takes 0.2 and 1.1. What an ETag needs is that no two bodies meet by chance. See
    docs/decisions/006-the-spine.md for who could make them meet on purpose, and what for.
    """
    try:
        from xxhash import xxh3_128_hexdigest
    except ImportError:
        return lambda body: sha256(body).hexdigest()[:32]
    quickest: Callable[[bytes], str] = xxh3_128_hexdigest
    return quickest


_digest = _quickest_digest()


def _digested(scope: Scope, body: bytes) -> Answer:
    """The answer to a read whose ETag is a digest of the body."""
    return _tagged(scope, f'"{_digest(body)}"', body)


def _tagged(scope: Scope, etag: str, body: bytes) -> Answer:
    """The answer to a read; 304 where the caller has it already."""
    tag = (b"etag", etag.encode())
    for name, value in scope["headers"]:
        if name == b"if-none-match" and _names_tag(value, tag[1]):
            return 304, _known(scope, [tag, VARY], body), b""
    return 200, [JSON, (b"content-length", b"%d" % len(body)), tag, VARY, NOSNIFF], body


def _known(scope: Scope, headers: Headers, body: bytes) -> Headers:
    """The headers of a 304: the tag, and what it varies by, of the 200 that it stands for."""
    if len(body) < PACKED_FROM:
        return headers
    return vary(headers, packs=asks_for_gzip(scope))


def _names_tag(given: bytes, tag: bytes) -> bool:
    """Whether an `If-None-Match` names this ETag, weak or not, or any."""
    tags = [one.strip().removeprefix(b"W/") for one in given.split(b",")]
    return tag in tags or tags == [b"*"]


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
