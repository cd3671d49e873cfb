"""Run a handler and notice when it keeps the event loop.

In: its coroutine.   Out: what it returns, and a word about its longest step, if that was long.
Called by trying. What runs between two awaits of the handler is measured by itself, so nobody is
blamed for what another one did.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

LONG_S = 0.2
"""Seconds at which requests of the same process are turned away by default, see `overload_ms`."""


@types.coroutine
def paced(
    coroutine: Coroutine[Any, Any, object], tell: Callable[[float], None]
) -> Generator[Any, Any, object]:
    """Await the coroutine, step by step; `tell` is given the seconds of the first long one."""
    give: Callable[[Any], Any] = coroutine.send
    value: Any = None
    told = False
    while True:
        begun = time.perf_counter()
        try:
            wanted = give(value)
        except StopIteration as end:
            return end.value
        finally:
            took = time.perf_counter() - begun
            if took >= LONG_S and not told:
                told = True
                tell(took)
        try:
            value = yield wanted
            give = coroutine.send
        except BaseException as error:  # a cancellation for example: it is the handler's
            value, give = error, coroutine.throw
