"""A streaming replica of a server of `tests/postgres.py`: copied while it runs, then following."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import START_S, SUPERUSER, Postgres, binaries, give, run, start


@contextmanager
def following(primary: Postgres, *options: str) -> Iterator[Postgres]:
    """A replica of `primary`, which has replayed what is there now; `options` are settings."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    give(folder)
    standby = None
    try:
        copied = run(
            binaries()[primary.version] / "pg_basebackup", "-D", str(folder / "data"), "-R",
            "-X", "stream", "-c", "fast", "--no-sync",
            "-d", f"host=127.0.0.1 port={primary.port} user={SUPERUSER}",
        )  # fmt: skip
        assert copied.returncode == 0, copied.stderr
        standby = start(primary.version, folder, "hot_standby=on", *options)
        wait_until_even(primary, standby)
        yield standby
    finally:
        if standby is not None:
            standby.stop()
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_even(primary: Postgres, standby: Postgres) -> None:
    """Return once the replica has replayed what is on the primary's disk now."""
    position = primary.sql("select pg_current_wal_flush_lsn()")
    until = time.monotonic() + START_S
    while standby.sql(f"select pg_last_wal_replay_lsn()>='{position}'") != "t":
        assert time.monotonic() < until, "the replica does not follow"
        time.sleep(0.05)
