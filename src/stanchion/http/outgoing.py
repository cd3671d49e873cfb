"""What goes out on one request: the answer, wherever it comes from, on its way to the server.

In: the messages of the app, or a problem in its place.   Out: the same on the server's `send`, with
the request's id; what a log line says of the answer.
Called by front, and by incoming where a body is refused after the headers were judged.
"""

from __future__ import annotations

from ..drain import Drain
from ..errors import Problem
from .asgi import Answer, Headers, Message, Scope, Send
from .browsers import Browsers
from .problem import render

CLOSE = (b"connection", b"close")
REQUEST_ID = b"x-request-id"
STREAM = b"text/event-stream"


class Outgoing:
    """The answer on its way out: its status, its size, and the request's id in its headers."""

    __slots__ = (
        "_bodiless", "_browsers", "_drain", "_ended", "_header", "_headers", "_scope", "_send",
        "refused", "sent", "status",
    )  # fmt: skip

    def __init__(
        self, scope: Scope, send: Send, request: str, drain: Drain, browsers: Browsers
    ) -> None:
        self._scope = scope
        self._send = send
        self._browsers = browsers
        self._drain = drain
        self._ended = False
        self._headers: Headers = []
        self._header = (REQUEST_ID, request.encode())
        self._bodiless = scope["method"] == "HEAD"
        self.refused = False
        self.status = 0
        self.sent = 0

    async def send(self, message: Message) -> None:
        """Pass a message of the app on; none after an answer of ours."""
        if self.refused:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = self._browsers.dressed(self._scope, message.get("headers", ()))
            headers.append(self._header)
            self._headers = message["headers"] = headers
            if self._drain.begun and CLOSE not in headers:
                headers.append(CLOSE)
        elif self._bodiless:
            message["body"] = b""
        else:
            self.sent += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)
        await self._send(message)

    def streams(self) -> bool:
        """Whether the answer has begun and is an event stream, which never ends by itself."""
        return any(
            name == b"content-type" and value.startswith(STREAM) for name, value in self._headers
        )

    async def end(self) -> None:
        """End the body of a stream that was told to end, so that its client sees no cut."""
        if not self._ended:
            await self.send({"type": "http.response.body", "body": b""})

    async def answer(self, answer: Answer) -> None:
        """Answer in the app's place."""
        status, headers, body = answer
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def refuse_unanswered(self, problem: Problem) -> None:
        """Answer in the app's place, unless it has begun to."""
        if not self.status:
            await self.refuse(problem)

    async def refuse(self, problem: Problem) -> None:
        """Tell what is wrong, in the app's place. What was not read of the request is not waited
        for."""
        status, headers, body = render(problem)
        await self.answer((status, [CLOSE, *headers], body))
        self.refused = True
        self._send = _nowhere  # a connection is closed once nobody holds it; tracebacks do


async def _nowhere(message: Message) -> None:
    """Where messages go after an answer of ours."""
