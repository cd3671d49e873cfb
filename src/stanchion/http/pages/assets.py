"""Files that the pages load: the viewer, its start, our style.

In: a name.   Out: the bytes, plain and gzipped, under a path that changes whenever they do.
Each file is read and compressed once in the life of a process, when it is first asked for, on a
thread, because the viewer is 1.7 MB. WHY-NOT stored compressed: whoever reads the repository or
the wheel could not see what is in it, and compression costs 60 ms once.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HTTP = Path(__file__).parents[1]
VIEWER = "swagger-ui-5.35.0"
FILES = {
    "swagger-ui-bundle.js": HTTP / "vendor" / VIEWER / "swagger-ui-bundle.js",
    "swagger-ui.css": HTTP / "vendor" / VIEWER / "swagger-ui.css",
    "LICENSE": HTTP / "vendor" / VIEWER / "LICENSE",
    "docs.js": HTTP / "static" / "docs.js",
    "pages.css": HTTP / "static" / "pages.css",
}
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes to be sent, and the same gzipped."""

    plain: bytes
    gzipped: bytes

    @classmethod
    def of(cls, plain: bytes) -> Packed:
        """Compress once, to be sent often."""
        return cls(plain, gzip.compress(plain, 9, mtime=0))


@cache
def mark_of(name: str) -> str:
    """The part of a file's path that changes with its content."""
    return hashlib.sha256(FILES[name].read_bytes()).hexdigest()[:12]


def path_of(name: str) -> str:
    """Where a file is served, below the root of the app."""
    return f"/docs/assets/{mark_of(name)}/{name}"


def type_of(name: str) -> str:
    """The content type of a file."""
    return TYPES.get(Path(name).suffix, "text/plain; charset=utf-8")


async def load(name: str) -> Packed:
    """The bytes of a file."""
    return await asyncio.to_thread(_load, name)


@cache
def _load(name: str) -> Packed:
    return Packed.of(FILES[name].read_bytes())
