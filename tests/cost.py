"""What a piece of work costs in processor time, which other processes do not add to."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


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
