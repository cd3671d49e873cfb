"""The server with a fault planted in it, to show that a drill can fail: not a part of the product.

python drills/planted.py FAULT serve ...
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stanchion.engines.sqlite import connection, writer


def unsynced() -> None:
    """`synchronous=OFF`: nothing is ever synced."""
    _synchronous("off", 0)


def rarely_synced() -> None:
    """`synchronous=NORMAL`: synced at checkpoints only, as many recommend."""
    _synchronous("normal", 1)


def early_answer() -> None:
    """Answered when the work is done; committed a moment later, as a write-behind cache does."""
    commit: Callable[..., None] = writer.Writer._commit

    def answer_first(self: Any, done: list[Any]) -> None:
        writer._answer(done)
        time.sleep(0.02)
        commit(self, done)

    writer.Writer._commit = answer_first  # type: ignore[method-assign]


def deaf() -> None:
    """A failed fsync is taken for a success."""
    end: Callable[..., Any] = writer.Writer._end

    def forgive(self: Any, text: str) -> Any:
        try:
            return end(self, text)
        except writer.Unknowable:
            return None

    writer.Writer._end = forgive  # type: ignore[method-assign]


def _synchronous(value: str, reads: int) -> None:
    planted = tuple(
        replace(pragma, value=value, reads=reads) if pragma.name == "synchronous" else pragma
        for pragma in connection.WRITER_PRAGMAS
    )
    setattr(connection, "WRITER_PRAGMAS", planted)  # noqa: B010  # its type has a fixed length


FAULTS = {
    "unsynced": unsynced,
    "rarely-synced": rarely_synced,
    "early-answer": early_answer,
    "deaf": deaf,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    sys.argv[1:] = sys.argv[2:]
    from stanchion.cli import main

    main()
