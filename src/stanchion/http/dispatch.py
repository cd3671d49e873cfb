"""The generated data API: a thin ASGI application before FastAPI's router.

In: an ASGI request for `/api/…`.   Out: bytes on the socket.
A dictionary look-up finds the collection, `records` does the work, and problems become
problem+json here. What is not exactly a generated route is left to the app's own routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from ..errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
    UnsupportedMediaType,
    did_you_mean,
)
from ..query import Actor, WriteQuery
from ..records import Records
from ..schema import Collection
from ..settings import Settings
from ..store.door import Written
from .json_in import read_json
from .parameters import aggregate_query, list_query, one_query, refuse_parameters
from .problem import Headers, render

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = tuple[int, Headers, bytes]

PREFIX = b"/api/"
JSON = (b"content-type", b"application/json")
VARY = (b"vary", b"Authorization, Cookie")
NOSNIFF = (b"x-content-type-options", b"nosniff")
COLLECTION_METHODS = "GET, HEAD, POST"
RECORD_METHODS = "GET, HEAD, PATCH, DELETE"
AGGREGATE_METHODS = "GET, HEAD"
PATCH_TYPES = (b"application/json", b"application/merge-patch+json")
CREATE_TYPES = (b"application/json",)


class Host(Protocol):
    """What the dispatcher needs of the running app."""

    @property
    def settings(self) -> Settings:
        """The limits."""
        ...

    async def records(self) -> Records:
        """The pipelines, opened on first use."""
        ...

    async def identify(self, scope: Scope) -> Actor:
        """Who is asking."""
        ...


class Dispatcher:
    """Answers the generated routes; `other` answers everything else."""

    def __init__(self, host: Host, collections: dict[bytes, Collection], other: ASGIApp) -> None:
        self.host = host
        self.collections = collections
        self.other = other

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
        if collection is None:
            return await self.other(scope, receive, send)
        answer = self._route(scope["method"], rest, path)
        if answer is None:
            return await self.other(scope, receive, send)
        try:
            status, headers, body = await answer(self, collection, rest, scope, receive)
        except Problem as problem:
            status, headers, body = render(problem)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body})

    def _route(self, method: str, rest: bytes, path: bytes) -> Any:
        if not rest:
            return None if path.endswith(b"/") else _COLLECTION_ROUTES.get(method)
        if b"/" in rest:
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
        methods = (
            COLLECTION_METHODS if not rest
            else AGGREGATE_METHODS if rest == b"_aggregate"
            else RECORD_METHODS
        )  # fmt: skip
        return MethodNotAllowed(
            "route.method",
            f"{scope['method']} is no method of {path.decode('utf-8', 'replace')[:200]}.",
            hint=f"Methods here: {methods}.",
            headers={"Allow": methods},
        )

    # reads

    async def _list(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self._caller(scope)
        ask = list_query(
            collection, scope["query_string"], lambda: records.visible(collection.name, actor)
        )
        page = await records.read_list(ask, actor)
        following = "null" if page.next is None else f'"{page.next}"'
        total = "" if page.total is None else f',"total":{page.total}'
        items = ",".join(page.items)
        return _digested(scope, f'{{"items":[{items}],"next":{following}{total}}}'.encode())

    async def _one(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self._caller(scope)
        ask = one_query(
            collection,
            _key(rest),
            scope["query_string"],
            lambda: records.visible(collection.name, actor),
        )
        one = await records.read_one(ask, actor)
        return _tagged(scope, one.etag, one.body.encode())

    async def _aggregate(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self._caller(scope)
        ask = aggregate_query(
            collection, scope["query_string"], lambda: records.visible(collection.name, actor)
        )
        groups = await records.aggregate(ask, actor)
        items = ",".join(groups.items)
        more = ',"more":true' if groups.more else ""
        return _digested(scope, f'{{"items":[{items}]{more}}}'.encode())

    async def _caller(self, scope: Scope) -> tuple[Records, Actor]:
        return await self.host.records(), await self.host.identify(scope)

    # writes

    async def _create(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        wire = await self._body(scope, receive, CREATE_TYPES)
        many = isinstance(wire, list)
        bodies = wire if many else [wire]
        if len(bodies) > self.host.settings.array_limit:
            raise TooLarge(
                "body.too_many",
                f"The array holds {len(bodies)} records; {self.host.settings.array_limit} at most.",
                hint="Send it in parts.",
            )
        records, actor = await self._caller(scope)
        ask = WriteQuery("create", collection.name, bodies=tuple(bodies), many=many)
        written = await records.write(ask, actor, scope.get("stanchion.request", ""))
        if many:
            items = ",".join(w.body or _key_alone(collection, w) for w in written)
            return _answer(201, ('{"items":[' + items + "]}").encode(), [])
        return self._written(
            records, collection, written[0], actor, 201, scope.get("root_path", "")
        )

    async def _patch(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        wire = await self._body(scope, receive, PATCH_TYPES)
        records, actor = await self._caller(scope)
        ask = WriteQuery(
            "update", collection.name, _key(rest), (wire,), if_match=_header(scope, b"if-match")
        )
        written = await records.write(ask, actor, scope.get("stanchion.request", ""))
        return self._written(records, collection, written[0], actor, 200)

    async def _delete(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        records, actor = await self._caller(scope)
        ask = WriteQuery(
            "delete", collection.name, _key(rest), if_match=_header(scope, b"if-match")
        )
        await records.write(ask, actor, scope.get("stanchion.request", ""))
        return 204, [VARY], b""

    def _written(
        self,
        records: Records,
        collection: Collection,
        written: Written,
        actor: Actor,
        status: int,
        root: str = "",
    ) -> Answer:
        """The answer to a write; the key alone, and no ETag, where the caller may not read it."""
        headers: Headers = []
        if status == 201:
            headers.append((b"location", f"{root}/api/{collection.name}/{written.key}".encode()))
        if written.body is None:
            return _answer(status, _key_alone(collection, written).encode(), headers)
        etag = records.etag_of(collection.name, written, actor)
        headers.append((b"etag", etag.encode()))
        return _answer(status, written.body.encode(), headers)

    async def _body(self, scope: Scope, receive: Receive, types: tuple[bytes, ...]) -> Any:
        settings = self.host.settings
        length = _header(scope, b"content-length")
        if length is not None and is_longer(length, settings.body_limit):
            raise body_too_large(settings.body_limit)
        encoding = _header(scope, b"content-encoding") or "identity"
        if encoding.strip().lower() != "identity":
            raise UnsupportedMediaType(
                "body.type",
                f"The body is packed with {encoding[:40]}; this call takes it as it is.",
                hint="Leave `Content-Encoding` out and send plain JSON.",
            )
        given = (_header(scope, b"content-type") or "").partition(";")[0].strip().lower()
        if given.encode("latin-1", "replace") not in types:
            said = " or ".join(t.decode() for t in types)
            raise UnsupportedMediaType(
                "body.type",
                f"The body is {given or 'of no named type'}; this call takes {said}.",
                hint="With curl: curl --json '{…}' URL",
            )
        return read_json(await read_body(receive, settings.body_limit), settings.json_depth)


def is_longer(content_length: str, limit: int) -> bool:
    """Whether a `Content-Length` announces more than `limit` bytes."""
    digits = content_length.strip()
    return digits.isdecimal() and (len(digits) > 18 or int(digits) > limit)


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body; raises `TooLarge` as soon as it is longer than `limit`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise BadRequest("body.incomplete", "The body ended too early.")
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        return body
    chunks, size = [body], len(body)
    while message.get("more_body", False):
        if size > limit:
            raise body_too_large(limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("body.incomplete", "The body ended too early.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > limit:
        raise body_too_large(limit)
    return b"".join(chunks)


def body_too_large(limit: int) -> TooLarge:
    """The error for a body of more than `limit` bytes."""
    return TooLarge(
        "body.too_large",
        f"The body is larger than {limit} bytes.",
        hint="Send less at once; the limit is STANCHION_BODY_LIMIT.",
    )


def _key(raw: bytes) -> str:
    """The key of a path segment; what is no UTF-8 can be no key."""
    if b"%" in raw:
        raw = unquote_to_bytes(raw)
    return raw.decode("utf-8", "replace")


def _key_alone(collection: Collection, written: Written) -> str:
    return f'{{"{collection.key[0]}":"{written.key}"}}'


def _header(scope: Scope, wanted: bytes) -> str | None:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value.decode("latin-1"))
    return None


def _digested(scope: Scope, body: bytes) -> Answer:
    """The answer to a read whose ETag is a digest of the body."""
    return _tagged(scope, f'"{sha256(body).hexdigest()[:22]}"', body)


def _tagged(scope: Scope, etag: str, body: bytes) -> Answer:
    """The answer to a read; 304 where the caller has it already."""
    tag = (b"etag", etag.encode())
    for name, value in scope["headers"]:
        if name == b"if-none-match" and _names_tag(value, tag[1]):
            return 304, [tag, VARY], b""
    return 200, [JSON, (b"content-length", b"%d" % len(body)), tag, VARY, NOSNIFF], body


def _names_tag(given: bytes, tag: bytes) -> bool:
    """Whether an `If-None-Match` names this ETag, weak or not, or any."""
    tags = [one.strip().removeprefix(b"W/") for one in given.split(b",")]
    return tag in tags or tags == [b"*"]


def _answer(status: int, body: bytes, more: Headers) -> Answer:
    headers = [JSON, (b"content-length", b"%d" % len(body)), VARY, NOSNIFF, *more]
    return status, headers, body


_COLLECTION_ROUTES = {
    "GET": Dispatcher._list, "HEAD": Dispatcher._list, "POST": Dispatcher._create
}  # fmt: skip
_RECORD_ROUTES = {
    "GET": Dispatcher._one, "HEAD": Dispatcher._one,
    "PATCH": Dispatcher._patch, "DELETE": Dispatcher._delete,
}  # fmt: skip
_AGGREGATE_ROUTES = {"GET": Dispatcher._aggregate, "HEAD": Dispatcher._aggregate}
