"""A WebSocket of the app, told when the server stops.

In: the server's `receive` and `send`.   Out: those for the app.
Every open socket is closed with 1001 (going away), so that a client knows that it may connect
again; the app sees `websocket.disconnect`, as when a client leaves. One that was not accepted yet
is refused. Called by front.
"""

from __future__ import annotations

import asyncio

from ..drain import Drain
from .asgi import ASGIApp, Message, Receive, Scope, Send

GOING_AWAY = 1001
GONE: Message = {"type": "websocket.disconnect", "code": GOING_AWAY, "reason": ""}
CLOSE: Message = {"type": "websocket.close", "code": GOING_AWAY, "reason": ""}


class SocketGone(OSError):
    """The app sent on a WebSocket that the end of the server had closed. Starlette makes a
    `WebSocketDisconnect` of an `OSError`."""


class Socket:
    """One WebSocket, from the first message to the last."""

    def __init__(self, receive: Receive, send: Send, drain: Drain) -> None:
        self._receive = receive
        self._send = send
        self._drain = drain
        self._closed = False
        self._waiting: asyncio.Timeout | None = None
        self._closing: asyncio.Task[None] | None = None

    async def serve(self, app: ASGIApp, scope: Scope) -> None:
        """Let `app` answer, and close the socket if the server stops meanwhile."""
        if self._drain.begun:
            return await self._send(CLOSE)
        untell = self._drain.tell(self._end)
        self._drain.open += 1
        try:
            await app(scope, self.receive, self.send)
        finally:
            if self._closing is not None:
                await self._closing  # the server closes without a code once we return
            self._drain.open -= 1
            untell()

    def _end(self) -> None:
        if self._waiting is not None:
            self._waiting.reschedule(0)  # the server does not close while somebody waits for it
        self._closing = asyncio.ensure_future(self._close())

    async def _close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._send(CLOSE)

    async def receive(self) -> Message:
        if self._closing is not None:
            return GONE
        try:
            async with asyncio.timeout(None) as self._waiting:
                return await self._receive()
        except TimeoutError:
            return GONE
        finally:
            self._waiting = None

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            if not self._closed:
                self._closed = True
                await self._send(message)
        elif self._closing is not None:
            raise SocketGone("the server is stopping")
        else:
            await self._send(message)
