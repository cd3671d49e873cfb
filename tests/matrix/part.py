"""Which cells are asked on the engine of the running test.

All of them on SQLite. Elsewhere `make test` asks one in four, always the same ones, by a checksum
of what they are called; the tests that take one atom or one judgement away are SQLite's there. All
of it, everywhere: `STANCHION_MATRIX=deep pytest tests/matrix`.
"""

from __future__ import annotations

from zlib import crc32

from tests.conformance import engines

from .ways import Cell

EVERY = 4


def part_of(cells: list[Cell]) -> list[Cell]:
    """Those that are asked here, and a line that says how many."""
    engine = engines.current()
    all_here = engines.WHOLE or engine == engines.SQLITE
    asked = [c for c in cells if all_here or crc32(str(c).encode()) % EVERY == 0]
    print(f"{len(asked):,} of {len(cells):,} cells on {engine.name}")
    return asked
