"""The writing routes of the data API.

In: a request for a collection or a record.   Out: an `Answer`.
Bodies are read here, `records` does the work, problems are left to the dispatcher.
"""

from __future__ import annotations

from typing import Any

from ..errors import TooLarge
from ..query import Actor, Wish, WriteQuery
from ..records import Records
from ..schema import Collection
from ..store.door import Written
from .body_in import json_body
from .exchange import VARY, Answer, Host, Receive, Scope, header, json_answer, key_of
from .parameters import refuse_parameters
from .problem import Headers

PATCH_TYPES = (b"application/json", b"application/merge-patch+json")
CREATE_TYPES = (b"application/json",)


class Writes:
    """Answers the writing routes; the part of the dispatcher that needs a body."""

    host: Host

    async def _caller(self, scope: Scope) -> tuple[Records, Actor]:
        return await self.host.records(), await self.host.identify(scope)

    async def _create(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        wire = await json_body(self.host.settings, scope, receive, CREATE_TYPES)
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
            return json_answer(201, ('{"items":[' + items + "]}").encode(), [])
        return self._written(
            records, collection, written[0], actor, 201, scope.get("root_path", "")
        )

    async def _patch(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        wire = await json_body(self.host.settings, scope, receive, PATCH_TYPES)
        records, actor = await self._caller(scope)
        ask = _asked("update", collection, rest, scope, wire)
        written = await records.write(ask, actor, scope.get("stanchion.request", ""))
        return self._written(records, collection, written[0], actor, 200)

    async def _put(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        wire = await json_body(self.host.settings, scope, receive, CREATE_TYPES)
        records, actor = await self._caller(scope)
        ask = _asked("put", collection, rest, scope, wire)
        (written,) = await records.write(ask, actor, scope.get("stanchion.request", ""))
        status = 201 if written.created else 200
        return self._written(
            records, collection, written, actor, status, scope.get("root_path", "")
        )

    async def _delete(
        self, collection: Collection, rest: bytes, scope: Scope, receive: Receive
    ) -> Answer:
        refuse_parameters(scope["query_string"])
        records, actor = await self._caller(scope)
        ask = _asked("delete", collection, rest, scope)
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
            return json_answer(status, _key_alone(collection, written).encode(), headers)
        etag = records.etag_of(collection.name, written, actor)
        headers.append((b"etag", etag.encode()))
        return json_answer(status, written.body.encode(), headers)


def _key_alone(collection: Collection, written: Written) -> str:
    return f'{{"{collection.key[0]}":"{written.key}"}}'


def _asked(
    operation: Wish, collection: Collection, rest: bytes, scope: Scope, *bodies: Any
) -> WriteQuery:
    """What is asked of one record, with the conditions that the headers name."""
    return WriteQuery(
        operation,
        collection.name,
        key_of(rest),
        bodies,
        if_match=header(scope, b"if-match"),
        if_none_match=header(scope, b"if-none-match"),
    )
