"""What a piece of work costs in processor time, which other processes do not add to."""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import inf


class Cost:
    """Seconds of all threads of this process, known after the block."""

    seconds: float = float("nan")


@contextmanager
def counted() -> Iterator[Cost]:
    """Count a block. What other tests left behind is collected first, and not within it."""
    cost = Cost()
    gc.collect()
    gc.disable()
    began = time.process_time()
    try:
        yield cost
    finally:
        cost.seconds = time.process_time() - began
        gc.enable()


async def ratio_of(
    first: Callable[[], Awaitable[None]], second: Callable[[], Awaitable[None]], rounds: int
) -> float:
    """What the second piece of work costs against the first, in processor time of this thread. They
    take turns, and each counts at its quickest: what else the machine does makes both slower."""
    least = [inf, inf]
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for place, work in enumerate((first, second)):
                began = time.thread_time()
                await work()
                least[place] = min(least[place], time.thread_time() - began)
    finally:
        gc.enable()
    return least[1] / least[0]
