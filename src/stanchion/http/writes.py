"""The writing routes of the data API.

In: a request for a collection or a record.   Out: an `Answer`.
Bodies are read here, `records` does the work, problems are left to the dispatcher.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from ..errors import BadRequest, TooLarge
from ..query import Actor, Conditions, Wish, WriteQuery
from ..records import Records
from ..schema import Collection
from ..store.door import Written
from ..store.idempotency import Reply
from .asgi import NO_STORE, NOSNIFF, Answer, Headers, Receive, Scope, listed_header
from .batch_in import NO_VERSION, batch_steps
from .body_in import json_body
from .exchange import VARY, Host, json_answer, key_of
from .keys_in import once_of
from .limited import LimitedWrites
from .parameters import refuse_parameters

PATCH_TYPES = (b"application/json", b"application/merge-patch+json")
CREATE_TYPES = (b"application/json",)
CONDITIONS = {b"if-match": "If-Match", b"if-none-match": "If-None-Match"}
REPLAYED = (b"idempotent-replayed", b"true")


class Writes:
    """Answers the writing routes."""

    def __init__(self, host: Host, collections: dict[bytes, Collection]) -> None:
        self.host = host
        self.collections = collections
        self.limited = LimitedWrites.of(host, collections.values())

    async def create(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        _refuse_conditions(scope, "PUT /api/{collection}/{id} honours them.")
        wire = await json_body(self.host.settings, scope, receive, CREATE_TYPES)
        many = isinstance(wire, list)
        bodies = wire if many else [wire]
        if len(bodies) > self.host.settings.array_limit:
            raise TooLarge(
                "body.too_many",
                f"The array holds {len(bodies)} records; {self.host.settings.array_limit} at most.",
                hint="Send it in parts.",
            )
        ask = WriteQuery("create", collection.name, bodies=tuple(bodies), many=many)
        return await self._write(ask, scope, wire)

    async def patch(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        wire = await json_body(self.host.settings, scope, receive, PATCH_TYPES)
        return await self._write(_asked("update", collection, rest, scope, wire), scope, wire)

    async def put(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        wire = await json_body(self.host.settings, scope, receive, CREATE_TYPES)
        return await self._write(_asked("put", collection, rest, scope, wire), scope, wire)

    async def delete(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        return await self._write(_asked("delete", collection, rest, scope), scope, None)

    async def _write(self, ask: WriteQuery, scope: Scope, wire: Any) -> Answer:
        """Write, and answer; under an `Idempotency-Key` with the first answer that it was given."""
        records, actor = await self.host.records(), await self.host.identify(scope, keys=True)
        left = [] if self.limited is None else await self.limited.count(scope, actor, (ask,))
        once = once_of(scope, actor, wire)
        request = scope.get("stanchion.request", "")
        reply = partial(_reply, records, ask, actor, scope.get("root_path", ""))
        if once is None:
            return _answered(reply(await records.write(ask, actor, request)), left)
        return _answered(await records.write_once(ask, actor, request, once, reply), left)

    async def batch(self, collection: None, rest: bytes, scope: Scope, receive: Receive) -> Answer:
        """Several writes, all of them or none."""
        refuse_parameters(scope["query_string"])
        _refuse_conditions(scope, "A step names its own version: `if_match`.")
        wire = await json_body(self.host.settings, scope, receive, CREATE_TYPES)
        asks = batch_steps(wire, self.host.settings.array_limit, self.collections)
        records, actor = await self.host.records(), await self.host.identify(scope, keys=True)
        left = [] if self.limited is None else await self.limited.count(scope, actor, asks)
        once = once_of(scope, actor, wire)
        request = scope.get("stanchion.request", "")
        root = scope.get("root_path", "")

        def reply(written: list[list[Written]]) -> Reply:
            done = [
                _reply(records, ask, actor, root, each)
                for ask, each in zip(asks, written, strict=True)
                if isinstance(ask, WriteQuery)
            ]
            return Reply(200, (), b'{"items":[%s]}' % b",".join(map(_item, done)))

        return _answered(await records.write_batch(asks, actor, request, once, reply), left)


def _reply(
    records: Records, ask: WriteQuery, actor: Actor, root: str, written: list[Written]
) -> Reply:
    """The answer to a write; the key alone, and no ETag, where the caller may not read it."""
    if ask.operation == "delete":
        return Reply(204, (), b"")
    collection = records.schema.collection[ask.collection]
    if ask.many:
        items = ",".join(w.body or _key_alone(collection, w) for w in written)
        return Reply(201, (), ('{"items":[' + items + "]}").encode())
    (one,) = written
    headers: list[tuple[str, str]] = []
    if one.created:
        headers.append(("location", f"{root}/api/{ask.collection}/{one.key}"))
    status = 201 if one.created else 200
    if one.body is None:
        return Reply(status, tuple(headers), _key_alone(collection, one).encode())
    headers.append(("etag", records.etag_of(ask.collection, one, actor)))
    return Reply(status, tuple(headers), one.body.encode())


def _item(reply: Reply) -> bytes:
    """What a batch says of one step."""
    etag = dict(reply.headers).get("etag")
    said = "null" if etag is None else json.dumps(etag)
    start = f'{{"status":{reply.status},"etag":{said},"body":'.encode()
    return start + (reply.body or b"null") + b"}"


def _answered(reply: Reply, left: Headers) -> Answer:
    more = [*left, *((name.encode(), value.encode()) for name, value in reply.headers)]
    if reply.replayed:
        more.append(REPLAYED)
    if reply.status == 204:
        return 204, [VARY, NO_STORE, *more, NOSNIFF], b""
    return json_answer(reply.status, reply.body, more)


def _key_alone(collection: Collection, written: Written) -> str:
    return f'{{"{collection.key[0]}":"{written.key}"}}'


def _refuse_conditions(scope: Scope, hint: str) -> None:
    """Refuse what a `POST` cannot honour: whoever sends it believes to be protected by it. See
    docs/decisions/006-the-spine.md, "Conditions on a `POST`"."""
    for name, _ in scope["headers"]:
        if name in CONDITIONS:
            said = CONDITIONS[name]
            raise BadRequest(
                "request.condition", f"`{said}` has no meaning here: {NO_VERSION}", hint=hint
            )


def _asked(
    operation: Wish, collection: Collection, rest: bytes, scope: Scope, *bodies: Any
) -> WriteQuery:
    """What is asked of one record, with the conditions that the headers name."""
    return WriteQuery(
        operation,
        collection.name,
        key_of(rest),
        bodies,
        conditions=Conditions(
            listed_header(scope, b"if-match"), listed_header(scope, b"if-none-match")
        ),
    )
