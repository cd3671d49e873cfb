"""Requests that come at the same moment: each on a thread of its own, let go together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60


def together(count: int, call: Callable[[int], T]) -> list[T]:
    """What `call` gives for each number below `count`; none of them begins before all are there."""
    gate = Barrier(count)

    def wait_and_call(number: int) -> T:
        gate.wait(PATIENCE_S)
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_call, range(count)))
