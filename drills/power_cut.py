"""F2: the power is cut under mixed load; what was not synced is gone, as in a real cut.

The database lies on an ext4 image on a loop device. The ioctl FS_IOC_SHUTDOWN with NOLOGFLUSH (what
xfstests calls `godown`) makes the file system forget everything that was not synced; after a new
mount has replayed the journal, a new server must have every acknowledged write. Every other cut
comes right after an acknowledgement. With `synchronous=OFF` planted this drill must lose writes:
`kill -9` cannot show that, because the page cache outlives a process.

The ioctl takes milliseconds in which the machine goes on, and a sync that is under way then may
answer "synced" for what the file system drops: the drill `cut-method` shows it without a database.
Without power such an answer could not leave the machine, so it is counted apart, as late.
"""

from __future__ import annotations

import fcntl
import os
import random
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .ledger import Ledger, Writers, compare
from .outcome import Outcome, missing, told
from .server import serving

NAME = "power-cut"
CUTS, SHORT_CUTS = 50, 2
IMAGE_BYTES = 256 << 20
SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


def why_not() -> str:
    return missing("mkfs.ext4", "mount", "umount", "losetup", mounts=True)


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    cuts = SHORT_CUTS if short else CUTS
    with tempfile.TemporaryDirectory(prefix="drill-cut-", dir="/var/tmp") as name:
        folder = Path(name)
        disk = Disk(folder / "disk.img", folder / "disk")
        ledger = Ledger(folder / "ledger.txt")
        for number in range(cuts):
            with (
                disk.mounted(),
                serving(disk.place, folder, plant=plant) as server,
                Writers(ledger, server.connect, seed * 1000 + number),
            ):
                time.sleep(rng.uniform(0.3, 1.2))
                if number % 2:
                    ledger.wrote.clear()
                    ledger.wrote.wait(5)
                ledger.darken(True)
                disk.cut()
                time.sleep(0.05)  # what is answered now is late
                server.kill()
            ledger.darken(False)
        with disk.mounted(), serving(disk.place, folder) as server:
            damage = compare(server.database, ledger)
    return Outcome(
        NAME,
        f"{cuts} cuts, {len(ledger.lines)} writes",
        seed,
        (
            *damage.figures(),
            told(
                "answered while the power went, of them lost",
                f"{damage.late_lost} of {damage.late}",
            ),
            told("without an answer", f"{len(ledger.all('unknown'))}"),
        ),
    )


class Disk:
    """An ext4 file system in a file, which can lose its power."""

    def __init__(self, image: Path, place: Path) -> None:
        self.place = place
        self._image = image
        place.mkdir()
        with image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        _run("mkfs.ext4", "-q", str(image))

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """The file system under `place`; the mount after a cut replays the journal."""
        _wait_until_free(self._image)
        _run("mount", "-o", "loop", str(self._image), str(self.place))
        try:
            yield
        finally:
            unmount(self.place)

    def cut(self) -> None:
        """From now on nothing reaches the disk, and what had not reached it is lost."""
        handle = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(handle)


def unmount(place: Path) -> None:
    """Unmount; a process that was killed may need a moment to let go."""
    for _ in range(100):
        if subprocess.run(["umount", str(place)], capture_output=True).returncode == 0:
            return
        time.sleep(0.05)
    raise AssertionError(f"{place} is still in use")


def _wait_until_free(image: Path) -> None:
    """NOTE: what another program has copied of the mounts (a namespace of its own) keeps the file
    system alive after it was unmounted here, and a new mount would be that one: without power."""
    for _ in range(600):
        used = subprocess.run(["losetup", "-j", str(image)], capture_output=True, check=True)
        if not used.stdout:
            return
        time.sleep(0.05)
    raise AssertionError(f"{image} is still mounted elsewhere")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
