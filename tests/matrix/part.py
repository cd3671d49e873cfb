"""Which cells are asked on the engine of the running test.

All of them on SQLite. Elsewhere `make test` asks one in sixteen, always the same ones, by a
checksum of what they are called, and besides those the first of each kind: of every caller each
way into each collection, and each way with each status. The tests that take one atom or one
judgement away are SQLite's there. All of it, everywhere:
`STANCHION_MATRIX=deep pytest tests/matrix`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from zlib import crc32

from tests.conformance import engines

from .ways import Cell

EVERY = 16


def part_of(cells: list[Cell]) -> list[Cell]:
    """Those that are asked here, and a line that says how many."""
    engine = engines.current()
    asked = cells if engines.WHOLE or engine == engines.SQLITE else list(sample(cells))
    print(f"{len(asked):,} of {len(cells):,} cells on {engine.name}")
    return asked


def sample(cells: list[Cell], every: int = EVERY) -> Iterator[Cell]:
    """One in sixteen, and one of each kind at least."""
    seen: set[Hashable] = set()
    for cell in sorted(cells, key=lambda cell: crc32(str(cell).encode()) % every):
        kinds = kinds_of(cell)
        if crc32(str(cell).encode()) % every == 0 or not kinds <= seen:
            yield cell
        seen |= kinds


def kinds_of(cell: Cell) -> set[Hashable]:
    """What a sample must not leave out."""
    status, _ = cell.expected
    return {(cell.caller, cell.way, cell.collection), (cell.caller, cell.way, status)}
