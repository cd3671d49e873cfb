"""F2 on PostgreSQL: the power of the database's disk is cut under mixed load, see `power_cut`.

PostgreSQL recovers from its own log; what was answered 2xx must be there. Planted is what people
recommend for speed: `synchronous_commit=off`, set while the app runs; at its start it refuses it.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from pathlib import Path

from .ledger import Ledger, Writers
from .outcome import Outcome, missing, told
from .postgres import compare, needs_server, prepared, running, settings
from .power_cut import Disk
from .server import serving

NAME = "power-cut-pg"
CUTS, SHORT_CUTS = 50, 2
SMALL = ("shared_buffers=16MB", "wal_keep_size=0", "max_wal_size=64MB", "min_wal_size=32MB")
UNSYNCED = "unsynced-pg"


def why_not() -> str:
    return needs_server() or missing("mkfs.ext4", "mount", "umount", "losetup", mounts=True)


def run(seed: int, *, short: bool = False, plant: str = "") -> Outcome:
    rng = random.Random(seed)
    cuts = SHORT_CUTS if short else CUTS
    with tempfile.TemporaryDirectory(prefix="drill-cut-pg-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        disk = Disk(folder / "disk.img", folder / "disk")
        ledger = Ledger(folder / "ledger.txt")
        with disk.mounted():
            with running(_place(disk), *SMALL):
                pass  # it makes the data, and syncs nothing of it
            subprocess.run(["sync", "-f", str(disk.place)], check=True)
        for number in range(cuts):
            with disk.mounted():
                _cut(disk, folder, ledger, rng, seed * 1000 + number, plant)
        with disk.mounted(), running(_place(disk), *SMALL) as database:
            damage = compare(database.url(), ledger)
    return Outcome(
        NAME,
        f"{cuts} cuts, {len(ledger.lines)} writes",
        seed,
        (
            *damage.figures(),
            told("answered while the power went, of them lost",
                 f"{damage.late_lost} of {damage.late}"),
            told("without an answer, or told that nobody knows", f"{len(ledger.all('unknown'))}"),
        ),
    )  # fmt: skip


def _cut(
    disk: Disk, folder: Path, ledger: Ledger, rng: random.Random, seed: int, plant: str
) -> None:
    with (
        running(_place(disk), *SMALL) as database,
        serving(folder, folder, settings=settings(database.url())) as server,
        Writers(ledger, server.connect, seed),
    ):
        if plant == UNSYNCED:
            database.sql("alter system set synchronous_commit=off")
            database.sql("alter system set wal_writer_delay='10s'")
            database.sql("select pg_reload_conf()")
        time.sleep(rng.uniform(0.4, 1.4))
        ledger.wrote.clear()
        ledger.wrote.wait(5)
        ledger.darken(True)
        disk.cut()
        time.sleep(0.05)  # what is answered now is late
        server.kill()
        database.kill()
    ledger.darken(False)


def _place(disk: Disk) -> Path:
    """Where the server is, without what a planted fault had set."""
    place = prepared(disk.place)
    (place / "data" / "postmaster.pid").unlink(missing_ok=True)
    if (settings_of := place / "data" / "postgresql.auto.conf").exists():
        settings_of.write_text("")
    return place
