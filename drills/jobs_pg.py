"""F20 on PostgreSQL: the same workers, killed in the same way."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .jobs import killing
from .outcome import Outcome
from .postgres import needs_server as why_not
from .postgres import prepared, running

__all__ = ["NAME", "run", "why_not"]

NAME = "jobs-pg"


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    with (
        tempfile.TemporaryDirectory(prefix="drill-jobs-pg-", dir="/var/tmp") as name,
        running(prepared(Path(name))) as database,
    ):
        return killing(NAME, seed, Path(name), database.url(), short=short, plant=plant)
