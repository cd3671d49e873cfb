"""The reading routes of the data API.

In: a request for a collection, a record, groups or the schema.   Out: an `Answer` with its ETag.
`records` does the work, problems are left to the dispatcher.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256

from ..errors import BadRequest
from ..plan.describe import LIMITS
from ..query import Actor
from ..schema import Collection
from .asgi import NOSNIFF, Answer, Headers, Receive, Scope
from .exchange import JSON, VARY, Host, keeping, key_of
from .packing import PACKED_FROM, asks_for_gzip, vary
from .parameters import MOST, aggregate_query, list_query, one_query, refuse_parameters


class Reads:
    """Answers the reading routes. `receive` is there for who takes a body."""

    def __init__(self, host: Host) -> None:
        self.host = host

    async def list(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self.host.records(), await self.host.identify(scope, keys=True)
        ask = list_query(
            collection, scope["query_string"], lambda: records.visible(collection.name, actor)
        )
        page = await records.read_list(ask, actor)
        following = "null" if page.next is None else f'"{page.next}"'
        total = "" if page.total is None else f',"total":{page.total}'
        items = ",".join(page.items)
        body = f'{{"items":[{items}],"next":{following}{total}}}'.encode()
        return _digested(scope, actor, self._sendable(body))

    async def one(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self.host.records(), await self.host.identify(scope, keys=True)
        ask = one_query(
            collection,
            key_of(rest),
            scope["query_string"],
            lambda: records.visible(collection.name, actor),
        )
        one = await records.read_one(ask, actor)
        return _tagged(scope, actor, one.etag, self._sendable(one.body.encode()))

    def _sendable(self, body: bytes) -> bytes:
        """The body, unless it is so large that clients who do not read would fill the memory: see
        docs/decisions/006-the-spine.md, "Clients that do not read"."""
        limit = self.host.settings.answer_limit
        if len(body) > limit:
            raise BadRequest(
                "query.too_much",
                f"The answer would be {len(body)} bytes; {limit} at most.",
                hint="Ask for less at once: a smaller `limit`, fewer `fields`, less `expand`.",
            )
        return body

    async def aggregate(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        records, actor = await self.host.records(), await self.host.identify(scope, keys=True)
        ask = aggregate_query(
            collection, scope["query_string"], lambda: records.visible(collection.name, actor)
        )
        groups = await records.aggregate(ask, actor)
        items = ",".join(groups.items)
        more = ',"more":true' if groups.more else ""
        return _digested(scope, actor, f'{{"items":[{items}]{more}}}'.encode())

    async def schema(self, collection: None, rest: bytes, scope: Scope, receive: Receive) -> Answer:
        refuse_parameters(scope["query_string"])
        records, actor = await self.host.records(), await self.host.identify(scope, keys=True)
        described = {**records.describe(actor), "limits": self._limits()}
        text = json.dumps(described, ensure_ascii=False, separators=(",", ":"))
        return _digested(scope, actor, text.encode())

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


def _quickest_digest() -> Callable[[bytes], str]:
    """128 bits that stand for a body: XXH3, or SHA-256 on a platform that xxhash is not built for.

    SHA-256 takes 6 us for a list of 30 records and 38 for 200, a tenth of the whole answer; XXH3
    takes 0.2 and 1.1. What an ETag needs is that no two bodies meet by chance. Who could make them
    meet on purpose, and what for: docs/decisions/006-the-spine.md, "The ETag of a list is XXH3, not
    SHA-256".
    """
    try:
        from xxhash import xxh3_128_hexdigest
    except ImportError:
        return lambda body: sha256(body).hexdigest()[:32]
    quickest: Callable[[bytes], str] = xxh3_128_hexdigest
    return quickest


_digest = _quickest_digest()


def _digested(scope: Scope, actor: Actor, body: bytes) -> Answer:
    """The answer to a read whose ETag is a digest of the body."""
    return _tagged(scope, actor, f'"{_digest(body)}"', body)


def _tagged(scope: Scope, actor: Actor, etag: str, body: bytes) -> Answer:
    """The answer to a read; 304 where the caller has it already."""
    tag = (b"etag", etag.encode())
    for name, value in scope["headers"]:
        if name == b"if-none-match" and _names_tag(value, tag[1]):
            return 304, _known(scope, [tag, VARY, keeping(actor), NOSNIFF], body), b""
    length = (b"content-length", b"%d" % len(body))
    return 200, [JSON, length, tag, VARY, keeping(actor), NOSNIFF], body


def _known(scope: Scope, headers: Headers, body: bytes) -> Headers:
    """The headers of a 304: the tag, and what it varies by, of the 200 that it stands for."""
    if len(body) < PACKED_FROM:
        return headers
    return vary(headers, packs=asks_for_gzip(scope))


def _names_tag(given: bytes, tag: bytes) -> bool:
    """Whether an `If-None-Match` names this ETag, weak or not, or any."""
    tags = [one.strip().removeprefix(b"W/") for one in given.split(b",")]
    return tag in tags or tags == [b"*"]
