"""Answer a request of the generated API with pipelines that somebody looks on at.

In: an `explain.Request`.   Out: the way to answer it, as `explain_request` takes it.
The dispatcher judges it as it judges every request. The app's own middleware stays outside: it
may do things that cannot be taken back.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from ..errors import MethodNotAllowed, Problem
from ..explain import Answer, Request
from ..query import Actor
from ..records import Records
from ..runtime import Runtime
from ..settings import Settings
from .asgi import Receive, Scope, Send
from .dispatch import Dispatcher
from .problem import render


class _Host:
    """The running app as one caller finds it."""

    limiter = None  # what is only explained has not happened

    def __init__(self, runtime: Runtime, records: Records, actor: Actor) -> None:
        self._runtime = runtime
        self._records = records
        self._actor = actor

    @property
    def settings(self) -> Settings:
        return self._runtime.settings

    async def records(self) -> Records:
        return self._records

    async def identify(self, scope: Scope, *, keys: bool = False) -> Actor:
        return self._actor

    def refused(self, scope: Scope, problem: Problem) -> None:
        """Nothing was asked, and so nothing refused."""


def is_generated(path: str, runtime: Runtime) -> bool:
    """Whether a path is one of the data API, whatever is answered there."""
    first = path.removeprefix("/api/").partition("/")[0]
    known = first in runtime.model.schema.collection or first in ("_batch", "_schema")
    return path.startswith("/api/") and known


def answer_with(
    request: Request, runtime: Runtime
) -> Callable[[Records, Actor], Awaitable[Answer]]:
    """The way to answer `request`."""

    async def answer(records: Records, actor: Actor) -> Answer:
        sent: list[Any] = []

        async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
            problem = dispatcher.refusal(scope)
            assert problem is not None, "is_generated looked at the path"
            status, headers, body = render(problem)
            if scope["method"] == "OPTIONS" and isinstance(problem, MethodNotAllowed):
                status, headers, body = 204, [h for h in headers if h[0] == b"allow"], b""
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        async def send(message: Any) -> None:
            sent.append(message)

        dispatcher = Dispatcher(_Host(runtime, records, actor), records.schema, nowhere)
        body = request.sent
        if body is None:
            body = json.dumps(request.body).encode() if request.has_body else b""
        await dispatcher(_scope(request, body), _receiver(body), send)
        return _answer(sent)

    return answer


def _scope(request: Request, body: bytes) -> Scope:
    headers = {"host": "localhost", **request.headers, "content-length": str(len(body))}
    headers = {k: v for k, v in headers.items() if k.lower() != "accept-encoding"}  # to be read
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": request.method, "path": unquote(request.path), "root_path": "",
        "raw_path": request.path.encode(), "query_string": request.query.encode(),
        "headers": [(k.encode(), v.encode("latin-1", "replace")) for k, v in headers.items()],
        "client": None, "server": None, "stanchion.request": "explain",
    }  # fmt: skip


def _receiver(body: bytes) -> Receive:
    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _answer(sent: list[Any]) -> Answer:
    text = b"".join(message.get("body", b"") for message in sent[1:])
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, json.loads(text) if text else None)
