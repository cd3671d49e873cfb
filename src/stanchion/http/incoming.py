"""What comes in on one request after its headers: the body, then the news that the client left.

In: the server's `receive`.   Out: a `receive` for the app.
Refuses: a body of unknown length that grows too large (413), one that does not arrive (408).

When the server stops, an event stream is told that its client left: it never ends by itself, and
the client connects again, to the next server.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..drain import Drain
from ..errors import Problem, RequestTimeout
from .asgi import Message, Receive
from .body_in import body_too_large
from .outgoing import Outgoing

LOOK_S = 0.05
LEFT: Message = {"type": "http.disconnect"}


class Incoming:
    """The receiving side of one request."""

    __slots__ = (
        "_complete", "_drain", "_ends", "_outgoing", "_receive", "_scope", "_size", "counted",
        "seconds",
    )  # fmt: skip

    def __init__(self, receive: Receive, drain: Drain, outgoing: Outgoing) -> None:
        self._receive = receive
        self._drain = drain
        self._outgoing = outgoing
        self._complete = False
        self._ends = 0.0
        self._scope: asyncio.Timeout | None = None
        self._size = 0
        self.counted = 0  # bytes of a body of unknown length; 0: the headers were judged
        self.seconds = 0  # for the whole body; 0: there is none to wait for

    async def receive(self) -> Any:
        """The next part of the body; after the last one, waits until the client is gone."""
        if self._complete:
            return await self._until_left()
        message = await (self._timed() if self.seconds else self._receive())
        self._complete = not message.get("more_body", False)
        if self.counted:
            self._size += len(message.get("body", b""))
            if self._size > self.counted:
                problem = body_too_large(self.counted)
                await self._refuse(problem)
                raise problem
        return message

    def _look_again(self) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(0)

    async def _timed(self) -> Any:
        """A part of the body, within the time that all of it has."""
        if not self._ends:
            self._ends = asyncio.get_running_loop().time() + self.seconds
        try:
            async with asyncio.timeout_at(self._ends):
                return await self._receive()
        except TimeoutError:
            problem = RequestTimeout(
                "body.timeout",
                f"The body did not arrive within {self.seconds} s.",
                hint="Send it at once, on a faster connection or in smaller parts; the limit is "
                "STANCHION_BODY_TIMEOUT_S.",
            )
            await self._refuse(problem)
            raise problem from None

    async def _refuse(self, problem: Problem) -> None:
        """Answer, and let go of the connection, which the server closes once nobody holds it.

        NOTE: the error's traceback holds whoever called us until garbage is collected.
        """
        await self._outgoing.refuse_unanswered(problem)
        self._receive = _left

    async def _until_left(self) -> Any:
        untell = self._drain.tell(self._look_again)
        try:
            while not (self._drain.begun and self._outgoing.streams()):
                try:
                    # while the server stops, an answer may still turn out to be a stream
                    seconds = LOOK_S if self._drain.begun else None
                    async with asyncio.timeout(seconds) as self._scope:
                        return await self._receive()
                except TimeoutError:
                    continue
            return LEFT
        finally:
            self._scope = None
            untell()


async def _left() -> Message:
    return LEFT
