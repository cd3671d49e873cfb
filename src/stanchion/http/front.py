"""The outermost layer: every request passes here first, and every answer last.

It gives a request its id, refuses what is too large before anything reads it, turns what nobody
caught into a 500 that tells nothing, and emits the events that logs and metrics render.
"""

from __future__ import annotations

import itertools
import os
import time

from .. import clock, events
from ..errors import BadRequest, InternalError, Problem, TooLarge
from ..settings import Settings
from .dispatch import ASGIApp, Receive, Scope, Send
from .problem import render


class Front:
    """The ASGI application that the server calls."""

    def __init__(self, settings: Settings, app: ASGIApp) -> None:
        self.settings = settings
        self.app = app
        self._prefix = ""
        self._pid = 0
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = time.perf_counter_ns()
        request = scope["stanchion.request"] = self._request_id()
        header = (b"x-request-id", request.encode())
        status = sent = 0

        async def answer(message: Scope) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            problem = self._refusal(scope)
            if problem is None:
                await self.app(scope, receive, answer)
            else:
                await _send(problem, answer)
        except Exception as error:  # the server loop: whatever nobody caught ends here
            events.emit(events.RequestFailed(request, scope["method"], scope["path"], error))
            if status:
                raise
            await _send(_unexpected(request), answer)
        finally:
            events.emit(
                events.RequestDone(
                    time.time_ns(), request, scope["method"], scope["path"], status,
                    (time.perf_counter_ns() - started) // 1000, sent,
                )  # fmt: skip
            )

    def _request_id(self) -> str:
        """Unique across processes, ordered within one, and quick to make."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._prefix = "r_" + clock.uuid7().replace("-", "")[4:20]
        return f"{self._prefix}{next(self._numbers):06x}"

    def _refusal(self, scope: Scope) -> Problem | None:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        if len(path) + len(scope["query_string"]) > self.settings.url_limit:
            return TooLarge(
                "request.url", f"The URL is longer than {self.settings.url_limit} bytes."
            )
        size = hosts = 0
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"host":
                hosts += 1
        if size > self.settings.header_limit:
            return TooLarge(
                "request.headers", f"The headers are larger than {self.settings.header_limit} bytes."
            )
        if hosts != 1 and scope.get("http_version", "1.1") == "1.1":
            return BadRequest("request.host", "A request names exactly one Host.")
        return None


async def _send(problem: Problem, send: Send) -> None:
    status, headers, body = render(problem)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _unexpected(request: str) -> InternalError:
    return InternalError(
        "server.error",
        "The server failed at this request. Nothing is known to be wrong with the request.",
        hint=f"The server's log tells more under the request id {request}.",
        extra={"request": request},
    )
