"""What two tables are compared by: how many rows, and a sum that any change of one row changes.

In: rows in their plain form (`types/base`), which is the same from both engines.
Out: a `Digest`. Those of parts add up to that of the whole, in whatever order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

BYTES = 16
_WHOLE = 1 << (8 * BYTES)


@dataclass(frozen=True, slots=True)
class Digest:
    """A number of rows, and the sum of their hashes: of BLAKE2b, 128 bits, over a row as JSON."""

    rows: int = 0
    total: int = 0

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]]) -> Self:
        """The digest of these rows."""
        total = 0
        for row in rows:
            hashed = blake2b(_json(row).encode(), digest_size=BYTES).digest()
            total += int.from_bytes(hashed)
        return cls(len(rows), total % _WHOLE)

    @classmethod
    def parse(cls, rows: int, text: str) -> Self:
        """What `text` was of."""
        return cls(rows, int(text, 16))

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.rows + other.rows, (self.total + other.total) % _WHOLE)

    @property
    def text(self) -> str:
        """The sum in 32 hexadecimal digits."""
        return f"{self.total:032x}"


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=bytes.hex).encode
