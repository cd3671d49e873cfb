"""Whether the power cut of `power-cut` is one: no server and no database, only write and fsync.

Threads append to files of their own and sync each piece, as a write-ahead log is written. What was
synced before the cut began must be there after it. A sync that was under way when it began may
answer "synced" and be lost all the same: ext4 drops the note that the blocks are written, and says
so to nobody. How often that happens is told; it is why `power-cut` counts such answers apart.
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import power_cut
from .outcome import Outcome, at_least, none, told
from .power_cut import Disk

NAME = "cut-method"
CUTS, SHORT_CUTS = 100, 3
FILES = 2
PIECE_BYTES = 24 + 4096
"""A frame of a write-ahead log: its head and a page."""

why_not = power_cut.why_not


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    cuts = SHORT_CUTS if short else CUTS
    before = before_lost = late = late_lost = 0
    with tempfile.TemporaryDirectory(prefix="drill-method-", dir="/var/tmp") as name:
        disk = Disk(Path(name) / "disk.img", Path(name) / "disk")
        for _ in range(cuts):
            with disk.mounted():
                files = [Appended(disk.place / f"{n}", synced=not plant) for n in range(FILES)]
                time.sleep(rng.uniform(0.05, 0.2))
                began = time.monotonic()
                disk.cut()
                for file in files:
                    file.thread.join()
            with disk.mounted():
                for file in files:
                    for piece, at in enumerate(file.synced_at):
                        is_lost = not file.has(piece)
                        if at < began:
                            before, before_lost = before + 1, before_lost + is_lost
                        else:
                            late, late_lost = late + 1, late_lost + is_lost
                    file.path.unlink(missing_ok=True)
    return Outcome(
        NAME,
        f"{cuts} cuts, {before + late} pieces",
        seed,
        (
            none("synced before the cut, yet lost", before_lost, before),
            at_least("synced before the cut", before, cuts),
            told('"synced" while the power went, yet lost', f"{late_lost} of {late}"),
        ),
    )


@dataclass
class Appended:
    """A file to which a thread appends, a piece and a sync at a time, until that fails."""

    path: Path
    synced: bool
    synced_at: list[float] = field(default_factory=list)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._append)
        self.thread.start()

    def _append(self) -> None:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(file)
                os.fsync(folder)
                while True:
                    piece = len(self.synced_at)
                    os.pwrite(file, _content(piece), piece * PIECE_BYTES)
                    if self.synced:
                        os.fsync(file)
                    else:
                        time.sleep(0.001)
                    self.synced_at.append(time.monotonic())
            finally:
                os.close(folder)
                os.close(file)
        except OSError:
            return  # the power is gone

    def has(self, piece: int) -> bool:
        with self.path.open("rb") as file:
            file.seek(piece * PIECE_BYTES)
            return file.read(PIECE_BYTES) == _content(piece)


def _content(piece: int) -> bytes:
    return (piece + 1).to_bytes(8) * (PIECE_BYTES // 8)
