"""`stanchion serve` with a guard taken away, to show that a row's check can fail: not a part of the
product.

    python tests/hostile/planted.py CHANGE[,CHANGE] serve ...
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from stanchion.engines.sqlite import slow
from stanchion.http import front, incoming
from stanchion.settings import Settings

serve: Any = import_module("stanchion.cli.serve")  # the package has a command of that name


def brisk() -> None:
    """No fault: headers have one second, so that a test need not wait for thirty."""
    serve.HEADER_TIMEOUT_MS = 1_000


def endless_headers() -> None:
    """Headers may take ten minutes."""
    serve.HEADER_TIMEOUT_MS = 600_000


def endless_bodies() -> None:
    """A body has all the time it wants."""

    async def receive(self: Any) -> Any:
        return await self._receive()

    incoming.Incoming._timed = receive  # type: ignore[method-assign]


def stalling() -> None:
    """The event loop stands still for each part of a body."""
    receive = incoming.Incoming.receive

    async def stall(self: Any) -> Any:
        time.sleep(0.04)
        return await receive(self)

    incoming.Incoming.receive = stall  # type: ignore[method-assign]


def few_connections() -> None:
    """A worker holds a hundred connections, and no more."""
    serve.CONNECTIONS = 100


def any_size() -> None:
    """Nobody counts the bytes of a body before it is whole."""
    receive = incoming.Incoming.receive

    async def uncounted(self: Any) -> Any:
        self.counted = 0
        return await receive(self)

    incoming.Incoming.receive = uncounted  # type: ignore[method-assign]
    setattr(front, "is_longer", lambda length, limit: False)  # noqa: B010
    init = Settings.__init__

    def unlimited(self: Any, **given: Any) -> None:
        init(self, **{**given, "body_limit": 1 << 40})

    Settings.__init__ = unlimited  # type: ignore[method-assign]


def no_deadline() -> None:
    """A read ends when it ends."""
    slow.LongReader._is_over = lambda self: False  # type: ignore[method-assign]


def any_host() -> None:
    """A request may name two hosts, or none."""
    judge: Callable[..., Any] = front.Front._judge

    def forgive(self: Any, scope: Any, coming: Any) -> Any:
        problem = judge(self, scope, coming)
        return None if problem is not None and problem.code == "request.host" else problem

    front.Front._judge = forgive  # type: ignore[method-assign]


CHANGES = {
    "brisk": brisk,
    "endless-headers": endless_headers,
    "endless-bodies": endless_bodies,
    "stalling": stalling,
    "few-connections": few_connections,
    "any-size": any_size,
    "no-deadline": no_deadline,
    "any-host": any_host,
}

if __name__ == "__main__":
    for name in sys.argv[1].split(","):
        CHANGES[name]()
    sys.argv[1:] = sys.argv[2:]
    from stanchion.cli import main

    main()
