"""The end of a server, told to whoever has to end with it.

A worker that is asked to stop says `begin()`. From then on every answer closes its connection, and
what would go on for ever (event streams, waiting readers) is told to end. Nothing is cut here.
Why so: docs/decisions/006-the-spine.md, "The end of a server".
"""

from __future__ import annotations

from collections.abc import Callable


class Drain:
    """Whether this process is stopping. Used on one event loop."""

    def __init__(self) -> None:
        self.begun = False
        self.open = 0
        """Requests that are being answered."""
        self._told: dict[object, Callable[[], None]] = {}

    def begin(self) -> None:
        """Tell everybody; once."""
        if self.begun:
            return
        self.begun = True
        for tell in list(self._told.values()):
            tell()

    def tell(self, ending: Callable[[], None]) -> Callable[[], None]:
        """Call `ending` when the end begins; the result takes that back."""
        token = object()
        self._told[token] = ending
        return lambda: self._told.pop(token, None) and None
