"""Tell once that the database cannot be reached, and once that it can be again.

In: what became of each attempt to connect.   Out: `DatabaseAway` and `DatabaseBack` events, and
what the caller is told. WHY-NOT an event for each attempt: every request makes one.
"""

from __future__ import annotations

from ...errors import Unavailable
from ...events import DatabaseAway, DatabaseBack, emit

NETWORK_S = 1.0
"""What the network may take beyond the database's own deadline, before a connection is given up."""


class Outage:
    """Whether the last attempt to connect failed."""

    def __init__(self) -> None:
        self._lasts = False

    def begins(self, error: BaseException) -> Unavailable:
        """An attempt failed: what its caller is told."""
        if not self._lasts:
            self._lasts = True
            emit(DatabaseAway(say_why(error)))
        return Unavailable("server.database", "The database cannot be reached at this moment.")

    def ends(self) -> None:
        """A connection was made."""
        if self._lasts:
            self._lasts = False
            emit(DatabaseBack())


def say_why(error: BaseException) -> str:
    """The reason in the words of the database or the system."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return f"{type(error).__name__}: {error}"
