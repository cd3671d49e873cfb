"""A real PgBouncer in transaction mode, in front of a server of `tests/postgres.py`.

It has a folder of its own, listens on loopback alone, and ends with the block that started it. It
does not run as root, so root starts it as another user.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import SUPERUSER, Postgres, free_port, give, identity

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin") or ""
START_S = 30.0


def why_not() -> str:
    """Why there is no pooler here; empty where there is one."""
    return "" if PROGRAM else "needs pgbouncer"


@contextmanager
def pooling(server: Postgres, *settings: str, size: int = 4) -> Iterator[str]:
    """A pooler of `size` connections for each database of `server`; its address without a
    database, which ends in `/`. `settings` are lines of its file."""
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir="/tmp"))
    port = free_port()
    lines = [
        "[databases]", f"* = host=127.0.0.1 port={server.port} user={SUPERUSER}",
        "[pgbouncer]", "listen_addr=127.0.0.1", f"listen_port={port}", "unix_socket_dir=",
        "auth_type=trust", f"auth_file={folder}/users", "pool_mode=transaction",
        f"default_pool_size={size}", "max_client_conn=500", "server_round_robin=1", *settings,
    ]  # fmt: skip
    (folder / "users").write_text(f'"{SUPERUSER}" ""\n')
    (folder / "pgbouncer.ini").write_text("\n".join([*lines, ""]))
    give(folder)
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [PROGRAM, str(folder / "pgbouncer.ini")],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **identity(),
    )  # fmt: skip
    try:
        _wait(process, server, port, folder / "log")
        yield f"postgresql://{SUPERUSER}@127.0.0.1:{port}/"
    finally:
        log.close()
        if process.poll() is None:
            process.terminate()  # at once; SIGINT would wait for the clients to go
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], server: Postgres, port: int, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        if server.answers(port):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
