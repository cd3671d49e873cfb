"""Routes of an app that say `idempotent=True`, under an `Idempotency-Key`.

In: a request and the route's own handler.   Out: its answer, or the first one of this key.
Refuses what `keys_in` refuses, and an answer that is a stream: it could not be kept.
The commit of the route's `app.transaction()`, in it or in a dependency, waits until its answer is
there, and both are written together. An error that leaves the route, or an answer of 500 and
above, takes everything back.
"""

from __future__ import annotations

from fastapi import Request, Response

from ..declare.once import Handler
from ..errors import StanchionError, Unavailable
from ..runtime import Runtime
from ..store.held import answering, enter
from ..store.idempotency import Once, Reply
from ..transaction import AnsweredBefore, drop_answer, keep_answer
from .keys_in import once

KEPT_HEADERS = ("content-type", "location", "etag")


class AnswerIsAStream(StanchionError):
    """An idempotent route answered with a stream: a mistake in the app."""

    def __init__(self) -> None:
        super().__init__("an idempotent route answers with a whole body, not with a stream")


async def answer_once(request: Request, answer: Handler) -> Response:
    """The answer of the route; the first one where this key was answered before."""
    runtime: Runtime = request.app.runtime
    actor = await runtime.identify(request.scope, keys=True)  # the route itself says who may
    given = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    key = once(request.scope, given, actor, await request.body())
    first = await (await runtime.records()).first_answer(key)
    if first is not None:
        return _response(first)
    route = answering()
    assert route is not None, "http/settled is around every route"
    route.once = key
    try:
        response = await answer(request)
        if response.status_code < 500:
            await keep_answer(route, key, _reply(response, kept=bool(route.open())))
    except AnsweredBefore as before:
        return _response(before.reply)
    except Unavailable as refused:
        twin = await _twin_of(refused, runtime, key)
        if twin is None:
            raise
        return _response(twin)
    finally:
        route.once = None
        if route.opened:
            enter(None)
        await drop_answer(route)
    return response


async def _twin_of(refused: Unavailable, runtime: Runtime, key: Once) -> Reply | None:
    """The answer of the request with the same key that was quicker, on an engine whose
    transactions do not wait for each other."""
    if refused.code != "transaction.conflict":
        return None
    return await (await runtime.records()).first_answer(key)


def _reply(response: Response, *, kept: bool) -> Reply:
    body = getattr(response, "body", None)
    if body is None and kept:
        raise AnswerIsAStream
    headers = tuple((n, response.headers[n]) for n in KEPT_HEADERS if n in response.headers)
    return Reply(response.status_code, headers, bytes(body or b""))


def _response(reply: Reply) -> Response:
    headers = {**dict(reply.headers), "idempotent-replayed": "true"}
    return Response(reply.body, reply.status, headers)
