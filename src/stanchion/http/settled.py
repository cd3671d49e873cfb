"""No byte of an answer goes out before the transactions that its route opened have ended.

FastAPI closes what a dependency opened (`async with app.transaction() as tx: yield tx`) after the
answer was sent. A 2xx means that the data is on disk, so it is committed when the answer begins.
In: the app's routes.   Out: the same, inside of which `store/held.answering()` knows the request.
Refuses: an answer whose transaction could not be committed; the error is raised in its place.
"""

from __future__ import annotations

import asyncio

from ..store.held import Answering, begin_answer, end_answer
from ..transaction import NotCommitted, settle
from .asgi import ASGIApp, Message, Receive, Scope, Send


class Settled:
    """An ASGI application around the app's routes, inside everything that handles errors."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        route = Answering(asyncio.current_task())
        token = begin_answer(route)
        try:
            await self.app(scope, receive, _Answer(route, send).send)
        except NotCommitted as refused:
            raise refused.error from None
        finally:
            end_answer(token)


class _Answer:
    """The answer on its way out. Its start waits for the first part of its body where something
    was committed for it: a stream that wants the transaction still is an error then, no cut."""

    __slots__ = ("_route", "_send", "_start")

    def __init__(self, route: Answering, send: Send) -> None:
        self._route = route
        self._send = send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._route.opened and await settle(self._route):
                self._start = message
                return
        elif self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
        await self._send(message)
