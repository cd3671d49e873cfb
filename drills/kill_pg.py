"""F1 on PostgreSQL: `kill -9` of the app's processes under mixed load; the database goes on.

What the killed server had begun is open in the database until that notices: the next server must
live with it, and a commit that was on its way may come through after the kill.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from .kill import kills
from .outcome import Outcome
from .postgres import needs_server as why_not
from .postgres import prepared, running

__all__ = ["NAME", "run", "why_not"]

NAME = "kill-pg"
ROUNDS, SHORT_ROUNDS = 50, 2


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rounds = SHORT_ROUNDS if short else ROUNDS
    with (
        tempfile.TemporaryDirectory(prefix="drill-kill-pg-", dir="/var/tmp") as name,
        running(prepared(Path(name))) as database,
    ):
        return kills(NAME, seed, rounds, short=short, plant=plant, url=database.url())
