"""The one form of all that `check` finds."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from ...schema import Collection

Level = Literal["mistake", "warning", "note"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""A mistake is certainly wrong; a warning is worth a look each time; a note may be as meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is stable, `file` and `line` are where to look, `way_out` is what to write instead."""

    level: Level
    code: str
    detail: str
    file: str | None
    line: int | None
    way_out: str


def place_of(written: Any, collection: Collection) -> tuple[str | None, int | None]:
    """Where a rule or a field is written; of what has no place, where its collection is."""
    origin = getattr(written, "origin", None) or collection.origin
    return (origin.file, origin.line) if origin else (None, None)


def place_of_code(written: Any) -> tuple[str | None, int | None]:
    """Where a class or a function is written."""
    try:
        return inspect.getsourcefile(written), inspect.getsourcelines(written)[1]
    except (OSError, TypeError):  # made at run time, or callable without being a function
        return None, None


def listed(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
