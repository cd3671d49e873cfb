"""The outermost layer: every request passes here first, and every answer last.

It gives a request its id, refuses what is too large before anything reads it, turns what nobody
caught into a 500 that tells nothing, and emits the events that logs and metrics render. When the
server stops, it asks every client to connect anew, and ends event streams and WebSockets in good
order.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time

from .. import clock, events
from ..drain import Drain
from ..errors import BadRequest, InternalError, Problem, TooLarge
from ..runtime import CALLER, current_request
from ..settings import Settings
from .asgi import ASGIApp, Message, Receive, Scope, Send, announces_body, header
from .body_in import body_too_large, is_longer
from .browsers import Browsers
from .incoming import Incoming
from .outgoing import CLOSE, REQUEST_ID, Outgoing
from .overload import OVERLOADED, Overload
from .sockets import Socket

NOT_FROM_HERE: Message = {"type": "websocket.close", "code": 1008, "reason": ""}
"""Sent before a WebSocket was accepted, it is the status 403."""
ALIVE = ("/health", "/ready")  # a server that is busy is not one that is gone
REST_ANNOUNCED = 16_777_216
"""A refused body of at most so many bytes is taken to its end: clients read the answer then."""
REST_BYTES = 65_536
"""What is taken of one that is larger, or does not say how large it is."""
REST_SECONDS = 2
"""Why so: docs/decisions/006-the-spine.md, "What is read of a body that was refused"."""


class Front:
    """The ASGI application that the server calls."""

    def __init__(self, settings: Settings, app: ASGIApp, drain: Drain, *, sheds_load: bool) -> None:
        self.settings = settings
        self.drain = drain
        self.app = app
        self.browsers = Browsers(settings)
        self.overload = Overload(settings.overload_ms / 1000) if sheds_load else None
        self._prefix = ""
        self._pid = 0
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            if not self.browsers.may_connect(scope):
                return await send(NOT_FROM_HERE)
            return await Socket(receive, send, self.drain).serve(self.app, scope)
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = time.perf_counter_ns()
        overload = self.overload
        if overload is not None and overload.refuses(started) and scope["path"] not in ALIVE:
            return await self._turn_away(scope, send, started)
        request = scope["stanchion.request"] = self._request_id()
        current_request.set(request)  # for the change log of the app's own transactions
        drain = self.drain
        outgoing = Outgoing(scope, send, request, drain, self.browsers)
        incoming = Incoming(receive, drain, outgoing)
        problem: Problem | None = None
        drain.open += 1
        try:
            problem = self._judge(scope, incoming)
            answer = None if problem else self.browsers.preflight(scope)
            if problem is not None:
                await outgoing.refuse(problem)
            elif answer is not None:
                await outgoing.answer(answer)
            else:
                await self.app(scope, incoming.receive, outgoing.send)
                if drain.begun and outgoing.streams():
                    await outgoing.end()
        except Exception as error:  # the server loop: whatever nobody caught ends here
            if outgoing.refused:
                return  # by us, while the app still wanted to read
            events.emit(events.RequestFailed(request, scope["method"], scope["path"], error))
            if outgoing.status:
                raise
            await outgoing.refuse(_unexpected(request))
        finally:
            drain.open -= 1
            _tell(scope, request, started, outgoing.status, outgoing.sent)
        if problem is not None and problem.code == "body.too_large":
            await _take_rest(scope, receive)

    async def _turn_away(self, scope: Scope, send: Send, started: int) -> None:
        """Answer 503 before anything is made of the request: what this costs is taken from those
        that are served."""
        request = self._request_id()
        status, headers, body = OVERLOADED
        headers = self.browsers.dressed(scope, headers)
        headers.append((REQUEST_ID, request.encode()))
        if self.drain.begun or announces_body(scope):
            headers.append(CLOSE)  # what was not read of a body is not waited for
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        _tell(scope, request, started, status, len(body))

    def _request_id(self) -> str:
        """Unique across processes, ordered within one, and quick to make."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._prefix = "r_" + clock.uuid7().replace("-", "")[4:20]
        return f"{self._prefix}{next(self._numbers):06x}"

    def _judge(self, scope: Scope, incoming: Incoming) -> Problem | None:
        """What is wrong with a request before anything of it is read; and how to read it."""
        settings = self.settings
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        if len(path) + len(scope["query_string"]) > settings.url_limit:
            return TooLarge(
                "request.url",
                f"The URL is longer than {settings.url_limit} bytes.",
                hint="The limit is STANCHION_URL_LIMIT.",
            )
        size = hosts = 0
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"host":
                hosts += 1 if value else 2  # a server may put an empty one where there is none
            elif name == b"content-length":
                if is_longer(value.decode("latin-1"), settings.body_limit):
                    return body_too_large(settings.body_limit)
                if value != b"0":
                    incoming.seconds = settings.body_timeout_s
            elif name == b"transfer-encoding":
                incoming.counted = settings.body_limit
                incoming.seconds = settings.body_timeout_s
        if size > settings.header_limit:
            return TooLarge(
                "request.headers",
                f"The headers are larger than {settings.header_limit} bytes.",
                hint="The limit is STANCHION_HEADER_LIMIT.",
            )
        if hosts != 1 and scope.get("http_version", "1.1") == "1.1":
            return BadRequest("request.host", "A request names exactly one Host.")
        return None


async def _take_rest(scope: Scope, receive: Receive) -> None:
    """Take what a client still sends after its answer, within reason: many clients read the answer
    only when they have sent everything, and a closed connection would take it from them."""
    announced = header(scope, b"content-length")
    honest = announced is not None and not is_longer(announced, REST_ANNOUNCED)
    most = REST_ANNOUNCED if honest else REST_BYTES
    size = 0
    try:
        async with asyncio.timeout(REST_SECONDS):
            while size < most:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _tell(scope: Scope, request: str, started: int, status: int, sent: int) -> None:
    """Emit that a request was answered, for logs and metrics."""
    took = (time.perf_counter_ns() - started) // 1000
    caller = scope.get(CALLER) if 400 <= status < 500 else None
    done = events.RequestDone(
        time.time_ns(), request, scope["method"], scope["path"], status, took, sent,
        scope["query_string"], "" if caller is None or caller.record is None else caller.name,
    )  # fmt: skip
    events.emit(done)


def _unexpected(request: str) -> InternalError:
    return InternalError(
        "server.error",
        "The server failed at this request. Nothing is known to be wrong with the request.",
        hint=f"The server's log tells more under the request id {request}.",
        extra={"request": request},
    )
